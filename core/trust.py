"""The user's word: what a file from a stranger may do only when the user has said so.

The user's own word is what stands in `--set`, in another option of the command line, in an argument given in Python, in
the environment, or in the user's configuration folder. What stands in a scenario file, in the parents that it extends,
or in a run folder is a stranger's, whoever wrote it; the installed library scenarios are the exception. A stranger's
file needs the user's word for three things, one `Need` each:

- `code`: importing `module:attribute` from outside installed packages (`populace.imports` says what is installed);
- `read`: reading a file outside the scenario's own folder;
- `key`: sending an environment variable to a server. `--trust` does not cover keys.

While a scenario is read, built and played, a `Word` is current; who is about to do one of the three demands it there.
Outside any scenario the caller is Python code, and nothing is refused. What was granted is remembered by the SHA-256 of
the scenario's content (and of the code) in the user's configuration folder, never in the run folder, which a stranger
may have written.
"""

import hashlib
import json
import os
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from populace.errors import PopulaceError

UNHEARD = "needs your word"
"""Stands in the text of every `NeedsWord`, so that it is recognised inside another error's text."""

_FORMAT = 1


@dataclass(frozen=True, order=True)
class Need:
    """One thing that needs the user's word.

    Attributes:
        kind: `code`, `read` or `key`.
        what: `module:attribute`, a resolved absolute path, or `host VARIABLE`.
        digest: SHA-256 of the code, so that changed code needs the word anew; "" for the other kinds.
        about: For people: the files that hold the code.
    """

    kind: Literal["code", "read", "key"]
    what: str
    digest: str = ""
    about: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.kind == "code":
            return f"run the code of {self.what!r}" + (f" ({self.about})" if self.about else "")
        if self.kind == "read":
            return f"read {self.what!r}, which lies outside the scenario's folder"
        host, _, variable = self.what.partition(" ")
        return f"send the environment variable {variable} to {host}"


class NeedsWord(PopulaceError):
    """A stranger's file asks for what needs the user's word.

    Args:
        needs: What for.
    """

    def __init__(self, needs: Iterable[Need]) -> None:
        self.needs = tuple(sorted(set(needs)))
        listed = "; ".join(map(str, self.needs))
        super().__init__(f"this {UNHEARD}: to {listed}{_remedy(self.needs)}")


def _remedy(needs: Sequence[Need]) -> str:
    kinds = {need.kind for need in needs}
    ways = []
    if "code" in kinds:
        ways.append("if you know who wrote this code, and what it does, say --trust")
    if "read" in kinds:
        ways.append("allow a folder to be read with --allow DIR" + ("" if "code" in kinds else ", or say --trust"))
    if "key" in kinds:
        ways.append(
            "a file cannot send keys: name the variable yourself with --set ...key_env=VARIABLE, with the environment "
            "variable POPULACE_KEYS=HOST=VARIABLE, or under [keys] in config.toml of your configuration folder"
        )
    return "".join(f"; {way}" for way in ways)


@dataclass
class Word:
    """What the user has said about what is being read; as it is made, the word of a Python caller: all is allowed.

    Attributes:
        code: Whether any code may be imported.
        read: Whether any file may be read.
        keys: Whether any variable may be sent where the options say.
        given: What else is allowed.
        named: Texts that the user gave: targets of code, and paths as written, that are allowed for that.
        roots: Folders below which files may be read: the scenario's own first, then those of `--allow`.
        folders: Where code outside installed packages is looked for, in this order.
        met: What was needed so far, and allowed; a run records it, so that resuming it needs no second word.
        lacks: What was needed so far, and refused.
    """

    code: bool = True
    read: bool = True
    keys: bool = True
    given: frozenset[Need] = frozenset()
    named: frozenset[str] = frozenset()
    roots: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    met: set[Need] = field(default_factory=set, compare=False)
    lacks: set[Need] = field(default_factory=set, compare=False)

    def allows(self, need: Need) -> bool:
        """Whether the user's word covers this; what is asked here is kept in `met` or `lacks`."""
        whole = {"code": self.code, "read": self.read, "key": self.keys}[need.kind]
        allowed = whole or need in self.given or need.what in self.named
        (self.met if allowed else self.lacks).add(need)
        return allowed

    def demand(self, need: Need) -> None:
        """Raise NeedsWord unless the user's word covers this."""
        if not self.allows(need):
            raise NeedsWord([need])

    def demand_read(self, path: Path) -> Path:
        """The path with all links followed, which may be read; open that one, not the one given.

        Raises:
            NeedsWord: It lies outside the folders that may be read, and the user has not named it.
        """
        real = path.resolve()
        if not any(real.is_relative_to(root) for root in self.roots) and str(path) not in self.named:
            self.demand(Need("read", str(real)))
        return real


