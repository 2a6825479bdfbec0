"""Replies that lack their labelled lines: the lines are put behind the words, and what may stand there is scored.

Small models often say what they think and leave out the line that was asked for. To ask again would spoil the
conversation; to guess the act from the words would be a reading of ours. So the model goes on where it stopped, behind
the label, among the values that are allowed there. What it said stays what it said.

Only a reply that says something and leaves lines out is closed: not one that refuses, ends within a thought, or gives a
line that cannot be read (a range, two values, one that is not allowed), which contradicts itself or the question.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from populace import replies as words
from populace.agents.llm.backends.base import Ask, Reply
from populace.dialogue import Chat, ReplyKind
from populace.replies.ending import Line, lines_of, prose

_LINE = re.compile(r"[A-Za-z][\w '-]{0,24}[:=]")
"""Begins a line that may be labelled."""
_ENDS = re.compile(r"[.!?][\"')\]]*(?=\s|\Z)")
"""Ends of sentences."""


def closing(chat: Chat, ask: Ask, reply: Reply, seed: int) -> Ask | None:
    """What is asked to close a reply; None where it cannot be closed.

    Args:
        chat: What the seat was asked.
        ask: That, as the model was asked.
        reply: A reply in which no act was read.
        seed: Of the random numbers that pick a value.
    """
    if reply.kind not in (ReplyKind.OK, ReplyKind.CUT_OFF):
        return None
    spoken = words.spoken(reply.text)
    said = "" if spoken.unfinished or words.refuses(spoken.text) else _whole(spoken.text, reply.kind)
    lines = lines_of(chat)
    missing = [line for line in lines if not words.has(words.plain(said), line.label)]
    if not missing or not _says(said, lines):
        return None
    form = "".join(rf"\n{line.form}" for line in missing)
    return Ask(ask.messages, seed=seed, form=form, lead=f"\n{missing[0].label}: ", said=said)


def stopped(chat: Chat, reply: Reply) -> Reply:
    """A reply up to the end of its last labelled line, if it holds all lines that were asked for behind free words.

    Small models go on: with the next round, or with what they have just said. That is not said to anybody. Where a
    label comes once more after the lines, the reply may take them back, and stays as it is.
    """
    lines = lines_of(chat) if prose(chat.form) else ()
    if not lines or r"\n" in lines[-1].form or reply.kind not in (ReplyKind.OK, ReplyKind.CUT_OFF):
        return reply  # or one that may go on with a line of its own choice
    end = 0
    for line in lines:
        hit = re.compile(rf"^[ \t*_#>`(\[-]*{re.escape(line.label)}[*_`)\] \t]{{0,4}}[:=][^\n]*\n", re.I | re.M).search(
            reply.text, end
        )
        if hit is None:
            return reply
        end = hit.end()
    rest = words.plain(reply.text[end:])
    if not rest or any(words.has(rest, line.label) for line in lines) or words.taken_back(rest) or _LINE.match(rest):
        return reply
    return replace(reply, text=reply.text[:end].rstrip(), kind=ReplyKind.OK)


def _whole(text: str, kind: ReplyKind) -> str:
    """What was said, up to the last full stop where it was cut off."""
    if kind != ReplyKind.CUT_OFF:
        return text
    ends = [hit.end() for hit in _ENDS.finditer(text)]
    return text[: ends[-1]] if ends else text


def _says(text: str, lines: Sequence[Line]) -> bool:
    """Whether there are words before the first labelled line: a bare label is not scored as first words."""
    plain = words.plain(text)
    for line in lines:
        plain = words.before(plain, line.label)
    return re.search(r"[^\W\d_]{2}", plain) is not None
