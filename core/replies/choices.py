"""Labels, read where they are stated: not where they are merely named."""

import re
from collections.abc import Sequence
from functools import lru_cache

LEADS = frozenset(
    """i i'd i'll i'm we my would will shall like want to go going with for choose chose pick select take prefer opt say
    vote rate rating option choice product item number act is id final question""".split()  # noqa: SIM905
)
"""Words that may stand before a value in its sentence: `I would go with`, `my choice is`, `option`."""
MOST = 16
"""A text that names a label more often than that states nothing (assumed)."""
CLOSERS = r"(?:\s+(?:here|now|please|today|thanks|thank you)\b)*"
_HEADING = re.compile(
    r"\s*(?:so |thus |hence )?(?:(?:my|the|final|our) )*(?:answer|reply|response|choice|decision|verdict)\s*[:=]\s*",
    re.I,
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_LEAD_MARKS = re.compile(r"[\s\"'(\[#:=]*\Z")
_REASON = re.compile(r"\s+(?:because|since|due to)\b", re.I)
_DOUBT_FIRST = re.compile(
    r"\W*(?:or|and|to|not|no|nor|but|either|though|although|unless|if|depending|versus|vs|through|until|actually|rather|"
    r"instead|on second thought|hmm|sort of|ish|then again|in case|when|only|false|incorrect|wrong|nope|never|also|"
    r"alternatively)\b",
    re.I,
)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|might|could be|not (?:quite )?(?:sure|certain)|unsure|uncertain|undecided|"
    r"i guess|i suppose|either|it depends|depends on|(?:don't|do not|can't|cannot) (?:know|decide|say)|hard to say|"
    r"leaning|presumably|supposedly|guess)\b",
    re.I,
)
_BACK = re.compile(
    r"\bno,? wait\b|\bwait\s*[,.!:-]|\bon (?:second thoughts?|reflection)\b|\bscratch that\b|\bi mean\b|\bcorrection\b|"
    r"\bnever ?mind\b|\bhold on\b|\bchanged? my mind\b|\bmake (?:that|it) \b|\btake (?:that|it) back\b|\bstrike that\b|"
    r"\bor (?:rather|maybe|perhaps)\b|\bactually,? (?:no|not|i)\b|\bi meant\b|\binstead of (?:that|this)\b|"
    r"\b(?:disregard|ignore|forget|scrap|retract|undo|cancel|discard) (?:that|this|it|the above|what i)\b|"
    r"\b(?:just )?(?:kidding|joking)\b|\b(?:that was|only) a joke\b|\bw?hoops\b|\boops\b|\bwrong, sorry\b|"
    r"\b(?:edit|update|corrected)\s*:|\bp\.\s?s\.",
    re.I,
)


def exactly(text: str, labels: Sequence[str]) -> int | None:
    """Place of the label that a text is, whatever its case and the quotes or full stop around it."""
    text = text.strip().strip("\"'()[]").rstrip(".!,;").strip("\"'()[] \t\n")
    if text in labels:
        return labels.index(text)
    same = [k for k, label in enumerate(labels) if label.casefold() == text.casefold()]
    return same[0] if len(same) == 1 else None


def choice(text: str, labels: Sequence[str]) -> int | None:
    """Place of the one label that a text states, or None.

    It may stand in a sentence of its own, after words such as `I choose` and before a reason. No other label may be
    named.

    Args:
        text: Plain text (see `plain`).
        labels: What can be chosen.
    """
    if not labels:
        return None
    place = exactly(text, labels)
    if place is not None:
        return place
    found = list(_pattern(tuple(labels)).finditer(text))
    said = {hit[0].casefold() for hit in found}
    places = [k for k, label in enumerate(labels) if label.casefold() in said]
    if len(found) > MOST or len(said) != 1 or len(places) != 1 or hedged(text) or taken_back(text):
        return None
    return places[0] if any(stated(text, hit.start(), hit.end()) for hit in found) else None


def named(text: str, labels: Sequence[str]) -> set[int]:
    """Places of the labels that occur in a text as words of their own."""
    said = {hit[0].casefold() for hit in _pattern(tuple(labels)).finditer(text)}
    return {k for k, label in enumerate(labels) if label.casefold() in said}


@lru_cache(maxsize=256)
def _pattern(labels: tuple[str, ...]) -> "re.Pattern[str]":
    longest = sorted(labels, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?<![0-9][.,:/-])(?:{'|'.join(map(re.escape, longest))})(?!\w)", re.I)


def stated(text: str, start: int, end: int) -> bool:
    """Whether what stands at `start` to `end` is what its sentence says, and nothing after it puts it in doubt."""
    if text[start].isdigit() and re.search(r"\d", text[:start]):
        return False
    sentence = max((hit.end() for hit in _SENTENCE.finditer(text, 0, start)), default=0)
    return lead(text[sentence:start]) and settled(text[end:])


_SENTENCE = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bca)(?<!\bcf)(?<!\bvs)(?<!\bapprox)[.!?;](?=[\s\"')\]])|\n", re.I)
"""What ends a sentence: a mark with a space behind it, and not one of an abbreviation."""


def lead(text: str) -> bool:
    """Whether a value may follow these words of its sentence."""
    text = text[found.end() :] if (found := _HEADING.match(text)) else text
    rest, words = _WORD.sub("", text), _WORD.findall(text.lower())
    return set(words) <= LEADS and _LEAD_MARKS.match(rest) is not None


def settled(text: str) -> bool:
    """Whether the text behind a value leaves it as it is: an end, a reason, a sentence more, but no second thoughts."""
    text = re.sub(rf"^{CLOSERS}", "", re.sub(r"^[\"')\]]+", "", text), flags=re.I)
    rest = text.strip(" \t\n.!\"')]")
    if not rest:
        return text.strip()[:1] != "?"
    if re.fullmatch(r"[-+*/^~=<>%|\\]+", rest):
        return False
    if not (re.match(r"\s*[.!;,:=(\[\u2013\u2014-]|\s*\n", text) or _REASON.match(text)):
        return False
    return not (
        re.search(r"\d", rest) or rest[:1] == "?" or _DOUBT_FIRST.match(text) or hedged(text) or taken_back(text)
    )


def hedged(text: str) -> bool:
    """Whether a text says that it is not sure."""
    return _HEDGE.search(text) is not None


def taken_back(text: str) -> bool:
    """Whether a text takes back what it said."""
    return _BACK.search(text) is not None
