"""Writes what is made of runs: whole or not at all, through no link, and never in the place of something else."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from populace.errors import RunError
from populace.files import FileError, opened

BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    ".html": (b"<!doctype html",),
    ".htm": (b"<!doctype html",),
    ".jsonl": (b'{"messages"', b'{"text"'),
    ".pdf": (b"%pdf-",),
    ".png": (b"\x89png\r\n",),
    ".svg": (b"<?xml", b"<svg"),
}
"""Ending of a file's name -> how such files begin, in lower case."""

PAGE, FIGURE = (".html", ".htm"), (".pdf", ".svg", ".png")


def check_target(target: Path, what: str, endings: tuple[str, ...]) -> None:
    """Refuse a file that must not be written, or whose place must not be taken: a table of a run, a link, a folder.

    Args:
        target: The file.
        what: What is written, for messages: `a report`.
        endings: What its name may end in.

    Raises:
        RunError: It is a link, no file, of another kind than its name says, or not called like one.
    """
    if target.is_symlink():
        raise RunError(f"{target} is a link, and {what} is not written through one: name another file")
    ending = target.suffix.lower()
    if ending not in endings:
        known = " or ".join(end for end in endings if end != ".htm")
        raise RunError(f"{what} is written to a file that ends in {known}, not to {target.name}: name another file")
    if not target.exists():
        return
    try:
        with opened(target, own=True) as file:
            same = file.read(200).lstrip(b" \t\r\n").lower().startswith(BEGINNINGS[ending])
    except FileError as error:
        raise RunError(f"{what} cannot be written to {target}: {error}") from None
    if not same:
        raise RunError(
            f"{target} is there and holds something else than its name says: {what} does not take its place; name "
            "another file"
        )


def write(target: Path, content: bytes, what: str) -> Path:
    """Write a file that `check_target` has passed; a file of a new name is moved into its place.

    Raises:
        RunError: It cannot be written.
    """
    name = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("wb", dir=target.parent, suffix=".part", delete=False) as part:
            name = part.name
            part.write(content)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise RunError(f"{what} cannot be written to {target}: {error.strerror or error}") from error
    return target


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
