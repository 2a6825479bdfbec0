"""From names to what a rollout needs: the world, the population it samples, and the policies that play its roles.

Scenarios, views and checks all build through here, so that a name means the same thing everywhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from populace import registry
from populace.errors import PopulaceError
from populace.options import Options, faults
from populace.policy import Policy
from populace.population import Population
from populace.world import AnyWorld, World

USERS = 100
"""Users per world where nobody names a population and the world brings its own."""

WorldLike = str | type[AnyWorld]
"""A registered id, `module:class`, or the class itself."""

OptionsLike = Options | Mapping[str, object] | None
"""Options, or a mapping of them; None for the defaults."""

PolicyLike = Policy | str | tuple[str, Options]
"""A policy, its name, or its name and its options."""


@dataclass(frozen=True)
class Built:
    """What a rollout needs.

    Attributes:
        world: The mechanism, with its options and census.
        policies: Role -> policy, for every role that somebody else does not play.
        population: Whom every world samples; its `census` is known before.
    """

    world: AnyWorld
    policies: dict[str, Policy]
    population: Population


def build(
    world: WorldLike,
    *,
    options: OptionsLike = None,
    users: int = USERS,
    population: Population | None = None,
    policies: Mapping[str, PolicyLike] | None = None,
    without: Collection[str] | None = (),
) -> Built:
    """A world, its population and its policies.

    Args:
        world: A registered id, `module:class`, or the class.
        options: The world's options.
        users: Users per world, where `population` is None.
        population: Whom to sample; None for the world's own population.
        policies: Role -> who plays it; the world's defaults play the other roles.
        without: Roles for which no policy is wanted, because the caller plays them; None for all roles.

    Raises:
        UnknownName: There is no world, role or policy of a name.
        PopulaceError: Options are not valid, the world has no population of its own, or a role has no policy.
    """
    kind = world_class(world)
    checked = options_of(kind, options)
    people = population_of(kind, checked, users, population)
    made = kind(checked, people.census)
    given = dict(policies or {})
    for role in given:
        made.role(role)
    if without is None:
        return Built(made, {}, people)
    acting = [name for name, role in made.cast.items() if name in given or (role.phases and role.does)]
    wanted = [name for name in acting if name not in without]
    return Built(made, {name: policy_of(made, name, given.get(name)) for name in wanted}, people)


def world_class(name: WorldLike) -> type[AnyWorld]:
    """The class of a world.

    Raises:
        UnknownName: No world has this name.
        PopulaceError: It is no world, or methods that every world needs are missing.
    """
    found = registry.worlds.get(name) if isinstance(name, str) else name
    if not (isinstance(found, type) and issubclass(found, World)):
        what = name if isinstance(name, str) else repr(found)
        raise PopulaceError(f"{what} is not a world: a world is a class derived from populace.world.World")
    if missing := sorted(found.__abstractmethods__):
        raise PopulaceError(f"{found.__name__} lacks {', '.join(missing)}: a world must have these methods")
    return found


def policy_class(name: str, within: str = "") -> type[Policy]:
    """The class of a policy by its name, or by `module:class`; `within` is the prefix of a world's own policies.

    Raises:
        UnknownName: No policy has this name.
        PopulaceError: It is no policy.
    """
    found = registry.policies.get(name, within=within)
    if not (isinstance(found, type) and issubclass(found, Policy)):
        raise PopulaceError(f"{name!r} is not a policy: a policy is a class derived from populace.policy.Policy")
    return found


def options_of(kind: type[AnyWorld], given: OptionsLike) -> Options:
    """Validated options of a world.

    Raises:
        PopulaceError: An option is unknown or out of its range.
    """
    if isinstance(given, kind.Options):
        return given
    if isinstance(given, Options) or not isinstance(given, Mapping | None):
        what = type(given).__name__ if isinstance(given, Options) else repr(given)
        raise PopulaceError(f"{kind.__name__} takes a mapping of options or {kind.Options.__name__}, got {what}")
    try:
        return kind.Options.model_validate(dict(given or {}))
    except ValidationError as error:
        raise PopulaceError(f"options of {kind.__name__}: {faults(error, kind.Options)}") from error


def population_of(
    kind: type[AnyWorld], options: Options, users: int = USERS, given: Population | None = None
) -> Population:
    """Whom the world samples: `given`, or the world's own population of `users` people.

    Raises:
        PopulaceError: Nothing is given, and the world has no population of its own.
    """
    found = kind.population(users, options) if given is None else given
    if found is None:
        raise PopulaceError(f"{kind.id} has no population of its own: a population must be given")
    return found


def policy_of(world: AnyWorld, role: str, given: PolicyLike | None = None) -> Policy:
    """Who plays `role`: what is given, or the world's default.

    Raises:
        UnknownName: No policy has this name.
        PopulaceError: Nothing is given, and the world has no default for the role.
    """
    chosen = world.defaults.get(role) if given is None else given
    if chosen is None:
        raise PopulaceError(f"{world.id} has no default policy for the role {role!r}: name one")
    if isinstance(chosen, str):
        return policy_class(chosen, registry.policy_prefix(type(world)))()
    if isinstance(chosen, tuple):
        name, options = chosen
        return policy_class(name, registry.policy_prefix(type(world)))(options)
    if not isinstance(chosen, Policy):
        raise PopulaceError(f"the policy of {role!r} is {chosen!r}; expected a populace.policy.Policy or its name")
    return chosen
