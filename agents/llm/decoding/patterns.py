"""Regular expressions that a scenario brings: looked for with a time limit, as a few characters can take for ever."""

from typing import Any

import regex

from populace.errors import PopulaceError

SECONDS = 2.0
"""Time to look for one expression in one text (chosen here; a good one takes microseconds)."""


def compiled(pattern: str, *, all_lines: bool = False) -> Any:
    """A pattern that ignores case; with `all_lines`, `.` goes over line breaks.

    Raises:
        ValueError: It is no regular expression.
    """
    try:
        return regex.compile(pattern, regex.IGNORECASE | (regex.DOTALL if all_lines else 0))
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


def search(pattern: Any, text: str) -> Any:
    """Where the pattern is found first, or None.

    Raises:
        PopulaceError: It takes too long.
    """
    try:
        return pattern.search(text, timeout=SECONDS)
    except TimeoutError:
        raise PopulaceError(
            f"the regular expression {pattern.pattern!r} takes more than {SECONDS:g} s on a text of {len(text):,} "
            "characters: write it without repetitions inside repetitions, such as (a+)+"
        ) from None
