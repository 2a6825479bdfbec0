"""A scenario's templates, rendered by a worker process within a time limit (why: see `template_worker`)."""

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from populace import template_worker
from populace.errors import PopulaceError

SECONDS = 10.0
"""Time for one request (chosen here: some ten thousand times what a usual one takes)."""
AT_ONCE = 256
"""Texts a request."""
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "LC_ALL")
"""Environment variables that the worker sees: no keys."""


class TemplateFailed(PopulaceError):
    """A template cannot be read or rendered.

    Args:
        what: What the template is, for the message.
        kind: `syntax`, `undefined`, `long`, `memory`, `slow` or `other`.
        message: What Jinja2 or the worker said.
        at: Number of the text that failed.
        line: Line of the template, or None.
    """

    def __init__(self, kind: str, message: str, at: int = 0, line: int | None = None, what: str = "persona") -> None:
        self.kind, self.message, self.at, self.line = kind, message, at, line
        super().__init__(f"{what}: the template fails: {message}")


def names(text: str, macros: str = "", given: Mapping[str, object] | None = None) -> list[str]:
    """The names that a template uses and does not set itself, but for macros and what is given to all templates.

    Args:
        text: The template.
        macros: A template whose macros it may use.
        given: What all templates know.

    Raises:
        TemplateFailed: It is no template, or takes too long.
    """
    request = {"text": text, "contexts": None, "macros": macros, "given": dict(given or {})}
    found: list[str] = _asked(request)["names"]
    return found


def uses(text: str) -> dict[str, frozenset[str] | None]:
    """Each name that a template uses with the single parts that it takes of it; None where it takes the whole.

    Raises:
        TemplateFailed: It is no template, or takes too long.
    """
    found: dict[str, list[str] | None] = _asked({"text": text, "contexts": None})["uses"]
    return {name: None if parts is None else frozenset(parts) for name, parts in found.items()}


def rendered(
    text: str,
    contexts: Sequence[Mapping[str, object]],
    macros: str = "",
    given: Mapping[str, object] | None = None,
) -> list[str]:
    """One text for every context, which holds numbers, texts, lists and mappings.

    Args:
        text: The template.
        contexts: What it knows of each text.
        macros: A template whose macros it may use.
        given: What all templates know.

    Raises:
        TemplateFailed: It fails, takes too long, or says too much; `at` is the number of the context.
    """
    texts: list[str] = []
    for start in range(0, len(contexts), AT_ONCE):
        try:
            some = list(contexts[start : start + AT_ONCE])
            texts += _asked({"text": text, "contexts": some, "macros": macros, "given": dict(given or {})})["texts"]
        except TemplateFailed as error:
            raise TemplateFailed(error.kind, error.message, start + error.at, error.line) from None
    return texts


class _Worker:
    """The process, started when first needed and again after it had to be stopped; one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            # A forked child must not share its parent's worker.
            if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
                self._start()
            assert self._process is not None
            held: list[Any] = []
            thread = threading.Thread(target=self._talk, args=(self._process, request, held), daemon=True)
            thread.start()
            thread.join(SECONDS)
            if held and held[0] is not None:
                return dict(held[0])
            slow = thread.is_alive()
            self.stop()
            thread.join(SECONDS)
        if slow:
            raise TemplateFailed("slow", f"it was stopped after {SECONDS:g} s")
        raise TemplateFailed("memory", "it ended the process that rendered it, as one that needs too much memory does")

    @staticmethod
    def _talk(process: "subprocess.Popen[bytes]", request: dict[str, Any], held: list[Any]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            template_worker.send(cast(BinaryIO, process.stdin), request)
            held.append(template_worker.receive(cast(BinaryIO, process.stdout)))
        except (OSError, ValueError):
            held.append(None)  # it was stopped

    def _start(self) -> None:
        self._owner = os.getpid()
        # -P: the worker's folder, and the working folder, are not on its path.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(template_worker.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )

    def stop(self) -> None:
        """End the process, if this one was started here."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


_worker = _Worker()
atexit.register(_worker.stop)


def _asked(request: dict[str, Any]) -> dict[str, Any]:
    reply = _worker.ask(request)
    if "error" in reply:
        raise TemplateFailed(reply["error"], reply["message"], reply.get("at", 0), reply.get("line"))
    return reply
