"""What acts are checked for, and what is measured of them: invalid ones by kind, and tallies, by role and by player."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from populace.dialogue import ReplyKind
from populace.errors import ActionError
from populace.fields import Role
from populace.policy import TALLY, Actions, Policy, is_field


def valid(
    role: Role, phase: str, actions: Actions, worlds: int, measures: dict[str, Tensor], watch: bool = False
) -> Actions:
    """Check names, shapes and dtypes, put forfeits where acts are invalid, and count those by role and kind."""
    fields = role.done_in(phase)
    kind = actions.get("kind")
    expected = {f.name for f in fields}
    given = {name for name in actions if is_field(name)}
    if given != expected:
        raise ActionError(f"{role.name} in phase {phase!r} must give exactly {sorted(expected)}, got {sorted(given)}")
    checked = {}
    for f in fields:
        action = actions[f.name]
        shape = (worlds, role.seats, *f.shape)
        if not isinstance(action, Tensor):
            raise ActionError(f"{role.name}'s {f.name!r} must be a tensor {shape}, got a {type(action).__name__}")
        if tuple(action.shape) != shape or action.dtype != f.dtype:
            raise ActionError(
                f"{role.name}'s {f.name!r} must be {f.dtype} of shape {shape} [worlds, seats, ...], "
                f"got {action.dtype} of shape {tuple(action.shape)}"
            )
        if kind is not None:
            valid = (kind == 0).view(worlds, role.seats, *[1] * len(f.shape))
            action = torch.where(valid, action, torch.full_like(action, f.forfeit))
        if watch and f.kind == "real":
            measures[f"nan/{role.name}.{f.name}"] = action.isnan().flatten(1).float().mean(-1)
        checked[f.name] = action
    if kind is not None:
        measures[f"invalid/{role.name}"] = (kind != 0).float().mean(-1)
        for failure in ReplyKind:
            if failure and f"{TALLY}tokens" in actions:
                measures[f"{failure.name.lower()}/{role.name}"] = (kind == failure).float().mean(-1)
    for name, tally in actions.items():
        if name.startswith(TALLY):
            measures[f"{name.removeprefix(TALLY)}/{role.name}"] = tally.float().sum(-1)
    return checked


def by_player(
    policies: Mapping[str, Policy],
    memory: Mapping[str, Any],
    rewards: Mapping[str, Tensor],
    acts: Mapping[str, Actions],
) -> dict[str, Tensor]:
    """Where several players share a role: mean reward, share of invalid acts, and tallies of each, [worlds]."""
    measures = {}
    for role in {**rewards, **acts}:
        players = policies[role].players(memory[role]) if role in policies else {}
        for name, seats in players.items():
            number = seats.sum(-1)
            if role in rewards:
                measures[f"reward/{role}/{name}"] = torch.where(seats, rewards[role], 0.0).sum(-1) / number
            for key, value in acts.get(role, {}).items():
                if key == "kind":
                    measures[f"invalid/{role}/{name}"] = ((value != 0) & seats).float().sum(-1) / number
                elif key.startswith(TALLY):
                    measures[f"{key.removeprefix(TALLY)}/{role}/{name}"] = torch.where(seats, value, 0).float().sum(-1)
    return measures
