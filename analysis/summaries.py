"""Means over worlds with intervals for every group of a frame, with their cautions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis.intervals import CONFIDENCE, RECORDED, agreeing, cautions, t_interval


def summarise(
    frame: pd.DataFrame,
    by: Sequence[str],
    value: str = "value",
    confidence: float = CONFIDENCE,
    *,
    deterministic: Mapping[str, bool] | bool = False,
    bounds: Mapping[str, tuple[float, float]] | tuple[float, float] = (-np.inf, np.inf),
    size: str | None = None,
    rounding: float = RECORDED,
) -> pd.DataFrame:
    """Mean over worlds with a t interval for every group; several rows of one world are averaged first.

    Args:
        frame: Rows with columns `by`, `world` and `value`; NaN and infinite values are left out and counted.
        by: What makes a group, e.g. `["arm", "measure", "step"]`.
        value: Column to estimate.
        confidence: Nominal coverage.
        deterministic: Whether a measure is the same in all worlds by construction, for all or by `measure`.
        bounds: Least and greatest value, for all or by `measure`; intervals keep within them.
        size: Column of how large the numbers were that `value` was computed from; default: `value` itself.
        rounding: Worlds agree where their spread is at most this share of the largest number: of what was recorded, by
            default, which is in single precision.

    Returns:
        Frame of `by`, `mean, low, high, p, worlds, undefined, note`: `undefined` counts worlds without a finite value,
        and groups that have none at all are left out. low, high and p are NaN where there is but one world, and where
        all worlds agree though they need not.
    """
    keys = list(by)
    x = frame[value].to_numpy(dtype=np.float64)
    x = np.where(np.isfinite(x), x, np.nan)
    largest = np.where(np.isfinite(x), np.abs(x) if size is None else frame[size], np.nan)
    rows = frame[[*keys, "world"]].assign(**{value: x, "_size": largest})
    if rows.duplicated([*keys, "world"]).any():
        grouped = rows.groupby([*keys, "world"], observed=True, sort=False)
        rows = grouped.agg({value: "mean", "_size": "max"}).reset_index()
    how = {"mean": (value, "mean"), "sd": (value, "std"), "worlds": (value, "count")}
    how |= {"all": (value, "size"), "largest": ("_size", "max")}
    with np.errstate(over="ignore", invalid="ignore"):
        summaries: Any = rows.groupby(keys, observed=True, sort=True)
        found = summaries.agg(**how).reset_index()
    found = found[found["worlds"] > 0].reset_index(drop=True)
    worlds, sd = found["worlds"].to_numpy(), found["sd"].to_numpy()
    undefined = found["all"].to_numpy() - worlds
    sure = each(found, deterministic, False).astype(bool)
    ends = np.array(list(each(found, bounds, (-np.inf, np.inf))), dtype=np.float64).reshape(-1, 2)
    agree = (worlds > 1) & agreeing(sd, found["largest"].to_numpy(), rounding)
    low, high, p = t_interval(
        found["mean"].to_numpy(),
        sd / np.sqrt(worlds),
        worlds - 1,
        confidence,
        agree=agree,
        deterministic=sure,
        low=ends[:, 0],
        high=ends[:, 1],
    )
    note = cautions(worlds, np.zeros_like(worlds), undefined, agree, sure, np.isfinite(low))
    return found[[*keys, "mean"]].assign(low=low, high=high, p=p, worlds=worlds, undefined=undefined, note=note)


def each(rows: pd.DataFrame, known: object, default: object) -> "np.ndarray[Any, np.dtype[np.object_]]":
    """What is known for every row: the same for all, or by the measure's name."""
    if not isinstance(known, Mapping):
        found = np.empty(len(rows), dtype=object)
        found[:] = [known] * len(rows)
        return found
    names = rows["measure"].astype(str)
    found = np.empty(len(rows), dtype=object)
    found[:] = [known.get(name, default) for name in names]
    return found
