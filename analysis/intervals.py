"""Student intervals, elementwise: where they are undefined, how they keep within a range, what is said of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as distributions

CONFIDENCE = 0.95
"""Nominal coverage of all intervals unless told otherwise."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROUNDING = 1e-12
"""Worlds agree where their standard deviation is at most this share of their largest number: it is rounding."""
RECORDED = 8 * float(np.finfo(np.float32).eps)
"""The same for what was recorded, as worlds compute in single precision."""
FEW = 4
"""Below so many worlds a caution stands beside every interval."""

AGREE = "all worlds agree, perhaps by chance: no interval"
ONE = "one world: no interval"
NONE = "no world has a value"
LARGE = "numbers too large for an interval"


def t_interval(
    mean: ArrayLike,
    error: ArrayLike,
    freedom: ArrayLike,
    confidence: float = CONFIDENCE,
    *,
    agree: ArrayLike | None = None,
    deterministic: ArrayLike = False,
    low: ArrayLike = -np.inf,
    high: ArrayLike = np.inf,
) -> tuple[Floats, Floats, Floats]:
    """Student t interval and two-sided p-value of a mean of 0, elementwise.

    Without a range the interval is mean ± t(freedom) · error. Within a range [low, high] it is that of the logit of
    (mean - low) / (high - low) with the error carried over (delta method), turned back: it cannot leave the range, and
    at skewed shares covers more often than the plain one (docs/analysis.md has the figures). A range with one end only
    cuts the plain interval off. The p-value is always the plain one.

    Args:
        mean: [...] means over worlds.
        error: [...] their standard errors.
        freedom: [...] degrees of freedom.
        confidence: Nominal coverage.
        agree: [...] bool, whether all worlds agree; default: the error is 0 up to rounding.
        deterministic: [...] bool, whether worlds that agree do so by construction. If not, a spread of 0 may be chance.
        low: [...] least value that the mean can have.
        high: [...] greatest value.

    Returns:
        Lower end, upper end, p; all NaN with less than one degree of freedom, where a number is not finite, and where
        worlds agree unless they do so by construction. A mean of exactly 0 where worlds agree has p = 1.
    """
    m, e, f = (np.asarray(x, dtype=np.float64) for x in (mean, error, freedom))
    same = np.asarray(e <= ROUNDING * np.abs(m) if agree is None else agree) & (f >= 1)
    usable = (f >= 1) & np.isfinite(e) & np.isfinite(m) & ~same
    certain = same & np.asarray(deterministic)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        t = distributions.t.ppf(0.5 + confidence / 2, np.where(f >= 1, f, np.nan))
        lower, upper = _within(m, t * e, np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64))
        p = 2 * distributions.t.sf(np.abs(m) / e, np.where(f >= 1, f, np.nan))
    usable &= np.isfinite(lower) & np.isfinite(upper)
    lower, upper = (np.where(usable, end, np.where(certain, m, np.nan)) for end in (lower, upper))
    p = np.where(usable, p, np.where(same & (m == 0), 1.0, np.where(certain, 0.0, np.nan)))
    return lower, upper, p


def _within(mean: Floats, half: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The ends, by the logit where the mean lies inside a range with two ends."""
    inside = np.isfinite(high - low) & (low < mean) & (mean < high)
    share = (mean - low) / (high - low)
    odds, turn = np.log(share) - np.log1p(-share), half / ((high - low) * share * (1 - share))
    ends = []
    for sign in (-1.0, 1.0):
        turned = low + (high - low) * 0.5 * (1 + np.tanh(0.5 * (odds + sign * turn)))
        ends.append(
            np.where(inside, turned, np.clip(mean + sign * half, np.minimum(low, mean), np.maximum(high, mean)))
        )
    return ends[0], ends[1]


def caution(
    worlds: int,
    *,
    others: int = 0,
    undefined: int = 0,
    agree: bool = False,
    certain: bool = False,
    finite: bool = True,
) -> str:
    """The caution that belongs to an estimate, or "".

    Args:
        worlds: Worlds it rests on, those with a value; of two sides that are not paired, the smaller number.
        others: The larger number of worlds of two sides that are not paired; 0 otherwise.
        undefined: Worlds left out, as their number is NaN or infinite.
        agree: Whether all worlds agree.
        certain: Whether they do so by construction.
        finite: Whether the interval could be computed.
    """
    parts = []
    some = f"{worlds} worlds with a value" if undefined else f"{worlds} worlds"
    if worlds < 2:
        parts.append(ONE if worlds else NONE)
    elif agree:
        parts += [] if certain else [AGREE]
    elif not finite:
        parts.append(LARGE)
    elif worlds < FEW and others >= 2 * worlds:
        parts.append(f"{some} against {others}: the interval covers the true value less often than stated")
    elif worlds < FEW:
        parts.append(f"{some}: an interval from fewer than {FEW} is right only if worlds are normally distributed")
    if undefined:
        parts.append(f"undefined in {undefined:,} of {worlds + others + undefined:,} worlds, which are left out")
    return "; ".join(parts)


def cautions(
    worlds: NDArray[np.int64],
    others: NDArray[np.int64],
    undefined: NDArray[np.int64],
    agree: Bools,
    certain: Bools,
    finite: Bools,
) -> NDArray[np.object_]:
    """`caution` for every row."""
    found: NDArray[Any] = np.full(len(worlds), "", dtype=object)
    for k in np.flatnonzero((worlds < FEW) | (undefined > 0) | agree | ~finite):
        found[k] = caution(
            int(worlds[k]),
            others=int(others[k]),
            undefined=int(undefined[k]),
            agree=bool(agree[k]),
            certain=bool(certain[k]),
            finite=bool(finite[k]),
        )
    return found


def agreeing(spread: ArrayLike, largest: ArrayLike, rounding: float = ROUNDING) -> Bools:
    """Whether a standard deviation over worlds is 0 up to the rounding of the numbers it comes from."""
    return np.asarray(np.asarray(spread) <= rounding * np.asarray(largest))


def summary(notes: Sequence[str]) -> list[str]:
    """The different cautions among notes of rows, in their order, each once."""
    return list(dict.fromkeys(part for note in notes for part in note.split("; ") if part))
