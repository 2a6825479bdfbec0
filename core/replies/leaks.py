"""Whether a reply repeats what its seat was told in confidence."""

import re
from collections.abc import Iterable

RUN = 6
"""Words in a row that count as a repetition (assumption of ours): five are often a common phrase."""


def repeats(reply: str, notes: Iterable[str], allowed: Iterable[str] = ()) -> bool:
    """Whether a reply holds `RUN` words in a row of a private note, or all of a shorter one of three words or more.

    Args:
        reply: What is said to others.
        notes: What the seat was told in confidence.
        allowed: Texts that it may repeat, such as what others said: words in a row that stand there do not count.
    """
    said = " ".join(_words(reply))
    free = [" ".join(_words(text)) for text in allowed]
    for note in notes:
        words = _words(note)
        size = min(RUN, len(words))
        for k in range(len(words) - size + 1 if size >= 3 else 0):
            run = " ".join(words[k : k + size])
            if f" {run} " in f" {said} " and not any(f" {run} " in f" {text} " for text in free):
                return True
    return False


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())
