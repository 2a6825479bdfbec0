"""One budget for all workers of a run, kept by the process that started them."""

import secrets
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.managers import BaseManager, Server
from typing import Any, TypeAlias

from populace.budget import UNLIMITED, Answer, Budget, Limit, Spending

Address: TypeAlias = str | bytes | tuple[str, int] | None
"""Where a process listens, as `multiprocessing.managers` has it."""


class _Manager(BaseManager):
    """Lends the budget to other processes."""


class KeptElsewhere(ABC):
    """A budget that another process keeps, as `Lent`.

    Args:
        limit: Of the run as a whole.
    """

    def __init__(self, limit: Limit) -> None:
        self.limit = limit

    @abstractmethod
    def _ask(self, method: str, *args: object) -> Any:
        """What a method of `Lent` returns there."""

    @property
    def spent(self) -> Spending:
        """All that was settled."""
        found: Spending = self._ask("so_far")
        return found

    def reserve(self, amount: Spending, limit: Limit = UNLIMITED) -> Answer:
        """See `Budget`."""
        found: Answer = self._ask("reserve", amount, limit)
        return found

    def settle(self, reserved: Spending, spent: Spending) -> None:
        """See `Budget`."""
        self._ask("settle", reserved, spent)


class Remote(KeptElsewhere):
    """A budget that another process of this machine keeps.

    Args:
        address: Where that process listens.
        key: What proves that it is ours.
        limit: Of the run as a whole.
    """

    def __init__(self, address: Address, key: bytes, limit: Limit) -> None:
        super().__init__(limit)
        self.address, self.key = address, key
        self._held = threading.local()

    def __getstate__(self) -> tuple[Address, bytes, Limit]:
        return self.address, self.key, self.limit

    def __setstate__(self, state: tuple[Address, bytes, Limit]) -> None:
        self.address, self.key, self.limit = state
        self._held = threading.local()

    def _ask(self, method: str, *args: object) -> Any:
        if not hasattr(self._held, "lent"):
            manager = _Manager(self.address, self.key)
            manager.connect()
            self._held.manager, self._held.lent = manager, manager.budget()  # type: ignore[attr-defined]  # registered below
        return getattr(self._held.lent, method)(*args)


class Lent:
    """A budget as methods, which can be called from another process or machine.

    Args:
        budget: The budget.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def so_far(self) -> Spending:
        """All that was settled."""
        return self._budget.spent

    def reserve(self, amount: Spending, limit: Limit) -> Answer:
        """See `Budget`."""
        return self._budget.reserve(amount, limit)

    def settle(self, reserved: Spending, spent: Spending) -> None:
        """See `Budget`."""
        self._budget.settle(reserved, spent)


@contextmanager
def served(budget: Budget) -> Iterator[Budget]:
    """Within this block the budget can be reached from other processes of this machine, through what is yielded."""
    lent = Lent(budget)

    class Serving(_Manager):
        """With the budget of this run alone."""

    Serving.register("budget", callable=lambda: lent, exposed=("so_far", "reserve", "settle"))
    key = secrets.token_bytes(32)
    server: Server = Serving(("127.0.0.1", 0), key).get_server()

    def serve() -> None:
        with suppress(SystemExit):  # how it ends
            server.serve_forever()

    thread = threading.Thread(target=serve, daemon=True)
    streams = sys.stdout, sys.stderr
    thread.start()
    try:
        yield Remote(server.address, key, budget.limit)
    finally:
        server.stop_event.set()  # type: ignore[attr-defined]  # typeshed leaves it out
        thread.join(timeout=5)
        # As it ends, the server puts the process's first streams in place of those of a notebook or a test.
        sys.stdout, sys.stderr = streams


_Manager.register("budget")
