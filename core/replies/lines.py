"""Lines `key: value` and `1: value`. A key that has two values was retracted, and so has none."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from populace.replies.choices import MOST, taken_back

T = TypeVar("T")


def _key(key: str, keys: Sequence[str] = ()) -> "re.Pattern[str]":
    ends = "|".join(rf"(?<!\w){re.escape(k)}\s*[:=]" for k in {key, *keys})
    return re.compile(rf"(?<!\w){re.escape(key)}[ \t]*[:=][ \t]*(.*?)(?=$|{ends})", re.I | re.M)


def _found(text: str, key: str, keys: Sequence[str] = ()) -> list["re.Match[str]"]:
    """Where a key stands: from the first line that begins with it on, or anywhere if none does."""
    hits = list(_key(key, keys).finditer(text))
    begins = re.compile(rf"^[ \t\"'(]*(?={re.escape(key)}[ \t]*[:=])", re.I | re.M).search(text)
    return [hit for hit in hits if begins is None or hit.start() >= begins.start()]


def has(text: str, key: str) -> bool:
    """Whether a text holds `key:` at all."""
    return bool(_found(text, key))


def named_values(text: str, key: str, keys: Sequence[str] = ()) -> list[str]:
    """Every value of a key in a plain text, each up to the end of its line or the next key.

    Args:
        text: Plain text (see `plain`).
        key: The key, whatever its case.
        keys: Other keys that may stand on the same line.
    """
    return [hit[1].strip() for hit in _found(text, key, keys)]


def before(text: str, key: str) -> str:
    """What stands before a key."""
    hits = _found(text, key)
    return text[: hits[0].start()] if hits else text


def after(text: str, key: str) -> str:
    """What stands after a key's first value."""
    hits = _found(text, key)
    return text[hits[0].end() :] if hits else ""


def once(values: Iterable[T | None]) -> T | None:
    """The value that all are; None where one is None, two differ, or there is none."""
    found = list(values)
    if not found or any(value is None or value != found[0] for value in found):
        return None
    return found[0]


def agreed(text: str, key: str, read: Callable[[str], T | None], keys: Sequence[str] = ()) -> T | None:
    """The one value of a key, or None: it is missing, cannot be read, is given twice and differs, or is taken back."""
    values = named_values(text, key, keys)
    if len(values) > MOST or taken_back(after(text, key)):
        return None
    return once(read(value) for value in values)


class Item(NamedTuple):
    """A line `2.1: value`.

    Attributes:
        group: The number before the dot, or None.
        number: The number.
        value: The rest of the line.
        start: Where the line begins in the text.
        end: Where its value begins.
    """

    group: int | None
    number: int
    value: str
    start: int
    end: int


_ITEM = re.compile(
    r"^[ \t(\[]*(?:(?:q|question|statement|item)\b[ \t]*|q)?#?(?:([0-9]+)\.)?([0-9]+)[)\]]?"
    r"[ \t]*([:)=]|\.(?=[ \t])|(?<=[ \t])-(?=[ \t]))[ \t]*(?=\S)([^\n]*)$",
    re.I | re.M,
)


def numbered(text: str, dots: bool = True) -> list[Item]:
    """Lines that begin with a number and have a value, in order.

    Args:
        text: Plain text (see `plain`).
        dots: Whether `1. value` is such a line, too.
    """
    hits = (hit for hit in _ITEM.finditer(text) if dots or hit[3] != ".")
    found = []
    for hit in hits:
        group = _int(hit[1]) if hit[1] else None
        found.append(Item(group, _int(hit[2]), hit[4].strip(), hit.start(), hit.start(4)))
    return found


def _int(digits: str) -> int:
    """A number; of more than nine digits, one that is beyond every range, as Python reads none of thousands."""
    return int(digits[:10])


def begun_in_order(given: Sequence[bool]) -> bool:
    """Whether the first few are given and the others not: a list that was cut off."""
    return any(given) and not all(given) and list(given) == sorted(given, reverse=True)
