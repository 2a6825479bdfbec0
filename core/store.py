"""Run folders at an address, such as `s3://bucket/run`: whole objects, put in one request or not at all.

A process writes its part of a run on a disk, in the same files as ever, and a `Mirror` puts them where the run folder
is: parts first and their mark last, so that what is marked is there. Objects are never opened for writing, because a
writer that dies would leave half of one. A lock holds its owner and the time of its last sign of life, so that what a
killed process held can be taken over.
"""

import json
import os
import re
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from populace.errors import MissingExtra, RunError
from populace.folder import is_of

LOCK = "lock.json"
"""Who writes to the run folder at an address."""
BEAT_SECONDS = 10.0
"""Seconds between two signs of life of the process that holds a lock."""
STALE_SECONDS = 60.0
"""Time without a sign of life after which a lock is taken over. Clocks of two machines may differ by less than that."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""Parts of the names of files in a run folder."""
_EXTRAS = {"s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"), "gs": ("gcsfs", "gs"), "gcs": ("gcsfs", "gs")}


def is_address(place: object) -> bool:
    """Whether a place is an address of an object store, and not a folder on a disk."""
    return isinstance(place, str) and "://" in place and not place.startswith("file://")


class Store:
    """The objects below an address.

    Args:
        address: Such as `s3://bucket/folder`; what fsspec knows.

    Raises:
        MissingExtra: The package for this kind of store is not installed.
        RunError: The address is none, or there is no such store.
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        scheme = address.partition("://")[0]
        try:
            import fsspec

            self._fs, self._root = fsspec.core.url_to_fs(self.address, use_listings_cache=False)
        except ImportError as error:
            package, extra = _EXTRAS.get(scheme, (error.name or scheme, scheme))
            raise MissingExtra(f"a run folder at {scheme}://", package, extra) from None
        except (ValueError, TypeError) as error:
            raise RunError(
                f"{address} is no address of a store: {error}; expected one such as s3://BUCKET/RUN"
            ) from None
        self._fs.invalidate_cache()

    def put(self, name: str, content: bytes) -> None:
        """Put an object, whole, in the place of one that may be there."""
        with self._asked(f"write {name}"):
            self._fs.pipe_file(self._path(name), content)

    def put_file(self, name: str, path: Path) -> None:
        """Put a file as an object, whole; files above the store's limit for one request go up in several, and the
        object appears when all of them are there.
        """
        with self._asked(f"write {name}"):
            self._fs.put_file(str(path), self._path(name))

    def create(self, name: str, content: bytes) -> bool:
        """Put an object unless there is one of that name; False if there is."""
        with self._asked(f"write {name}"):
            try:
                self._fs.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
            return True

    def get(self, name: str) -> bytes | None:
        """An object's content, or None where there is none."""
        with self._asked(f"read {name}"):
            try:
                found: bytes = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
            return found

    def get_file(self, name: str, path: Path) -> None:
        """Fetch an object into a file, which is whole or absent."""
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._asked(f"read {name}"):
            self._fs.get_file(self._path(name), str(partial))
        partial.replace(path)

    def names(self, folder: str = "") -> list[str]:
        """Names of the objects below a folder, relative to the address, in alphabetical order."""
        with self._asked("list it"):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._path(folder) if folder else self._root)
            except FileNotFoundError:
                return []
        root = self._fs._strip_protocol(self._root).rstrip("/") + "/"
        names = sorted(str(name).removeprefix(root) for name in found)
        for name in names:
            # They become names of files here, and the store may be a stranger's.
            if not all(_PART.fullmatch(part) for part in name.split("/")):
                raise RunError(f"{self.address} holds an object whose name no run folder has: {name!r}; delete it")
        return names

    def drop(self, names: Sequence[str]) -> None:
        """Delete objects; those that are not there are passed over."""
        if names:
            with self._asked(f"delete {names[0]}"), suppress(FileNotFoundError):
                self._fs.rm([self._path(name) for name in names])

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Errors of the store's library, whatever their class, end as ours: what was tried, where, and what to do."""
        try:
            yield
        except (RunError, FileExistsError, FileNotFoundError, KeyboardInterrupt):
            raise
        except Exception as error:
            said = str(error) or type(error).__name__
            raise StoreError(
                f"cannot {what} at {self.address}: {said}; see that the store can be reached and that you may write "
                f"there. What was put there before is kept: go on with: populace resume {self.address}"
            ) from error


