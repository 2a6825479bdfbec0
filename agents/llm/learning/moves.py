"""Named moves: a face that asks for one of a few whole actions by name, in worlds whose actions hold numbers too.

A move says what some of the role's fields are; a script, or the fields' defaults, say the others. What is asked is a
choice, so that its chances are exact and a round costs little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from populace.agents.llm.seats.field_face import FieldsDialogue
from populace.dialogue import Chat
from populace.errors import PopulaceError, UnknownName
from populace.fields import Field, Role
from populace.observation import Observation
from populace.policy import WORDS, Actions

Value = bool | int | float | str | list[Any]
"""Of a field, for one seat: a label, a number, or a list of either in the field's shape."""
Moves = Mapping[str, Mapping[str, Value]]
"""Name of a move -> field -> value."""
MOVE = "move"


class MovesFace:
    """Shows some fields, and asks for a move.

    Args:
        moves: The moves.
        context: Fields that are shown; None for all.
    """

    def __init__(self, moves: Moves, context: Sequence[str] | None) -> None:
        self.moves, self.context = moves, context

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present."""
        return FieldsDialogue().say(self._narrow(observation))

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """The number of each seat's move, which is no field (see `act`), and kinds."""
        found, kinds = FieldsDialogue().hear(self._narrow(observation), chats, replies)
        return {f"{WORDS}{MOVE}": found[MOVE]}, kinds

    def _narrow(self, observation: Observation) -> Observation:
        role = observation.role
        move = Field(name=MOVE, kind="choice", labels=tuple(self.moves), about="What you do.")
        shown = tuple(f for f in role.sees if self.context is None or f.name in self.context)
        narrow = replace(role, sees=shown, does=(move,))
        return Observation(
            observation, narrow, observation.phase, observation.present, observation.dialogue, observation.reader
        )


def field_of(moves: Moves, role: Role) -> Field:
    """The field by which a decision is told: the first that the first move names.

    Raises:
        UnknownName: A move names a field that the role does not do.
        PopulaceError: A value does not fit its field, or fields are done in different phases.
    """
    does = {f.name: f for f in role.does}
    for name, values in moves.items():
        for field, value in values.items():
            if field not in does:
                raise UnknownName(f"field that {role.name} does", field, does)
            _tensor(does[field], value, name)
    named = [does[field] for values in moves.values() for field in values]
    if not named:
        raise PopulaceError("moves: no move says what any field is")
    if len({f.phases for f in named}) > 1:
        raise PopulaceError(f"moves: {', '.join(sorted({f.name for f in named}))} are not all done in the same phase")
    return named[0]


def act(moves: Moves, observation: Observation, move: Tensor, others: Actions) -> dict[str, Tensor]:
    """Whole actions: what the moves say, and the `others` where a move says nothing.

    Args:
        moves: The moves.
        observation: What is seen.
        move: [worlds, seats] int64, number of each seat's move.
        others: Field -> [worlds, seats, *shape]; a field that is missing is at its default.
    """
    role, (worlds, seats), device = observation.role, move.shape, move.device
    found = {}
    for f in role.done_in(observation.phase):
        if f.name not in others and f.optional:
            continue
        value = others[f.name] if f.name in others else f.omitted(worlds, seats, device, observation)
        for k, values in enumerate(moves.values()):
            if f.name in values:
                mine = (move == k).view(worlds, seats, *[1] * len(f.shape))
                value = torch.where(mine, _tensor(f, values[f.name]).to(device), value)
        found[f.name] = value
    return found


def nearest(moves: Moves, role: Role, actions: Actions) -> Tensor:
    """The move that is nearest to each action, [worlds, seats] int64; of equally near ones the first.

    Distances are summed over the fields that a move names: of choices and flags 1 where they differ, of numbers the
    mean absolute difference over the shape.
    """
    does = {f.name: f for f in role.does}
    far = []
    for name, values in moves.items():
        gaps = []
        for field, value in values.items():
            f, done = does[field], actions[field]
            gap = done != _tensor(f, value, name).to(done.device) if f.kind in ("choice", "flag") else None
            each = (done - _tensor(f, value, name).to(done.device)).abs() if gap is None else gap
            gaps.append(each.float().flatten(2).mean(-1) if f.shape else each.float())
        far.append(torch.stack(gaps).sum(0))
    return torch.stack(far, -1).argmin(-1)


def _tensor(f: Field, value: Value, move: str = "") -> Tensor:
    """One seat's value of a field.

    Raises:
        PopulaceError: It does not fit.
    """

    def number(one: Any) -> Any:
        if isinstance(one, list):
            return [number(part) for part in one]
        if isinstance(one, str):
            if f.kind != "choice" or one not in f.labels:
                raise UnknownName(f"label of {f.name}", one, f.labels)
            return f.labels.index(one)
        return one

    found = torch.tensor(number(value), dtype=f.dtype)
    if found.shape == () and f.shape:
        found = found.expand(f.shape)
    low, high = f.bounds
    if found.shape != f.shape or bool((found < low).any() or (found > high).any()):
        shape = f" of shape {list(f.shape)}" if f.shape else ""
        raise PopulaceError(f"moves: {move}.{f.name}: {value} is no {f.kind}{shape} from {low:g} to {high:g}")
    return found
