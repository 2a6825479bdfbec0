"""From names to a stage: the world, its options, its people and the policies that play what the caller does not."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import ValidationError

from populace import registry
from populace.envs.views import arguments
from populace.envs.views.stage import Stage, check_focal, share
from populace.errors import PopulaceError
from populace.options import Options, faults
from populace.policy import Policy
from populace.population import Population
from populace.world import World

WorldName = str | type[World[Any]]
"""A registered id, `module:class`, or the class itself."""

OptionsLike = Options | Mapping[str, object] | None
"""The world's options, or a mapping of them; None for the defaults."""

Players = Mapping[str, Policy | str] | None
"""Role -> policy or its name; roles not named are played by the world's defaults."""


def world_class(name: WorldName) -> type[World[Any]]:
    """The world's class.

    Raises:
        UnknownName: Nothing is registered under the name.
        PopulaceError: What is found is not a world.
    """
    found = registry.worlds.get(name) if isinstance(name, str) else name
    if not (isinstance(found, type) and issubclass(found, World)):
        raise PopulaceError(f"{name!r} is {found!r}; expected a subclass of populace.world.World")
    if missing := sorted(found.__abstractmethods__):
        raise PopulaceError(f"{found.__name__} lacks {', '.join(missing)}: a world must have these methods")
    return found


def options_of(kind: type[World[Any]], given: OptionsLike) -> Options:
    """Validated options of a world.

    Raises:
        PopulaceError: An option is unknown or out of its range.
    """
    if isinstance(given, Options):
        if not isinstance(given, kind.Options):
            raise PopulaceError(f"{kind.id} takes {kind.Options.__name__}, got {type(given).__name__}")
        return given
    if not isinstance(given, Mapping | None):
        raise PopulaceError(f"options of {kind.id} are {given!r}; expected a mapping or {kind.Options.__name__}")
    try:
        return kind.Options.model_validate(dict(given or {}))
    except ValidationError as error:
        raise PopulaceError(f"options of {kind.id}: {faults(error, kind.Options)}") from error


def policy_of(world: World[Any], role: str, given: Mapping[str, Policy | str]) -> Policy:
    """Who plays `role` when the caller does not.

    Raises:
        UnknownName: No policy of that name.
        PopulaceError: None was given, and the world has no default.
    """
    chosen = given.get(role, world.defaults.get(role))
    if chosen is None:
        raise PopulaceError(
            f"{world.id} has no default policy for {role!r}: give policies={{{role!r}: ...}} or make it focal"
        )
    if isinstance(chosen, str):
        chosen = registry.policies.get(chosen, within=registry.policy_prefix(type(world)))()
    if not isinstance(chosen, Policy):
        raise PopulaceError(f"the policy of {role!r} is {chosen!r}; expected a populace.policy.Policy or its name")
    return chosen


def build(
    world: WorldName,
    *,
    users: int = 10,
    options: OptionsLike = None,
    population: Population | None = None,
    policies: Players = None,
    focal: str | Iterable[str] | None = None,
    seat: tuple[str, int] | Literal["first"] | None = None,
    device: str = "cpu",
) -> Stage:
    """A stage.

    Args:
        world: A registered id, `module:class`, or the class.
        users: How many, when no population is given.
        options: The world's options.
        population: Whom to sample; None for the world's own choice of `users` people.
        policies: Who plays the roles that are not focal; a role that the caller plays must not be among them.
        focal: The roles the caller plays; None for all that act.
        seat: (role, number) when the caller plays one seat only, and a policy the role's other seats; `first` is the
            first assistant's, or where there is none that of the role that acts last.
        device: Where the tensors live.

    Raises:
        PopulaceError: Something is unknown or missing; the text says how to mend it.
    """
    kind = world_class(world)
    checked = options_of(kind, options)
    people = population if population is not None else kind.population(arguments.whole("users", users, 1), checked)
    if people is None:
        raise PopulaceError(f"{kind.id} cannot do without a population of your own: give population=...")
    made = kind(checked, people.census)
    given = dict(policies or {})
    for role in given:
        made.role(role)
    acting = [role.name for role in made.cast.values() if role.phases and role.does]
    if seat == "first":
        seat = ("assistant" if "assistant" in acting else acting[-1], 0)
    if seat is not None:
        _check_seat(made, seat)
        focal = seat[0]
    names = [focal] if isinstance(focal, str) else focal
    chosen = check_focal(made, tuple(acting if names is None else names))
    played = {name: policy_of(made, name, given) for name in acting if name not in chosen}
    if seat is not None and made.role(seat[0]).seats > 1:
        played[seat[0]] = share(policy_of(made, seat[0], given), seat[1])
    for role in given:
        if role not in played:
            why = "you play it (it is focal)" if role in chosen else "it never acts"
            raise PopulaceError(
                f"policies names {role!r}, but {why}: leave it out, or give focal=... with the roles you play yourself"
            )
    return Stage(made, people, played, chosen, seat, device)


def _check_seat(world: World[Any], seat: Any) -> None:
    if not (isinstance(seat, tuple | list) and len(seat) == 2):
        raise PopulaceError(f"seat is {seat!r}; expected (role, number), such as ('assistant', 0)")
    role, number = world.role(str(seat[0])), seat[1]
    if not 0 <= arguments.whole("the seat's number", number) < role.seats:
        raise PopulaceError(f"seat {tuple(seat)}: {role.name} has the seats 0 to {role.seats - 1}")
