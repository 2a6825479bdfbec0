"""The users of a world: a census before they are sampled, tensors afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.fields import shared
from populace.names import fault

FEW = 10
"""People of whom a cell of a table must speak at least, where they are respondents: fewer could be told apart."""


@dataclass(frozen=True)
class Census:
    """What is known of a population before it is sampled; worlds derive their roles' shapes from it.

    Attributes:
        size: Users in a world.
        values: Names of the value dimensions.
        segments: Names of the segments.
        traits: Names of the traits that everyone has.
        networked: Whether there is a social network.
        bounds: Trait -> least and greatest number that anyone can have, where that is known; infinite if unbounded.
        labels: Trait -> the words that its numbers stand for, where they are no quantities.
    """

    size: int
    values: tuple[str, ...] = ()
    segments: tuple[str, ...] = ("everyone",)
    traits: tuple[str, ...] = ()
    networked: bool = False
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict, compare=False)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Refuse names that no table, page or terminal could hold."""
        labels = [label for words in self.labels.values() for label in words]
        for name in (*self.values, *self.segments, *self.traits, *labels):
            if wrong := fault(name):
                raise PopulaceError(f"the name {name!r} of the population holds {wrong}; leave it out")


@dataclass(frozen=True)
class Network:
    """A social network as index tensors; graphs is 1 (one graph shared by all worlds) or the number of worlds.

    Attributes:
        source: [graphs, edges] int64, who is listened to.
        target: [graphs, edges] int64, who listens. An undirected tie is two edges.
        weight: [graphs, edges] float32; 0 marks padding, as worlds may differ in their number of edges.
        complete: Everyone listens to everyone: no edges are kept, worlds use the mean of all.
    """

    source: Tensor
    target: Tensor
    weight: Tensor
    complete: bool = False


@dataclass(frozen=True)
class People:
    """N users of each of B worlds, with their ground truth.

    Attributes:
        values: [worlds, users, values] float32, in the units of the value system.
        segment: [worlds, users] int64 index into the census' segments.
        traits: Name -> [worlds, users] float32; a categorical trait holds the index of its label.
        network: Who listens to whom, or None.
        census: Names of values, segments and traits, and the words behind their numbers.
    """

    values: Tensor
    segment: Tensor
    traits: dict[str, Tensor] = field(default_factory=dict)
    network: Network | None = shared(default=None)
    census: Census = shared(default=Census(0))

    @property
    def size(self) -> int:
        """Users in a world."""
        return self.values.shape[1]

    def trait(self, name: str, default: float | None = None) -> Tensor:
        """A trait [worlds, users]; `default` fills it when the population has none of that name.

        Raises:
            UnknownName: The population lacks the trait and no default was given.
        """
        if name in self.traits:
            return self.traits[name]
        if default is None:
            raise UnknownName("trait", name, self.traits)
        return torch.full(self.values.shape[:2], default, device=self.values.device, dtype=torch.float32)


class Population(Protocol):
    """Something that can be sampled, as a pure function of the draw: a world's people never depend on the batch."""

    @property
    def census(self) -> Census:
        """Size and names, known before sampling."""
        ...

    def sample(self, draw: Draw) -> People:
        """The people of `draw.worlds` worlds, on the draw's device."""
        ...


@dataclass(frozen=True)
class PlainPopulation:
    """Users alike but for their values, each drawn from a normal distribution: what views use when given nothing else.

    Attributes:
        size: Users in a world.
        values: Names of the value dimensions.
        spread: Standard deviation of each value; the mean is 0.
    """

    size: int
    values: tuple[str, ...]
    spread: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise PopulaceError(f"a population of {self.size} users: at least one is needed")

    @property
    def census(self) -> Census:
        """One segment, no traits, no network."""
        return Census(self.size, self.values)

    def sample(self, draw: Draw) -> People:
        """Normal values [worlds, users, values]."""
        values = self.spread * draw.normal("values", self.size, len(self.values))
        return People(values, torch.zeros(values.shape[:2], dtype=torch.int64, device=values.device))
