"""A short way to play the culture world in tests."""

from populace import registry
from populace.envs.culture import Culture, CultureOptions
from populace.rollout import Keep, rollout
from populace.run import start


def stage(people=100, population=None, agents=None, **options):
    """World, policies and population."""
    chosen = CultureOptions.model_validate(options)
    population = population or Culture.population(people, chosen)
    world = Culture(chosen, population.census)
    policies = {}
    for role, name in {**world.defaults, **(agents or {})}.items():
        name, more = (name, {}) if isinstance(name, str) else name
        kind = registry.policies.get(name, within="culture")
        policies[role] = kind(kind.Options(**more))
    return world, policies, population


def play(ticks, worlds=4, seed=0, every=None, **about):
    """Run and recorder after `ticks`."""
    world, policies, population = stage(**about)
    keep = Keep(every or ticks)
    run = start(world, policies, population, seed=seed, worlds=worlds)
    return rollout(world, policies, run, ticks, keep), keep
