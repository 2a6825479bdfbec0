"""From names to a stage: a world, its people, and the policies that play what the caller does not."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from populace import builder
from populace.envs.views import arguments
from populace.envs.views.stage import Stage, check_focal, share
from populace.errors import PopulaceError
from populace.policy import Policy
from populace.population import Population
from populace.world import AnyWorld

WorldName = builder.WorldLike
OptionsLike = builder.OptionsLike

Players = Mapping[str, Policy | str] | None
"""Role -> policy or its name; roles not named are played by the world's defaults."""


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
    users = users if population is not None else arguments.whole("users", users, 1)
    bare = builder.build(world, options=options, users=users, population=population, without=None)
    made, people = bare.world, bare.population
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
    played = {name: builder.policy_of(made, name, given.get(name)) for name in acting if name not in chosen}
    if seat is not None and made.role(seat[0]).seats > 1:
        played[seat[0]] = share(builder.policy_of(made, seat[0], given.get(seat[0])), seat[1])
    for role in given:
        if role not in played:
            why = "you play it (it is focal)" if role in chosen else "it never acts"
            raise PopulaceError(
                f"policies names {role!r}, but {why}: leave it out, or give focal=... with the roles you play yourself"
            )
    return Stage(made, people, played, chosen, seat, device)


def _check_seat(world: AnyWorld, seat: Any) -> None:
    if not (isinstance(seat, tuple | list) and len(seat) == 2):
        raise PopulaceError(f"seat is {seat!r}; expected (role, number), such as ('assistant', 0)")
    role, number = world.role(str(seat[0])), seat[1]
    if not 0 <= arguments.whole("the seat's number", number) < role.seats:
        raise PopulaceError(f"seat {tuple(seat)}: {role.name} has the seats 0 to {role.seats - 1}")
