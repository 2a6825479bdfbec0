"""Estimates with intervals. The world is the unit: users of a world are not independent, worlds are.

All intervals are over world means, so they are clustered by world whatever happens within one. What is undefined is
NaN, and the estimate's note says why.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats as distributions

from populace.analysis.intervals import AGREE, CONFIDENCE, Floats, agreeing, caution, t_interval
from populace.analysis.summaries import summarise
from populace.equality import Result

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "Floats",
    "bootstrap",
    "estimate",
    "holm",
    "median",
    "paired",
    "ratio",
    "summarise",
    "t_interval",
    "welch",
    "wilson",
]

RESAMPLED = 8
"""Below so many worlds a bootstrap interval is not given: it would cover far less often than it says."""


@dataclass(frozen=True, eq=False)
class Estimate(Result):
    """A mean (or another statistic) over worlds with its interval; estimates with the same numbers are equal.

    Attributes:
        mean: The estimate.
        low: Lower end of the interval, NaN where it is undefined.
        high: Upper end.
        worlds: Worlds it rests on.
        p: Two-sided p-value of the hypothesis that the mean is 0, NaN where it is undefined or not asked for.
        note: Why there is no interval, how far one from few worlds can be trusted, what was left out; or nothing.
    """

    mean: float
    low: float
    high: float
    worlds: int
    p: float = float("nan")
    note: str = ""


def estimate(
    values: ArrayLike,
    confidence: float = CONFIDENCE,
    *,
    deterministic: bool = False,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """Mean over worlds with a Student t interval: mean ± t(worlds - 1) · s / sqrt(worlds).

    Args:
        values: [worlds], one number per world; NaN and infinite ones are left out and counted in the note.
        confidence: Nominal coverage.
        deterministic: Whether the number is the same in all worlds by construction. If not, worlds that agree may do so
            by chance, and there is no interval.
        bounds: Least and greatest value of the number; the interval keeps within them (`intervals.t_interval`).
    """
    given = np.asarray(values, dtype=np.float64)
    x = given[np.isfinite(given)]
    mean, spread = _moments(x)
    agree = len(x) > 1 and bool(agreeing(spread, np.abs(x).max()))
    low, high, p = t_interval(
        mean,
        spread / np.sqrt(max(len(x), 1)),
        len(x) - 1,
        confidence,
        agree=agree,
        deterministic=deterministic,
        low=bounds[0],
        high=bounds[1],
    )
    note = caution(
        len(x), undefined=len(given) - len(x), agree=agree, certain=deterministic, finite=bool(np.isfinite(low))
    )
    return Estimate(mean, float(low), float(high), len(x), float(p), note)


def _moments(x: Floats) -> tuple[float, float]:
    """Mean and standard deviation (n - 1); NaN where there are too few numbers, infinite where they are too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(x.mean()) if len(x) else float("nan")
        return mean, float(x.std(ddof=1)) if len(x) > 1 else float("nan")


