"""The report's figures: lines with interval bands, maps of values, outcomes against a swept key."""

import html
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from populace.analysis.style import INK, MUTED, Stroke, figure, number, svg

POINTS = 120
"""Steps drawn at most; a line of more looks the same."""

POINT, HIDDEN = 72, 3.6
"""Points per inch; a band of fewer points than this (twice a line's width) cannot be told from its line."""


def thinned(steps: Sequence[int] | NDArray[np.integer], points: int = POINTS) -> NDArray[np.integer]:
    """At most `points` of the steps, evenly, the first and the last among them."""
    unique = np.unique(np.asarray(steps))
    if len(unique) <= points:
        return unique
    return unique[np.unique(np.linspace(0, len(unique) - 1, points).round().astype(int))]


def bands(
    frame: pd.DataFrame,
    series: Mapping[str, Stroke],
    *,
    column: str,
    title: str,
    alt: str,
    x: str = "step",
    xlabel: str = "step",
    ylabel: str = "",
    limits: tuple[float, float] | None = None,
    labels: Sequence[str] | None = None,
) -> str:
    """A line and an interval band for every series; what else the frame holds is drawn thin and grey behind them.

    Args:
        frame: Rows of `summarise`: `x`, `column`, mean, low, high.
        series: Name in `column` -> colour, linestyle, linewidth.
        column: What tells series apart.
        title: Above the figure.
        alt: What it shows, for those who cannot see it.
        x: Column on the horizontal axis.
        xlabel: Its label.
        ylabel: Label of the vertical axis.
        limits: Of the vertical axis, or None.
        labels: Names of x = 0, 1, ... where x is not a number.

    Returns:
        The figure, and notes on lines that coincide, on intervals that cannot be seen, and on the grey lines.
    """
    fig, axes = figure()
    few = frame[x].nunique() <= 12
    lines = {str(name): rows.sort_values(x) for name, rows in frame.groupby(column, observed=True, sort=False)}
    grey = [name for name in lines if name not in series]
    for name in grey:
        axes.plot(lines[name][x], lines[name]["mean"], color=MUTED, linewidth=0.6, alpha=0.5)
    for name, style in series.items():
        if name not in lines:
            continue
        rows = lines[name]
        axes.plot(rows[x], rows["mean"], marker="o" if few else None, markersize=3.5, **{"linewidth": 1.8, **style})  # type: ignore[arg-type]  # a Stroke holds no others
        if rows["low"].notna().any():
            axes.fill_between(
                rows[x].to_numpy(float),
                rows["low"].to_numpy(float),
                rows["high"].to_numpy(float),
                color=style["color"],
                alpha=0.18 if len(series) <= 4 else 0.1,
                linewidth=0,
            )
    axes.set_title(title, loc="left", fontsize=9.5, color=INK, fontweight="bold")
    axes.set_xlabel(xlabel, color=MUTED, fontsize=8.5)
    axes.set_ylabel(ylabel, color=MUTED, fontsize=8.5)
    if limits is not None:
        axes.set_ylim(*limits)
    if labels is not None:
        axes.set_xticks(range(len(labels)), labels)
        axes.margins(x=0.08)
    _plain_ticks(axes)
    drawn = {name: lines[name] for name in series if name in lines}
    notes = [*coinciding(drawn, x), *_narrow(drawn, axes)]
    notes += [f"Grey: {len(grey)} more {'lines' if len(grey) > 1 else 'line'}."] if grey else []
    return svg(fig, alt) + "".join(f"<p class='note'>{html.escape(note)}</p>" for note in notes)


def coinciding(lines: Mapping[str, pd.DataFrame], x: str) -> list[str]:
    """Which lines have the same values from end to end, a sentence each; of those in one figure only the last is seen.

    Args:
        lines: Name -> its points in order: `x` and `mean`.
        x: Column on the horizontal axis.
    """
    groups: list[list[str]] = []
    for name, rows in lines.items():
        for group in groups:
            other = lines[group[0]]
            if len(other) == len(rows) and all(
                np.allclose(other[c].to_numpy(float), rows[c].to_numpy(float), rtol=1e-6, atol=1e-12, equal_nan=True)
                for c in (x, "mean")
            ):
                group.append(name)
                break
        else:
            groups.append([name])
    return [f"{_listed(group)} coincide: their values are the same." for group in groups if len(group) > 1]


