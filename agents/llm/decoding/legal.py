"""Texts that match a form: what a legal reply may look like, and how short one can be, without any model."""

import random
from functools import lru_cache
from typing import Any

PASSAGE = 160
"""Characters of a passage that a form leaves free: two sentences (assumed)."""
_WORDS = ("the", "assistant", "says", "that", "this", "is", "so", "and", "why", "it", "should", "be", "here")


def shortest(form: str) -> str | None:
    """A shortest text that matches a regular expression; None for one with what is not made here (assertions)."""
    return _made(form, None)


def typical(form: str, seed: int) -> str | None:
    """A text that matches, its choices drawn by the seed, its free passages `PASSAGE` characters, without options."""
    return _made(form, random.Random(seed))


def _made(form: str, draws: random.Random | None) -> str | None:
    try:
        return _sequence(_parsed(form), draws)
    except (LookupError, ValueError):
        return None


@lru_cache(maxsize=4096)
def _parsed(form: str) -> Any:
    import re._parser as parser  # type: ignore[import-not-found]  # Python's own, without a public name

    return parser.parse(form)


def _sequence(items: Any, draws: random.Random | None) -> str:
    return "".join(_one(str(kind), what, draws) for kind, what in items)


def _one(kind: str, what: Any, draws: random.Random | None) -> str:
    if kind == "LITERAL":
        return chr(what)
    if kind in ("IN", "ANY", "NOT_LITERAL", "CATEGORY"):
        letters = _letters(kind, what)
        return letters[0] if draws is None else draws.choice(letters)
    if kind == "SUBPATTERN":
        return _sequence(what[3], draws)
    if kind == "BRANCH":
        branches = what[1]
        if draws is not None:
            return _sequence(draws.choice(branches), draws)
        return min((_sequence(branch, None) for branch in branches), key=len)
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = what
        return _repeated(least, most, inner, draws)
    if kind == "AT":
        return ""
    raise ValueError(kind)


def _repeated(least: int, most: Any, inner: Any, draws: random.Random | None) -> str:
    if draws is None:
        return "".join(_sequence(inner, None) for _ in range(least))
    most = int(most)
    if (least, most) == (0, 1):
        return ""  # what is optional (a user who leaves, a second decimal) is the exception
    if most <= PASSAGE // 4:
        return "".join(_sequence(inner, draws) for _ in range(draws.randint(least, most)))
    text = " ".join(draws.choice(_WORDS) for _ in range(PASSAGE // 4))
    return text[: max(least, min(most, PASSAGE))]


@lru_cache(maxsize=1024)
def _letters_of(key: str, inside: tuple[Any, ...]) -> str:
    known = [chr(code) for code in range(32, 127)]
    found = {letter for kind, what in inside if kind != "NEGATE" for letter in known if _holds(kind, what, letter)}
    wanted = [letter for letter in known if (letter in found) != (key == "NEGATE")]
    # Letters before marks, so that what is made looks like text.
    return "".join(sorted(wanted, key=lambda x: (not x.isalnum(), x)))


def _letters(kind: str, what: Any) -> str:
    if kind == "ANY":
        return "a"
    if kind == "NOT_LITERAL":
        return _letters_of("NEGATE", (("LITERAL", what),))
    inside = tuple((str(name), inner) for name, inner in (what if kind == "IN" else [(kind, what)]))
    return _letters_of("NEGATE" if inside[0][0] == "NEGATE" else "", inside)


def _holds(kind: str, what: Any, letter: str) -> bool:
    if kind == "LITERAL":
        return ord(letter) == what
    if kind == "RANGE":
        return bool(what[0] <= ord(letter) <= what[1])
    name = str(what)
    held = {"DIGIT": letter.isdigit(), "SPACE": letter.isspace(), "WORD": letter.isalnum() or letter == "_"}
    return held[name.rpartition("_")[2]] != ("NOT" in name)
