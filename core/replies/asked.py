"""Who is asked: every seat that is present."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from populace.dialogue import Chat
from populace.observation import Observation


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
