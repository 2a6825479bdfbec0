"""The check of a world; see populace.testing."""

from collections.abc import Mapping

import torch

from populace.builder import OptionsLike
from populace.errors import PopulaceError
from populace.policy import Policy
from populace.population import Population
from populace.testing.declarations import check_declarations
from populace.testing.phases import check_phases
from populace.testing.repeats import check_bits, check_draws, check_resume
from populace.testing.tools import AnyLegal, CheckFailed, about, blame, fingerprint, kept, made, no_global_randomness
from populace.world import AnyWorld

MANY = 130
"""Users with whom the bits of a world are compared again. Vector units work on 4, 8 or 16 numbers at a time and leave a
rest, so that unsafe operations show where a world has more numbers than that, and no multiple of it."""


def check_world(
    world: type[AnyWorld] | str,
    options: OptionsLike = None,
    *,
    users: int = 6,
    population: Population | None = None,
    policies: Mapping[str, Policy] | None = None,
    worlds: int = 4,
    ticks: int = 5,
    seed: int = 0,
) -> None:
    """Check a world against its contract.

    Declarations, defaults and forfeits; observations that are finite, within their fields, without undeclared or
    private ones; purity; measures as they are declared; the columns that panel variables become; states of one size;
    the same bits alone, in a batch, in another order and with one thread or two, with few users and with many; the same
    bits after a resume in any phase; no purpose drawn twice; no global random state; shapes of rewards and ends; a
    society of one.

    Args:
        world: The class, id or `module:class`.
        options: Its options or a mapping of them.
        users: How many, where no population is given; then one user and many are tried too.
        population: Whom to sample.
        policies: Role -> policy; roles not named play at random within their ranges and masks.
        worlds: Worlds in the batch.
        ticks: Ticks to play.
        seed: The seed.

    Raises:
        CheckFailed: The first fault found.
    """
    with blame("building the world"):
        stage, people = made(world, options, users, population)
    check_declarations(stage)
    players: dict[str, Policy] = {n: AnyLegal() for n, role in stage.cast.items() if role.phases and role.does}
    players.update(policies or {})
    ids = torch.arange(worlds)
    before = fingerprint(stage)
    with no_global_randomness(type(stage).__name__):
        check_phases(stage, players, people, ids, seed, ticks)
    if changed := kept(before, fingerprint(stage)):
        raise CheckFailed(
            f"{type(stage).__name__} keeps {', '.join(changed)} in self: what changes belongs in the state, "
            "or it is lost when a run is saved and shared between worlds"
        )
    check_draws(stage, players, people, ids, seed, ticks)
    check_bits(stage, players, people, ids, seed, ticks)
    check_resume(stage, players, people, ids, seed)
    if population is None:
        if (single := _of_size(world, options, 1)) is not None:
            with about("a world with one user"):
                check_phases(single[0], players, single[1], ids[:1], seed, 2)
        if (many := _of_size(world, options, MANY)) is not None:
            with about(f"a world with {MANY} users"):
                check_bits(many[0], players, many[1], ids, seed, 2)


def _of_size(world: type[AnyWorld] | str, options: OptionsLike, users: int) -> tuple[AnyWorld, Population] | None:
    """The world with so many users, or None where it says itself that it cannot have them (players in pairs, say)."""
    with about(f"a world with {users} user{'s' if users > 1 else ''}"):
        try:
            return made(world, options, users, None)
        except CheckFailed as error:
            if isinstance(error.__cause__, PopulaceError):
                return None
            raise
