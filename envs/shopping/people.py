"""Customers: heterogeneous principals with weights, means, must-haves, skill, literacy and trust."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.options import ShoppingOptions
from populace.errors import PopulaceError, UnknownName
from populace.population import Census, People
from populace.tables import PLAIN, TableFormat, read_table

DEFAULTS = {"wealth": 50_000.0, "skill": 0.0, "literacy": 0.0, "trust": 1.0, "ses": 0.0}
"""Trait -> what a customer has when neither file nor population says."""

UNLIMITED = 1e8
"""A budget of at least so much is none: it limits nothing and is not told."""

_SHARES = ("skill", "literacy", "trust", "ses")


@dataclass(frozen=True)
class Customers:
    """Who buys.

    Attributes:
        weights: [worlds, customers, attributes], true weights.
        stated: [worlds, customers, attributes], the weights told to the assistant.
        must: [worlds, customers, attributes], smallest values that will do; 0 where there is none (`limited`).
        wealth: [worlds, customers] in the catalogue's currency.
        budget: [worlds, customers], the most that may be spent.
        skill: [worlds, customers] in [0, 1], chance of seeing through a deviation whose explanation one reads;
            None when nobody has any.
        literacy: [worlds, customers] in [0, 1], chance of asking to compare.
        trust: [worlds, customers] in [0, 1], how readily the recommendation is bought.
        ses: [worlds, customers], 1 for a high-status persona.
        poor: [worlds, customers] bool, wealth below the world's median.
        segment: [worlds, customers] int64.
    """

    weights: Tensor
    stated: Tensor
    must: Tensor
    wealth: Tensor
    budget: Tensor
    skill: Tensor | None
    literacy: Tensor
    trust: Tensor
    ses: Tensor
    poor: Tensor
    segment: Tensor


def load_customers(path: str, attributes: tuple[str, ...], format: TableFormat = PLAIN) -> dict[str, Tensor]:
    """Read a table of customers: column -> [rows] float32.

    Raises:
        PopulaceError: The file cannot be read, a column is unknown, or a cell is wrong; with line and column.
    """
    table = read_table(path, format)
    prefixes = ("weight/", "must/")
    known = [*DEFAULTS, "budget", *(prefix + name for prefix in prefixes for name in attributes)]
    if not any(table.like(name) for name in known):  # a file of another kind keeps its content to itself
        raise PopulaceError(f"{path} is no table of customers: no column is called {', '.join(known[:6])}, ...")
    for name in table.header:
        if name not in known:
            raise PopulaceError(str(UnknownName(f"column of {path}", name, known)))
    if not table.rows:
        raise PopulaceError(f"{path}: there are no customers; at least one is needed")
    found = {}
    for name in table.header:
        low, high = (0.0, 1.0) if name in _SHARES else (0.0, float("inf"))
        low = -float("inf") if name.startswith(prefixes) else low
        found[name] = torch.from_numpy(table.numbers(name, low=low, high=high)).float()
    return found


def meet(
    options: ShoppingOptions,
    catalogue: Catalogue,
    table: Mapping[str, Tensor],
    names: tuple[str, ...],
    people: People,
    draw: Draw,
) -> Customers:
    """The customers of every world.

    A customer's weight on an attribute is, in this order: the table's column or the population's trait
    `weight/<attribute>`, the population's value of the attribute's name, the options', the catalogue's; all times
    exp(trait `decisiveness`), the one factor that makes sharp choosers sharp in everything (as found in PriceBench).
    `names` are the names of the population's values.

    Raises:
        PopulaceError: A wealth in the population is negative; the text names world and user.
    """
    device, shape = draw.device, people.values.shape[:2]
    traits = _traits(table, names, people)
    weights = torch.stack(
        [_weight(options, catalogue, traits, name, k, shape, device) for k, name in enumerate(catalogue.attributes)], -1
    )
    if "decisiveness" in traits:
        weights = weights * torch.exp(traits["decisiveness"]).unsqueeze(-1)
    limits = dict(catalogue.must) | options.must
    must = [_of(traits, f"must/{name}", limits.get(name, 0.0), shape, device) for name in catalogue.attributes]
    found = {name: _of(traits, name, value, shape, device) for name, value in DEFAULTS.items()}
    wealth = found["wealth"]
    _not_negative(wealth)
    middle = wealth.sort(-1).values[:, shape[1] // 2].unsqueeze(-1)
    stated = weights
    if options.stated > 0:
        stated = weights + options.stated * draw.normal("stated", *weights.shape[1:])
    return Customers(
        weights=weights,
        stated=stated,
        must=torch.stack(must, -1),
        budget=_of(
            traits, "budget", catalogue.ceiling if catalogue.budget is None else catalogue.budget, shape, device
        ),
        poor=wealth < middle,
        segment=people.segment,
        **(found if "skill" in traits else found | {"skill": None}),
    )


def _traits(table: Mapping[str, Tensor], names: tuple[str, ...], people: People) -> dict[str, Tensor]:
    """The population's values and traits, and the table's columns over them, rows used in turn: [worlds, customers]."""
    traits = {f"weight/{name}": people.values[..., k] for k, name in enumerate(names)} | people.traits
    worlds, users = people.values.shape[:2]
    for name, column in table.items():
        turn = torch.arange(users, device=people.values.device) % len(column)
        traits[name] = column.to(people.values.device)[turn].expand(worlds, -1)
    return traits


def _of(traits: Mapping[str, Tensor], name: str, value: float, shape: torch.Size, device: torch.device) -> Tensor:
    return traits[name] if name in traits else torch.full(shape, value, device=device, dtype=torch.float32)


def _weight(
    options: ShoppingOptions,
    catalogue: Catalogue,
    traits: Mapping[str, Tensor],
    name: str,
    k: int,
    shape: torch.Size,
    device: torch.device,
) -> Tensor:
    if f"weight/{name}" in traits:
        return traits[f"weight/{name}"]
    given = options.weights.get(name)
    base = catalogue.weights.to(device)[k] if given is None else torch.tensor(given, device=device, dtype=torch.float32)
    return base.expand(shape)


def _not_negative(wealth: Tensor) -> None:
    # Looked at on the CPU only: elsewhere it would stop the device whenever an episode begins.
    if wealth.device.type == "cpu" and bool((wealth < 0).any()):
        world, user = (int(x) for x in (wealth < 0).nonzero()[0])
        raise PopulaceError(
            f"population: row {user} (of world {world}), column 'wealth': {float(wealth[world, user]):g} is negative; "
            "expected at least 0"
        )


@dataclass(frozen=True)
class Shoppers:
    """Customers for views and quick starts: log-normal wealth, decisiveness, literacy and trust; all assumed.

    Attributes:
        size: Customers in a world.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise PopulaceError(f"a population of {self.size} customers: at least one is needed")

    @property
    def census(self) -> Census:
        """One segment; traits wealth, decisiveness, literacy, trust."""
        return Census(self.size, ("taste",), traits=("wealth", "decisiveness", "literacy", "trust"))

    def sample(self, draw: Draw) -> People:
        """The people of `draw.worlds` worlds."""
        z, u = draw.normal("z", self.size, 3), draw.uniform("u", self.size, 2)
        traits = {
            "wealth": torch.exp(10.8 + z[..., 0]),
            "decisiveness": 0.5 * z[..., 1],
            "literacy": u[..., 0],
            "trust": u[..., 1],
        }
        return People(z[..., 2:], torch.zeros(z.shape[:2], dtype=torch.int64, device=z.device), traits)
