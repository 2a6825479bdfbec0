"""Opening files that a scenario or a user names: one check for all of them.

Only a regular file is opened, so that a pipe cannot block, a device cannot be read for ever, and a folder is told as
what it is; only so much is read, before and after decompression; and what lies outside a scenario's folder is read only
if the user's word covers it (`populace.trust`), links followed.
"""

import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from populace import trust
from populace.errors import PopulaceError, did_you_mean

SETTING = "POPULACE_MAX_FILE_MB"
"""Environment variable that holds the size limit, in megabytes of 10^6 bytes."""
MOST_MB = 1000.0
"""The size limit where nothing is set, before decompression and after it."""
PARSED = 10
"""Text that becomes Python objects (JSON, GraphML, templates) grows on the way; it may have the limit's tenth."""


class FileError(PopulaceError):
    """A file cannot be read: it is not there, no regular file, too large, or not of the expected kind."""


def limit() -> int:
    """The size limit in bytes.

    Raises:
        PopulaceError: The environment variable holds no number above 0.
    """
    given = os.environ.get(SETTING, "")
    try:
        megabytes = float(given) if given else MOST_MB
    except ValueError:
        megabytes = -1.0
    if not 0 < megabytes < 1e9:
        raise PopulaceError(f"{SETTING} is {given!r}; expected a number of megabytes above 0")
    return int(megabytes * 1e6)


def is_file(path: str | Path) -> bool:
    """Whether a regular file is there; False for what cannot be a path."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long a name, or a zero byte in it
        return False


def changed(path: str | Path) -> int:
    """When a file was last changed, so that what is kept of it is read anew; 0 where there is none."""
    return Path(path).stat().st_mtime_ns if str(path) and is_file(path) else 0


def opened(path: str | Path, *, own: bool = False, within: Path | None = None) -> BinaryIO:
    """A regular file, opened for reading.

    Args:
        path: The file.
        own: Whether the user named it themselves, so that it may lie anywhere.
        within: A folder that the user named, in which it must lie without any link on the way there; implies `own`.

    Raises:
        FileError: It is not there, no regular file, a link that may not be followed, or may not be read.
        NeedsWord: It lies outside the scenario's folder, and the user has not given their word.
    """
    try:
        real = Path(path) if own or within is not None else trust.current().demand_read(Path(path))
        kind = kind_of(os.stat(real).st_mode)
        if kind == "file" and within is not None and _linked(real, within):
            kind = "a link"
        if kind != "file":
            raise FileError(f"cannot read {path}: it is {kind}, not a regular file")
        # Between the two looks a file may be exchanged for a pipe, which must not block.
        handle = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        if kind_of(os.fstat(handle).st_mode) != "file":
            os.close(handle)
            raise FileError(f"cannot read {path}: it is not a regular file")
        return os.fdopen(handle, "rb")
    except FileNotFoundError:
        raise FileError(f"cannot read {path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {_short(path)}: {getattr(error, 'strerror', None) or error}") from None


def _short(path: str | Path) -> str:
    """A path in a message; of one that is longer than any file's, its ends."""
    text = str(path)
    return text if len(text) < 1000 else f"{text[:60]}...{text[-60:]}"


def kind_of(mode: int) -> str:
    """What a file's mode says that it is, with its article; a regular file is `file`."""
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFREG: "file",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _linked(path: Path, within: Path) -> bool:
    inner = os.path.relpath(os.path.abspath(path), os.path.abspath(within))
    return os.path.realpath(path) != os.path.join(os.path.realpath(within), inner)


