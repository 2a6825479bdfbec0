"""How the options in a reply to a sheet of questions are read."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import ReplyKind

_EXPLAINED = re.compile(r"(\D*\d+)\s*(?:[;(]|\.(?!\d))")
"""An option, and what begins an explanation of it."""
_SECOND = re.compile(
    r"\W*(?:(?:or|and|no|not|rather|actually|maybe|perhaps|but|then|wait|on second thought|also|alternatively|"
    r"edit|update|oops|sorry)\b\W*)*"
    r"(?:(?:option\W+)?\d|(?:not )?(?:quite )?(?:sure|certain)\b|unsure\b|"
    r"(?:maybe|perhaps|(?:i )?guess|presumably|no(?:pe)?|wrong|false|never)\W*$)",
    re.I,
)
"""A second option in its place, or doubt."""


class Sheet(NamedTuple):
    """An answered sheet.

    Attributes:
        answers: [asked] int64, the option of each question.
        beside: What stands behind the option of each question, up to the line of the next.
    """

    answers: Tensor
    beside: list[str]


def read_options(reply: str, sizes: Sequence[int], free: bool = False) -> Sheet | ReplyKind:
    """The option of each question and what stands beside it, or why there is not one for each.

    Args:
        reply: The whole reply.
        sizes: Options of each question.
        free: Whether text may follow an option, after `;`, `.` or on the next line. It is no part of the answer.
    """
    return words.understood(reply, lambda said: _read(words.plain(said), sizes, free))


def _read(text: str, sizes: Sequence[int], free: bool) -> Sheet | ReplyKind | None:
    items = words.numbered(text)
    if not items:
        return None
    found: list[int | None] = [None] * len(sizes)
    beside = [""] * len(sizes)
    ends = [item.start for item in items[1:]] + [len(text)]
    for item, end in zip(items, ends, strict=True):
        k = item.number - 1
        if item.group is not None or not 0 <= k < len(sizes):
            return None
        first = _EXPLAINED.match(item.value) if free else None
        if first and _SECOND.match(item.value, first.end()):
            return None
        place = words.choice(first[1] if first else item.value, [str(o + 1) for o in range(sizes[k])])
        if place is None or found[k] not in (None, place):
            return None
        found[k] = place
        option = re.match(r"\D*\d+", item.value)
        beside[k] += text[item.end + (option.end() if option else 0) : end]
    answers = [place for place in found if place is not None]
    if len(answers) < len(sizes):
        return ReplyKind.CUT_OFF if words.begun_in_order([place is not None for place in found]) else None
    return None if words.taken_back(text) else Sheet(torch.tensor(answers), beside)
