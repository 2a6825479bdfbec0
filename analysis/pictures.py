"""The report's groups of figures, as HTML."""

import html
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis import plots
from populace.analysis.moments import OVERALL
from populace.analysis.results import Results
from populace.analysis.style import legend, look
from populace.analysis.tables import HEADINGS

FIGURES = 24
"""Figures of one kind of outcome at most."""
LINES, SWEPT = 8, 12
"""Lines in a sweep's figure, and figures of a swept key, at most."""
USERS = 80
"""Users drawn in a map of values at most."""


def grid(figures: list[str]) -> str:
    """Figures beside each other, as many as the window holds."""
    return f"<div class='grid'>{''.join(f'<figure>{figure}</figure>' for figure in figures)}</div>"


def drift(results: Results) -> str:
    """Drift from the start by segment, a figure an arm; then every arm's distance from its reference."""
    frame, series = results.drift, results.segment_looks
    if frame.empty:
        return ""
    top = float(np.nanmax(frame[["mean", "high"]].to_numpy())) * 1.05 or 1.0
    figures = [
        plots.bands(
            frame[frame["arm"] == arm],
            series,
            column="segment",
            title=arm,
            ylabel="distance from start",
            limits=(0.0, top),
            alt=f"Drift of mean values from the start over time, by segment, in arm {arm}.",
        )
        for arm in results.shown
    ]
    out = legend(series) + grid(figures)
    apart = results.apart[results.apart["segment"] == OVERALL]
    apart = apart[apart["step"].isin(plots.thinned(apart["step"].to_numpy()))]
    if len(apart):
        styles = {arm: style for arm, style in results.looks.items() if arm in set(apart["arm"])}
        picture = plots.bands(
            apart,
            styles,
            column="arm",
            title="Distance from the reference arm, all users",
            ylabel="distance",
            alt="Distance of mean values from the reference arm over time, an arm a line.",
        )
        out += f"<h3>Against the reference</h3>{legend(styles)}{grid([picture])}"
    return out


def small_multiples(results: Results) -> str:
    """Every outcome over time, a figure each, an arm a line."""
    frame, out = results.over_time, legend(results.looks)
    for kind, heading in HEADINGS.items():
        rows = frame[frame["kind"] == kind]
        steps = rows.groupby("measure", observed=True)["step"].nunique()
        names = list(steps.index[steps > 1])  # what was recorded once is in the tables
        if not names:
            continue
        figures = [
            plots.bands(
                rows[rows["measure"] == name],
                results.looks,
                column="arm",
                title=results.label(name),
                alt=f"{results.label(name)} over time, an arm a line.",
            )
            for name in names[:FIGURES]
        ]
        more = f"<p>{len(names) - FIGURES} more are in the tables.</p>" if len(names) > FIGURES else ""
        out += f"<h3>{heading}</h3>{grid(figures)}{more}"
    return out


def sweeps(results: Results) -> str:
    """Outcomes at the end against every swept key: minus the reference where all its arms have one."""
    arms = results.run.arms
    out = ""
    for key in results.run.swept:
        cells = arms.dropna(subset=[key])
        if cells[key].nunique() < 2:
            continue
        paired = len(results.contrasts) > 0 and set(cells["arm"]) <= set(results.contrasts["arm"])
        ends = results.contrasts.rename(columns={"difference": "mean"}) if paired else results.ends
        frame = ends.merge(cells, on="arm")
        if frame.empty:
            continue
        out += f"<h3>{html.escape(key)}{' <small>difference from the reference</small>' if paired else ''}</h3>"
        out += _sweep(results, frame, key)
    return out


def _sweep(results: Results, frame: pd.DataFrame, key: str) -> str:
    """A figure an outcome, with a line for every base arm and choice of the other keys."""
    frame = frame.assign(line=_lines(frame, [k for k in results.run.swept if k != key]))
    series = {name: look(index) for index, name in enumerate(frame["line"].unique()[:LINES])}
    place = pd.to_numeric(frame[key], errors="coerce")
    labels = None
    if place.isna().any():
        labels = [str(v) for v in frame[key].unique()]
        place = frame[key].astype(str).map({label: index for index, label in enumerate(labels)})
    frame["place"] = place.astype(float)
    figures = [
        plots.bands(
            rows,
            series,
            column="line",
            x="place",
            xlabel=key,
            labels=labels,
            title=results.label(str(name)),
            alt=f"{results.label(str(name))} at the end against {key}.",
        )
        for (_, name), rows in sorted(
            frame.groupby(["kind", "measure"], observed=True, sort=False), key=_importance(results)
        )[:SWEPT]
    ]
    return legend(series) + grid(figures)


