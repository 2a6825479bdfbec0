"""Differences between arms or runs, paired by world where both had common random numbers."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis import metrics
from populace.analysis.declared import ANY, Range, is_deterministic, range_of
from populace.analysis.frames import RunData
from populace.analysis.intervals import CONFIDENCE, RECORDED, Floats, agreeing, cautions, t_interval
from populace.analysis.pairing import NoPairs, matched
from populace.analysis.stats import holm, welch_error
from populace.analysis.summaries import each, summarise
from populace.errors import Notice, RunError

KINDS = ("recorded", "derived", "mean")
"""Kinds of outcomes: measures the world recorded, measures derived from values, and means of panel variables."""

KEY = ["kind", "measure", "role", "player"]
"""Columns that together name an outcome; role and player are "" but for measures of seats."""

PAIR, SIDES = "_pair", ("arm", "other")
"""Columns: the place among pairs of arms that are compared, and the arms of a pair."""

DERIVED = {
    "drift from start": "drift of mean values",
    "spread": "spread of values",
    "diversity": "effective number of values",
    "polarisation": "polarisation of segments",
}
"""Names of derived outcomes, apart from those that worlds give to measures of their own."""

ABOUT_DERIVED = {
    "drift of mean values": "distance of all users' mean values from where they started (Euclidean)",
    "spread of values": "root mean variance of a value over users",
    "effective number of values": "number of values on which users differ: (sum of variances)² / sum of variances²",
    "polarisation of segments": "share of users' variance that lies between segments: 0 none, 1 all",
}
"""Derived outcome -> what it is, in a line."""


def outcomes(run: RunData) -> pd.DataFrame:
    """What has one number per world and step: `arm, world, step, kind, measure, role, player, value`; NaN if undefined.

    `recorded`: the world's own measures. `derived`: drift from start, spread, diversity and polarisation of values over
    all users, named as in `DERIVED`. `mean`: the mean over all users of every panel variable.
    """
    parts = [("recorded", run.steps)]
    if len(run.groups):
        moments = run.moments.pooled
        ever: Any = np.isfinite(moments.mean).any((1, 2, 3), keepdims=True)  # an arm need not have every variable
        parts.append(("mean", moments.complete(moments.tidy(moments.mean, moments.variables), ever)))
    if len(run.groups) and run.value_variables:
        pooled = run.values.pooled
        found = [metrics.drift(pooled), metrics.spread(pooled)]
        if len(run.value_variables) > 1:
            found.append(metrics.diversity(pooled))
        if len(run.values.segments) > 1:
            found.append(metrics.polarisation(run.values))
        parts += [("derived", _renamed(pooled.complete(frame))) for frame in found]
    return _stack(parts)


def compare(
    a: RunData,
    b: RunData | None = None,
    *,
    arm: str | None = None,
    other: str | None = None,
    over_time: bool = False,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Differences a - b of every outcome, at the end or at every step both recorded.

    Within one run, `arm` minus `other`; without names, every arm minus its reference. Between two runs, arms of the
    same name are compared (or `arm` of `a` with `other` of `b`; or the only arm of each). In a sweep the name of an arm
    stands for all its cells, which are compared point by point. Worlds are paired by id when they had common random
    numbers: in one run, or in two of the same world and seed; otherwise intervals are Welch's.

    Args:
        a: A run.
        b: Another, or None.
        arm: An arm of `a`, or one cell of it.
        other: The arm to compare it with, of `b` if that is given.
        over_time: All steps instead of the last one that both recorded.
        confidence: Nominal coverage of the intervals.

    Returns:
        Frame `arm, other, kind, measure, role, player, step, a, b, difference, low, high, p, p_holm, worlds, paired`,
        `undefined` and `note`; p_holm is corrected for all rows. low, high and p are NaN where there is but one world,
        and where the difference is the same in all worlds though the measure is not declared deterministic (p is 1 if
        it is 0). `undefined` counts worlds left out as their value is NaN or infinite; `note` says what limits a row.

    Raises:
        UnknownName: An arm is not in the run.
        RunError: The runs have no arm in common, an arm has no reference, or no point of a sweep is in both.

    Warns:
        Notice: A run is incomplete, or its folder lacks the table of measures.
    """
    try:
        found = matched(a, b, arm, other)
    except NoPairs as error:
        raise RunError(f"{error}; name them: compare({'run' if b is None else 'a, b'}, arm=..., other=...)") from None
    for run in (a,) if b is None else (a, b):
        if run.notice:
            warnings.warn(f"{run.path}: {run.notice}", Notice, stacklevel=2)
    return between(a, b, found.pairs, over_time=over_time, confidence=confidence)


