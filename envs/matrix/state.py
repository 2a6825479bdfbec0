"""What changes in the matrix world."""

from dataclasses import dataclass

from torch import Tensor

from populace.fields import shared
from populace.population import Network


@dataclass(frozen=True)
class State:
    """The state of the matrix world.

    Attributes:
        game: [worlds, cells, players] float32, cells in row order; one world's copy when all share it.
        act: [worlds, players] int64, last acts; the number of acts before the first tick.
        given: [worlds, players] bool, whether that act was given; else it is a forfeit.
        faced: [worlds, seats, others' joint acts], shares of what each met in the last tick.
        payoff: [worlds, seats], of the last tick.
        model: [worlds, seats] int64, whose act and payoff each sees, or None without `models`.
        tick: [worlds] int64.
        message: [worlds, seats] int64 ids, what each said before this move; None without `talk`.
        promise: [worlds, seats] int64, what that promised: 0 nothing, else 1 + the act; None without `talk`.
        network: Who plays whom, or None.
    """

    game: Tensor
    act: Tensor
    given: Tensor
    faced: Tensor
    payoff: Tensor
    model: Tensor | None
    tick: Tensor
    message: Tensor | None = None
    promise: Tensor | None = None
    network: Network | None = shared(default=None)