def _lines(frame: pd.DataFrame, others: list[str]) -> "pd.Series[Any]":
    """What is the same along a line: the base arm, and the other keys where they are swept as well."""
    line = frame["base"].astype(str)
    for other in others:
        words = frame[other].map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
        line = line + (f", {other}=" + words).where(frame[other].notna(), "")
    return line


def _importance(results: Results) -> Any:
    """Order of outcomes in a sweep: those the run's hints name, derived, recorded, then means."""
    hinted = list((results.run.info.get("hints") or {}).get("measures") or ())
    order = {"derived": 0, "recorded": 1, "mean": 2}

    def rank(group: Any) -> tuple[int, int]:
        kind, name = group[0]
        return (hinted.index(name) if name in hinted else len(hinted), order[str(kind)])

    return rank


def value_maps(results: Results) -> str:
    """Where users and segments of one world stood in the space of values, at the start and at the end, an arm a map."""
    run, names = results.run, results.run.value_variables
    if len(names) < 2:
        return ""
    moments = run.values
    world = int(moments.worlds[0])
    people = {arm: _tracked(results, arm, world) for arm in results.shown}
    means = {arm: _means(results, arm) for arm in results.shown if arm in moments.arms}
    points = np.concatenate([np.concatenate([a, b]) for a, b, _ in [*people.values(), *means.values()]])
    if len(points) < 3 or np.allclose(points, points[0]):
        return ""
    plane = plots.Plane(points, [results.label(name) for name in names])
    if len(plane.directions) < 2:
        return ""
    placed = plane.place(points)
    low, high = placed.min(0), placed.max(0)
    room = 0.06 * np.maximum(high - low, 1e-9)
    box = ((low[0] - room[0], high[0] + room[0]), (low[1] - room[1], high[1] + room[1]))
    series = {name: look(index) for index, name in enumerate(moments.segments)}
    figures = [
        plots.value_map(
            (plane.place(people[arm][0]), plane.place(people[arm][1]), people[arm][2]),
            (plane.place(a), plane.place(b), segments),
            {name: style["color"] for name, style in series.items()},
            plane,
            box,
            title=arm,
            alt=f"Users and means of segments in the plane of values before and after, in arm {arm}, world {world}.",
        )
        for arm, (a, b, segments) in means.items()
    ]
    return legend(series) + grid(figures)


Moves = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[str]]
"""Start and end [points, values], and the segment of each point."""


def _tracked(results: Results, arm: str, world: int) -> Moves:
    """The first users of a world, where all their values are known at both ends."""
    users, names = results.run.users, [n for n in results.run.value_variables if n in results.run.users.columns]
    none: Moves = (np.zeros((0, len(results.run.value_variables))),) * 2 + ([],)
    if len(names) < len(results.run.value_variables) or users.empty:
        return none
    rows = users[(users["arm"] == arm) & (users["world"] == world) & (users["user"] < USERS)].dropna(subset=names)
    if rows.empty:
        return none
    begin, end = (rows[rows["step"] == step].set_index("user") for step in (rows["step"].min(), rows["step"].max()))
    both = begin.index.intersection(end.index).sort_values()
    return (
        begin.loc[both, names].to_numpy(float),
        end.loc[both, names].to_numpy(float),
        [str(s) for s in end.loc[both, "segment"]],
    )


def _means(results: Results, arm: str) -> Moves:
    """Mean values of the segments of the first world, at its first and last record."""
    moments = results.run.values
    mean = moments.mean[moments.arms.index(arm), 0]  # [steps, segments, values]
    known = np.isfinite(mean).all(-1)
    have = known.any(0)
    first = known.argmax(0)
    last = len(mean) - 1 - known[::-1].argmax(0)
    place = np.flatnonzero(have)
    return mean[first[place], place], mean[last[place], place], [moments.segments[k] for k in place]
