"""The sheet of questions in words, and how the options in a reply to it are read."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import ReplyKind
from populace.envs.culture.survey import Survey
from populace.observation import Observation

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

MERGER = "You merge the answers of several cultures into a response for everyone."
"""What the synthesiser is told it is."""


def told(survey: Survey, observation: Observation, world: int, seat: int) -> str:
    """The questions and the agents' answers to them, up to the request to merge them."""
    said = observation["said"][world, seat]
    lines = [
        f"{name}: " + ", ".join(f"{k + 1}: {int(a) + 1}" for k, a in enumerate(said[c]))
        for c, name in enumerate(survey.cultures)
    ]
    answered = "\n\nSpeakers of these cultures answered:\n" + "\n".join(lines) + "\n\nMerge their answers into one."
    return questions(survey, observation, world, seat, False) + answered


def questions(survey: Survey, observation: Observation, world: int, seat: int, turned: bool) -> str:
    """The questions with their options, in descending order if `turned`, and the form of a reply."""
    lines = []
    for k, q in enumerate(observation["asked"][world, seat].tolist()):
        labels = survey.labels[q][:: -1 if turned else 1]
        options = "; ".join(f"{o + 1} = {label}" for o, label in enumerate(labels))
        lines.append(f"{k + 1}. {survey.texts[q]} ({options})")
    return "\n".join(lines) + "\n\nReply with a line for each question: `NUMBER: OPTION`, for example `1: 2`."


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
