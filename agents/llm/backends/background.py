"""Asynchronous work in a thread of its own, with a loop of its own, even if the caller is in one (a notebook)."""

import asyncio
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

_LOOK_SECONDS = 0.5
"""Time between two looks at whether the user wants to stop, on systems where a wait cannot be broken into."""
_HOME_SECONDS = 10.0
"""Time that work under way has to come home when the user stops the run, so that what it brings is kept."""
_TURN_SECONDS = 0.2
"""Time between two looks at whether to stop, of work that waits."""


def streamed(
    work: Callable[[Callable[[Item], None], threading.Event], Awaitable[None]], linger: bool
) -> Iterator[Item]:
    """What `work(put, stop)` puts, as it comes. Once `stop` is set, it should bring home what is under way and end.

    Args:
        work: What is done.
        linger: Whether, where the user interrupts, what is under way is waited for.
    """
    came: queue.SimpleQueue[tuple[Item] | BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()

    def serve() -> None:
        async def all_() -> None:
            await work(lambda item: came.put((item,)), stop)

        try:
            asyncio.run(all_())
            came.put(None)
        except BaseException as error:
            came.put(error)

    thread = threading.Thread(target=serve, name="populace-endpoint", daemon=True)
    thread.start()
    try:
        yield from _coming(came, stop, linger)
    finally:
        stop.set()
    thread.join()


def _coming(
    came: "queue.SimpleQueue[tuple[Item] | BaseException | None]", stop: threading.Event, linger: bool
) -> Iterator[Item]:
    stopped: KeyboardInterrupt | None = None
    last = float("inf")
    while True:
        try:
            item = _next(came, last)
        except KeyboardInterrupt as interrupt:
            stop.set()
            if stopped is not None or not linger:
                raise
            stopped, last = interrupt, time.monotonic() + _HOME_SECONDS
            continue
        if isinstance(item, BaseException):
            raise item
        if item is None:
            break
        yield item[0]
    if stopped is not None:
        raise stopped


def _next(
    came: "queue.SimpleQueue[tuple[Item] | BaseException | None]", last: float
) -> tuple[Item] | BaseException | None:
    """What comes next; None for the end, or when nothing has come by the time `last`."""
    while time.monotonic() < last:
        try:
            return came.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
    return None


async def pause(seconds: float, stop: threading.Event) -> None:
    """Sleep, but not on once stopped."""
    end = time.monotonic() + seconds
    while not stop.is_set() and (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, _TURN_SECONDS))
