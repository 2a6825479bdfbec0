"""Numbers, read where a text states exactly one."""

import math
import re

from populace.replies.choices import hedged, lead, settled, taken_back

_NUMBER = re.compile(r"(?<![\w.,/-])[-+]?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?(?!\w)", re.I)
_POINTS = re.compile(r"\s*(?:points?|stars?)\b", re.I)


def number(text: str, unit: str = "", scale: int = 0) -> float | None:
    """The finite number that a text states, or None where it states none, several, a range or an estimate of it.

    A comma in a number is not read: 7,5 may be 7.5 or two numbers, and 1,234 may be either, too.

    Args:
        text: Plain text (see `plain`).
        unit: What must follow it, such as `%`.
        scale: `8/10` and `8 out of 10` are 8 where this is 10.
    """
    found = _NUMBER.search(text)
    if found is None:
        return None
    tail = text[found.end() :]
    if unit:
        if not tail.lstrip(" ").startswith(unit):
            return None
        tail = tail.lstrip(" ")[len(unit) :]
    if scale:
        tail = re.sub(rf"^\s*\(?(?:/|out of|of)\s*{scale}(?![\w.,/])", "", tail)
    tail = _POINTS.sub("", tail, count=1) if _POINTS.match(tail) else tail
    if not lead(text[: found.start()]) or hedged(text) or taken_back(text) or not settled(tail):
        return None
    value = float(found[0])
    return value if math.isfinite(value) else None


def numbers(text: str, count: int) -> list[float] | None:
    """`count` numbers in order, separated by commas, semicolons or new lines, or None."""
    parts = [part.strip() for part in re.split(r"[,;\n]", text.strip().strip("[]()").rstrip("."))]
    found = [number(part) for part in parts if part] if all(parts[:-1]) else []
    return [x for x in found if x is not None] if len(found) == count and None not in found else None
