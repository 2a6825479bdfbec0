"""Plays units as tasks of a Ray cluster: one that is started for this run on this machine, or one that stands.

Ray, its actors and its tasks are `Any` in the annotations: the library is optional, and its remote calls have no types.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from populace.budget import Budget, Limit
from populace.builder import Built
from populace.errors import MissingExtra, RunError
from populace.scenarios.runner.executors.fleet import Died, drive
from populace.scenarios.runner.executors.processes import begun, not_begun, played, player_of
from populace.scenarios.runner.executors.sharing import KeptElsewhere, Lent
from populace.scenarios.runner.plan import Unit
from populace.scenarios.runner.spending import FolderAccount
from populace.scenarios.runner.unit import Job, Outcome, Player
from populace.scenarios.runner.watching import Progress

OBJECT_STORE = 200 << 20
"""Bytes of Ray's object store where we start it: rows never travel through it."""


class OnRay:
    """An executor.

    Args:
        workers: Units played at a time; None for as many as the cluster has processors.
        address: The cluster's address, `auto` for one that runs on this machine; None starts one for this run.
    """

    def __init__(self, workers: int | None, address: str | None) -> None:
        self.workers, self.address = workers, address

    def __call__(
        self, job: Job, built: dict[str, Built], todo: Sequence[Unit], progress: Progress
    ) -> Generator[Outcome, None, None]:
        """See `Executor`.

        Raises:
            MissingExtra: Ray is not installed.
            RunError: The cluster cannot be reached.
        """
        if (job.address or "").startswith("memory:"):
            raise RunError("a store in memory cannot be seen from other processes; use the executor serial there")
        ray = imported()
        begun(built, todo, progress)
        with ExitStack() as stack:
            # Ray's lines belong on standard error: a command's own result is on standard output.
            stack.enter_context(_to_stderr())
            stack.enter_context(connected(ray, self.address, self.workers or os.cpu_count() or 1))
            size = min(self.workers or int(ray.cluster_resources().get("CPU", 1)), len(todo))
            budget = stack.enter_context(lent(ray, job.budget))
            tasks = _Tasks(ray, job.for_workers(budget), size)
            try:
                yield from drive(tasks, None if job.address else job.folder, todo, progress)
            finally:
                tasks.close()


def imported() -> Any:
    """Ray.

    Raises:
        MissingExtra: It is not installed.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise MissingExtra("the executor ray", "ray", "ray") from None
    return ray


@contextmanager
def connected(ray: Any, address: str | None, workers: int) -> Iterator[None]:
    """Within this block Ray is connected: to the cluster that a program has connected to already, to the one at
    `address`, or to one that is started here and stopped at the end. Without an address no other cluster is joined.

    Raises:
        RunError: There is none at the address.
    """
    if ray.is_initialized():
        yield
        return
    quiet = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False, "logging_level": "error"}
    here = {"num_cpus": workers, "object_store_memory": OBJECT_STORE, **quiet}
    try:
        if address in (None, "local"):
            ray.init(address="local", **here)
        else:
            ray.init(address=address, log_to_driver=False, configure_logging=False, logging_level="error")
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = "here" if address is None else f"at {address}"
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise RunError(f"no Ray cluster {where}: {said}; start one with: ray start --head") from error
    try:
        yield
    finally:
        ray.shutdown()


class _Tasks:
    """A fleet of Ray tasks, one processor each."""

    def __init__(self, ray: Any, job: Job, size: int) -> None:
        self._ray, self._job, self._size, self._running = ray, ray.put((job, _here())), size, set[Any]()
        needs = {"num_gpus": 1} if job.device.startswith("cuda") else {}
        # Of the estimate no more is asked for than there is for each worker: what can never be had would wait for ever.
        there = int(ray.cluster_resources().get("memory", 0)) // size
        needs |= {"memory": min(job.unit_bytes, there)} if there and job.unit_bytes else {}
        self._task = ray.remote(num_cpus=1, max_retries=0, **needs)(_task)
        self._moved = 0

    @property
    def size(self) -> int:
        """Tasks at a time."""
        return self._size

    def free(self) -> bool:
        """Whether another task may be given out."""
        return len(self._running) < self._size

    def submit(self, units: Sequence[Unit]) -> Any:
        """Give units out as a task."""
        handle = self._task.remote(self._job, list(units))
        self._running.add(handle)
        return handle

    def ended(self, seconds: float) -> list[Any]:
        """Tasks that have ended."""
        if not self._running:
            return []
        found, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return list(found)

    def result(self, handle: Any) -> list[Outcome]:
        """How a task's units ended."""
        self._running.discard(handle)
        errors = self._ray.exceptions
        try:
            found, moved = self._ray.get(handle)
        except errors.TaskCancelledError:
            return []
        except errors.RayTaskError as error:
            raise RunError(f"a task cannot be played on the Ray cluster: {_last(error)}") from error
        except errors.RayError as error:
            raise Died(f"{type(error).__name__}: {_last(error)}") from error
        self._moved += moved
        return list(found)

    def moved(self) -> int:
        """Agent-ticks of the tasks that ended since the last call."""
        moved, self._moved = self._moved, 0
        return moved

    def halt(self) -> None:
        """Interrupt all tasks: each saves what it has played."""
        for handle in self._running:
            with contextlib.suppress(Exception):
                self._ray.cancel(handle)

    def close(self) -> None:
        """End all, giving them some seconds to save."""
        self.halt()
        if self._running:
            self._ray.wait(list(self._running), num_returns=len(self._running), timeout=10)
            for handle in self._running:
                with contextlib.suppress(Exception):
                    self._ray.cancel(handle, force=True)


