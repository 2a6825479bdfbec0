"""Plays units in several processes of this machine, each with one thread."""

import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from populace.builder import Built
from populace.errors import RunError
from populace.scenarios.runner.executors.fleet import Died, drive
from populace.scenarios.runner.executors.sharing import served
from populace.scenarios.runner.plan import Unit
from populace.scenarios.runner.unit import Failed, Job, Outcome, Player
from populace.scenarios.runner.watching import Progress
from populace.store import Mirror, Store

CLOSE_SECONDS = 2.0
"""How long a worker without work may take to end."""
GRACE_SECONDS = 30.0
"""How long workers that were asked to end may take to save what they have played."""


class Processes:
    """An executor.

    Args:
        workers: Processes; None for as many as there are processors.
    """

    def __init__(self, workers: int | None) -> None:
        self.workers = workers or os.cpu_count() or 1

    def __call__(
        self, job: Job, built: dict[str, Built], todo: Sequence[Unit], progress: Progress
    ) -> Generator[Outcome, None, None]:
        """See `Executor`."""
        if (job.address or "").startswith("memory:"):
            raise RunError("a store in memory cannot be seen from other processes; use the executor serial there")
        begun(built, todo, progress)
        with served(job.budget) as budget:
            workers = _Workers(job.for_workers(budget), min(self.workers, len(todo)))
            try:
                yield from drive(workers, None if job.address else job.folder, todo, progress)
            finally:
                workers.close()


def begun(built: dict[str, Built], todo: Sequence[Unit], progress: Progress) -> None:
    """Say how much there is to play, all arms together."""
    users = {arm: one.population.census.size for arm, one in built.items()}
    left = sum(unit.agent_ticks * users[unit.cell.arm] for unit in todo)
    cells = {unit.cell.arm: unit for unit in todo}
    total = sum(unit.cell.worlds * unit.ticks * users[arm] for arm, unit in cells.items())
    progress.begun("all arms", total - left, total)
    progress.counted(0, len(todo), 0)


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    busy: bool = False


class _Workers:
    """A fleet of processes; each is asked through a pipe of its own, so that a death blames the right units."""

    def __init__(self, job: Job, size: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        # Without locks: a worker that is killed while it holds one would stop all others.
        self._halt = self._context.RawValue("b", 0)
        self._counts = self._context.RawArray("q", size)
        self._counted = 0
        self._payload = pickle.dumps(job)
        self._all = [self._started(index) for index in range(size)]

    @property
    def size(self) -> int:
        """Workers."""
        return len(self._all)

    def free(self) -> bool:
        """Whether one has nothing to do."""
        return any(not worker.busy for worker in self._all)

    def submit(self, units: Sequence[Unit]) -> _Worker:
        """Give units to one that has nothing to do."""
        worker = next(worker for worker in self._all if not worker.busy)
        worker.busy = True
        with suppress(OSError):  # it has died meanwhile: `result` finds out
            worker.pipe.send(units)
        return worker

    def ended(self, seconds: float) -> list[_Worker]:
        """Workers that have answered, or died while they played."""
        busy = [worker for worker in self._all if worker.busy]
        wait([one for worker in busy for one in (worker.pipe, worker.process.sentinel)], seconds)
        return [worker for worker in busy if worker.pipe.poll() or not worker.process.is_alive()]

    def result(self, handle: _Worker) -> list[Outcome]:
        """What a worker has answered."""
        try:
            if not handle.pipe.poll():
                raise EOFError
            found: list[Outcome] = handle.pipe.recv()
        except (EOFError, OSError):
            handle.process.join()
            code = handle.process.exitcode
            self._all[self._all.index(handle)] = self._started(self._all.index(handle))
            raise Died(_how(code)) from None
        handle.busy = False
        return found

    def moved(self) -> int:
        """Agent-ticks played since the last call."""
        now = sum(self._counts)
        moved, self._counted = now - self._counted, now
        return moved

    def halt(self) -> None:
        """Ask all to save and end."""
        self._halt.value = 1

    def close(self) -> None:
        """End all; those that play save first, if that does not take long."""
        self.halt()
        until = time.monotonic() + GRACE_SECONDS
        while (busy := [worker for worker in self._all if worker.busy]) and time.monotonic() < until:
            for worker in busy:
                if worker.pipe.poll(0.05) or not worker.process.is_alive():
                    worker.busy = False
        for worker in self._all:
            worker.pipe.close()
        for worker in self._all:
            worker.process.join(CLOSE_SECONDS)  # one that has nothing to do sees that its pipe is closed, and tidies up
            worker.process.kill()
            worker.process.join()

    def _started(self, index: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._payload, index, self._counts, self._halt), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        name = next((one.name for one in signal.Signals if one.value == -code), str(-code))
        return f"killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
    return f"it ended with exit code {code}"


# ---------------------------------------------------------------------- in the worker


def _work(pipe: Connection, payload: bytes, index: int, counts: Any, halt: Any) -> None:
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        signal.signal(number, signal.SIG_IGN)  # who started us hears it, and asks us to save

    def save(number: int, frame: object) -> None:
        halt.value = 1  # a batch system that ends a job sends SIGTERM to all of its processes

    signal.signal(signal.SIGTERM, save)
    threading.Thread(target=_leave_with_parent, daemon=True).start()

    def moved(agent_ticks: int) -> None:
        counts[index] += agent_ticks

    progress = Progress(moved=moved, stop=lambda: bool(halt.value))
    with tempfile.TemporaryDirectory(prefix="populace-") as scratch:
        player: Player | None = None
        while True:
            try:
                units: Sequence[Unit] = pipe.recv()
            except (EOFError, OSError):
                return
            try:
                player = player or player_of(pickle.loads(payload), Path(scratch))
            except Exception as error:
                pipe.send([not_begun(unit, error) for unit in units])
                continue
            pipe.send(played(player, units, progress))


def player_of(job: Job, scratch: Path) -> Player:
    """Who plays in a worker: into the run folder on a disk, or by way of a folder of this process's own."""
    if job.address is None:
        return Player(job)
    return Player(replace(job, folder=scratch), mirror=Mirror(scratch, Store(job.address)))


def played(player: Player, units: Sequence[Unit], progress: Progress) -> list[Outcome]:
    """How units ended, until one shows that the others could not be played either."""
    found: list[Outcome] = []
    for unit in units:
        if progress.stop():
            break
        found.append(player.attempt(unit, progress))
        if isinstance(found[-1], Failed) and found[-1].kind in ("limit", "storage"):
            break
    return found


def not_begun(unit: Unit, error: Exception) -> Failed:
    """What is said where a worker cannot even take what it is sent."""
    said = (
        f"a worker cannot read what it is sent ({type(error).__name__}: {error}): what the scenario names must be "
        "installed, or importable, where the workers are"
    )
    return Failed(unit.name, unit.cell.arm, "mistake", said, type(error).__name__)


def _leave_with_parent() -> None:
    """End this process when the one that started it is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        sys.stderr = None  # nobody listens any more
        os._exit(1)
