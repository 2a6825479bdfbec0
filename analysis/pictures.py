"""The report's groups of figures, as HTML."""

import html
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from populace.analysis import plots
from populace.analysis.moments import OVERALL
from populace.analysis.results import Results
from populace.analysis.style import Stroke, legend, number, part_look
from populace.analysis.tables import HEADINGS

FIGURES = 24
"""Figures of one kind of outcome at most."""
USERS = 80
"""Users drawn in a map of values at most."""


def grid(figures: list[str]) -> str:
    """Figures in rows, as many per row as the window holds."""
    return f"<div class='grid'>{''.join(f'<figure>{figure}</figure>' for figure in figures)}</div>"


def drift(results: Results) -> str:
    """Drift from the start by segment, one figure per arm; then every arm's distance from its reference."""
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
    curves = {arm: frame[frame["arm"] == arm].sort_values(["segment", "step"]) for arm in results.shown}
    same = "".join(
        f"<p class='note'>The curves of {html.escape(note)}</p>" for note in plots.coinciding(curves, "step")
    )
    out = legend(series) + grid(figures) + same
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
            alt="Distance of mean values from the reference arm over time, one line per arm.",
        )
        out += f"<h3>Against the reference</h3>{legend(styles)}{grid([picture])}"
    return out


def small_multiples(results: Results) -> str:
    """Every outcome over time, one figure each with one line per arm; outcomes that never change are named, not drawn.

    What the scenario asks about is drawn by `courses`.
    """
    asked = {one.name for one in results.asking.asked}
    frame, out, constants = results.over_time, legend(results.looks) + left_out(results), []
    for kind, heading in HEADINGS.items():
        rows = frame[frame["kind"] == kind]
        steps = rows.groupby("measure", observed=True)["step"].nunique()
        names = list(steps.index[steps > 1])  # what was recorded once is in the tables
        names = [name for name in names if kind != "recorded" or str(name) not in asked]
        figures: list[str] = []
        for name in names:
            own, label = rows[rows["measure"] == name], results.label(str(name), kind)
            level = own["mean"].to_numpy(float)
            if np.ptp(level) <= 1e-6 * np.abs(level).max():
                constants.append(f"{label} ({number(float(level[0]))})")
                continue
            figures.append(course(results, own, label, results.unit(str(name), kind), results.looks))
        if not figures:
            continue
        more = f"<p>{len(figures) - FIGURES} more are in the tables.</p>" if len(figures) > FIGURES else ""
        out += f"<h3>{heading}</h3>{grid(figures[:FIGURES])}{more}"
    if constants:
        out += f"<p class='note'>The same in all arms and at all steps: {html.escape(', '.join(constants))}.</p>"
    return out


def course(results: Results, rows: pd.DataFrame, title: str, unit: str, series: Mapping[str, Stroke]) -> str:
    """One outcome over time."""
    alt = f"{title} over time, one line per arm."
    return plots.bands(rows, series, column="arm", title=title, ylabel=unit or "mean over worlds", alt=alt)


def left_out(results: Results) -> str:
    """What the grey lines are, and whether there are arms that are not drawn at all."""
    if not results.grey:
        return ""
    undrawn = len(results.recorded_arms) - len(results.shown) - len(results.grey)
    more = f" {undrawn} more are in the tables only." if undrawn > 0 else ""
    arms = f"{len(results.shown)} of {len(results.recorded_arms)} arms"
    return f"<p class='note'>In colour: {arms}; the others grey.{more}</p>"


def courses(results: Results) -> str:
    """What the scenario asks about over time: all arms in one figure, or a panel for every arm with the others grey."""
    frame = results.over_time[results.over_time["kind"] == "recorded"]
    all_shown = len(results.recorded_arms) <= len(results.shown)
    found, together = "", all_shown or results.large
    for one in results.asking.asked:
        rows = frame[frame["measure"] == one.name]
        if rows["step"].nunique() < 2:
            continue
        label = results.label(one.name)
        if together:
            found += f"<figure>{course(results, rows, label, one.unit, results.looks)}</figure>"
            continue
        panels = [arm for arm in [*results.shown, *results.grey] if arm in set(rows["arm"])][:FIGURES]
        figures = [
            course(results, rows, arm, one.unit or label, {arm: {"color": results.colour(arm)}}) for arm in panels
        ]
        found += f"<h3>{html.escape(label)}</h3>{grid(figures)}"
    if not found:
        return ""
    if together:
        found = f"{legend(results.looks)}<div class='grid'>{found}</div>"
    return found if all_shown else left_out(results) + found


def value_maps(results: Results) -> str:
    """Where users and segments of one world stood in the space of values at the start and the end, one map per arm."""
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
    series = {name: part_look(index) for index, name in enumerate(moments.segments)}
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


Moves = tuple[NDArray[np.floating], NDArray[np.floating], list[str]]
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
