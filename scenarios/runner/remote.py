"""Runs whose folder is at an address of an object store, such as `s3://bucket/run`.

This process keeps the small files of the run (its scenario, run.json, marks) on a disk while it lasts; workers put what
they have played at the address themselves. Whatever ends this process, what was put there can be resumed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from populace.errors import PopulaceError, RunError
from populace.folder import read_info
from populace.scenarios.runner.executors import SERIAL, Choice
from populace.scenarios.runner.play import resume, run
from populace.scenarios.runner.watching import Progress
from populace.scenarios.schema import Scenario
from populace.store import LOCK, Mirror, Store, held, scratch


def run_at(
    address: str,
    scenario: Scenario,
    *,
    device: str = "cpu",
    batch: int | None = None,
    threads: int | None = None,
    arithmetic: str | None = None,
    progress: Progress | None = None,
    executor: Choice = SERIAL,
) -> str:
    """Run every arm of a scenario into a run folder at an address, which is returned; else as `play.run`.

    Raises:
        RunError: There is something at the address, or it cannot be reached.
    """
    store = Store(address)
    with held(store), _copy(store) as folder:
        if there := [name for name in store.names() if name != LOCK]:
            what = f", or go on with what is there: populace resume {address}" if "run.json" in there else ""
            raise RunError(f"{store.address} holds something already: name another --out{what}")
        run(
            scenario,
            folder,
            device=device,
            batch=batch,
            threads=threads,
            arithmetic=arithmetic,
            progress=progress,
            executor=executor,
            mirror=Mirror(folder, store),
        )
    return store.address


def resume_at(
    address: str,
    *,
    sets: Sequence[str] = (),
    device: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Choice = SERIAL,
    only: Sequence[str] = (),
) -> str:
    """Go on with an interrupted run at an address, as `play.resume`; a dead driver's hold on it is taken over."""
    store = Store(address)
    with held(store), _copy(store) as folder:
        mirror = Mirror(folder, store)
        _fetch(mirror)
        resume(
            folder,
            sets=sets,
            device=device,
            threads=threads,
            progress=progress,
            executor=executor,
            only=only,
            mirror=mirror,
        )
    return store.address


def _fetch(mirror: Mirror) -> None:
    names = mirror.store.names()
    if "run.json" not in names:
        raise RunError(f"{mirror.store.address} is no run folder: it holds no run.json")
    for name in names:
        # States and increments are fetched by who plays their unit; finished parts are checked here.
        if "/" not in name and name != LOCK and not name.endswith(".parquet"):
            mirror.pull(name)
    read_info(mirror.folder)
    mirror.pull_finished()


@contextmanager
def _copy(store: Store) -> Iterator[Path]:
    """A folder of this process's own, which errors do not name: the user knows the address."""
    with scratch() as folder:
        try:
            yield folder
        except PopulaceError as error:
            error.args = tuple(str(part).replace(str(folder), store.address) for part in error.args)
            raise