def together(a: RunData, b: RunData | None) -> bool:
    """Whether two runs had common random numbers, so that they are paired by world: the same world and seed."""
    return b is None or (a.world, a.info.get("seed")) == (b.world, b.info.get("seed"))


def between(
    a: RunData,
    b: RunData | None,
    pairs: Sequence[tuple[str, str]],
    *,
    over_time: bool = False,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Differences of the outcomes of `a` and `b` (or of `a` alone) for pairs of arms; see `compare`."""
    first = outcomes(a)
    second = first if b is None else outcomes(b)
    return differences(
        first,
        second,
        pairs,
        paired=together(a, b),
        over_time=over_time,
        confidence=confidence,
        sure=deterministic(a, first),
        within=ranges(a, first),
    )


def deterministic(run: RunData, frame: pd.DataFrame) -> frozenset[str]:
    """The measures of a frame that the run declares to be the same in all worlds by construction."""
    return frozenset(name for name in map(str, frame["measure"].unique()) if is_deterministic(run, name))


def ranges(run: RunData, frame: pd.DataFrame) -> dict[str, Range]:
    """Least and greatest values of the measures of a frame, where they are known."""
    return {name: range_of(run, name) for name in map(str, frame["measure"].unique())}


def differences(
    first: pd.DataFrame,
    second: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    *,
    paired: bool = True,
    over_time: bool = False,
    confidence: float = CONFIDENCE,
    sure: Collection[str] = (),
    within: Mapping[str, Range] | None = None,
) -> pd.DataFrame:
    """Differences between frames of `outcomes`, for all pairs of arms at once; see `compare`.

    `sure` are the measures that are the same in all worlds by construction, and `within` holds the ranges of measures:
    a difference cannot be larger than the range is wide.
    """
    by = [PAIR, *KEY, "step"]
    names = ([arm for arm, _ in pairs], [other for _, other in pairs])
    x, y = _shared(first, second, names, over_time)
    both = x.merge(y, on=[*by, "world"], suffixes=("_a", "_b"))
    met: set[int] = set(both[PAIR]) if paired else set()
    x, y = (frame[~frame[PAIR].isin(met)] for frame in (x, y))
    found = [_paired(both, by, confidence, sure)] if len(met) else []
    found += [_unpaired(x, y, by, confidence, sure)] if len(x) and len(y) else []
    columns = ["arm", "other", *by[1:], "a", "b", "difference", "low", "high", "p", "p_holm", "worlds", "paired"]
    columns += ["undefined", "note"]
    found = [frame for frame in found if len(frame)]
    if not found:
        return pd.DataFrame(columns=columns)
    frame = pd.concat(found, ignore_index=True).sort_values(PAIR, kind="stable", ignore_index=True)
    frame = frame.assign(**{side: [own[k] for k in frame[PAIR]] for side, own in zip(SIDES, names, strict=True)})
    frame = frame.assign(paired=frame[PAIR].isin(met))
    width = np.array([high - low for low, high in each(frame, within or {}, ANY)])
    frame = frame.assign(low=frame["low"].clip(-width, width), high=frame["high"].clip(-width, width))
    return frame.assign(p_holm=holm(frame["p"]))[columns]


def at_end(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of `outcomes` of the last step of which each arm has a finite value of each measure, NaN ones included."""
    known = frame[np.isfinite(frame["value"])]
    by = ["arm", *KEY]
    last = known.groupby(by, observed=True)["step"].max().reset_index()
    return frame.merge(last, on=[*by, "step"])


def _shared(
    first: pd.DataFrame, second: pd.DataFrame, names: tuple[list[str], list[str]], over_time: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of every pair, of the steps (or the last step) at which both its arms have a finite value of a measure."""
    by = [PAIR, *KEY, "step"]
    known = [f.loc[np.isfinite(f["value"]), ["arm", *by[1:]]].drop_duplicates() for f in (first, second)]
    mine, yours = (_of_pairs(frame, own) for frame, own in zip(known, names, strict=True))
    steps = mine.merge(yours, on=by)
    if not over_time:
        steps = steps.groupby(by[:-1], observed=True)["step"].max().reset_index()
    x, y = (_of_pairs(frame, own).merge(steps, on=by) for frame, own in zip((first, second), names, strict=True))
    return x, y


def _of_pairs(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The rows of each of these arms below each other, with its place among them as `PAIR`; arms may be repeated."""
    arms = frame["arm"].astype("category").cat
    wanted, codes = arms.categories.get_indexer(pd.Index(list(names))), arms.codes.to_numpy()
    order = np.argsort(codes, kind="stable")
    begin, end = (np.searchsorted(codes[order], wanted, side=side) for side in ("left", "right"))
    count = np.where(wanted < 0, 0, end - begin)
    place = np.repeat(begin - (np.cumsum(count) - count), count) + np.arange(count.sum())
    pair = np.repeat(np.arange(len(names)), count)
    return frame.drop(columns="arm").iloc[order[place]].assign(**{PAIR: pair}).reset_index(drop=True)


def _difference(a: Floats, b: Floats) -> Floats:
    """A - b, where rounding errors count as none: they would make differences of nothing look certain."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = a - b
        nothing = np.isfinite(apart) & (np.abs(apart) <= 1e-12 * np.maximum(np.abs(a), np.abs(b)))
    return np.where(nothing, 0.0, apart)


def _paired(both: pd.DataFrame, by: list[str], confidence: float, sure: Collection[str]) -> pd.DataFrame:
    """The t interval of differences world by world, for every group."""
    a, b = both["value_a"].to_numpy(), both["value_b"].to_numpy()
    both = both.assign(difference=_difference(a, b), size=np.maximum(np.abs(a), np.abs(b)))
    row = summarise(both, by, "difference", confidence, deterministic=dict.fromkeys(sure, True), size="size")
    known = both[np.isfinite(both["difference"])]
    levels = known.groupby(by, observed=True)[["value_a", "value_b"]].mean().reset_index()
    row = row.rename(columns={"mean": "difference"})
    return row.merge(levels.rename(columns={"value_a": "a", "value_b": "b"}), on=by)


def _unpaired(
    x: pd.DataFrame, y: pd.DataFrame, by: list[str], confidence: float, sure: Collection[str]
) -> pd.DataFrame:
    """Welch's interval for every group; see `stats.welch`."""
    how = {"mean": ("value", "mean"), "sd": ("value", "std"), "count": ("value", "count"), "all": ("value", "size")}
    how["largest"] = ("size", "max")
    parts = []
    for frame in (x, y):
        value = frame["value"].where(np.isfinite(frame["value"]))
        with np.errstate(over="ignore", invalid="ignore"):
            grouped: Any = frame.assign(value=value, size=value.abs()).groupby(by, observed=True)
            parts.append(grouped.agg(**how).reset_index())
    both = parts[0].merge(parts[1], on=by, suffixes=("_a", "_b"))
    counts = both[["count_a", "count_b"]].to_numpy()
    worlds, others = counts.min(axis=1), counts.max(axis=1)
    undefined = both[["all_a", "all_b"]].to_numpy().sum(axis=1) - counts.sum(axis=1)
    sds = both[["sd_a", "sd_b"]].to_numpy()
    error, freedom = welch_error(sds[:, 0], sds[:, 1], counts[:, 0], counts[:, 1])
    difference = _difference(both["mean_a"].to_numpy(), both["mean_b"].to_numpy())
    certain = each(both, dict.fromkeys(sure, True), False).astype(bool)
    agree = (worlds > 1) & agreeing(sds.max(axis=1), both[["largest_a", "largest_b"]].to_numpy().max(axis=1), RECORDED)
    low, high, p = t_interval(difference, error, freedom, confidence, agree=agree, deterministic=certain)
    note = cautions(worlds, others, undefined, agree, certain, np.isfinite(low))
    return both[by].assign(
        difference=difference,
        low=low,
        high=high,
        p=p,
        worlds=worlds,
        a=both["mean_a"],
        b=both["mean_b"],
        undefined=undefined,
        note=note,
    )


def _renamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(measure=frame["measure"].cat.rename_categories(DERIVED))


def _stack(parts: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Frames below each other; categoricals are joined, which `concat` alone would turn into strings."""
    words = ["arm", "measure", "role", "player"]
    nobody: Any = pd.Categorical.from_codes
    filled = [
        (kind, frame.assign(**{c: nobody(np.zeros(len(frame), int), [""]) for c in words if c not in frame.columns}))
        for kind, frame in parts
        if len(frame)
    ]
    names: dict[str, dict[str, None]] = {column: {} for column in words}
    for _, frame in filled:
        for column, known in names.items():
            known.update(dict.fromkeys(frame[column].cat.categories))
    found = [
        frame.assign(
            **{column: frame[column].cat.set_categories(list(known)) for column, known in names.items()},
            kind=pd.Categorical([kind] * len(frame), KINDS),
        )
        for kind, frame in filled
    ]
    order = ["arm", "world", "step", *KEY, "value"]
    if not found:
        return pd.DataFrame(columns=order).astype({"world": "int64", "step": "int64", "value": "float64"})
    return pd.concat(found, ignore_index=True)[order]