def _narrow(lines: Mapping[str, pd.DataFrame], axes: Any) -> list[str]:
    """Which lines hide all of their intervals, which would look as if there were none."""
    low, high = axes.get_ylim()
    height = axes.get_position().height * axes.figure.get_size_inches()[1] * POINT
    hidden, widest = [], 0.0
    for name, rows in lines.items():
        width = (rows["high"] - rows["low"]).to_numpy(float)
        width = width[np.isfinite(width)]
        if len(width) and 0 < width.max() <= HIDDEN / height * (high - low):
            hidden.append(name)
            widest = max(widest, float(width.max()))
    if not hidden:
        return []
    whose = "" if len(hidden) == len(lines) else f" of {_listed(hidden)}"
    return [f"The intervals{whose} are narrower than the lines (at most ±{number(widest / 2)})."]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _plain_ticks(axes: Any) -> None:
    """Few ticks, each with its whole number: no offset above the axis."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if 1e-3 < high - low < 1e6:
        axes.ticklabel_format(axis="y", useOffset=False, style="plain")
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:.4g}"))


class Plane:
    """The two directions in which values differ most (principal components), the same for all arms.

    Args:
        points: [points, values] of all arms, at the start and the end.
        names: Names of the values.
    """

    def __init__(self, points: NDArray[np.floating], names: Sequence[str]) -> None:
        self.centre = points.mean(0)
        _, size, directions = np.linalg.svd(points - self.centre, full_matrices=False)
        strongest = np.abs(directions).argmax(1)
        sign = np.sign(directions[np.arange(len(directions)), strongest])
        self.directions = (directions * sign[:, None])[:2]  # a direction's sign is arbitrary: fix it
        share = size[:2] ** 2 / max(float((size**2).sum()), 1e-30)
        self.labels = [
            f"mostly {names[strongest[k]]} ({share[k]:.0%} of variance)" for k in range(len(self.directions))
        ]

    def place(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """[..., values] -> [..., 2]."""
        placed: NDArray[np.floating] = ((points - self.centre)[..., None, :] * self.directions).sum(-1)
        return placed


def value_map(
    users: tuple[NDArray[np.floating], NDArray[np.floating], Sequence[Hashable]],
    centres: tuple[NDArray[np.floating], NDArray[np.floating], Sequence[Hashable]],
    colours: Mapping[Hashable, str],
    plane: Plane,
    box: tuple[tuple[float, float], tuple[float, float]],
    title: str,
    alt: str,
) -> str:
    """Users (thin) and means of segments (bold) from the start (hollow) to the end (filled).

    Args:
        users: Start and end [users, 2], and the segment of each.
        centres: Start and end [segments, 2], and their segments.
        colours: Segment -> colour.
        plane: Whose labels the axes bear.
        box: Limits of both axes, the same for all arms.
        title: Above the figure.
        alt: What it shows.
    """
    from matplotlib.collections import LineCollection

    fig, axes = figure(4.4, 3.9)
    begin, end, segments = users
    tint = [colours[s] for s in segments]
    if len(begin):
        axes.add_collection(LineCollection(list(np.stack([begin, end], 1)), colors=tint, linewidths=0.7, alpha=0.45))
        axes.scatter(begin[:, 0], begin[:, 1], s=9, facecolors="none", edgecolors=tint, linewidths=0.7, alpha=0.6)
        axes.scatter(end[:, 0], end[:, 1], s=9, c=tint, linewidths=0, alpha=0.75)
    for a, b, segment in zip(*centres, strict=True):
        colour = colours[segment]
        arrow = {
            "arrowstyle": "-|>",
            "color": colour,
            "linewidth": 2.2,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 13,
        }
        if np.hypot(*(b - a)) > 1e-9:
            axes.annotate("", xy=b, xytext=a, arrowprops=arrow)
        axes.scatter(a[0], a[1], s=46, facecolors="none", edgecolors=colour, linewidths=2.0, zorder=5)
        axes.scatter(b[0], b[1], s=46, color=colour, linewidths=0, zorder=6)
    axes.set_xlim(*box[0])
    axes.set_ylim(*box[1])
    axes.set_title(title, loc="left", fontsize=9.5, color=INK, fontweight="bold")
    axes.set_xlabel(plane.labels[0], color=MUTED, fontsize=8.5)
    axes.set_ylabel(plane.labels[1], color=MUTED, fontsize=8.5)
    return svg(fig, alt)
