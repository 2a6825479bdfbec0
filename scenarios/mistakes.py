"""Mistakes in plain sentences, each with its place."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from populace.errors import PopulaceError, ScenarioError, UnknownName, did_you_mean
from populace.names import quoted
from populace.scenarios.tree import Node, Place, fail

Path = tuple[str | int, ...]

MOST = 10
"""Mistakes named in one error."""

_YES, _NO = frozenset({"yes", "y", "on", "true"}), frozenset({"no", "n", "off", "false"})


@dataclass(frozen=True)
class Mistake:
    """One mistake and where to point.

    Attributes:
        text: What was given and what was expected.
        place: Where.
        lacks: The dotted path of a missing key.
        odd: The dotted path of a key that nobody knows.
    """

    text: str
    place: Place
    lacks: str = ""
    odd: str = ""

    def error(self) -> ScenarioError:
        """As an error of its own."""
        return fail(self.text, self.place)


def raise_all(mistakes: Iterable[Mistake], file: str | None) -> None:
    """Raise one ScenarioError for all of them, the first in `file` first; do nothing when there are none."""

    def order(m: Mistake) -> tuple[Any, ...]:
        return bool(m.place.note), m.place.file != file, m.place.file or "", m.place.line or 0, m.place.column or 0

    found = sorted(_independent(dict.fromkeys(mistakes)), key=order)
    if not found:
        return
    first = found[0].error()
    others = [f"\n  also {m.error()}" for m in found[1:MOST]]
    if len(found) > MOST:
        others.append(f"\n  and {len(found) - MOST} more")
    raise ScenarioError(first.message + "".join(others), file=first.file, line=first.line, column=first.column)


def _independent(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Leave out that a key is missing where one that nobody knows was probably meant for it."""
    found = list(mistakes)
    odd = [m.odd.split(".") for m in found if m.odd]

    def meant(lacks: list[str]) -> bool:
        for path in odd:
            end = len(path) - 1
            same = len(lacks) > end and lacks[:end] == path[:end]
            if same and difflib.get_close_matches(path[end], [lacks[end]], n=1, cutoff=0.6):
                return True
        return False

    return [m for m in found if not m.lacks or not meant(m.lacks.split("."))]


def show(value: object) -> str:
    """A value as people wrote it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {quoted(value, 40)}"
    if isinstance(value, (dict, list)):
        return f"{'an empty' if not value else 'a'} {'mapping' if isinstance(value, dict) else 'list'}"
    return f"{value:g}" if isinstance(value, float) else str(value)[:40]


def dotted(path: Sequence[str | int]) -> str:
    """A path as it is written for `--set`."""
    return ".".join(map(str, path))


def spot(node: Node, path: Path) -> Place:
    """Where `path` stands below `node`, or the deepest part of it that is there."""
    for end in range(len(path), -1, -1):
        found = node.get(*path[:end])
        if found is not None:
            return found.spot
    raise AssertionError("a node always finds itself")


def wrong(node: Node, path: Path, expected: str) -> Mistake:
    """`path` was expected to be something else."""
    here = node.get(*path)
    value = here.value if here is not None else None
    where = dotted(path) or "the scenario"
    return Mistake(f"{where}: expected {expected}, given {show(value)}{_hint(expected, value)}", spot(node, path))


def _hint(expected: str, value: Any) -> str:
    if isinstance(value, str) and expected == "true or false":
        word = "true" if value.lower() in _YES else "false" if value.lower() in _NO else ""
        return f"; write {word} (without quotes)" if word else ""
    if (
        isinstance(value, str)
        and "number" in expected
        and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", value)
    ):
        return "; remove the quotes"
    if isinstance(value, (bool, int, float)) and expected.startswith(("text", "a file's path")):
        return "; put it in quotes if it is meant as text"
    if isinstance(value, bool) and "number" in expected:
        return f"; write {int(value)}"
    return ""


def unknown_key(node: Node, path: Path, known: Iterable[str]) -> Mistake:
    """`path` ends in a key that nobody knows."""
    parent, found = path[:-1], node.get(*path)
    place = found.key or found.place if found is not None else spot(node, parent)
    where = f" in {dotted(parent)}" if parent else ""
    given = str(path[-1])
    note = f" (from {place.note})" if place.note else ""
    comma = found is not None and found.value is None and given.isdigit()  # {share: 0,4} has the keys share and 4
    tip = "; write decimals with a point, as in 0.4" if comma else did_you_mean(given, known)
    text = f"unknown key {given!r}{where}{note}{tip}"
    return Mistake(text, Place(place.file, place.line, place.column), odd=dotted(path))


def missing_key(node: Node, path: Path, about: str = "") -> Mistake:
    """The last key of `path` is needed and absent."""
    parent = path[:-1]
    where = f" in {dotted(parent)}" if parent else ""
    return Mistake(f"missing key {str(path[-1])!r}{where}{about}", spot(node, parent), lacks=dotted(path))


def unknown_name(node: Node, path: Path, error: PopulaceError) -> Mistake:
    """What a registry, a world or a population refused, at `path` or where the name it complains of is given below."""
    place = spot(node, path)
    if isinstance(error, UnknownName):
        place = _mention(node.get(*path) or node, error.given) or place
    return Mistake(f"{dotted(path)}: {error}", place)


def refused(node: Node, path: Path, why: str) -> Mistake:
    """What an options model refuses itself, at `path` or where a name it begins with or quotes is given below."""
    here, place = node.get(*path), spot(node, path)
    begins = re.match(r"[a-z0-9_.]+(, [a-z0-9_.]+)*", why)
    for name in reversed(begins[0].split(", ") if begins else []):
        for parts in (name.split("."), [name]):  # names of wordings may hold dots
            if here is not None and here.get(*parts) is not None:
                place = spot(node, (*path, *parts))
    for name in re.findall("'([^']+)'", why.split("; did you mean")[0].split("; expected")[0]):
        place = (_mention(here, name) if here is not None else None) or place
    return Mistake(f"{dotted(path) or 'the scenario'}: {why}", place)


def _mention(node: Node, name: str) -> Place | None:
    for below in node.walk():
        if below.value == name:
            return below.place
        if isinstance(below.value, dict) and name in below.value:
            return below.value[name].key or below.value[name].place
    return None
