"""Files to which lines are appended while a run plays: one JSON object per line, each with a checksum of its own.

A line that a killed process left unfinished is no damage: whoever writes next marks it as cut off, and it is passed
over. Lines without a checksum, as older versions and people write them, are read as they stand where they come before
all others; after a line that has one, every line must have one that fits.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from populace.errors import RunError

CHECK = "check"
"""The last entry of a line: a BLAKE2b of 64 bits of the bytes before it, in hexadecimal."""
LONGEST = 64 << 20
"""Bytes of one line at most."""
_BEFORE = f', "{CHECK}": "'.encode()
_SEAL = re.compile(re.escape(_BEFORE) + rb'([0-9a-f]{16})"\}\Z')
_LENGTH = len(_BEFORE) + 16 + len(b'"}')
_CUT = b" (cut off)"


def sealed(held: Mapping[str, object]) -> bytes:
    """An object that has at least one entry as a line, with its checksum."""
    content = json.dumps(held, ensure_ascii=False).encode()
    return content[:-1] + _BEFORE + _sum(content[:-1]) + b'"}\n'


def after_a_cut(file: BinaryIO) -> None:
    """End a last line that was cut off, and mark it as such, in a file opened with `a+b`."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(_CUT + b"\n")


class Lines:
    """A file of lines, read from where the last look ended.

    Args:
        path: The file; it need not be there.
        opened: Opens it for reading, if it may be read.
        remedy: What to do about a line that is damaged, for messages.
        cut: Whether a line without a checksum that is no JSON may be one that an older version left unfinished.

    Attributes:
        number: Of the line that was read last, from 1 on.
        offset: Byte at which the next look begins.
    """

    def __init__(self, path: Path, opened: Callable[[Path], BinaryIO], remedy: str, *, cut: bool) -> None:
        self.path, self.number, self.offset = path, 0, 0
        self._opened, self._remedy, self._cut, self._sealed = opened, remedy, cut, False

    @property
    def place(self) -> str:
        """Where the line that was read last stands."""
        return f"{self.path}:{self.number}"

    def fresh(self) -> Iterator[dict[str, Any]]:
        """What was written since the last look, without checksums; a last line that has not ended is left for later.

        Raises:
            RunError: A line was changed or damaged after it was written, or is longer than any that is written.
        """
        if not self.path.exists():
            return
        with self._opened(self.path) as file:
            if os.fstat(file.fileno()).st_size <= self.offset:
                return
            file.seek(self.offset)
            while (line := file.readline(LONGEST)).endswith(b"\n"):
                self.number += 1
                held = self._read(line.rstrip(b"\r\n"))
                if held is not None:
                    yield held
                self.offset += len(line)
            if len(line) == LONGEST:
                self.number += 1
                raise self.damaged(f"is longer than {LONGEST >> 20} MB")

    def damaged(self, why: str) -> RunError:
        """What is said of the line that was read last."""
        return RunError(f"{self.place} {why}; {self._remedy}")

    def _read(self, line: bytes) -> dict[str, Any] | None:
        """What a line holds; None for one that was cut off, and for an empty one."""
        if line.endswith(_CUT) or not line.strip():
            return None
        seal = _SEAL.search(line)
        if seal is None and self._sealed:
            raise self.damaged("has no checksum, as the lines before it have: it was changed, or written by hand")
        if seal is not None and _sum(line[: seal.start()]) != seal.group(1):
            raise self.damaged("was changed or damaged after it was written: its checksum does not fit")
        try:
            held = json.loads(line)
        except (ValueError, RecursionError):
            held = None
        if seal is None and (_was_sealed(line) or (isinstance(held, dict) and CHECK in held)):
            raise self.damaged("was changed or damaged after it was written: its checksum cannot be read")
        if not isinstance(held, dict):
            if seal is None and self._cut and not line.endswith(b"}"):
                return None
            raise self.damaged("holds no JSON object")
        self._sealed = seal is not None
        held.pop(CHECK, None)
        return held


def _sum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=8).hexdigest().encode()


def _was_sealed(line: bytes) -> bool:
    """Whether a line ends almost as one with a checksum does: that may have been damaged too."""
    found = line[-_LENGTH:][: len(_BEFORE)]
    return _BEFORE in line or sum(a == b for a, b in zip(found, _BEFORE, strict=False)) > len(_BEFORE) - 4
