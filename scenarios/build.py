"""From a validated cell to the things that run: world, policies, population."""

from dataclasses import dataclass
from typing import Any

from populace import registry, trust
from populace.errors import PopulaceError
from populace.options import Options
from populace.policy import Policy
from populace.population import Population
from populace.scenarios.schema import Cell
from populace.world import World

PLAIN_USERS = 100
"""Users in a world when the scenario names no population and the world brings its own."""


@dataclass(frozen=True)
class Built:
    """What a rollout needs.

    Attributes:
        world: The mechanism, with its options and census.
        policies: Role -> policy, one for every role.
        population: Who is sampled into every world; `census` is known before.
    """

    world: World[Any]
    policies: dict[str, Policy]
    population: Population


def build(cell: Cell) -> Built:
    """World, policies and population of one cell.

    Raises:
        PopulaceError: A data file cannot be read, or world and population do not fit.
        NeedsWord: A file that it was read from asks for what the user has not allowed.
    """
    with trust.speaking(cell.word):
        world = world_class(cell.world_id)
        population = make_population(world, cell.world_options, cell.population)
        within = registry.room(cell.world_id, world)
        policies = {role: policy_class(name, within)(options) for role, (name, options) in cell.agents.items()}
        return Built(world(cell.world_options, population.census), policies, population)


def make_population(world: type[World[Any]], options: Options, spec: Any) -> Population:
    """The population of `spec`, or the world's own plain one when `spec` is None.

    Raises:
        PopulaceError: There is no spec, and the world has no population of its own.
    """
    if spec is not None:
        from populace.agents.users import SpecPopulation

        return SpecPopulation(spec)
    population = world.population(PLAIN_USERS, options)
    if population is None:
        raise PopulaceError("missing key 'population': this world has no population of its own")
    return population


def world_class(world_id: str) -> type[World[Any]]:
    """The class of a registered world, or of `module:class`.

    Raises:
        PopulaceError: There is none, or it is no World.
    """
    found = registry.worlds.get(world_id)
    if not (isinstance(found, type) and issubclass(found, World)):
        raise PopulaceError(f"{world_id!r} is no world: a world is a class derived from populace.world.World")
    return found


def policy_class(name: str, within: str) -> type[Policy]:
    """The class of a policy as scenarios of the world `within` name it, or of `module:class`.

    Raises:
        PopulaceError: There is none, or it is no Policy.
    """
    found = registry.policies.get(name, within=within)
    if not (isinstance(found, type) and issubclass(found, Policy)):
        raise PopulaceError(f"{name!r} is no policy: a policy is a class derived from populace.policy.Policy")
    return found
