"""Short ways to run the shopping world in tests."""

from dataclasses import dataclass

import torch

from populace.draw import Draw
from populace.envs.shopping import Shopping, ShoppingOptions
from populace.population import Census, People
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import start


@dataclass(frozen=True)
class Buyers:
    """Customers with the traits given, the same in every world; `taste` is not an attribute of any catalogue."""

    size: int = 60
    traits: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @property
    def census(self):
        return Census(self.size, ("taste",), traits=tuple(name for name, _ in self.traits))

    def sample(self, draw: Draw):
        zero = torch.zeros((draw.worlds, self.size, 1), device=draw.device)
        turn = torch.arange(self.size, device=draw.device)
        traits = {
            name: torch.tensor(given, device=draw.device)[turn % len(given)].expand(draw.worlds, -1)
            for name, given in self.traits
        }
        return People(zero, torch.zeros(zero.shape[:2], dtype=torch.int64, device=draw.device), traits)


def player(name, options=None):
    """A scripted player; `options` is a dict."""
    kind = policies.get(name, within="shopping")
    return kind(kind.Options(**(options or {})))


def play(assistant="loyal", *, ticks=1, worlds=1, users=60, population=None, seed=0, told=None, others=None, **options):
    """World, run and measures name -> [worlds] of the last tick; `worlds` may be ids."""
    population = population or Buyers(users)
    world = Shopping(ShoppingOptions(**options), population.census)
    players = {role: player(world.defaults[role]) for role in world.cast}
    players["assistant"] = player(assistant, told)
    players |= {
        role: player(*given) if isinstance(given, tuple) else player(given) for role, given in (others or {}).items()
    }
    keep = Keep()
    run = start(world, players, population, seed=seed, worlds=worlds)
    run = rollout(world, players, run, ticks, keep, check=True)
    return world, run, {name: values[-1] for name, values in keep.series.items()}
