"""How a culture world begins: who lives there, the survey on the device, and everyone's first answers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.culture import dynamics, networks, readouts, surveys
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.state import State, Tables, Ties
from populace.envs.culture.survey import Survey, cultures_of
from populace.errors import PopulaceError
from populace.population import Census, People


@dataclass(frozen=True)
class EvenPopulation:
    """People whose segment is their culture, each drawn with the same chance.

    Attributes:
        size: People in a world.
        cultures: Names.
    """

    size: int
    cultures: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.size < 1:
            raise PopulaceError(f"a population of {self.size} people: at least one is needed")

    @property
    def census(self) -> Census:
        """Segments are cultures."""
        return Census(self.size, segments=self.cultures)

    def sample(self, draw: Draw) -> People:
        """Segments [worlds, people], and no values."""
        segment = draw.integers("segment", 0, len(self.cultures), self.size)
        return People(torch.zeros((*segment.shape, 0), device=segment.device, dtype=torch.float32), segment)


def begin(options: CultureOptions, census: Census, people: People, draw: Draw) -> State:
    """The first state: everyone's traits are drawn from the marginals of their culture, the same on all layers."""
    o, found, device = options, surveys.load(options.survey), draw.device
    tables = tables_of(found, device)
    worlds, users, cultures = draw.worlds, people.size, len(found.cultures)
    count, width, most = min(o.asked, len(found.questions)), len(found.questions), int(found.sizes.max())
    segments = cultures_of(found, census.segments)
    if segments is None:
        culture = draw.integers("culture", 0, cultures, users)
    else:
        culture = torch.tensor(segments, device=device)[people.segment]
    picked = answers(tables.filled, culture, draw)
    traits = picked.to(torch.uint8)
    if o.rule == "bounded":
        traits = (picked + draw.uniform("within", users, width)) / tables.sizes
        traits = traits.clamp(max=1.0)
    ties, graphs = networks_of(o, people, draw)
    zero = torch.zeros(worlds, device=device, dtype=torch.float32)
    pooled = dynamics.counts_of(picked, culture, cultures, most).sum(1)
    return State(
        traits=traits.unsqueeze(2).expand(-1, -1, len(o.layers), -1).contiguous(),
        culture=culture,
        susceptibility=people.traits.get("susceptibility"),
        asked=torch.arange(count, device=device).expand(worlds, -1).contiguous(),
        descending=zero.bool(),
        round=zero.long(),
        said=torch.zeros((worlds, cultures, count), dtype=torch.int64, device=device),
        given=torch.ones((worlds, cultures), dtype=torch.bool, device=device),
        before=torch.full((worlds, cultures, count), -1, device=device),
        sheet=torch.full((worlds, cultures, width), -1, device=device),
        tally=torch.zeros((worlds, cultures, width, most), device=device, dtype=torch.float32),
        cited=torch.zeros((worlds, cultures), device=device, dtype=torch.float32),
        positive=zero,
        entropies=zero,
        responses=zero,
        citing=zero,
        spread=readouts.individual(pooled, tables),
        tables=tables,
        ties=ties,
        graphs=graphs,
    )


def networks_of(
    options: CultureOptions, people: People, draw: Draw
) -> tuple[tuple[Ties | None, ...], tuple[Ties | None, ...]]:
    """Each layer's ties of every world's own, and those that all worlds share; one of the two is None."""
    ties: list[Ties | None] = []
    graphs: list[Ties | None] = []
    for layer in options.layers:
        built, own = networks.build(layer, people, draw)
        if built is not None and options.rule == "centola" and not own:
            whole = [t.expand(draw.worlds, -1).contiguous() for t in (built.first, built.count, built.source)]
            built, own = Ties(*whole), True
        ties.append(built if own else None)
        graphs.append(None if own else built)
    return tuple(ties), tuple(graphs)


def tables_of(found: Survey, device: torch.device) -> Tables:
    """The survey as tensors on a device."""
    centre, axes = found.axes()
    pool, most = found.pool(), torch.float32
    filled = torch.tensor(found.shares, dtype=most, device=device)
    pooled = torch.tensor(pool, dtype=most, device=device)
    known = torch.tensor(found.known, device=device)
    return Tables(
        shares=filled,
        filled=torch.where(known.unsqueeze(-1), filled, pooled),
        pool=pooled,
        majority=torch.tensor(found.majority(), dtype=most, device=device),
        known=known,
        sizes=torch.tensor(found.sizes, device=device),
        span=torch.tensor(found.span, dtype=most, device=device),
        centre=torch.tensor(centre, dtype=most, device=device),
        axes=torch.tensor(axes, dtype=most, device=device),
    )


def answers(shares: Tensor, culture: Tensor, draw: Draw) -> Tensor:
    """Everyone's answers by inversion of one uniform number per question: [worlds, people, Q] int64."""
    users, width = culture.shape[1], shares.shape[1]
    uniform = draw.uniform("answers", users, width)
    reach = shares.cumsum(-1)
    options = torch.arange(shares.shape[-1], device=shares.device)
    last = torch.where(shares > 0, options, 0).amax(-1)
    found = torch.zeros(uniform.shape, dtype=torch.int64, device=uniform.device)
    for o in range(shares.shape[-1] - 1):  # over the few options, never over people
        found += uniform >= reach[..., o][culture]
    return torch.minimum(found, last[culture])
