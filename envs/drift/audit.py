"""The instrument of `populace audit threshold RUN`: where dishonesty turns in a run that sweeps the biased share."""

import numpy as np
import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.intervals import Floats
from populace.envs.drift.threshold import drift_of, from_sweep
from populace.errors import RunError

SHARE = "world.biased_share"


def audit_threshold(run: RunData) -> pd.DataFrame:
    """The biased share above which dishonesty grows, with its 95 % interval, of every arm that sweeps it.

    Args:
        run: A run of the drift world that sweeps `world.biased_share` and nothing else.

    Returns:
        See `thresholds`.

    Raises:
        RunError: The run does not sweep the biased share, or too little was recorded of it.
    """
    found = thresholds(run)
    if found.empty:
        raise RunError(
            f"{run.path} has no threshold to look for: sweep {SHARE} alone, over two shares or more, with two worlds "
            "or more and records before and after learning (the scenario `therapy` does)"
        )
    return found


def thresholds(run: RunData) -> pd.DataFrame:
    """Thresholds of a run that sweeps the biased share: `base, measure, p, low, high, worlds, chosen, note`,
    and the `first` and `last` share of the sweep.

    `chosen` tells whether the sweep settles the threshold: drift is clearly below zero at the lowest share and clearly
    above at the highest. Where it does not, `note` says why.
    """
    found = []
    for base, rows in sweeps(run):
        for measure in ("dishonest/all", "dishonest/off_domain"):
            drift, undefined = _drift(run, measure, list(rows["arm"]))
            if drift is None:
                continue
            shares = [float(p) for p in rows[SHARE]]
            t = from_sweep(shares, drift)
            row = {"base": base, "measure": measure, "p": t.p, "low": t.low, "high": t.high, "worlds": t.worlds}
            row |= {"first": shares[0], "last": shares[-1]}
            left = f"{undefined:,} more worlds are left out, as their drift is undefined" if undefined else ""
            found.append({**row, "chosen": t.settled, "note": "; ".join(part for part in (t.note, left) if part)})
    return pd.DataFrame(found)


def sweeps(run: RunData) -> list[tuple[str, pd.DataFrame]]:
    """Name of an arm before the sweep, and its arms in the order of the biased share; none where it was not swept."""
    arms = run.arms
    if SHARE not in arms or set(run.swept) != {SHARE}:
        return []
    recorded = set(run.steps["arm"].unique())
    groups = []
    for base, rows in arms[arms["arm"].isin(recorded)].groupby("base", sort=False):
        ordered = rows.assign(**{SHARE: rows[SHARE].astype(float)}).sort_values(SHARE)
        if len(ordered) > 1:
            groups.append((str(base), ordered))
    return groups


def ends(run: RunData) -> tuple[int, int]:
    """The last step before anything was learned, and the last of all."""
    steps = run.steps
    learned = steps[(steps["measure"] == "loss") & (steps["role"] == "assistant")]
    said = steps[(steps["measure"] == "dishonest/all") & steps["value"].notna()]["step"]
    first = int(learned["step"].min()) if len(learned) else int(said.min())
    return (first if (said == first).any() else int(said.min())), int(said.max())


def _drift(run: RunData, measure: str, arms: list[str]) -> tuple[Floats | None, int]:
    """Drift [arms, worlds] of the worlds in which it is defined at every share, and the number of the other worlds."""
    first, last = ends(run)
    if first == last:
        return None, 0
    frame = drift_of(run.steps, measure, first, last, float(run.society(next(iter(run.info["arms"])))["users"]))
    wide = frame.pivot_table(index="arm", columns="world", values="drift", observed=True).reindex(arms)
    known = wide.dropna(axis=1)
    return (known.to_numpy(np.float64) if known.shape[1] > 1 else None), wide.shape[1] - known.shape[1]
