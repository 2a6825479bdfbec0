"""What all attacks share: what was tried and what was found, a time limit for each try, and who may say no how."""

import re
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner

from populace.cli import app
from populace.errors import PopulaceError

SECONDS = 60
"""Of one command; what takes longer hangs."""
LONGEST = 6000
"""Characters of a message; a longer one shows somebody's content."""


class Found(AssertionError):
    """What an attack has found: a promise that does not hold."""


class TooSlow(BaseException):
    """A try that did not end in time; no `except Exception` may swallow it."""


@dataclass
class Tally:
    """What was tried, by outcome, and what was found.

    Attributes:
        tried: Outcome -> how often.
        found: What went wrong, each with what makes it happen again.
    """

    tried: dict[str, int] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    def take(self, name: str, attack: Callable[[], str]) -> None:
        """Make one try; whatever it raises is a find."""
        try:
            with limited(4 * SECONDS):
                outcome = attack()
        except (Exception, TooSlow) as error:
            outcome = "FOUND"
            where = "" if isinstance(error, Found) else f"\n    {_last(error)}"
            self.found.append(f"{name}: {type(error).__name__}: {str(error)[:1500]}{where}")
        self.tried[outcome] = self.tried.get(outcome, 0) + 1

    def __str__(self) -> str:
        count = sum(self.tried.values())
        outcomes = ", ".join(f"{number} {what}" for what, number in sorted(self.tried.items()))
        return f"{count} tried: {outcomes}" + "".join(f"\n- {one}" for one in self.found)


def _last(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " <- ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooSlow within this block after so many seconds (main thread only)."""

    def late(signum: int, frame: object) -> None:
        raise TooSlow(f"not done after {seconds:g} s")

    before, left = signal.signal(signal.SIGALRM, late), signal.getitimer(signal.ITIMER_REAL)[0]
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Said:
    """What a command answered: `refusal` is None where it did what was asked."""

    output: str
    refusal: str | None
    code: int = 0


def command(*words: object) -> Said:
    """One command of the command line, as `main` would end it; a refusal must be one sound line.

    Raises:
        Found: It ends in a traceback, or in a refusal of many lines or of characters that steer a terminal.
    """
    with limited(SECONDS):
        done = CliRunner().invoke(app, [str(word) for word in words])
    error = done.exception
    if error is None or isinstance(error, SystemExit):
        return Said(done.output, None, done.exit_code)
    if not isinstance(error, PopulaceError):
        raise error
    text = str(error)
    if len(text) < 15 or len(text) > LONGEST:
        raise Found(f"a refusal of {len(text)} characters: {text[:300]!r}")
    if re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text):
        raise Found(f"a refusal with characters that steer a terminal: {text[:300]!r}")
    if text.count("\n") > 12 or "Traceback" in text:
        raise Found(f"a refusal of many lines: {text[:600]!r}")
    return Said(done.output, text, 1)