def median(values: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Median over worlds with the exact interval between order statistics, of a quantile test (W. J. Conover 1999).

    It covers at least as often as it says whatever the distribution, ties included; with fewer than six worlds there is
    none at 95 %. Infinite values are numbers here: a time that did not come within the run is later than all others.

    Args:
        values: [worlds]; NaN ones are left out and counted in the note.
        confidence: Nominal coverage.
    """
    given = np.asarray(values, dtype=np.float64)
    x = given[~np.isnan(given)]
    undefined = len(given) - len(x)
    if len(x) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0, note=caution(0, undefined=undefined))
    # Ranks, as differences of infinite numbers are undefined: an interval between order statistics needs no more.
    place = distributions.rankdata(x, method="ordinal") - 1.0
    ends = distributions.quantile_test(place, p=0.5).confidence_interval(confidence)
    ordered, found = np.sort(x), float(np.median(x))
    if not np.isfinite([ends.low, ends.high]).all():
        note = caution(1, undefined=undefined) if len(x) == 1 else f"{len(x)} worlds: too few for a median's interval"
        return Estimate(found, float("nan"), float("nan"), len(x), note=note)
    low, high = float(ordered[int(ends.low)]), float(ordered[int(ends.high)])
    return Estimate(found, low, high, len(x), note=caution(len(x), undefined=undefined))


def bootstrap(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.median,
    confidence: float = CONFIDENCE,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """A statistic over worlds with a bias-corrected and accelerated (BCa) cluster bootstrap interval.

    Worlds are resampled, each with all it holds. The seed is fixed: the same values give the same interval. Prefer
    `median` for medians: its interval is exact.

    Args:
        values: [worlds]; NaN ones are left out and counted in the note.
        statistic: A function of an array and `axis`.
        confidence: Nominal coverage; met approximately, from `RESAMPLED` worlds on (docs/analysis.md has the figures).
        resamples: Bootstrap samples.
        seed: Seed of the resampling.
    """
    given = np.asarray(values, dtype=np.float64)
    x = given[~np.isnan(given)]
    found, undefined = float(statistic(x, axis=0)) if len(x) else float("nan"), len(given) - len(x)
    why = ""
    if len(x) < 2:
        why = caution(len(x))
    elif len(x) < RESAMPLED:
        why = f"{len(x)} worlds: no bootstrap interval from fewer than {RESAMPLED}"
    elif not np.isfinite(x).all():
        why = "infinite values: no bootstrap interval"
    elif (x == x[0]).all():
        why = AGREE
    low = high = float("nan")
    if not why:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ties may leave the interval undefined; the note says so
            interval = distributions.bootstrap(
                (x,),
                statistic,
                confidence_level=confidence,
                n_resamples=resamples,
                method="BCa",
                random_state=np.random.default_rng(seed),
            ).confidence_interval
        low, high = float(interval.low), float(interval.high)
        if not np.isfinite([low, high]).all():
            low = high = float("nan")
            why = "no bootstrap interval: too many worlds are tied"
    note = "; ".join(part for part in (why, caution(len(x), undefined=undefined) if undefined else "") if part)
    return Estimate(found, low, high, len(x), note=note)


def paired(
    a: "pd.Series[Any]", b: "pd.Series[Any]", confidence: float = CONFIDENCE, *, deterministic: bool = False
) -> Estimate:
    """Mean of a - b over the worlds both have, with a t interval on the differences.

    Args:
        a: Values indexed by world.
        b: Values indexed by world; common random numbers, so that what they share cancels.
        confidence: Nominal coverage.
        deterministic: See `estimate`.
    """
    both = a.index.intersection(b.index)
    return estimate((a.loc[both] - b.loc[both]).to_numpy(), confidence, deterministic=deterministic)


def welch(a: ArrayLike, b: ArrayLike, confidence: float = CONFIDENCE, *, deterministic: bool = False) -> Estimate:
    """Difference of means of worlds that are not paired, with Welch's interval; `worlds` is the smaller number.

    Args:
        a: [worlds]; NaN and infinite ones are left out and counted in the note.
        b: [worlds], of others.
        confidence: Nominal coverage. With 2 or 3 worlds against many it is not met, and the note says so.
        deterministic: See `estimate`.
    """
    given = [np.asarray(v, dtype=np.float64) for v in (a, b)]
    x, y = (v[np.isfinite(v)] for v in given)
    undefined = sum(map(len, given)) - len(x) - len(y)
    worlds, others = sorted((len(x), len(y)))
    (mean_x, sd_x), (mean_y, sd_y) = _moments(x), _moments(y)
    error, freedom = welch_error(sd_x, sd_y, len(x), len(y))
    largest = max((float(np.abs(v).max()) for v in (x, y) if len(v)), default=0.0)
    agree = worlds > 1 and bool(agreeing(max(sd_x, sd_y), largest))
    low, high, p = t_interval(mean_x - mean_y, error, freedom, confidence, agree=agree, deterministic=deterministic)
    note = caution(
        worlds,
        others=others,
        undefined=undefined,
        agree=agree,
        certain=deterministic,
        finite=bool(np.isfinite(low)),
    )
    return Estimate(mean_x - mean_y, float(low), float(high), worlds, float(p), note)


def welch_error(sd_a: ArrayLike, sd_b: ArrayLike, worlds_a: ArrayLike, worlds_b: ArrayLike) -> tuple[Floats, Floats]:
    """Standard error of a difference of means and Welch and Satterthwaite's degrees of freedom, elementwise.

    Zero degrees of freedom where a side has fewer than two worlds.
    """
    n, m = np.asarray(worlds_a, dtype=np.float64), np.asarray(worlds_b, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        first, second = np.square(sd_a) / n, np.square(sd_b) / m
        total, scale = first + second, first**2 / (n - 1) + second**2 / (m - 1)
        freedom = np.where(scale > 0, total**2 / scale, np.minimum(n, m) - 1)
    return np.sqrt(total), np.where(np.minimum(n, m) > 1, freedom, 0.0)


def ratio(a: ArrayLike, b: ArrayLike, confidence: float = CONFIDENCE, *, deterministic: bool = False) -> Estimate:
    """Mean of a over mean of b, worlds paired, with a t interval on the linearised ratio.

    Unlike the mean of ratios it stays sound where b is near 0 in single worlds. Standard error
    s(a - r b) / (sqrt(worlds) · mean(b)): W. G. Cochran 1977, Sampling Techniques, section 2.11.

    Args:
        a: [worlds]; worlds in which either is NaN or infinite are left out and counted in the note.
        b: [worlds], the whole that `a` is a share of.
        confidence: Nominal coverage.
        deterministic: See `estimate`.

    Returns:
        The ratio; all NaN where the mean of b is 0. `p` is that of a ratio of 0.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    undefined = int((~known).sum())
    x, y = x[known], y[known]
    if len(y) == 0 or y.mean() == 0:
        note = caution(0, undefined=undefined) if len(y) == 0 else "a share of 0 is undefined"
        return Estimate(float("nan"), float("nan"), float("nan"), len(y), note=note)
    share = float(x.mean() / y.mean())
    off = (x - share * y) / y.mean()
    _, spread = _moments(off)
    agree = len(y) > 1 and bool(agreeing(spread, max(1.0, abs(share)) * np.abs(y / y.mean()).max()))
    low, high, p = t_interval(
        share, spread / np.sqrt(len(y)), len(y) - 1, confidence, agree=agree, deterministic=deterministic
    )
    note = caution(len(y), undefined=undefined, agree=agree, certain=deterministic, finite=bool(np.isfinite(low)))
    return Estimate(share, float(low), float(high), len(y), float(p), note)


def holm(p: ArrayLike) -> Floats:
    """P-values adjusted by Holm's step-down method for all hypotheses tested together; NaN ones are not counted.

    S. Holm 1979, Scandinavian Journal of Statistics 6:65: the i-th smallest of m becomes max over j <= i of
    min(1, (m - j + 1) p_j).
    """
    given = np.asarray(p, dtype=np.float64)
    adjusted = np.full(given.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(given))
    order = tested[np.argsort(given[tested], kind="stable")]
    factor = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * factor))
    return adjusted


def wilson(successes: int, worlds: int, confidence: float = CONFIDENCE) -> Estimate:
    """A share of worlds with Wilson's score interval (E. B. Wilson 1927, JASA 22:209)."""
    if worlds == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0, note=caution(0))
    interval = distributions.binomtest(successes, worlds).proportion_ci(confidence, method="wilson")
    return Estimate(successes / worlds, float(interval.low), float(interval.high), worlds)
