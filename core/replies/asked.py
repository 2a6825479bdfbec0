"""Who is asked: every seat that is present."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from populace.dialogue import Chat
from populace.observation import Observation
from populace.wordings import Told, Wordings

Seen = Mapping[str, Any]
"""What one seat sees: field -> a number, or lists of them, as `Tensor.tolist` gives."""
Asked = tuple[Chat, Sequence[tuple[str, str | Told]]]
"""A chat without messages, and its messages, some of which are still to be put into words."""


def shown(observation: Observation) -> dict[str, Tensor]:
    """What is seen, field -> [worlds, seats, *shape], on the host."""
    return {name: value.cpu() for name, value in observation.items()}


def seats(observation: Observation, among: Tensor | None = None) -> list[tuple[int, int]]:
    """(world, seat) of every seat that is present, in order.

    Args:
        observation: What a role sees.
        among: [worlds, seats] bool, those who have something to say, or None for all.
    """
    some = next(iter(observation.values()))
    taken = torch.ones(some.shape[:2], dtype=torch.bool)
    for mask in (observation.present, among):
        if mask is not None:
            taken = taken & mask.cpu()
    return [(world, seat) for world, seat in taken.nonzero().tolist()]


def ask(
    observation: Observation, tell: Callable[[Mapping[str, Tensor], int, int], Chat], among: Tensor | None = None
) -> list[Chat]:
    """One chat for each seat that is asked.

    Args:
        observation: What a role sees.
        tell: Makes the chat out of what is seen (field -> [worlds, seats, *shape] on the host), world and seat.
        among: As in `seats`.
    """
    seen = shown(observation)
    return [tell(seen, world, seat) for world, seat in seats(observation, among)]


def ask_in(
    wordings: Wordings, observation: Observation, tell: Callable[[Seen, int, int], Asked], among: Tensor | None = None
) -> list[Chat]:
    """One chat for each seat that is asked, in a world's wordings.

    Args:
        wordings: The table that prompts are in.
        observation: What a role sees.
        tell: Makes the chat out of what the seat sees, world and seat.
        among: As in `seats`.
    """
    columns = {name: value.tolist() for name, value in observation.items()}
    told = [
        tell({name: rows[world][seat] for name, rows in columns.items()}, world, seat)
        for world, seat in seats(observation, among)
    ]
    filled = wordings.filled([messages for _, messages in told])
    return [replace(chat, messages=messages) for (chat, _), messages in zip(told, filled, strict=True)]
