"""Hands units to workers and takes back how they ended, whatever the workers are."""

import time
from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from populace.folder import faulty
from populace.scenarios.runner.plan import Unit
from populace.scenarios.runner.unit import LOOK_SECONDS, Done, Failed, Outcome
from populace.scenarios.runner.watching import Progress

RETRIES = 2
"""How often a unit is given to another worker after the one that played it died."""
TARGET_SECONDS = 5.0
"""Units that take less are given out several at a time."""

Handle = TypeVar("Handle", bound=Hashable)


class Died(Exception):
    """A worker is gone: it was killed, ran out of memory, or its machine is gone."""


class Fleet(Protocol[Handle]):
    """Workers, each of which plays some units at a time."""

    def submit(self, units: Sequence[Unit]) -> Handle:
        """Give units to a worker that is free."""
        ...

    def free(self) -> bool:
        """Whether another worker is free, or may be."""
        ...

    def ended(self, seconds: float) -> Sequence[Handle]:
        """What has ended, after waiting for at most some seconds."""
        ...

    def result(self, handle: Handle) -> Sequence[Outcome]:
        """How the units ended.

        Raises:
            Died: The worker is gone; another one has taken its place.
        """
        ...

    def moved(self) -> int:
        """Agent-ticks played since the last call."""
        ...

    def halt(self) -> None:
        """Ask all workers to save what they have played, and to end."""
        ...

    @property
    def size(self) -> int:
        """Workers."""
        ...


def drive(fleet: Fleet[Handle], folder: Path | None, todo: Sequence[Unit], progress: Progress) -> Iterator[Outcome]:
    """Play units until all have ended, or `progress.stop()`.

    Args:
        fleet: Who plays.
        folder: The run folder, if its marks can be looked at from here.
        todo: The units.
        progress: Who watches.
    """
    queue, tries, alone = deque(todo), Counter[str](), set[str]()
    running: dict[Handle, tuple[float, list[Unit]]] = {}
    group, done, failed, halted = 1, 0, 0, False
    while queue or running:
        if not halted and progress.stop():
            halted = True
            queue.clear()
            fleet.halt()
        while queue and fleet.free():
            most = 1 if queue[0].name in alone else group
            units = [queue.popleft() for _ in range(min(most, len(queue)))]
            running[fleet.submit(units)] = (time.perf_counter(), units)
        for handle in fleet.ended(LOOK_SECONDS):
            began, units = running.pop(handle)
            found: list[Outcome] = []
            try:
                found += fleet.result(handle)
            except Died as error:
                for unit in reversed(units):
                    tries[unit.name] += 1
                    alone.add(unit.name)  # so that the right one is blamed the next time
                    if folder is not None and faulty(folder, unit.name) is None:
                        found.append(Done(unit.name))
                    elif tries[unit.name] > RETRIES:
                        said = f"{tries[unit.name]} workers died while they played it ({error})"
                        found.append(Failed(unit.name, unit.cell.arm, "died", said))
                    elif not halted:
                        queue.appendleft(unit)
            else:
                each = (time.perf_counter() - began) / len(units)
                group = max(1, min(int(TARGET_SECONDS / max(each, 1e-3)), len(queue) // (2 * fleet.size)))
            done += sum(isinstance(one, Done) and one.whole for one in found)
            failed += sum(isinstance(one, Failed) for one in found)
            progress.counted(done, len(todo), failed)
            yield from found
        progress.moved(fleet.moved())
