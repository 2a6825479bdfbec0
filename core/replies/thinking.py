"""Thinking aloud of reasoning models: not part of what is said."""

import re
from typing import NamedTuple

NAMES = ("think", "thinking", "thought", "thoughts", "reasoning", "scratchpad", "reflection")
"""Tags in which models think."""
_OTHER = (
    (re.compile(r"\[THINK\]", re.I), "<think>"),
    (re.compile(r"\[/THINK\]", re.I), "</think>"),
    (re.compile("\u25c1think\u25b7", re.I), "<think>"),
    (re.compile("\u25c1/think\u25b7", re.I), "</think>"),
    (re.compile(r"<\|channel\|>\s*analysis\s*<\|message\|>", re.I), "<think>"),
    (re.compile(r"<\|channel\|>\s*final\s*<\|message\|>", re.I), "</think>"),
)
"""How some models mark it instead."""


class Spoken(NamedTuple):
    """What is said.

    Attributes:
        text: Without thinking, and without spaces around.
        unfinished: Whether the reply ends within a thought.
    """

    text: str
    unfinished: bool


def spoken(reply: str, keep: tuple[str, ...] = ()) -> Spoken:
    """A reply without its thinking.

    A closing tag alone ends a thought that began with the reply, as chat templates open it in the prompt. An opening
    tag that is never closed leaves nothing that can be believed: what was said before may have been thought better of.

    Args:
        reply: The whole reply.
        keep: Names of tags that are part of the form that was asked for.
    """
    reply = reply.lstrip("\ufeff")
    for pattern, standard in _OTHER:
        reply = pattern.sub(standard, reply)
    names = "|".join(name for name in NAMES if name not in keep)
    said: list[str] = []
    depth, start = 0, 0
    for tag in re.finditer(rf"<(/?)(?:{names})(?:\s[^<>]{{0,200}})?>", reply, re.I):
        if not tag[1]:
            if depth == 0:
                said.append(reply[start : tag.start()])
            depth += 1
        elif depth:
            depth -= 1
            start = tag.end()
        else:
            said, start = [], tag.end()
    # A tag that is itself cut off opens a thought, too.
    unfinished = depth > 0 or re.search(rf"<(?:{names})(?![^<>]{{0,200}}>)\b", reply[start:], re.I) is not None
    if not unfinished:
        said.append(reply[start:])
    return Spoken("".join(said).strip(), unfinished)
