"""From a validated cell to the things that run: world, policies, population."""

from typing import TYPE_CHECKING

from populace import builder, trust
from populace.builder import Built
from populace.errors import PopulaceError
from populace.options import Options
from populace.population import Population
from populace.scenarios.schema import Cell
from populace.world import AnyWorld

if TYPE_CHECKING:
    from populace.agents.users import PopulationSpec


def build(cell: Cell) -> Built:
    """World, policies and population of one cell.

    Raises:
        PopulaceError: A data file cannot be read, or world and population do not fit.
        NeedsWord: A file that it was read from asks for what the user has not allowed.
    """
    with trust.speaking(cell.word):
        world = builder.world_class(cell.world_id)
        population = make_population(world, cell.world_options, cell.population)
        return builder.build(world, options=cell.world_options, population=population, policies=cell.agents)


def make_population(world: type[AnyWorld], options: Options, spec: "PopulationSpec | None") -> Population:
    """The population of `spec`, or the world's own when `spec` is None.

    Where the scenario says no size, the data that the world's options name do (`World.users_of`), if there are any.

    Raises:
        PopulaceError: There is no spec, and the world has no population of its own.
    """
    users = world.users_of(options)
    if spec is not None:
        from populace.agents.users import SpecPopulation

        if users is not None and "size" not in spec.model_fields_set:
            spec = spec.model_copy(update={"size": users})
        return SpecPopulation(spec)
    population = world.population(users or builder.USERS, options)
    if population is None:
        raise PopulaceError("missing key 'population': this world has no population of its own")
    return population
