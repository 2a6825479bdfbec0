"""What the system may refuse while a run is played: space, the folder itself, memory, threads."""

import errno
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from populace.errors import PopulaceError, RunError
from populace.folder import write_info
from populace.memory import size
from populace.store import Mirror, StoreError

RESERVE = ".reserve"
"""A file that holds some space free, so that run.json can be written when there is none left."""
_LEAST = 1 << 16
_FULL = {errno.ENOSPC, errno.EDQUOT}
THREADS_A_PROCESSOR = 4
"""Threads that may be asked for, for each processor; more only wait for one another."""


def check_threads(threads: int | None) -> None:
    """Raise PopulaceError where more threads are asked for than can be of use."""
    processors = os.cpu_count() or 1
    most = THREADS_A_PROCESSOR * processors
    if threads is not None and threads > most:
        raise PopulaceError(
            f"--threads {threads:,}: at most {most} ({THREADS_A_PROCESSOR} for each of the {processors} processors "
            "here) are of any use; leave it out for as many as there are processors"
        )


def reserve(folder: Path, info: Mapping[str, object]) -> None:
    """Keep space for the last words of a run.

    Raises:
        OSError: There is not even so much.
    """
    most = max(_LEAST, 2 * len(json.dumps(info)))
    (folder / RESERVE).write_bytes(os.urandom(most))  # bytes that no file system can pack


def last_words(folder: Path, info: Mapping[str, object], mirror: Mirror | None = None) -> None:
    """Write run.json, with the space that was reserved where there is no other; where the folder is gone, nothing."""
    with suppress(OSError):
        (folder / RESERVE).unlink()
    with suppress(OSError):
        write_info(folder, info)
        if mirror is not None:
            mirror.push_last()


def refused(error: BaseException, folder: Path) -> RunError | None:
    """What to say of an error of the system about the run folder; None for any other error."""
    if not isinstance(error, OSError):
        return None
    if isinstance(error, StoreError):
        return RunError(str(error))
    said = error.strerror or str(error)
    if not folder.is_dir():
        return RunError(f"the run folder {folder} is gone: it was moved or deleted while the run wrote to it ({said})")
    with suppress(OSError):
        left = shutil.disk_usage(folder).free
        limit = "" if error.errno not in _FULL else "; each save needs twice its size on the disk"
        return RunError(
            f"cannot write to {folder}: {said} ({size(left)} are left on its disk{limit}). What was saved before is "
            f"kept: make room (or record less in a new run: record.every, record.users), and go on with: "
            f"populace resume {folder}"
        )
    return RunError(f"cannot write to {folder}: {said}; solve this, and go on with: populace resume {folder}")
