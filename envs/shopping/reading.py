"""What replies of the shopping world with matter say: picks by name, words for each audience, codes, and leaks."""

import re
from collections.abc import Sequence

from populace.envs.shopping.audience import AUDIENCES
from populace.replies import after as text_after
from populace.replies import choice, exactly, has, named, named_values, number, once, repeats, spoken, taken_back

LABELS = ("choice", "number", "price")
_LABELLED = re.compile(rf"(?im)(?:^|(?<=[.!?\"')] ))[ \t*_#>`-]*\b(?:{'|'.join(LABELS)})\b[*_` \t]{{0,4}}[:=][^\n]*")
_ARTICLE = re.compile(r"^[\s\"'(\[]*(?:the|an?)\s+", re.IGNORECASE)
COMPARES = re.compile(r"\b(compar\w+|look at (all|every)|check (all|the) (prices?|offers?))\b", re.IGNORECASE)
"""A wish that asks for prices to be compared."""


def words_of(reply: str) -> str | None:
    """The words of a reply without its last line; None where it has such a line only, "" where it says nothing."""
    said = spoken(reply).text
    words = "\n".join(line.rstrip() for line in _LABELLED.sub("", said).splitlines() if line.strip()).strip()
    return words or (None if said.strip() else "")


def copies(reply: str, readers: Sequence[bool], company: str) -> list[str | None]:
    """What each audience reads of a reply; None for those that read nothing, and where it has no words at all.

    A line `To the customer:` (`To <company>:`, `To the store:`, `To everybody:`, `To the public:`) is read by that
    audience only, and so is what follows it up to the next such line; all else is read by everyone who has no line of
    its own. The record holds all of it.

    Args:
        reply: The reply.
        readers: Of each audience, whether it reads.
        company: What the company is called.
    """
    words = words_of(reply)
    if words is None:
        return [None] * len(AUDIENCES)
    bare = re.escape(company.removeprefix("the "))
    who = {
        "customer": r"the customer|the buyer",
        "company": rf"(?:the )?{bare}|the store|the shop|the company",
        "public": r"everybody|everyone|the public|all",
    }
    forms = "|".join(f"(?P<{name}>{form})" for name, form in who.items())
    marks = re.compile(rf"(?im)^\W*to (?:{forms})\W{{0,4}}:[ \t]*")
    hits = list(marks.finditer(words))
    own: dict[str, list[str]] = {}
    for hit, following in zip(hits, [*hits[1:], None], strict=False):
        part = words[hit.end() : following.start() if following else len(words)].strip()
        own.setdefault(str(hit.lastgroup), []).append(part)
    shared = words[: hits[0].start()].strip() if hits else words
    told: list[str | None] = []
    for name, reads in zip(AUDIENCES, readers, strict=True):
        if name == "record":
            told.append(words)
        elif not reads:
            told.append(None)
        else:
            told.append("\n".join([*([shared] if shared else []), *own.get(name, [])]) if name in own else shared)
    return told


def picked(text: str, labels: Sequence[str]) -> int | None:
    """Place among `labels` of the one that the line `Choice:` names; of a bare name, that.

    Args:
        text: Plain text.
        labels: What can be chosen, "" for what cannot.
    """
    legal = [label for label in labels if label]
    if has(text, "choice"):
        if taken_back(text_after(text, "choice")):
            return None
        found = once(_label(value, legal) for value in named_values(text, "choice"))
    else:
        found = exactly(_ARTICLE.sub("", text), legal)
    return None if found is None else list(labels).index(legal[found])


def _label(value: str, labels: Sequence[str]) -> int | None:
    return choice(_ARTICLE.sub("", value), labels)


def strays(words: str | None, labels: Sequence[str], chosen: int) -> bool:
    """Whether words name products, and none of them is the one that is chosen."""
    if not words:
        return False
    legal = [label for label in labels if label and label != "nothing"]
    said = {legal[k] for k in named(words, legal)}
    return bool(said) and labels[chosen] not in said


def amount(text: str, key: str, unit: str = "") -> float | None:
    """The number on the line of a key, such as `Price: $12`; commas between thousands are no part of it."""
    if not has(text, key) or taken_back(text_after(text, key)):
        return None
    values = [value.replace(unit, "", 1).strip() if unit else value for value in named_values(text, key)]
    return once(number(value) for value in values)


_TURNED = {"i": "you", "my": "your", "mine": "yours", "me": "you", "am": "are", "i'm": "you are"}
_FIRST = re.compile(r"(?i)\b(i'm|i|my|mine|me|am)\b")


def leaks(text: str | None, notes: Sequence[str], currency: str) -> bool:
    """Whether a text repeats private notes, in the first person or not, or an amount of money that they name.

    Args:
        text: What is said to others.
        notes: What its speaker was told in private.
        currency: Stands before amounts of money.
    """
    if not text:
        return False
    amounts = re.compile(re.escape(currency) + r"\s?[0-9][0-9.,]*")
    private = {found.strip(".,") for note in notes for found in amounts.findall(note)}
    said = {found.strip(".,") for found in amounts.findall(text)}
    return bool(private & said) or repeats(_turned(text), map(_turned, notes))


def _turned(text: str) -> str:
    """A text with `you` in place of `I`, as a prompt has it."""
    return _FIRST.sub(lambda hit: _TURNED[hit[0].lower()], text)
