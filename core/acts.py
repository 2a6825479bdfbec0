"""What acts are checked for, and what is counted of them: invalid acts by kind, and tallies, by role and by player."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from populace.dialogue import ReplyKind, usable
from populace.errors import ActionError
from populace.fields import Role
from populace.measures import ACTS, OfSeats
from populace.policy import TALLY, Actions, is_field


class Valid(NamedTuple):
    """Actions that may be played.

    Attributes:
        actions: Field -> [worlds, seats, *shape], forfeits where an act was invalid.
        nan: Field -> [worlds] float32, the share of numbers that are NaN; empty unless watched.
    """

    actions: dict[str, Tensor]
    nan: dict[str, Tensor]


def valid(
    role: Role, phase: str, actions: Actions, worlds: int, watch: bool = False, device: torch.device | str = "cpu"
) -> Valid:
    """Check names, shapes and dtypes, and put forfeits where acts are invalid.

    Args:
        role: Whose actions.
        phase: In which phase.
        actions: What its policy gave.
        worlds: How many worlds there are.
        watch: Whether numbers that are NaN are counted.
        device: Where fields that were left out are made.

    Raises:
        ActionError: Fields are missing or unknown, or a tensor has another shape or dtype than its field declares.
    """
    fields, expected, needed = role.due_in(phase)
    kind = actions.get("kind")
    given = {name for name in actions if is_field(name)}
    if not needed <= given <= expected:
        raise ActionError(f"{role.name} in phase {phase!r} must give exactly {sorted(expected)}, got {sorted(given)}")
    checked, nan = {}, {}
    for f in fields:
        if f.name not in given:
            checked[f.name] = f.empty(worlds, role.seats, device)
            continue
        action = actions[f.name]
        shape = (worlds, role.seats, *f.shape)
        if not isinstance(action, Tensor):
            raise ActionError(f"{role.name}'s {f.name!r} must be a tensor {shape}, got a {type(action).__name__}")
        if tuple(action.shape) != shape or action.dtype != f.dtype:
            raise ActionError(
                f"{role.name}'s {f.name!r} must be {f.dtype} of shape {shape} [worlds, seats, ...], "
                f"got {action.dtype} of shape {tuple(action.shape)}"
            )
        if kind is not None and f.kind != "text":  # codes are forfeited; what was said stays said
            valid = usable(kind).view(worlds, role.seats, *[1] * len(f.shape))
            action = torch.where(valid, action, torch.full_like(action, f.forfeit))
        if watch and f.kind == "real":
            nan[f.name] = action.isnan().flatten(1).float().mean(-1)
        checked[f.name] = action
    return Valid(checked, nan)


def given(actions: Actions, seats: Tensor) -> Tensor:
    """Which seats gave an act that could be used, [worlds, seats] bool: all of them where a policy tells no kinds.

    Args:
        actions: What a world is given of a role.
        seats: Any tensor [worlds, seats].
    """
    return usable(actions["kind"]) if "kind" in actions else torch.ones_like(seats, dtype=torch.bool)


def unsaid(role: Role, phase: str, worlds: Tensor) -> dict[str, Tensor]:
    """The acts of a role that only speaks in this phase, and leaves it to the world's phrases; worlds [worlds]."""
    return {f.name: f.empty(len(worlds), role.seats, worlds.device) for f in role.done_in(phase)}


def counted(
    role: Role, actions: Actions, players: Mapping[str, Tensor], present: Tensor | None
) -> Iterator[tuple[OfSeats, Tensor]]:
    """What is counted of a role's acts, [worlds] float64: acts, invalid ones by kind, and tallies.

    Args:
        role: The role.
        actions: What its policy gave; without a `kind` and tallies nothing is counted.
        players: Player -> [worlds, seats] bool, where several players share the role.
        present: [worlds, seats] bool, the seats that acted; None for all.
    """
    kind = actions.get("kind")
    counts = {name.removeprefix(TALLY): tally for name, tally in actions.items() if name.startswith(TALLY)}
    if kind is not None:
        acted = torch.ones_like(kind, dtype=torch.bool) if present is None else present
        kinds = {"invalid": ~usable(kind)} | {
            failure.name.lower(): kind == failure for failure in ReplyKind if failure and "tokens" in counts
        }
        counts |= {ACTS: acted, **{name: which & acted for name, which in kinds.items()}}
    for player, seats in {"": None, **players}.items():
        for name, value in counts.items():
            own = value if seats is None else torch.where(seats, value, torch.zeros_like(value))
            yield OfSeats(name, role.name, player), own.sum(-1, dtype=torch.float64)


def rewards(role: str, reward: Tensor, players: Mapping[str, Tensor]) -> Iterator[tuple[OfSeats, Tensor]]:
    """Mean reward [worlds] float32 per seat of a role, and of each player where several share it."""
    yield OfSeats("reward", role), reward.mean(-1)
    for player, seats in players.items():
        own = torch.where(seats, reward, torch.zeros_like(reward)).sum(-1)
        yield OfSeats("reward", role, player), own / seats.sum(-1)
