"""What asking a server has taken so far, and whether there is enough left to ask again."""

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass, field

from populace.agents.llm.backends.base import Ask, BudgetSpent, Reply
from populace.agents.llm.backends.endpoint_options import EndpointOptions
from populace.budget import Account, Budget, Limit, Spending

TURN_SECONDS = 0.2
"""Time between two looks at whether the budget has room again."""


@dataclass
class Ledger:
    """What a backend has done so far.

    Attributes:
        answered: Replies that came.
        tokens_in: Tokens read, failed tries not counted.
        tokens_out: Tokens written.
        faults: Failed tries by kind.
        estimated: Tokens read, as estimated from their bytes.
        longest: Tokens of the longest reply.
    """

    answered: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    estimated: int = 0
    longest: int = 0

    def add(self, ask: Ask, reply: Reply) -> None:
        """One reply more."""
        self.answered += 1
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out
        self.longest = max(self.longest, reply.tokens_out)
        self.estimated += Reply.of(ask, "").tokens_in

    def likely(self, ask: Ask, most: int | None) -> tuple[int, int]:
        """Tokens that an ask is likely to read and write: as those before it, or else by its bytes and its limit."""
        read = Reply.of(ask, "").tokens_in
        if not self.answered:
            return read, most or 0
        return round(read * self.tokens_in / max(self.estimated, 1)), self.longest


class Meter:
    """Counts what an endpoint takes, and asks the run's budget before each ask.

    Args:
        options: Prices and limits.
    """

    def __init__(self, options: EndpointOptions) -> None:
        self.options, self.ledger = options, Ledger()
        self.budget: Budget = Account()

    async def reserve(self, ask: Ask, stop: threading.Event) -> Spending | None:
        """What this ask is likely to take, set aside; None once stopped.

        Raises:
            BudgetSpent: There is not so much left.
        """
        o = self.options
        amount, limit = self.price(*self.ledger.likely(ask, o.max_reply)), Limit(o.max_tokens, o.max_cost)
        while not stop.is_set():
            answer = self.budget.reserve(amount, limit)
            if answer == "granted":
                return amount
            if answer == "spent":
                rest = self._rest(amount)
                if self.ledger.answered or rest is None:
                    raise self._spent(amount)
                amount = rest  # what a prompt takes is not known yet: one goes out
            await asyncio.sleep(TURN_SECONDS if answer == "wait" else 0)
        return None

    def price(self, read: int, written: int) -> Spending:
        """Tokens read and written, and what they cost."""
        return Spending(read + written, (read * self.options.price_in + written * self.options.price_out) * 1e-6)

    def _limits(self) -> Limit:
        o, run = self.options, self.budget.limit
        tokens = [most for most in (o.max_tokens, run.tokens) if most is not None]
        costs = [most for most in (o.max_cost, run.cost) if most is not None]
        return Limit(min(tokens, default=None), min(costs, default=None))

    def _rest(self, amount: Spending) -> Spending | None:
        """As much of an amount as is left, or None where nothing is."""
        limit, spent = self._limits(), self.budget.spent
        tokens = amount.tokens if limit.tokens is None else min(amount.tokens, limit.tokens - spent.tokens)
        cost = amount.cost if limit.cost is None else min(amount.cost, limit.cost - spent.cost)
        return Spending(tokens, cost) if tokens > 0 and (cost > 0 or amount.cost == 0) else None

    def _spent(self, amount: Spending) -> BudgetSpent:
        limit, spent = self._limits(), self.budget.spent
        how = "raise it to go on" + ("" if self.options.tape else " (with a `tape`, no reply would be asked for again)")
        if not Limit(tokens=limit.tokens).holds(spent + amount):
            said = f"the run has used {spent.tokens:,} tokens of max_tokens: {limit.tokens:,}"
            more = "" if spent.tokens >= (limit.tokens or 0) else f" and a prompt takes about {amount.tokens:,}"
            return BudgetSpent(f"{said}{more}; {how}", "max_tokens")
        said = f"the run has cost {spent.cost:.2f} of max_cost: {limit.cost:g}"
        more = "" if spent.cost >= (limit.cost or 0) else f" and a prompt costs about {amount.cost:.2g}"
        return BudgetSpent(f"{said}{more}; {how}", "max_cost")
