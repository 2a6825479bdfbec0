"""Short ways to run the coevolution world in tests."""

from dataclasses import dataclass
from typing import Any

import torch

from populace.draw import Draw
from populace.envs.coevolution import Coevolution, CoevolutionOptions
from populace.policy import Policy
from populace.population import Census, Network, People, Population
from populace.registry import policies
from populace.run import Run, start


@dataclass(frozen=True)
class Crowd:
    """Normal values, segments in turn, traits uniform in [0, high], and a ring (or no network)."""

    size: int = 60
    names: tuple[str, ...] = ("a", "b", "c", "d", "e")
    segments: tuple[str, ...] = ("one", "two", "three")
    traits: tuple[tuple[str, float], ...] = ()
    ring: bool = False
    spread: float = 0.1

    @property
    def census(self) -> Census:
        return Census(self.size, self.names, self.segments, tuple(n for n, _ in self.traits), self.ring)

    def sample(self, draw: Draw) -> People:
        values = self.spread * draw.normal("values", self.size, len(self.names))
        order = torch.arange(self.size)
        segment = (order % len(self.segments)).expand(draw.worlds, -1)
        traits = {name: high * draw.uniform(name, self.size) for name, high in self.traits}
        network = None
        if self.ring:
            source = torch.cat(((order + 1) % self.size, (order - 1) % self.size)).unsqueeze(0)
            target = torch.cat((order, order)).unsqueeze(0)
            network = Network(source, target, torch.ones(source.shape))
        return People(values, segment, traits, network)


def society(
    options: dict[str, Any],
    assistant: str | Policy = "lifelong",
    *,
    population: Population | None = None,
    worlds: int | torch.Tensor = 4,
    user: str = "sincere",
    seed: int = 1,
    **assistant_options: Any,
) -> tuple[Coevolution, dict[str, Policy], Run]:
    """A coevolution world, its policies and a run at its start."""
    chosen = CoevolutionOptions(**options)
    population = population or Crowd()
    world = Coevolution(chosen, population.census)
    if isinstance(assistant, str):
        kind = policies.get(assistant, "coevolution")
        assistant = kind(kind.Options(**assistant_options))
    players = {"user": policies.get(user, "coevolution")(), "assistant": assistant}
    return world, players, start(world, players, population, seed=seed, worlds=worlds)
