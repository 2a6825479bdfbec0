"""A short way to run the agency world in tests."""

from populace.envs.agency import Agency, AgencyOptions
from populace.population import PlainPopulation
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import start


def game(name, *, ticks=1, pairs=20_000, worlds=2, seed=0, customer=None, assistant=None, **options):
    """Measures name -> [ticks][worlds] of an agency game."""
    population = PlainPopulation(pairs, ("taste",))
    world = Agency(AgencyOptions(game=name, **options), population.census)
    kind = policies.get("equilibrium", within="agency")
    players = {"customer": kind(kind.Options(**(customer or {}))), "assistant": kind(kind.Options(**(assistant or {})))}
    keep = Keep()
    rollout(world, players, start(world, players, population, seed=seed, worlds=worlds), ticks, keep, check=True)
    return keep.series
