"""The labelled lines that a chat asks for behind free words: which they are, and the chat without them."""

import re
from dataclasses import replace
from typing import NamedTuple

from populace.dialogue import Chat


class Line(NamedTuple):
    """A labelled line that a reply must hold.

    Attributes:
        label: What it begins with, without the colon.
        form: A regular expression of the whole line.
    """

    label: str
    form: str


_PROSE = re.compile(r"\[(?:\\.|[^\]\\])+\]\{1,\d+\}\\n")
"""Free words that a form allows before its labelled lines."""
_LABEL = re.compile(r"((?:\\[^A-Za-z0-9]|[\w %'-]){1,40}):[ ]")
_PARTS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|.", re.DOTALL)


def lines_of(chat: Chat) -> tuple[Line, ...]:
    """The labelled lines that a chat asks for, in order; () where it asks for none.

    They are the options behind their lead, or what follows the free words in the form.
    """
    if chat.options and chat.lead.strip().endswith(":"):
        among = "|".join(map(re.escape, chat.options))
        return (Line(chat.lead.strip().removesuffix(":"), f"{re.escape(chat.lead)}({among})"),)
    found = [_line(part) for part in _split(chat.form[prose(chat.form) :])]
    lines = [line for line in found if line is not None]
    return tuple(lines) if len(lines) == len(found) else ()


def prose(form: str) -> int:
    """Where the labelled lines of a form begin, behind the free words that it allows before them; 0 for none."""
    hit = _PROSE.match(form)
    return 0 if hit is None else hit.end()


def _split(form: str) -> list[str]:
    """The lines of a form, split where a line break stands in no group."""
    found, depth = [""], 0
    for part in _PARTS.findall(form):
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part in ("\\n", "\n") and depth == 0:
            found.append("")
        else:
            found[-1] += part
    return found


def _line(form: str) -> Line | None:
    label = _LABEL.match(form)
    return None if label is None else Line(re.sub(r"\\(.)", r"\1", label[1]), form)


def freed(chat: Chat, ask: str = "Then end with") -> Chat:
    """A chat that asks for the free words alone.

    Args:
        chat: A chat whose form has free words and labelled lines. What is asked of the lines stands at the end of its
            messages; rounds that show the form have the lines, too.
        ask: The words with which the ask for lines begins.
    """
    labels = "|".join(re.escape(line.label) for line in lines_of(chat))
    if not labels:
        return replace(chat, form="")
    shown = re.compile(rf"(?im)^[ \t*_#>`(\[-]*(?:{labels}|mirror|leave)\b[*_`)\] \t]{{0,4}}[:=][^\n]*\n?")
    asked = re.compile(rf"[ \t]*{re.escape(ask)}\b.*", re.DOTALL)
    messages = tuple(
        (who, shown.sub("", text).strip() if who == "assistant" else asked.sub("", text).rstrip())
        for who, text in chat.messages
    )
    return replace(chat, messages=messages, options=(), form="", lead="", listed=())