def read(path: str | Path, *, most: int | None = None, own: bool = False, within: Path | None = None) -> bytes:
    """The bytes of a regular file; of one that ends in `.gz`, what it unpacks to.

    Args:
        path: The file.
        most: Bytes that it may have, packed and unpacked; None for `limit()`.
        own: See `opened`.
        within: See `opened`.

    Raises:
        FileError: It cannot be read, is too large, or is no whole gzip file.
        NeedsWord: See `opened`.
    """
    most = limit() if most is None else most
    with opened(path, own=own, within=within) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise FileError(_too_large(path, f"has {_mb(size)}", most))
            unpacked: Any = gzip.GzipFile(fileobj=file) if str(path).endswith(".gz") else file
            raw: bytes = unpacked.read(most + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            cut = " (it is cut off)" if isinstance(error, EOFError) else ""
            raise FileError(f"cannot read {path}: it is not a complete gzip file{cut}") from None
        except OSError as error:
            raise FileError(f"cannot read {path}: {error.strerror or error}") from None
    if len(raw) > most:
        raise FileError(_too_large(path, f"unpacks to more than {_mb(most)}", most))
    return raw


def check_size(path: str | Path, size: int) -> None:
    """Raise FileError where the `size` bytes that a file unpacks to are beyond the limit."""
    if size > limit():
        raise FileError(_too_large(path, f"unpacks to {_mb(size)}", limit()))


def _too_large(path: str | Path, what: str, most: int) -> str:
    return (
        f"{path} {what}, and at most {_mb(most)} are read; if this is the right file, raise the limit: "
        f"populace --max-file-mb N ..., or {SETTING}=N (MB of a table; other texts may have a tenth of it)"
    )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.3g} MB" if size < 1e8 else f"{size / 1e6:,.0f} MB"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write a file so that it is whole or absent: beside its place, to which it is moved at the end."""
    partial = path.with_name(path.name + ".part")
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def sha256(path: str | Path) -> str:
    """The SHA-256 of a regular file as it lies there, in hexadecimal.

    Raises:
        FileError: It cannot be read.
    """
    digest = hashlib.sha256()
    with opened(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def text(
    path: str | Path,
    *,
    encoding: str = "utf-8",
    most: int | None = None,
    own: bool = False,
    within: Path | None = None,
) -> str:
    """A text file; a byte-order mark says more than `encoding` does, and is left out.

    Args:
        path: The file.
        encoding: utf-8, utf-16, latin-1, cp1252, ...
        most: Bytes that it may have; None for a tenth of `limit()`.
        own: See `opened`.
        within: See `opened`.

    Raises:
        FileError: It cannot be read, is too large, or is no text of this encoding (with line and column).
        NeedsWord: See `opened`.
    """
    most = limit() // PARSED if most is None else most
    return decoded(read(path, most=most, own=own, within=within), path, encoding)


def decoded(raw: bytes, name: str | Path, encoding: str = "utf-8", remedy: str = "") -> str:
    """Bytes as text.

    Args:
        raw: The bytes.
        name: The file, for messages.
        encoding: Of what has no byte-order mark.
        remedy: What else may be done about bytes of another encoding.

    Raises:
        FileError: They are no text of this encoding.
    """
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32"}
    marks |= {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = next((found for mark, found in marks.items() if raw.startswith(mark)), encoding)
    if b"\0" in raw[:4096] and not encoding.startswith(("utf-16", "utf-32")):
        raise FileError(f"{name} is no text file: it holds zero bytes{remedy}")
    try:
        found = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise FileError(
            f"{name}:{line}:{column}: byte 0x{raw[error.start]:02x} is no {encoding.removesuffix('-sig').upper()} "
            f"text; save the file as UTF-8{remedy}"
        ) from None
    if "\0" in found:
        raise FileError(f"{name} is no text file: it holds zero bytes")
    return found


def named(path: str | Path, context: object = None, *, there: bool = True) -> Path:
    """A file that an option names, as a full path: what options' validators call with their `info.context`.

    Args:
        path: What the option says; a relative path starts at the context's `folder`, or else at the working folder.
        context: A mapping that may hold `folder`, or anything else.
        there: Whether a missing file raises here; otherwise the code that reads it raises.

    Raises:
        ValueError: There is no such file, it is not a regular one, or the user's word is needed to read it.
    """
    folder = context.get("folder") if isinstance(context, dict) else None
    full = Path(folder) / path if folder is not None else Path(path)
    try:
        trust.current().demand_read(full)
        kind = kind_of(full.stat().st_mode)
    except FileNotFoundError:
        if not there:
            return full
        raise ValueError(f"there is no file {full}; a relative path is taken from the scenario file's folder") from None
    except PopulaceError as error:
        raise ValueError(str(error)) from None
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {_short(full)}: {getattr(error, 'strerror', None) or error}") from None
    if kind != "file":
        raise ValueError(f"{full} is {kind}, not a regular file")
    return full


def word_or_file(given: str, words: Iterable[str], context: object = None) -> str:
    """What an option says that takes one of some words or a file: the word, or the file's full path.

    Raises:
        ValueError: It is almost a word and no file, or the file may not be read.
    """
    if given in (known := tuple(words)):
        return given
    found = named(given, context, there=False)
    if not is_file(found) and "did you mean" in (near := did_you_mean(given, known)):
        raise ValueError(f"{given!r} is neither a file nor one of {', '.join(known)}{near}")
    return str(found)


def name_or_folder(given: str) -> str:
    """What an option says that takes a folder (a model's) or a name: as it stands; a folder must be one to be read.

    Raises:
        ValueError: The user's word is needed to read the folder.
    """
    try:
        if Path(given).is_dir():
            trust.current().demand_read(Path(given))
    except PopulaceError as error:
        raise ValueError(str(error)) from None
    except (OSError, ValueError):  # too long a name, or a zero byte in it
        pass
    return given
