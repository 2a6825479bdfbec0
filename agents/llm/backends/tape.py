"""Prompts and replies on record: what is on the tape is not asked again, and a finished run replays without its model.

One JSON line per reply: its key (a hash of voice, messages, options and, unless the voice is greedy, seed), the voice,
the messages, the reply and a checksum (`populace.lines`). Lines are written as replies come in, so that a run that is
killed loses none; a line that was cut off by that is passed over. Failures that another try may mend (a server that was
down) stand there too, so that a run replays as it was; whoever may ask asks again, and the reply that comes takes their
place.
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from populace import taping
from populace.agents.llm.backends.base import Ask, Backend, Reply
from populace.agents.llm.backends.faults import TOO_LONG
from populace.budget import Budget
from populace.dialogue import ReplyKind
from populace.errors import PopulaceError, RunError, did_you_mean
from populace.lines import Lines, after_a_cut, sealed

SUFFIX = ".jsonl"
"""Ends the name of a tape that is begun: no file that a program runs is made of a scenario's words."""
_BEGINS = b'{"key": "'
"""How every tape begins, its first line being cut off or not."""


def check(path: Path) -> None:
    """Refuse a file that is no tape, and a name under which none is begun.

    Raises:
        RunError: It is no regular file, does not begin like a tape, or is new or empty and does not end in `.jsonl`.
    """
    head = b""
    if path.exists() or _leads_to_itself(path):
        with _opened(path, "rb") as file:
            head = file.read(len(_BEGINS))
    if not head and path.suffix != SUFFIX:
        raise RunError(f"a new tape is a file that ends in {SUFFIX}, and {path} does not")
    if head and head != _BEGINS:
        raise _no_tape(path, "it does not begin with a recorded reply")


def _leads_to_itself(path: Path) -> bool:
    """Whether a link leads in a circle: to `exists` it is nothing, and nothing can be begun there either."""
    return os.path.islink(os.path.realpath(path))


