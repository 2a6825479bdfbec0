"""What a run may spend on language models, counted in one place: reserved before asking, settled after.

All policies of a run share one budget, whatever arm they play in, and a resumed run goes on counting. The protocol is
small enough to be kept by another process: workers of one run can share a budget as policies do.
"""

import math
import threading
from dataclasses import dataclass
from typing import Literal, Protocol

Answer = Literal["granted", "wait", "spent"]
"""Of `Budget.reserve`: go ahead; not now, as what others have reserved may come back; or no more."""


@dataclass(frozen=True)
class Spending:
    """An amount.

    Attributes:
        tokens: Tokens read and written.
        cost: Money, by the policies' prices, in their currency.
    """

    tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: "Spending") -> "Spending":
        return Spending(self.tokens - other.tokens, self.cost - other.cost)


NOTHING = Spending()


@dataclass(frozen=True)
class Limit:
    """What may be spent; None for as much as it takes.

    Attributes:
        tokens: Most tokens.
        cost: Most money.
    """

    tokens: int | None = None
    cost: float | None = None

    def holds(self, amount: Spending) -> bool:
        """Whether an amount is within it; sums of prices that differ from it by rounding alone are."""
        cost = math.inf if self.cost is None else self.cost * (1 + 1e-9)
        return (self.tokens is None or amount.tokens <= self.tokens) and amount.cost <= cost


UNLIMITED = Limit()


class Budget(Protocol):
    """What the policies of a run share. Calls may come from several threads."""

    limit: Limit
    """Of the run as a whole."""

    @property
    def spent(self) -> Spending:
        """All that was settled, earlier parts of a resumed run included."""
        ...

    def reserve(self, amount: Spending, limit: Limit = UNLIMITED) -> Answer:
        """Set an amount aside, if it is within the run's limit and the caller's, which bounds the whole run too."""
        ...

    def settle(self, reserved: Spending, spent: Spending) -> None:
        """Give back what was reserved, and count what it came to."""
        ...


class Account:
    """A budget in this process.

    Args:
        limit: Of the run as a whole.
        spent: What was spent before.
    """

    def __init__(self, limit: Limit = UNLIMITED, spent: Spending = NOTHING) -> None:
        self.limit, self._spent = limit, spent
        self._reserved, self._open, self._lock = NOTHING, 0, threading.Lock()

    @property
    def spent(self) -> Spending:
        """All that was settled."""
        return self._spent

    def reserve(self, amount: Spending, limit: Limit = UNLIMITED) -> Answer:
        """See `Budget`."""
        with self._lock:
            if self.limit.holds(total := self._spent + self._reserved + amount) and limit.holds(total):
                self._reserved, self._open = self._reserved + amount, self._open + 1
                return "granted"
            return "wait" if self._open else "spent"

    def settle(self, reserved: Spending, spent: Spending) -> None:
        """See `Budget`."""
        with self._lock:
            self._open -= 1
            self._reserved = self._reserved - reserved if self._open else NOTHING
            self._spent = self._spent + spent
