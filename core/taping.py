"""Which unit of a run is being played, for tapes: units that are played side by side write a tape each.

While one process plays all units, they share a tape, and what one has asked another is not asked again. Where several
processes play, which of them asks first would be a matter of chance; so a unit then has a tape of its own beside the
one that was there when the run began, and its replies stay its own when these are joined and played again.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

FOLDER = "tapes"
"""Of a run folder: where units that are played side by side write down what they were told."""


@dataclass(frozen=True)
class Unit:
    """What is being played.

    Attributes:
        name: The unit's name.
        folder: The run folder, where the unit has a tape of its own; None where all write on one.
    """

    name: str
    folder: Path | None = None

    def tape(self, whole: Path) -> Path | None:
        """This unit's own tape beside `whole`, if it has one."""
        return None if self.folder is None else self.folder / FOLDER / f"{prefix(whole)}-{self.name}.jsonl"


def prefix(whole: Path) -> str:
    """How the names of the units' tapes begin: tapes of one name in two folders are told apart."""
    place = hashlib.sha256(os.path.realpath(whole).encode()).hexdigest()[:12]
    return f"tape-{place}"


_playing: ContextVar[Unit | None] = ContextVar("populace_unit", default=None)


def current() -> Unit | None:
    """The unit that is being played, if any is."""
    return _playing.get()


@contextmanager
def playing(unit: Unit) -> Iterator[None]:
    """Within this block this unit is being played."""
    token = _playing.set(unit)
    try:
        yield
    finally:
        _playing.reset(token)
