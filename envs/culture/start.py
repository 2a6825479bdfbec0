"""How a culture world begins: who lives there, the survey on the device, and everyone's first answers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.culture.state import Tables
from populace.envs.culture.survey import Survey
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
        return People(torch.zeros((*segment.shape, 0), device=segment.device), segment)


def tables(found: Survey, device: torch.device) -> Tables:
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
    """Everyone's answers by inversion of one uniform number a question: [worlds, people, Q] int64."""
    users, width = culture.shape[1], shares.shape[1]
    luck = draw.uniform("answers", users, width)
    reach = shares.cumsum(-1)
    options = torch.arange(shares.shape[-1], device=shares.device)
    last = torch.where(shares > 0, options, 0).amax(-1)
    found = torch.zeros(luck.shape, dtype=torch.int64, device=luck.device)
    for o in range(shares.shape[-1] - 1):  # over the few options, never over people
        found += luck >= reach[..., o][culture]
    return torch.minimum(found, last[culture])
