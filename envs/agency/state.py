"""What changes in the agency world."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class State:
    """The state of the agency world.

    Attributes:
        kind: [worlds, pairs], what only the agent knows.
        terms: [worlds, pairs, 4], what the principal offered.
        move: [worlds, pairs], what the agent did.
        given: [worlds, pairs] bool, whether all acts of this tick were given so far; else some are forfeits.
        signal: [worlds, 1], what the market showed last.
        trusted: [worlds, pairs], 1 while nothing was found against the agent.
        weight: [worlds], discount of the next period.
        earned: [worlds, pairs], the agent's discounted payoffs so far, those of ticks in which all acts were given.
        played: [worlds, pairs] bool, whether there was such a tick.
        explanation: [worlds, pairs] int64 ids, what the principal said with its offer; None without `talk`.
        words: [worlds, pairs] int64 ids, what the agent said with its move; None without `talk`.
    """

    kind: Tensor
    terms: Tensor
    move: Tensor
    given: Tensor
    signal: Tensor
    trusted: Tensor
    weight: Tensor
    earned: Tensor
    played: Tensor
    explanation: Tensor | None = None
    words: Tensor | None = None
