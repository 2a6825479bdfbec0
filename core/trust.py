"""The user's permissions (`Word`) for files that may come from somebody else.

The user's own word is what stands in `--set`, in another option of the command line, in an argument given in Python, in
the environment, or in the user's configuration folder. What stands in a scenario file, in the parents that it extends,
or in a run folder is a stranger's, even if the user wrote it; the installed library scenarios are the exception. A
stranger's file needs the user's word for four things, one `Need` each:

- `code`: importing `module:attribute` from outside installed packages (`populace.imports` says what is installed);
- `read`: reading a file outside the scenario's own folder;
- `write`: writing one outside that folder and the working folder (a tape; run folders are named by the user);
- `key`: sending an environment variable to a server. `--trust` does not cover keys.

While a scenario is read, built and played, a `Word` is current; who is about to do one of these demands it there.
Outside any scenario the caller is Python code, and nothing is refused. What was granted is remembered by the SHA-256 of
the scenario's content (and of the code) in the user's configuration folder, never in the run folder, which a stranger
may have written.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from populace.configuration import config, config_home
from populace.errors import PopulaceError

UNHEARD = "needs your word"
"""Stands in the text of every `NeedsWord`, so that it is recognised inside another error's text."""

_FORMAT = 1


@dataclass(frozen=True, order=True)
class Need:
    """One thing that needs the user's word.

    Attributes:
        kind: `code`, `read`, `write` or `key`.
        what: `module:attribute`, a resolved absolute path, or `host VARIABLE`.
        digest: SHA-256 of the code, so that changed code needs the word anew; "" for the other kinds.
        about: For people: the files that hold the code.
    """

    kind: Literal["code", "read", "write", "key"]
    what: str
    digest: str = ""
    about: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.kind == "code":
            return f"run the code of {self.what!r}" + (f" ({self.about})" if self.about else "")
        if self.kind == "read":
            return f"read {self.what!r}, which lies outside the scenario's folder"
        if self.kind == "write":
            return f"write to {self.what!r}, which lies outside the scenario's folder and the working folder"
        host, _, variable = self.what.partition(" ")
        return f"send the environment variable {variable} to {host}"


class NeedsWord(PopulaceError):
    """A stranger's file asks for what needs the user's word.

    Args:
        needs: What for.
        content: `digest` of the files that ask, or "" where it is not known yet.
        word: The word that does not cover it.

    Attributes:
        remedy: How the word is given.
    """

    def __init__(self, needs: Iterable[Need], content: str = "", word: "Word | None" = None) -> None:
        self.needs, self.content, self.word = tuple(sorted(set(needs))), content, word
        self.remedy = _remedy(self.needs)
        listed = "; ".join(map(str, self.needs))
        super().__init__(f"this {UNHEARD}: to {listed}; {self.remedy}")


def _remedy(needs: Sequence[Need]) -> str:
    kinds = {need.kind for need in needs}
    ways = []
    if "code" in kinds:
        ways.append("if you know who wrote this code and what it does, use --trust")
    if kinds & {"read", "write"}:
        ways.append("allow a folder with --allow DIR" + ("" if "code" in kinds else ", or say --trust"))
    if "key" in kinds:
        ways.append(
            "a file cannot send keys: name the variable yourself with --set ...key_env=VARIABLE, with the environment "
            "variable POPULACE_KEYS=HOST=VARIABLE, or under [keys] in config.toml of your configuration folder"
        )
    return "; ".join(ways)


