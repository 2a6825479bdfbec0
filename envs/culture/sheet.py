"""The sheet of questions in words, and how the options in a reply to it are read."""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from populace.dialogue import ReplyKind
from populace.envs.culture.survey import Survey
from populace.observation import Observation

_REFUSED = re.compile(r"\b(i (cannot|can't|won't|am unable)|i'm (sorry|unable)|as an ai)\b", re.I)
MERGER = "You merge the answers of several cultures into a response for everyone."
"""What the synthesiser is told it is."""
_LINE = re.compile(r"^\W*(?:Q(?:uestion)?\s*)?(\d+)\s*[:.)=-]\s*(?:option\s*)?\(?(\d+)\b", re.I | re.M)


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


def read_options(reply: str, sizes: Sequence[int]) -> tuple[Tensor, list["re.Match[str]"]] | ReplyKind:
    """The option of each question [asked], and the lines that gave them; or why there is not one for each."""
    found: dict[int, int] = {}
    marks = list(_LINE.finditer(reply))
    for mark in marks:
        number, option = int(mark[1][:9]), int(mark[2][:9])  # Python reads no number of thousands of digits
        if number in found and found[number] != option:
            return ReplyKind.UNREADABLE  # two answers to one question
        found[number] = option
    if set(found) != set(range(1, len(sizes) + 1)):
        return failure(reply, cut=0 < len(found) < len(sizes))
    if any(not 1 <= found[k + 1] <= size for k, size in enumerate(sizes)):
        return ReplyKind.UNREADABLE
    return torch.tensor([found[k + 1] - 1 for k in range(len(sizes))]), marks


def failure(reply: str, cut: bool = False) -> ReplyKind:
    """The kind of failure of a reply that holds no full answer."""
    if _REFUSED.search(reply):
        return ReplyKind.REFUSED
    return ReplyKind.CUT_OFF if cut else ReplyKind.UNREADABLE