_current: ContextVar[Word | None] = ContextVar("populace_word", default=None)


def current() -> Word:
    """The word that covers what is being done; that of a Python caller where none was set."""
    return _current.get() or Word()


@contextmanager
def speaking(word: Word) -> Iterator[Word]:
    """Within this block `word` is current."""
    token = _current.set(word)
    try:
        yield word
    finally:
        _current.reset(token)


def guarded(*, trust: bool = False, allow: Sequence[Path] = ()) -> Word:
    """The word of someone who opens a file that may be a stranger's, as the command line does.

    Args:
        trust: Its code may be imported, and files outside its folder read (`--trust`).
        allow: Folders below which files may be read (`--allow DIR`); those of the user's configuration are added.
    """
    folders = [*allow, *map(Path, config().get("allow", []))]
    return Word(trust, trust, False, roots=tuple(folder.expanduser().resolve() for folder in folders))


def opening(content: str, folder: Path, named: Iterable[str] = (), keys: Iterable[Need] = ()) -> Word:
    """The word for a scenario that is read from files, on top of the current one.

    Args:
        content: `digest` of all of its files.
        folder: Where it stands.
        named: Texts that the user gave beside it, by `--set` or in Python, or that stand in a library scenario.
        keys: Keys that the user named beside it.
    """
    base = current()
    needs, folders = recall(content)
    return Word(
        base.code,
        base.read,
        False,  # a file never says which variable is sent where
        base.given | needs | frozenset(keys),
        base.named | frozenset(named),
        (folder.resolve(), *base.roots),
        tuple(dict.fromkeys((folder.resolve(), Path.cwd(), *folders, *base.folders))),
    )


def digest(*contents: bytes) -> str:
    """SHA-256 of several contents, each hashed by itself first; their order counts."""
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()


def question(needs: Iterable[Need], name: str) -> str:
    """What a user on a terminal is asked."""
    listed = "".join(f"\n  - {need}" for need in sorted(set(needs)))
    return f"{name} asks to:{listed}\nAllow this, now and whenever these contents are the same?"


# ---------------------------------------------------------------------- the user's configuration folder


def config_home() -> Path:
    """The user's configuration folder: `POPULACE_CONFIG_HOME`, or the one of this operating system's custom."""
    given = os.environ.get("POPULACE_CONFIG_HOME")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / "populace"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "populace"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "populace"


def config() -> dict[str, Any]:
    """The user's `config.toml`: `allow`, a list of folders, and the table `keys`, host -> variable.

    Raises:
        PopulaceError: It cannot be read, or holds something else.
    """
    path = config_home() / "config.toml"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise PopulaceError(f"cannot read your configuration {path}: {error}") from None
    allow, keys = found.get("allow", []), found.get("keys", {})
    if not (isinstance(allow, list) and all(isinstance(entry, str) for entry in allow)):
        raise PopulaceError(f"{path}: allow must be a list of folders, as in: allow = ['/data']")
    if not (isinstance(keys, dict) and all(isinstance(entry, str) for entry in keys.values())):
        raise PopulaceError(f'{path}: [keys] must be a table of host = variable, as in: "host.org" = "VARIABLE"')
    return found


def remember(content: str, needs: Iterable[Need], folders: Iterable[Path] = ()) -> None:
    """Keep that the user has granted these needs of files with this content.

    Args:
        content: `digest` of the files.
        needs: What was granted; kept beside what was granted before.
        folders: Where the code was found.

    Raises:
        OSError: The configuration folder cannot be written.
    """
    known, places = recall(content)
    whole, places = sorted({*known, *needs}), tuple(dict.fromkeys((*places, *folders)))
    path = _record(content)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = {
        "format": _FORMAT,
        "needs": [[need.kind, need.what, need.digest] for need in whole],
        "folders": list(map(str, places)),
    }
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_text(json.dumps(held, indent=1), encoding="utf-8")
    partial.replace(path)


def recall(content: str) -> tuple[frozenset[Need], tuple[Path, ...]]:
    """What the user granted to files with this content, and where code was found; nothing if the record is damaged."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        held = json.loads(_record(content).read_text(encoding="utf-8"))
        if held["format"] == _FORMAT:
            return frozenset(Need(*entry) for entry in held["needs"]), tuple(map(Path, held["folders"]))
    return frozenset(), ()


def _record(content: str) -> Path:
    return config_home() / "given" / f"{content}.json"
