"""Measures of how a population's values move and spread: pure functions of recorded moments or tracked users.

Written m_s(t) for the mean vector of segment s at step t over D value dimensions, v_s(t) for its variances (divided by
n), n_s for its users, and m(t), v(t) for those of all users, pooled exactly. Every function returns a tidy frame `arm,
world, step, segment, measure, value`, one row per world; intervals over worlds come from `populace.analysis.stats`.
Where a measure is undefined, or too large for a number, its row is left out; `Moments.complete` finds these rows again.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from populace.analysis.moments import OVERALL, Floats, Moments, labelled

BAND = 0.05
"""Half-width of the lock-in band, as a share of the largest distance from the final value. Assumed."""
HOLD = 0.10
"""Share of the run that a quantity must stay in the band before it counts as locked in. Assumed."""
_QUIET = np.errstate(invalid="ignore", divide="ignore", over="ignore")
"""Numbers that are undefined or overflow are left out of the frames; numpy need not warn of them too."""


@_QUIET
def drift(moments: Moments) -> pd.DataFrame:
    """Distance of mean values from where they started: ||m_s(t) - m_s(0)||, Euclidean, by segment and overall."""
    m = moments.with_overall
    moved = m.mean - m.mean[:, :, :1]
    return m.tidy(np.sqrt((moved**2).sum(-1)), "drift from start")


@_QUIET
def drift_by_value(moments: Moments) -> pd.DataFrame:
    """Signed move of each mean value: m_sk(t) - m_sk(0); `measure` is the variable's name."""
    m = moments.with_overall
    return m.tidy(m.mean - m.mean[:, :, :1], m.variables)


@_QUIET
def drift_from_reference(moments: Moments, reference: Mapping[str, str]) -> pd.DataFrame:
    """Distance between the mean values of an arm and of its reference in the same world at the same step.

    ||m_s(t; arm, world) - m_s(t; reference, world)||. Both arms have common random numbers, so
    the distance is the effect of the arm.
    A distance is never negative: that its interval excludes 0 is no test; the signed contrasts by value are.

    Args:
        moments: Moments of values.
        reference: Arm -> the arm it is compared with.
    """
    m = moments.with_overall
    apart = np.full(m.mean.shape[:-1], np.nan)
    for arm, other in reference.items():
        if arm in m.arms and other in m.arms:
            a, b = m.arms.index(arm), m.arms.index(other)
            apart[a] = np.sqrt(((m.mean[a] - m.mean[b]) ** 2).sum(-1))
    return m.tidy(apart, "drift from reference")


@_QUIET
def velocity(moments: Moments) -> pd.DataFrame:
    """Distance moved per step: ||m_s(t) - m_s(t')|| / (t - t'), with t' the record before t."""
    m = moments.with_overall
    gap = np.diff(m.steps)[:, None]
    speed = np.sqrt((np.diff(m.mean, axis=2) ** 2).sum(-1)) / gap
    first = np.full((*speed.shape[:2], 1, speed.shape[3]), np.nan)
    return m.tidy(np.concatenate([first, speed], axis=2), "velocity")


def polarisation(moments: Moments) -> pd.DataFrame:
    """Share of users' variance that lies between segments, in [0, 1], over all values together (eta squared).

    Σ_k Σ_s n_s (m_sk - m_k)² / Σ_k Σ_s n_s (v_sk + (m_sk - m_k)²). 0: segments have the same mean; 1: all users of a
    segment agree and segments do not. Undefined (left out) where all users are alike.
    """
    pooled = moments.pooled
    apart = (moments.mean - pooled.mean) ** 2
    weight = moments.n[..., None] / pooled.n[..., None]
    between = np.where(weight > 0, weight * apart, 0.0).sum((-2, -1))[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return pooled.tidy(between / pooled.var.sum(-1), "polarisation")


@_QUIET
def spread(moments: Moments) -> pd.DataFrame:
    """How far users are from each other: sqrt(Σ_k v_sk / D), the root mean variance of a value."""
    m = moments.with_overall
    return m.tidy(np.sqrt(m.var.mean(-1)), "spread")


def diversity(moments: Moments, order: float = 2.0) -> pd.DataFrame:
    """Effective number of values on which users differ: the Hill number of the variance shares p_k = v_k / Σ v.

    Order q: (Σ p_k^q)^(1 / (1 - q)), and exp(-Σ p_k ln p_k) for q = 1 (M. O. Hill 1973, Ecology 54:427). Order 2 is
    (Σ v)² / Σ v², the participation ratio of the variances. From 1 (users differ on one value) to D (on all alike);
    left out where users do not differ at all.
    """
    m = moments.with_overall
    with np.errstate(invalid="ignore", divide="ignore"):
        share = m.var / m.var.sum(-1, keepdims=True)
        if order == 1:
            number = np.exp(-np.where(share > 0, share * np.log(share), share * 0.0).sum(-1))
        else:
            number = (share**order).sum(-1) ** (1 / (1 - order))
    return m.tidy(number, "diversity")


@_QUIET
def participation(users: pd.DataFrame, variables: Sequence[str]) -> pd.DataFrame:
    """Effective number of directions in which tracked users differ: (tr C)² / tr(C²), C their covariance matrix.

    Unlike `diversity` it knows that values move together: 1 where all users lie on a line, D where no direction is
    preferred. Needs two tracked users per world.
    """
    return _by_world(users, variables, 2, _participation, "participation")


@_QUIET
def bimodality(users: pd.DataFrame, variables: Sequence[str]) -> pd.DataFrame:
    """Sarle's bimodality coefficient of tracked users, averaged over values; needs four tracked users per world.

    (g² + 1) / (k + 3 (n - 1)² / ((n - 2)(n - 3))) with the sample skewness g and excess kurtosis k, both corrected for
    bias (SAS/STAT User's Guide, CLUSTER procedure). 5/9 for a uniform distribution, 1/3 for a normal one in the limit,
    1 for two equal points.
    """
    return _by_world(users, variables, 4, _bimodality, "bimodality")


def _participation(x: Floats) -> Floats:
    """[worlds, users, values] -> [worlds]."""
    centred = x - x.mean(1, keepdims=True)
    cov = np.swapaxes(centred, 1, 2) @ centred
    number: Floats = np.trace(cov, axis1=1, axis2=2) ** 2 / (cov**2).sum((1, 2))
    return number


def _bimodality(x: Floats) -> Floats:
    """[worlds, users, values] -> [worlds]."""
    n = x.shape[1]
    centred = x - x.mean(1, keepdims=True)
    second = (centred**2).mean(1)
    # A spread of rounding errors is none.
    second = np.where(second > 1e-12 * (x**2).mean(1), second, np.nan)
    skew = (centred**3).mean(1) / second**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
    excess = (centred**4).mean(1) / second**2 - 3
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6)
    number: Floats = ((skew**2 + 1) / (excess + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))).mean(-1)
    return number


