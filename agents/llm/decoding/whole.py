"""Small forms, written out: all replies that match a regular expression, where they are few.

To hold a model to a form token by token is not to draw from its chances of whole replies: each step forgets how
unlikely it was that the form could be met at all. In a form with an optional tail that turned 1 reply in 1,000 into 9
in 10 (docs/language-models.md). Where a form has few replies, they are scored whole instead, as labels are.
"""

import re
import string
from functools import lru_cache
from typing import Any

WHOLE = 300
"""A form with so many replies at most is scored whole (chosen here)."""
_LONGEST = 400
"""Characters of such a reply at most (chosen here)."""


@lru_cache(maxsize=1024)
def replies_of(form: str, most: int = WHOLE) -> tuple[str, ...]:
    """All replies of a form in the order of their characters, or () where there are more than `most`, or none.

    Characters are those that can be printed in ASCII, and those that stand in the form; a form that names others by
    ranges or escapes is not written out.

    Args:
        form: A regular expression.
        most: How many there may be.
    """
    import regex

    if not form or ("\\" in form and any(f"\\{mark}" in form for mark in "xuUNpPX")):
        return ()
    if not form.isascii() and "[" in form:
        return ()
    pattern: Any = regex.compile(form)
    literal = not set("[.") & set(form.replace("\\.", "")) and not re.search(r"\\[A-Za-mo-z]", form)
    letters = sorted(set(form) | {"\n"} | (set() if literal else set(string.printable)))
    found, begun = [], [""]
    for _ in range(_LONGEST):
        if not begun:
            break
        found += [text for text in begun if pattern.fullmatch(text)]
        # Whatever may still match goes on to at least one reply, so that many beginnings are many replies.
        begun = [
            text + letter for text in begun for letter in letters if pattern.fullmatch(text + letter, partial=True)
        ]
        if len(found) + len(begun) > most:
            return ()
    return tuple(sorted(found)) if not begun else ()
