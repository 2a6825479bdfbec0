"""Numbers as people read them: the digits that are needed, and no more."""

import math

LARGEST = 1e9
"""From here on numbers are written with a power of ten."""


def figure(value: float, digits: int = 4) -> str:
    """A number in words: `50,000`, `19.99`, `0.02547`, `-3`; no needless zeros and no minus before a zero.

    Args:
        value: A finite number.
        digits: Significant digits; two decimals are written in any case.

    Raises:
        ValueError: The number is not finite, and no reader could tell what is meant.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that can be told; leave it out, or say what it stands for")
    if abs(value) >= LARGEST:
        return f"{value:.{digits}g}"
    places = max(2, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    if places > 12:
        return f"{value:.{digits}g}"
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
