"""Where drift sets in: p*, the biased share at which the mean pull on honesty changes sign, with its uncertainty.

Worlds are the unit, and the same worlds are played at every share. The interval holds the shares at which the interval
of the mean pull over worlds contains 0: a confidence set by inversion, as in E. C. Fieller 1954 (Journal of the Royal
Statistical Society B 16:175). It may reach an end of the sweep, where the sweep does not settle the threshold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize
from scipy import stats as distributions

from populace.analysis.intervals import Floats, agreeing, caution
from populace.equality import Result
from populace.errors import PopulaceError


@dataclass(frozen=True, eq=False)
class Threshold(Result):
    """A threshold with its interval.

    Attributes:
        p: The estimate; NaN when the sign does not change between the shares given.
        low: Lower end of the 95 % interval; the lowest share where the sweep does not bound it from below.
        high: Upper end; the highest share where the sweep does not bound it from above. Both ends are NaN where no
            share can be the threshold, and with one world.
        worlds: Worlds it rests on.
        settled: Whether the pull is clearly below zero at the lowest share and clearly above at the highest, so that
            the interval is bounded.
        note: What limits it, or nothing.
    """

    p: float
    low: float
    high: float
    worlds: int
    settled: bool
    note: str = ""


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


def from_sweep(shares: Sequence[float], drift: ArrayLike, *, method: str = "sign") -> Threshold:
    """The threshold of a sweep, with a 95 % interval.

    Args:
        shares: [shares], ascending.
        drift: [shares, worlds], the change of a world's log odds of dishonesty (or any signed pull).
        method: `sign`: where the mean over worlds changes sign, linear between shares; the interval holds the shares
            at which Student's t interval of the mean contains 0. `logistic`: where half the worlds drift upwards, by a
            logistic curve; the interval reaches from the highest share at which clearly less than half of them do to
            the lowest at which clearly more do, by exact binomial intervals, and so is never finer than the sweep.

    Raises:
        PopulaceError: The shares are not ascending within 0..1, or do not fit the drift; or a number is missing.
    """
    x, y = np.asarray(shares, dtype=np.float64), np.asarray(drift, dtype=np.float64)
    if x.ndim != 1 or len(x) < 2 or not (np.diff(x) > 0).all() or x[0] < 0 or x[-1] > 1:
        raise PopulaceError(f"shares {list(shares)}: at least two are needed, ascending, each between 0 and 1")
    if y.ndim != 2 or y.shape[0] != len(x):
        raise PopulaceError(f"drift of shape {y.shape}: [shares, worlds] = [{len(x)}, ...] is expected")
    if method not in ("sign", "logistic"):
        raise PopulaceError(f"method {method!r}: sign or logistic is expected")
    if not np.isfinite(y).all():
        raise PopulaceError("drift holds numbers that are missing or infinite: leave these worlds out at every share")
    worlds = y.shape[1]
    if method == "sign":
        found = float(crossing(x, y.mean(1)))
        low, high, below, above = _inverted(x, y)
    else:
        up = (y > 0).sum(1)
        found = logistic(x, up / worlds, np.full(len(x), worlds))[0]
        low, high, below, above = _halved(x, up, worlds)
    return Threshold(found, low, high, worlds, below and above and np.isfinite(found), _note(worlds, below, above))


def _note(worlds: int, below: bool, above: bool) -> str:
    if worlds < 2:
        return caution(worlds)
    parts = [] if below else ["the pull is not clearly below zero at the lowest share"]
    parts += [] if above else ["the pull is not clearly above zero at the highest share"]
    return "; ".join(part for part in (" and ".join(parts), caution(worlds)) if part)


def _inverted(x: Floats, y: Floats) -> tuple[float, float, bool, bool]:
    """The shares whose t interval contains 0: lowest, highest, and whether the ends of the sweep are clear of it.

    Between neighbours a world's pull is linear in the share, so mean² <= t² · variance is quadratic in it.
    """
    worlds, mean = y.shape[1], y.mean(1)
    if worlds < 2:
        return float("nan"), float("nan"), False, False
    cover = np.cov(y) / worlds
    t2 = float(distributions.t.ppf(0.975, worlds - 1)) ** 2
    clear = (mean**2 > t2 * np.diagonal(cover)) & ~agreeing(y.std(1, ddof=1), np.abs(y).max(1))
    held = []
    for k in range(len(x) - 1):
        v, w, both = cover[k, k], cover[k + 1, k + 1], cover[k, k + 1]
        step = mean[k + 1] - mean[k]
        curve = np.polynomial.Polynomial(
            [mean[k] ** 2 - t2 * v, 2 * mean[k] * step - 2 * t2 * (both - v), step**2 - t2 * (v + w - 2 * both)]
        )
        roots: Any = curve.roots()
        turns = [float(r.real) for r in roots if abs(r.imag) < 1e-9 and 0 < r.real < 1]
        held += [x[k] + (x[k + 1] - x[k]) * at for at in turns]
    held += [share for share, far in zip(x, clear, strict=True) if not far]
    below, above = bool(clear[0] and mean[0] < 0), bool(clear[-1] and mean[-1] > 0)
    if clear[0] and not below:
        held.append(x[0])  # above zero from the lowest share on, which then stands for the threshold, as in `crossing`
    return float(min(held, default=np.nan)), float(max(held, default=np.nan)), below, above


def _halved(x: Floats, up: Floats, worlds: int) -> tuple[float, float, bool, bool]:
    """From the highest share at which clearly less than half the worlds go up to the lowest where clearly more do."""
    ends = [distributions.binomtest(int(k), worlds).proportion_ci(0.95, method="exact") for k in up]
    less = [float(share) for share, end in zip(x, ends, strict=True) if end.high < 0.5]
    more = [float(share) for share, end in zip(x, ends, strict=True) if end.low > 0.5]
    return max(less, default=float(x[0])), min(more, default=float(x[-1])), bool(less), bool(more)


def bisect(drift: Callable[[float], ArrayLike], low: float = 0.0, high: float = 1.0, *, steps: int = 10) -> Threshold:
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
    return replace(from_sweep(shares, np.stack([played[p] for p in shares])), p=0.5 * (a + b))


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
    """Items per arm needed to distinguish two rates at the two-sided 5 % level with that power."""
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
