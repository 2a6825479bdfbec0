"""What changes in the lock-in world."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Beliefs:
    """Normal beliefs: mean and log precision, float64 [worlds, agents]."""

    mean: Tensor
    log_precision: Tensor


@dataclass(frozen=True)
class Trust:
    """Who trusts whom, float64.

    Attributes:
        assistants: [assistants, users], of assistants in humans.
        humans: [users, assistants], of humans in assistants.
        peers: [users, users], of humans in humans; None where they trust all others alike, or nobody.
    """

    assistants: Tensor
    humans: Tensor
    peers: Tensor | None


@dataclass(frozen=True)
class State:
    """The state of the lock-in world.

    Attributes:
        private: Of humans, from own signals alone.
        public: Of humans, what others see.
        assistant: Of assistants.
        log_signal: [worlds, users], log precision of a human's signal.
        rounds: [worlds] int64.
        quantity: [worlds] int64, row of what is estimated in words; None without `matter`.
    """

    private: Beliefs
    public: Beliefs
    assistant: Beliefs
    log_signal: Tensor
    rounds: Tensor
    quantity: Tensor | None = None