def _opened(path: Path, mode: str) -> BinaryIO:
    """The file, which must be a regular one: a pipe would block, and a device take what it is given."""

    def opener(name: str, flags: int) -> int:
        handle = os.open(name, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise _no_tape(path, "it is no regular file")
        return handle

    try:
        return open(path, mode, opener=opener)  # type: ignore[return-value]  # text or bytes, by mode
    except OSError as error:
        raise RunError(f"cannot open the tape {path}: {error.strerror}") from None


def _no_tape(path: Path, why: str) -> RunError:
    return RunError(f"{path} is no tape: {why}; nothing was written to it; name another file as `tape`")


class Tape(Backend):
    """A backend on record.

    Args:
        inner: Who is asked what is not on the tape; None for nobody, and then the tape must hold one voice.
        path: The file; made when first written to.
        only: Never ask: what is not on the tape is an error.
        voice: Whose replies to play; None for those of `inner`, or the only one there is.

    Raises:
        RunError: There is no tape to replay, or what is there is no tape.
    """

    def __init__(self, inner: Backend | None, path: Path, only: bool = False, voice: str | None = None) -> None:
        self.inner, self.path, self.only = inner, Path(path), only or inner is None
        self._known: dict[str, Reply] = {}
        self._of_units: dict[tuple[str, str], Reply] = {}
        self._own: _Own | None = None
        self._voices: dict[str, bool] = {}
        self._lines = _lines(self.path)
        if self.only and not self.path.is_file():
            raise RunError(f"there is no tape {self.path} to replay: record one first, with `tape: {self.path}`")
        check(self.path)
        self._catch_up()
        if inner is not None:
            self.voice, self.greedy, self.faults = inner.voice, inner.greedy, inner.faults
            self.closes = inner.closes
        else:
            self.voice = self._chosen(voice)
            self.greedy = self._voices[self.voice]
            # Who declared them is not there: all that went wrong on the tape.
            self.faults = tuple(sorted({fault for reply in self._known.values() for fault in reply.faults}))

    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """Replies on the tape at once; the others when they have been asked for, and are written down.

        Raises:
            RunError: Only the tape may answer, and it does not hold a prompt.
        """
        self._catch_up()
        keys = [self._key(ask) for ask in asks]
        missing = [i for i, key in enumerate(keys) if not _counts(self._told(key), self.only)]
        if missing and (self.only or self.inner is None):
            raise RunError(self._not_there(asks[missing[0]], len(missing), len(asks)))
        left = {*missing}
        for i, key in enumerate(keys):
            if i not in left and (told := self._told(key)) is not None:
                yield i, told
        if not missing or self.inner is None:
            return
        path, known = (self.path, self._known) if self._own is None else (self._own.path, self._own.known)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _opened(path, "a+b") as file:
            after_a_cut(file)
            for place, reply in self.inner.complete([asks[i] for i in missing]):
                i = missing[place]
                # The first reply to a key is the one that counts, as it will when the tape is played.
                if _keep(known, keys[i], reply):
                    file.write(self._line(keys[i], asks[i], reply))
                    file.flush()
                yield i, known[keys[i]]

    def spend_from(self, budget: Budget) -> None:
        """What is asked is counted there; what is on the tape is free."""
        if self.inner is not None:
            self.inner.spend_from(budget)

    @property
    def in_doubt(self) -> bool:
        """Whether the backend that is asked may be gone."""
        return self.inner is not None and self.inner.in_doubt

    def settle(self) -> None:
        """Find out whether the backend that is asked is gone."""
        if self.inner is not None:
            self.inner.settle()

    def describe(self) -> Mapping[str, object]:
        """What the backend that is asked says of itself."""
        return {} if self.inner is None else self.inner.describe()

    def _told(self, key: str) -> Reply | None:
        """What stands on the tape: of the unit's own, of its own among those that were joined, or of all."""
        unit = taping.current()
        found = [] if self._own is None else [self._own.known.get(key)]
        found += [] if unit is None else [self._of_units.get((unit.name, key))]
        found += [self._known.get(key)]
        there = [reply for reply in found if reply is not None]
        return next((reply for reply in there if not _passing(reply)), there[0] if there else None)

    def _key(self, ask: Ask) -> str:
        seed = None if self.greedy else ask.seed
        held: list[object] = [
            self.voice,
            ask.messages,
            ask.options,
            ask.schema,
            ask.form,
            seed,
            *([ask.lead] if ask.lead else []),
        ]
        held += [{"said": ask.said}] if ask.said else []
        content = json.dumps(held, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def _line(self, key: str, ask: Ask, reply: Reply) -> bytes:
        held = {
            "key": key,
            "voice": self.voice,
            "greedy": self.greedy,
            "seed": ask.seed,
            "messages": ask.messages,
            "options": ask.options,
            "reply": reply.text,
            "kind": int(reply.kind),
            "tokens": [reply.tokens_in, reply.tokens_out],
            "faults": reply.faults,
            **({} if math.isnan(reply.mass) else {"mass": reply.mass}),
            **({"said": ask.said} if ask.said else {}),
        }
        return sealed(held)

    def _catch_up(self) -> None:
        """Read what was written since the last look, by us or by another seat that shares the tape."""
        unit = taping.current()
        own = None if unit is None else unit.tape(self.path)
        if own is None:
            self._own = None
        elif self._own is None or self._own.path != own:
            self._own = _Own(own)
        for held in self._lines.fresh():
            self._take(held, self._known, self._lines)
        if self._own is not None:
            for held in self._own.lines.fresh():
                self._take(held, self._own.known, self._own.lines)

    def _take(self, held: dict[str, Any], known: dict[str, Reply], lines: Lines) -> None:
        """Keep what a line holds; what is written on a tape by others is refused where it is no reply."""
        try:
            read, written = map(int, held["tokens"])
            faults, mass = tuple(map(str, held["faults"])), float(held.get("mass", math.nan))
            reply = Reply(str(held["reply"]), ReplyKind(held["kind"]), read, written, faults, mass)
            key, voice, greedy = str(held["key"]), str(held["voice"]), bool(held["greedy"])
        except (KeyError, TypeError, ValueError) as error:
            raise lines.damaged(f"holds no reply ({type(error).__name__})") from None
        self._voices[voice] = greedy
        # Where nobody is asked, replies are closed as they were when the tape was made.
        self.closes = self.closes or (self.inner is None and "said" in held)
        if "unit" in held:
            self._of_units[str(held["unit"]), key] = reply
        else:
            _keep(known, key, reply)

    def _chosen(self, voice: str | None) -> str:
        if voice is None and len(self._voices) == 1:
            return next(iter(self._voices))
        if voice in self._voices:
            return str(voice)
        if not self._voices:
            raise RunError(f"the tape {self.path} holds no replies")
        if voice is None:
            raise PopulaceError(f"the tape {self.path} holds several voices: name one of {sorted(self._voices)}")
        raise PopulaceError(f"the tape {self.path} has no voice {voice!r}{did_you_mean(voice, self._voices)}")

    def _not_there(self, ask: Ask, missing: int, asked: int) -> str:
        last = ask.messages[-1][1]
        return (
            f"{missing} of {asked} prompts are not on the tape {self.path} for {self.voice!r}; the first ends: "
            f"...{last[-120:]!r}. A tape replays the very run it was recorded in: the same scenario, seed, worlds and "
            "model options; leave out `replay` to ask the model for what is missing"
        )


class _Own:
    """The tape of a unit that is played beside others.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.known, self.lines = path, dict[str, Reply](), _lines(path)


def join(whole: Path, parts: Mapping[str, Path]) -> None:
    """Write what units were told onto one tape; can be repeated if cut off.

    Args:
        whole: The tape of the run.
        parts: Unit -> its own tape, in the order of the run.

    Raises:
        RunError: One of them is no tape.
    """
    first: dict[str, Any] = {}
    marked: set[tuple[str, str]] = set()
    for held in _lines(whole).fresh():
        unit = held.get("unit")
        if unit is None:
            first.setdefault(str(held.get("key")), held.get("reply"))
        else:
            marked.add((str(unit), str(held.get("key"))))
    check(whole)
    whole.parent.mkdir(parents=True, exist_ok=True)
    with _opened(whole, "a+b") as file:
        after_a_cut(file)
        for unit, part in parts.items():
            for held in _lines(part).fresh():
                key = str(held.get("key"))
                if key not in first:
                    first[key] = held.get("reply")
                elif first[key] != held.get("reply") and (unit, key) not in marked:
                    held["unit"] = unit
                    marked.add((unit, key))
                else:
                    continue
                file.write(sealed(held))


def _lines(path: Path) -> Lines:
    """The lines of a tape; one that was cut off by an older version is passed over."""
    return Lines(path, lambda path: _opened(path, "rb"), _REMEDY, cut=True)


_REMEDY = (
    "restore the file from a copy; or delete this line and leave out `replay`, so that the model is asked again; if "
    "the tape was edited on purpose, remove the entry `check` from all its lines"
)


def _keep(known: dict[str, Reply], key: str, reply: Reply) -> bool:
    """Take a reply unless there is one that counts already; a failure that may pass gives way to a reply."""
    held = known.get(key)
    if held is not None and (not _passing(held) or _passing(reply)):
        return False
    known[key] = reply
    return True


def _counts(reply: Reply | None, only: bool) -> bool:
    """Whether the tape answers: with a reply, or where nobody may be asked, with any line."""
    return reply is not None and (only or not _passing(reply))


def _passing(reply: Reply) -> bool:
    """Whether another try may mend it."""
    return reply.kind in (ReplyKind.FAILED, ReplyKind.TIMED_OUT) and TOO_LONG not in reply.faults
