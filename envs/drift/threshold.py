"""Where drift sets in: p*, the biased share at which the mean pull on honesty changes sign, with its uncertainty.

Worlds are the unit: a bootstrap resamples whole worlds, the same ones at every share, as arms share their luck.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy import stats as distributions

from populace.errors import PopulaceError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Threshold:
    """A threshold with its interval.

    Attributes:
        p: The estimate; NaN when the sign does not change between the shares given.
        low: Lower end of the bootstrap interval.
        high: Upper end.
        worlds: Worlds it rests on.
        found: Share of resamples in which there was a threshold.
    """

    p: float
    low: float
    high: float
    worlds: int
    found: float


def crossing(shares: ArrayLike, drift: ArrayLike) -> Floats:
    """Where drift [..., shares] first goes from below zero to above it, linear in between; NaN where it never does.

    At the lowest share when drift is positive from the start.
    """
    x, y = np.asarray(shares, dtype=np.float64), np.asarray(drift, dtype=np.float64)
    up = (y[..., :-1] < 0) & (y[..., 1:] >= 0)
    first = np.argmax(up, axis=-1)
    a, b = (np.take_along_axis(y, (first + k)[..., None], -1)[..., 0] for k in (0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = x[first] + (x[first + 1] - x[first]) * (-a) / (b - a)
    return np.where(y[..., 0] >= 0, x[0], np.where(up.any(-1), found, np.nan))


def logistic(shares: ArrayLike, outcome: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, float]:
    """Maximum-likelihood fit of P(outcome) = 1 / (1 + exp(-(a + b share))): returns p* = -a / b and the slope b.

    Args:
        shares: [n].
        outcome: [n] in 0..1, the share of worlds that drifted.
        weight: [n], worlds behind each; equal when not given.
    """
    x, y = np.asarray(shares, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    w = np.ones_like(x) if weight is None else np.asarray(weight, dtype=np.float64)
    scale = max(float(np.ptp(x)), 1e-9)
    z = (x - x.mean()) / scale

    def loss(v: Floats) -> tuple[float, Floats]:
        eta = v[0] + v[1] * z
        # A weak ridge keeps separated data (all below or all above) finite.
        value = float((w * (np.logaddexp(0.0, eta) - y * eta)).sum() + 1e-6 * (v**2).sum())
        gap = w * (1.0 / (1.0 + np.exp(-np.clip(eta, -500, 500))) - y)
        return value, np.array([gap.sum(), (gap * z).sum()]) + 2e-6 * v

    fit = optimize.minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    a, b = float(fit[0]), float(fit[1])
    return (float(x.mean() - scale * a / b) if b > 0 else float("nan")), b / scale


def from_sweep(
    shares: Sequence[float], drift: ArrayLike, *, method: str = "sign", resamples: int = 1000, seed: int = 0
) -> Threshold:
    """The threshold of a sweep.

    Args:
        shares: [shares], ascending.
        drift: [shares, worlds], the change of a world's log odds of dishonesty (or any signed pull).
        method: `sign`: where the mean over worlds changes sign; `logistic`: where half the worlds drift upwards.
        resamples: Bootstrap samples of worlds.
        seed: Seed of the bootstrap.

    Raises:
        PopulaceError: The shares are not ascending within 0..1, or do not fit the drift's shape.
    """
    x, y = np.asarray(shares, dtype=np.float64), np.asarray(drift, dtype=np.float64)
    if x.ndim != 1 or len(x) < 2 or (np.diff(x) <= 0).any() or x[0] < 0 or x[-1] > 1:
        raise PopulaceError(f"shares {list(shares)}: at least two are needed, ascending, each between 0 and 1")
    if y.ndim != 2 or y.shape[0] != len(x):
        raise PopulaceError(f"drift of shape {y.shape}: [shares, worlds] = [{len(x)}, ...] is expected")
    if method not in ("sign", "logistic"):
        raise PopulaceError(f"method {method!r}: sign or logistic is expected")
    worlds = y.shape[1]
    picks = np.random.default_rng(seed).integers(0, worlds, (resamples, worlds))
    if method == "sign":
        estimate = float(crossing(x, y.mean(1)))
        again = crossing(x, np.stack([y[:, pick].mean(1) for pick in picks]))
    else:
        up = (y > 0).astype(np.float64)
        estimate = logistic(x, up.mean(1), np.full(len(x), worlds))[0]
        again = np.array([logistic(x, up[:, pick].mean(1), np.full(len(x), worlds))[0] for pick in picks])
    there = again[np.isfinite(again)]
    low, high = np.quantile(there, [0.025, 0.975]) if len(there) else (float("nan"), float("nan"))
    return Threshold(estimate, float(low), float(high), worlds, len(there) / max(resamples, 1))


def bisect(
    drift: Callable[[float], ArrayLike], low: float = 0.0, high: float = 1.0, *, steps: int = 10, resamples: int = 1000
) -> Threshold:
    """The threshold by bisection: `drift(share)` plays worlds and returns their drift [worlds].

    All shares must be played with the same seed, so that worlds differ in the share only. The interval comes from a
    sweep over the shares visited.

    Raises:
        PopulaceError: The mean drift has the same sign at both ends.
    """
    played = {p: np.asarray(drift(p), dtype=np.float64) for p in (low, high)}
    if not played[low].mean() < 0 <= played[high].mean():
        raise PopulaceError(
            f"mean drift is {played[low].mean():.3g} at a share of {low:g} and {played[high].mean():.3g} at {high:g}: "
            "it must be below 0 at the low end and above at the high one; there is no threshold between"
        )
    a, b = low, high
    for _ in range(steps):
        middle = 0.5 * (a + b)
        played[middle] = np.asarray(drift(middle), dtype=np.float64)
        a, b = (middle, b) if played[middle].mean() < 0 else (a, middle)
    shares = sorted(played)
    found = from_sweep(shares, np.stack([played[p] for p in shares]), resamples=resamples)
    return Threshold(0.5 * (a + b), found.low, found.high, found.worlds, found.found)


# ------------------------------------------------------------------ how much a small test can tell


def two_proportions(first: float, second: float, n: int) -> float:
    """Z of the pooled test that two rates on `n` items each differ (second - first)."""
    pooled = 0.5 * (first + second)
    error = np.sqrt(pooled * (1.0 - pooled) * 2.0 / n)
    return float((second - first) / error)


def trend(scores: ArrayLike, rates: ArrayLike, n: int) -> float:
    """Z of the Cochran-Armitage test of a trend of rates over scores, `n` items each."""
    x, p = np.asarray(scores, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    mean, deviation = p.mean(), x - x.mean()
    return float((deviation * p).sum() * n / np.sqrt(mean * (1.0 - mean) * n * (deviation**2).sum()))


def half_width(first: float, second: float, n: int) -> float:
    """Half-width of the 95 % interval of a difference of two rates on `n` items each."""
    return float(1.96 * np.sqrt((first * (1 - first) + second * (1 - second)) / n))


def items_needed(first: float, second: float, power: float = 0.8) -> float:
    """Items an arm needs to tell two rates apart at the two-sided 5 % level with that power."""
    z = distributions.norm.ppf(0.975) + distributions.norm.ppf(power)
    return float(z**2 * (first * (1 - first) + second * (1 - second)) / (second - first) ** 2)


def drift_of(steps: pd.DataFrame, measure: str, first: int, last: int, items: float) -> pd.DataFrame:
    """Change of a rate's log odds between two steps, `arm, world, drift`; rates are kept half an item from 0 and 1.

    Args:
        steps: A run's steps.
        measure: A rate in 0..1.
        first: The step before.
        last: The step after.
        items: Items behind the rate.
    """
    rows = steps[(steps["measure"] == measure) & steps["step"].isin([first, last])]
    wide = rows.pivot_table(index=["arm", "world"], columns="step", values="value", observed=True)
    clipped = wide.clip(0.5 / items, 1 - 0.5 / items)
    odds = np.log(clipped / (1 - clipped))
    return (odds[last] - odds[first]).rename("drift").reset_index()