@dataclass
class Word:
    """What the user has said about what is being read; as it is made, the word of a Python caller: all is allowed.

    Options hold the word they were read under; two of them are equal, as options are compared by what they say.

    Attributes:
        code: Whether any code may be imported.
        read: Whether any file may be read, and any tape written.
        keys: Whether any variable may be sent where the options say.
        given: What else is allowed.
        named: Texts that the user gave: targets of code, and paths as written, that are allowed for that.
        roots: Folders below which files may be read: the scenario's own first, then those of `--allow`.
        folders: Where code outside installed packages is looked for, in this order.
        met: What was needed so far, and allowed, files within `roots` too; `record` keeps it, so that resuming a run
            needs no second word.
        lacks: What was needed so far, and refused.
    """

    code: bool = field(default=True, compare=False)
    read: bool = field(default=True, compare=False)
    keys: bool = field(default=True, compare=False)
    given: frozenset[Need] = field(default=frozenset(), compare=False)
    named: frozenset[str] = field(default=frozenset(), compare=False)
    roots: tuple[Path, ...] = field(default=(), compare=False)
    folders: tuple[Path, ...] = field(default=(), compare=False)
    met: set[Need] = field(default_factory=set, compare=False)
    lacks: set[Need] = field(default_factory=set, compare=False)

    def allows(self, need: Need) -> bool:
        """Whether the user's word covers this; what is asked here is kept in `met` or `lacks`."""
        whole = {"code": self.code, "read": self.read, "write": self.read, "key": self.keys}[need.kind]
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
        return self._demand_place(path, "read", self.roots)

    def demand_write(self, path: Path) -> Path:
        """The same for a file that is written to, such as a tape: it may lie in the working folder too.

        Raises:
            NeedsWord: It lies elsewhere, and the user has not named it.
        """
        return self._demand_place(path, "write", (*self.roots, Path.cwd()))

    def _demand_place(self, path: Path, kind: Literal["read", "write"], roots: tuple[Path, ...]) -> Path:
        real = Path(os.path.realpath(path))  # `resolve` raises for links that lead in a circle; opening them tells it
        need = Need(kind, str(real))
        if any(real.is_relative_to(root) for root in roots) or str(path) in self.named:
            self.met.add(need)
        else:
            self.demand(need)
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
    known = recall(content)
    return Word(
        base.code,
        base.read,
        False,  # a file never says which variable is sent where
        base.given | known.needs | frozenset(keys),
        base.named | frozenset(named),
        tuple(dict.fromkeys((folder.resolve(), *base.roots, *known.roots))),
        tuple(dict.fromkeys((folder.resolve(), Path.cwd(), *known.folders, *base.folders))),
    )


def digest(*contents: bytes) -> str:
    """SHA-256 of several contents, each hashed by itself first; their order counts."""
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()


def question(needs: Iterable[Need], name: str) -> str:
    """The question that a user on a terminal is asked."""
    listed = "".join(f"\n  - {need}" for need in sorted(set(needs)))
    return f"{name} asks to:{listed}\nAllow this now, and in future as long as these contents are the same?"


# ---------------------------------------------------------------------- what is remembered


class Given(NamedTuple):
    """What the user has granted to files of some content.

    Attributes:
        needs: What was granted.
        roots: Folders below which they may read.
        folders: Where their code was found.
    """

    needs: frozenset[Need] = frozenset()
    roots: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()


def remember(content: str, given: Given) -> None:
    """Remember that the user has granted this to files with this content, in addition to earlier grants.

    Args:
        content: `digest` of the files.
        given: What was granted.

    Raises:
        OSError: The configuration folder cannot be written.
    """
    known = recall(content)
    path = _record(content)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = {
        "format": _FORMAT,
        "needs": [[need.kind, need.what, need.digest] for need in sorted(known.needs | given.needs)],
        "roots": list(dict.fromkeys(map(str, (*known.roots, *given.roots)))),
        "folders": list(dict.fromkeys(map(str, (*known.folders, *given.folders)))),
    }
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_text(json.dumps(held, indent=1), encoding="utf-8")
    partial.replace(path)


def recall(content: str) -> Given:
    """What the user has granted to files with this content; nothing where the record is damaged."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        held = json.loads(_record(content).read_text(encoding="utf-8"))
        if held["format"] == _FORMAT:
            needs = frozenset(Need(*entry) for entry in held["needs"])
            return Given(needs, tuple(map(Path, held["roots"])), tuple(map(Path, held["folders"])))
    return Given()


def record(content: str, word: Word) -> None:
    """Remember the permissions of a scenario that is run, so that resuming it from its run folder does not ask again.

    A configuration folder that cannot be written is told on standard error; the run goes on.

    Args:
        content: `digest` of the scenario in the run folder.
        word: The word it is run under.
    """
    needs = word.met | {need for need in word.given if need.kind == "key"}
    if not needs:
        return
    try:
        remember(content, Given(frozenset(needs), word.roots, word.folders))
    except OSError as error:
        told = f"{config_home()} cannot be written ({error.strerror})"
        print(f"note: {told}: resuming this run will ask for your permission again", file=sys.stderr)


def _record(content: str) -> Path:
    return config_home() / "given" / f"{content}.json"