def _last(error: BaseException) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


def _here() -> Mapping[str, Any]:
    """What a worker needs of this process: where relative names start, and where modules are found."""
    return {"folder": os.getcwd(), "path": [entry for entry in sys.path if entry and os.path.isabs(entry)]}


# ---------------------------------------------------------------------- in the worker

_players: dict[str, Player] = {}
_scratch: list[tempfile.TemporaryDirectory[str]] = []
"""Folders of this worker's own, deleted when it ends."""


def _task(sent: tuple[Job, Mapping[str, Any]], units: Sequence[Unit]) -> tuple[list[Outcome], int]:
    job, here = sent
    with contextlib.suppress(OSError):  # another machine may not have it
        os.chdir(here["folder"])
    sys.path.extend(entry for entry in here["path"] if entry not in sys.path and os.path.isdir(entry))
    moved: list[int] = []
    try:
        key = repr((job.folder, job.address, job.scenario.name))
        if key not in _players:
            if job.address is None and not job.folder.is_dir():
                raise RunError(
                    f"the run folder {job.folder} is not there on {os.uname().nodename}: on several machines it must "
                    "lie on a file system that all of them share, or at an address, such as --out s3://BUCKET/RUN"
                )
            _players.clear()
            _scratch.append(tempfile.TemporaryDirectory(prefix="populace-"))
            _players[key] = player_of(job, Path(_scratch[-1].name))
    except Exception as error:
        return [not_begun(unit, error) for unit in units], 0
    try:
        found = played(_players[key], units, Progress(moved=moved.append))
    except KeyboardInterrupt:
        found = []
    return found, sum(moved)


class FromActor(KeptElsewhere):
    """A budget that a Ray actor keeps.

    Args:
        actor: Its handle.
        limit: Of the run as a whole.
    """

    def __init__(self, actor: Any, limit: Limit) -> None:
        super().__init__(limit)
        self._actor = actor

    def _ask(self, method: str, *args: object) -> Any:
        return imported().get(getattr(self._actor, method).remote(*args))


@contextmanager
def lent(ray: Any, budget: Budget) -> Iterator[Budget]:
    """Within this block the budget is kept by an actor on this machine, which writes what is spent into the folder."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    beside = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=beside)(Lent).remote(budget)
    try:
        yield FromActor(actor, budget.limit)
    finally:
        if isinstance(budget, FolderAccount):
            budget.reread()
        with contextlib.suppress(Exception):
            ray.kill(actor)


@contextmanager
def _to_stderr() -> Iterator[None]:
    """Within this block, what is written to standard output by libraries goes to standard error."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:
        yield
        return
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
