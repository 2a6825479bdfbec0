"""Refusals in English. The pattern is assumed; a refusal that it misses is unreadable, and asked for once more."""

import re

REFUSAL = "I'm sorry, but I can't help with that."
"""A refusal, as fakes write it."""

VERBS = tuple(
    """help assist answer comment talk engage continue respond reply provide fulfil fulfill comply discuss choose pick
    select decide rate rank judge estimate recommend participate pretend proceed support complete role-play roleplay
    sell buy""".split()  # noqa: SIM905
)
"""What a refusal says is not done."""
_VERBS = (
    rf"(?:(?:{'|'.join(VERBS)})\b|(?:do|make|take part in|give|give you|be part of) "
    r"(?:that|this|it|so|such|a|an|any|you)\b)"
)
_NOT = (
    r"(?:can ?not|can't|could not|couldn't|will not|won't|must not|mustn't|should not|shouldn't|"
    r"(?:am|'m) (?:not (?:able|allowed|permitted|willing|comfortable|going)|unable)|"
    r"(?:do not|don't) feel comfortable|would rather not|'d rather not|prefer not|refuse|"
    r"(?:(?:must|have to|need to|will|would) (?:respectfully |politely )?)?(?:decline|abstain))"
)
_HOW = r"(?: (?:to|in good conscience|ethically|responsibly|possibly|really|be able|you|personally|further)){0,3}"
_BUT = r"(?! but\b| between\b| (?:[\w'-]+ ){0,3}or\b)"
"""`I can't choose between` and `I can't help but` refuse nothing."""
_I = r"\bi(?: (?:really|simply|just|also|still|truly|must say that i))?(?: |(?='))"
_END = r"(?: *(?:[,.!;\"\n]|\Z))"
_DOING = r"(?<=comfortable)(?: with)? \w+ing\b"
_STRONG = re.compile(rf"{_I}{_NOT}(?:{_HOW} {_VERBS}{_BUT}|{_HOW}{_END}|{_DOING})", re.I)
_STOPPED = re.compile(rf"{_I}{_NOT}{_HOW} ([a-z]{{1,9}})\Z", re.I)
_APOLOGY = re.compile(
    r"(?:^|[\n:>\"(])[ \t\"'(\[]{0,3}(?:(?:i'm|i am) (?:(?:very|so|really|truly) )?(?:sorry|afraid|unable)|"
    r"(?:very )?sorry\b|my apologies|i apologi[sz]e)",
    re.I,
)
_OTHER = re.compile(
    r"\bas an? (?:ai|(?:large )?language model)\b|\b(?:against|violates?|contrary to) (?:my|our) (?:\w+ )?"
    r"(?:guidelines|polic(?:y|ies)|principles|programming|rules)|\b(?:unable|not able) to "
    rf"(?:{'|'.join(VERBS)})\b|\bno comment\b|\bi (?:don't|do not) have (?:any )?(?:personal )?"
    r"(?:opinions?|preferences?|feelings|beliefs|views)\b",
    re.I,
)
_BEFORE = re.compile(
    r"\W*(?:(?:unfortunately|hello|hi|well|thanks|thank you)[,.!]? )?"
    r"(?:(?:i'm|i am)? ?(?:very |so )?(?:sorry|afraid)?,? ?(?:but )?(?:that )?)"
    r"(?:as an ai\b[^.!?\n]{0,40}?,? )?(?=i\b)",
    re.I,
)
_SPACE = re.compile(r"[ \t\n]+")
_LONG = 4000
"""Characters of a reply within which a refusal is looked for, at either end."""


def refuses(text: str) -> bool:
    """Whether a text that states no act refuses to; also one that stops in the middle of it."""
    text = _straight(text)
    if _STRONG.search(text) or _OTHER.search(text) or _APOLOGY.search(text):
        return True
    stopped = _STOPPED.search(text)
    return stopped is not None and any(verb.startswith(stopped[1].lower()) for verb in (*VERBS, "do", "make"))


def refuses_at_once(text: str) -> bool:
    """Whether a text begins by refusing to do or say what was asked; an apology alone refuses nothing."""
    text = _straight(text)
    before = _BEFORE.match(text)
    return _STRONG.match(text, before.end() if before else 0) is not None


def _straight(text: str) -> str:
    if len(text) > 2 * _LONG:
        text = f"{text[:_LONG]}\n{text[-_LONG:]}"
    return _SPACE.sub(lambda gap: "\n" if "\n" in gap[0] else " ", text.replace("\u2019", "'").strip())