def _by_world(users: pd.DataFrame, variables: Sequence[str], least: int, function: object, name: str) -> pd.DataFrame:
    """Apply `function` to the users of every arm, world and step, all those with as many users at once."""
    assert callable(function)
    place = users.groupby(["arm", "world", "step"], observed=True, sort=True).ngroup().to_numpy()
    order = np.argsort(place, kind="stable")
    values = users[list(variables)].to_numpy(dtype=np.float64)[order]
    _, first, count = np.unique(place[order], return_index=True, return_counts=True)
    found = np.full(len(first), np.nan)
    for size in np.unique(count[count >= least]):
        same = count == size
        rows = first[same][:, None] + np.arange(size)
        found[same] = function(values[rows])
    frame = users[["arm", "world", "step"]].iloc[order[first]].reset_index(drop=True)
    frame["segment"] = pd.Categorical([OVERALL] * len(frame), [OVERALL])
    frame["measure"] = pd.Categorical([name] * len(frame), [name])
    frame["value"] = np.where(np.isfinite(found), found, np.nan)
    return frame.dropna(subset=["value"]).reset_index(drop=True)


def lock_in_time(steps: Floats, x: Floats, band: float = BAND, hold: float = HOLD) -> Floats:
    """First step after which a quantity stays within a band of its final value.

    T = min {t : |x(u) - x(end)| <= band · max_u |x(u) - x(end)| for all u >= t}; the distance is Euclidean for vectors.
    Censored (NaN) when it settles only in the last `hold` of the run: it may be moving still. A quantity that never
    moves is locked in from the start.

    Args:
        steps: [steps] ascending.
        x: [..., steps, values]; a scalar quantity has one value. NaN before and after the record is left out.
        band: Half-width, as a share of the largest distance from the final value.
        hold: Share of the recorded time that it must stay inside.

    Returns:
        [...] steps, NaN where censored or not recorded.
    """
    known: NDArray[np.bool_] = np.asarray(np.isfinite(x).all(-1))
    last = x.shape[-2] - 1 - np.argmax(known[..., ::-1], axis=-1)
    final = np.take_along_axis(x, last[..., None, None], axis=-2)
    distance = np.where(known, np.sqrt(((x - final) ** 2).sum(-1)), 0.0)
    outside = distance > band * distance.max(-1, keepdims=True)
    late = np.arange(x.shape[-2]) * outside
    first = np.where(outside.any(-1), late.max(-1) + 1, np.argmax(known, axis=-1))
    begin, settled, end = steps[np.argmax(known, axis=-1)], steps[np.minimum(first, last)], steps[last]
    held = (end - settled >= hold * (end - begin)) & known.any(-1)
    return np.where(held, settled, np.nan)


def lock_in(moments: Moments, band: float = BAND, hold: float = HOLD) -> pd.DataFrame:
    """Lock-in time of the mean values of every segment and of all users; see `lock_in_time`.

    Returns:
        Frame `arm, world, step, segment, measure, value, censored`: `step` is the last one recorded, `value` the
        lock-in time, NaN where `censored`.
    """
    m = moments.with_overall
    x = np.moveaxis(m.mean, 2, 3)  # [arms, worlds, segments, steps, values]
    known: NDArray[np.bool_] = np.asarray(np.isfinite(x).all(-1))
    time = lock_in_time(m.steps.astype(np.float64), x, band, hold)
    last = m.steps[len(m.steps) - 1 - np.argmax(known[..., ::-1], axis=-1)]
    arm, world, segment = np.nonzero(known.any(-1))
    return pd.DataFrame(
        {
            "arm": labelled(arm, m.arms),
            "world": m.worlds[world],
            "step": last[arm, world, segment],
            "segment": labelled(segment, m.segments),
            "measure": labelled(np.zeros_like(arm), ["lock-in time"]),
            "value": time[arm, world, segment],
            "censored": np.isnan(time[arm, world, segment]),
        }
    )


def lock_in_of(frame: pd.DataFrame, band: float = BAND, hold: float = HOLD) -> pd.DataFrame:
    """Lock-in time of every measure of a frame `arm, world, step, measure, value`; see `lock_in_time`.

    Returns:
        Frame `arm, world, measure, value, censored`.
    """
    wide = frame.pivot_table(index=["arm", "world", "measure"], columns="step", values="value", observed=True)
    time = lock_in_time(wide.columns.to_numpy(np.float64), wide.to_numpy(np.float64)[..., None], band, hold)
    found = wide.index.to_frame(index=False)
    return found.assign(value=time, censored=np.isnan(time))