class StoreError(OSError):
    """An object store refuses what is asked of it, as a full disk does."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class Mirror:
    """A folder on a disk whose files are put at an address, unit by unit.

    Args:
        folder: The folder on the disk, of this process alone.
        store: Where the run folder is.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store
        self._put: dict[str, tuple[int, int]] = {}

    def push(self, name: str) -> None:
        """Put one file, if it has changed since."""
        path = self.folder / name
        seen = path.stat()
        if self._put.get(name) != (seen.st_mtime_ns, seen.st_size):
            self.store.put_file(name, path)
            self._put[name] = (seen.st_mtime_ns, seen.st_size)

    def push_unit(self, unit: str) -> None:
        """Put what a unit has written: tables and state, then its note or mark; then drop what they replace."""
        here = self._names(unit)
        for name in sorted(here, key=lambda name: name.endswith(".json")):
            self.push(name)
        gone = sorted({name for name in self._put if _of(name, unit)} - here)
        self.store.drop(gone)
        for name in gone:
            del self._put[name]

    def pull_unit(self, unit: str) -> None:
        """Fetch what a unit saved before, to go on from it."""
        for folder in ("parts", "state", "tapes"):
            for name in self.store.names(folder):
                if _of(name, unit):
                    self.pull(name)

    def pull_finished(self) -> None:
        """Fetch the marks, parts and tapes of finished units, to be joined."""
        for name in self.store.names():
            if name.startswith(("done/", "parts/", "tapes/")) and not self._same(name):
                self.pull(name)

    def push_last(self) -> None:
        """Put what stands in the folder itself, run.json last, as it says what the others are."""
        names = sorted((p.name for p in self.folder.iterdir() if p.is_file()), key=lambda name: name == "run.json")
        for name in names:
            if not name.startswith(".") and not name.endswith(".part"):
                self.push(name)

    def tidy(self) -> None:
        """Drop what finished units wrote, when it is joined."""
        folders = ("done/", "parts/", "state/", "tapes/", "failed/")
        self.store.drop([name for name in self.store.names() if name.startswith(folders)])

    def _same(self, name: str) -> bool:
        """Whether the file here is what was put or fetched under this name."""
        path = self.folder / name
        return path.is_file() and self._put.get(name) == (path.stat().st_mtime_ns, path.stat().st_size)

    def pull(self, name: str) -> None:
        """Fetch one file."""
        path = self.folder / name
        self.store.get_file(name, path)
        seen = path.stat()
        self._put[name] = (seen.st_mtime_ns, seen.st_size)

    def _names(self, unit: str) -> set[str]:
        found = set()
        for folder in ("parts", "state", "done", "tapes"):
            for path in (self.folder / folder).glob("*"):
                name = f"{folder}/{path.name}"
                if _of(name, unit) and not path.name.endswith(".part"):
                    found.add(name)
        return found


def _of(name: str, unit: str) -> bool:
    return is_of(name.rpartition("/")[2], unit)


@contextmanager
def held(store: Store) -> Iterator[None]:
    """Hold the run folder at an address: nobody else may write to it meanwhile, unless no sign of life came for long.

    Raises:
        RunError: Another process holds it.
    """
    me = {"owner": f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"}

    def beat() -> bytes:
        return json.dumps({**me, "beat": time.time()}).encode()

    if not store.create(LOCK, beat()):
        other = _lock(store)
        since = time.time() - float(other.get("beat", 0))
        if other and since < STALE_SECONDS:
            raise RunError(
                f"{store.address} is being written by another process ({other.get('owner')}); wait for it, or stop it. "
                f"If it is dead, its hold ends after {STALE_SECONDS:.0f} s: try again in {STALE_SECONDS - since:.0f} s"
            )
        store.put(LOCK, beat())
        if _lock(store).get("owner") != me["owner"]:
            raise RunError(f"{store.address} was taken over by another process at the same moment; try again")
    over = threading.Event()

    def keep() -> None:
        while not over.wait(BEAT_SECONDS):
            with suppress(OSError):
                store.put(LOCK, beat())

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join(timeout=BEAT_SECONDS)
        with suppress(OSError):
            if _lock(store).get("owner") == me["owner"]:
                store.drop([LOCK])


def _lock(store: Store) -> dict[str, Any]:
    try:
        found = json.loads(store.get(LOCK) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def local(place: str | Path) -> Path:
    """A run folder on a disk: the one that is named, or a copy of the one at an address (`fetched`)."""
    return fetched(str(place)) if is_address(place) else Path(place)


def fetched(address: str) -> Path:
    """A copy of a run folder at an address, of all but saved states, kept until this process ends.

    Raises:
        RunError: There is no run folder at the address.
    """
    store = Store(address)
    names = [name for name in store.names() if not name.startswith("state/") and name != LOCK]
    if "run.json" not in names:
        raise RunError(f"there is no run folder at {store.address}: it holds no run.json")
    kept = tempfile.TemporaryDirectory(prefix="populace-")
    _kept.append(kept)
    folder = Path(kept.name) / (store.address.rpartition("/")[2] or "run")
    mirror = Mirror(folder, store)
    for name in names:
        mirror.pull(name)
    return folder


_kept: list[tempfile.TemporaryDirectory[str]] = []
"""Copies of run folders; each is deleted when this process ends."""


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for this process's copy of what it writes, deleted at the end; where TMPDIR says, else the system's."""
    with tempfile.TemporaryDirectory(prefix="populace-") as folder:
        yield Path(folder)
