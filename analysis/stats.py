"""Estimates with intervals. The world is the unit: users of a world are not independent, worlds are.

All intervals are over world means, so they are clustered by world whatever happens within one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats as distributions

CONFIDENCE = 0.95
"""Nominal coverage of all intervals unless told otherwise."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean (or another statistic) over worlds with its interval.

    Attributes:
        mean: The estimate.
        low: Lower end of the interval, NaN where it is undefined.
        high: Upper end.
        worlds: Worlds it rests on.
        p: Two-sided p-value of the hypothesis that the mean is 0, NaN where it is undefined or not asked for.
    """

    mean: float
    low: float
    high: float
    worlds: int
    p: float = float("nan")

    @property
    def note(self) -> str:
        """Why there is no interval, or nothing."""
        if self.worlds == 0:
            return "no world has a value"
        if np.isnan(self.low):
            return "one world: no interval" if self.worlds == 1 else "no interval: all resamples agree"
        return ""


def estimate(values: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Mean over worlds with a Student t interval: mean ± t(worlds - 1) · s / sqrt(worlds).

    Args:
        values: [worlds], one number a world; NaN ones are left out.
        confidence: Nominal coverage.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[np.isfinite(x)]
    mean = float(x.mean()) if len(x) else float("nan")
    error = float(x.std(ddof=1) / np.sqrt(len(x))) if len(x) > 1 else float("nan")
    low, high, p = t_interval(np.array(mean), np.array(error), np.array(len(x) - 1), confidence)
    return Estimate(mean, float(low), float(high), len(x), float(p))


def t_interval(
    mean: Floats, error: Floats, freedom: Floats, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats, Floats]:
    """Student t interval and two-sided p-value, elementwise; all NaN with less than one degree of freedom."""
    usable = np.asarray(freedom) >= 1
    freedom = np.where(usable, freedom, np.nan)
    half = distributions.t.ppf(0.5 + confidence / 2, freedom) * np.where(usable, error, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * distributions.t.sf(np.abs(mean) / error, freedom)
    p = np.where(usable & (np.asarray(error) == 0) & (np.asarray(mean) == 0), 1.0, p)
    return mean - half, mean + half, p


def bootstrap(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.median,
    confidence: float = CONFIDENCE,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """A statistic over worlds with a bias-corrected and accelerated (BCa) cluster bootstrap interval.

    Worlds are resampled, each with all it holds. The seed is fixed: the same values give the same interval.

    Args:
        values: [worlds]; NaN ones are left out.
        statistic: A function of an array and `axis`.
        confidence: Nominal coverage.
        resamples: Bootstrap samples.
        seed: Seed of the resampling.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[~np.isnan(x)]
    found = float(statistic(x, axis=0)) if len(x) else float("nan")
    if len(x) < 2 or not np.isfinite(x).all() or (x == x[0]).all():
        return Estimate(found, float("nan"), float("nan"), len(x))
    interval = distributions.bootstrap(
        (x,),
        statistic,
        confidence_level=confidence,
        n_resamples=resamples,
        method="BCa",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(found, float(interval.low), float(interval.high), len(x))


def paired(a: "pd.Series[Any]", b: "pd.Series[Any]", confidence: float = CONFIDENCE) -> Estimate:
    """Mean of a - b over the worlds both have, with a t interval on the differences.

    Args:
        a: Values indexed by world.
        b: Values indexed by world; the same luck, so that what they share cancels.
        confidence: Nominal coverage.
    """
    return estimate((a - b).dropna().to_numpy(), confidence)


def welch(a: ArrayLike, b: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Difference of means of worlds that are not paired, with Welch's interval; `worlds` is the smaller number."""
    x, y = (v[np.isfinite(v)] for v in (np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)))
    if min(len(x), len(y)) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    mean, worlds = float(x.mean() - y.mean()), min(len(x), len(y))
    if worlds < 2:
        return Estimate(mean, float("nan"), float("nan"), worlds)
    first, second = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    error, scale = np.sqrt(first + second), first**2 / (len(x) - 1) + second**2 / (len(y) - 1)
    freedom = (first + second) ** 2 / scale if scale > 0 else float(worlds - 1)
    low, high, p = t_interval(np.array(mean), np.array(error), np.array(freedom), confidence)
    return Estimate(mean, float(low), float(high), worlds, float(p))


def ratio(a: ArrayLike, b: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Mean of a over mean of b, worlds paired, with a t interval on the linearised ratio.

    Unlike the mean of ratios it stays sound where b is near 0 in single worlds. Standard error
    s(a - r b) / (sqrt(worlds) · mean(b)): W. G. Cochran 1977, Sampling Techniques, section 2.11.

    Args:
        a: [worlds]; worlds in which either is NaN are left out.
        b: [worlds], the whole that `a` is a share of.
        confidence: Nominal coverage.

    Returns:
        The ratio; all NaN where the mean of b is 0. `p` is that of a ratio of 0.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(y) == 0 or y.mean() == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), len(y))
    share = x.mean() / y.mean()
    off = (x - share * y) / y.mean()
    error = off.std(ddof=1) / np.sqrt(len(y)) if len(y) > 1 else np.nan
    low, high, p = t_interval(np.array(share), np.array(error), np.array(len(y) - 1), confidence)
    return Estimate(float(share), float(low), float(high), len(y), float(p))


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
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    z = float(distributions.norm.ppf(0.5 + confidence / 2))
    share, scale = successes / worlds, 1 + z**2 / worlds
    centre = (share + z**2 / (2 * worlds)) / scale
    half = z * float(np.sqrt(share * (1 - share) / worlds + z**2 / (4 * worlds**2))) / scale
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half), worlds)


def summarise(
    frame: pd.DataFrame, by: Sequence[str], value: str = "value", confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Mean over worlds with a t interval for every group; several rows of one world are averaged first.

    Args:
        frame: Rows with columns `by`, `world` and `value`; NaN values are left out.
        by: What makes a group, e.g. `["arm", "measure", "step"]`.
        value: Column to estimate.
        confidence: Nominal coverage.

    Returns:
        Frame of `by`, `mean, low, high, p, worlds`; low, high and p are NaN where there is but one world.
    """
    keys = list(by)
    rows = frame[[*keys, "world", value]].dropna(subset=[value])
    if rows.duplicated([*keys, "world"]).any():
        rows = rows.groupby([*keys, "world"], observed=True, sort=False)[value].mean().reset_index()
    found = rows.groupby(keys, observed=True, sort=True)[value].agg(["mean", "std", "count"]).reset_index()
    worlds = found["count"].to_numpy()
    error = found["std"].to_numpy() / np.sqrt(np.maximum(worlds, 1))
    low, high, p = t_interval(found["mean"].to_numpy(), error, worlds - 1, confidence)
    return found[[*keys, "mean"]].assign(low=low, high=high, p=p, worlds=worlds)
