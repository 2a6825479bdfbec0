"""The answer's pictures: a forest plot over arms for every outcome, curves or heat maps over a sweep."""

import html
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis import plots
from populace.analysis.asked import HIGHER, LOWER, Asked
from populace.analysis.results import Results, words
from populace.analysis.style import INK, MUTED, figure, legend, number, svg

FIGURES = 24
"""Pictures of an outcome, and panels of a sweep, at most."""
ROW = 0.21
"""Inches of a row of a forest plot."""
CELLS, ACROSS = 60, 10
"""Cells of a heat map in which numbers are written, and of one of its rows, at most; more are drawn as one image."""
TICKS = (6, 10)
"""Labels of the axes of a heat map, or of curves over many points, at most: across and up."""
MOST_POINTS = 240
"""Points of a curve over a swept key at most."""
TALL = 2.2
"""Inches of a heat map of one image."""


def pictures(results: Results) -> str:
    """A figure for every outcome: over arms, or over the sweep."""
    from populace.analysis.pictures import grid

    found, shown = [], results.asking.asked[:FIGURES]
    keys = results.run.swept
    for one in shown:
        if keys:
            found += _sweep(results, one, keys)
        else:
            found.append(_forest(results, one))
    left = len(results.asking.asked) - len(shown)
    more = f"<p class='note'>{left} more outcomes are in the table.</p>" if left > 0 else ""
    begin = legend(results.bases) if keys and len(results.bases) > 1 else ""
    return f"{begin}{grid(found)}{more}" if found else ""


def _forest(results: Results, one: Asked) -> str:
    """Differences with intervals, one row per arm; levels where nothing can be compared."""
    rows = results.asking.contrasts
    rows = rows[rows["measure"] == one.name].rename(columns={"difference": "mean"})
    differ = len(rows) > 0
    if not differ:
        rows = results.asking.levels
        rows = rows[rows["measure"] == one.name].assign(verdict=HIGHER)
    fig, axes = figure(4.4, 0.72 + ROW * max(len(rows), 2))
    if differ:
        axes.axvline(0.0, color=MUTED, linewidth=1.0)
        if one.smallest:
            axes.axvspan(-one.smallest, one.smallest, color=MUTED, alpha=0.14, linewidth=0)
    for place, (_, row) in enumerate(rows.iterrows()):
        colour = results.colour(str(row["arm"]))
        if np.isfinite(row["low"]):
            axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2.0, solid_capstyle="butt")
        clear = row["verdict"] in (HIGHER, LOWER)
        axes.plot(
            [row["mean"]],
            [place],
            marker="o",
            markersize=5.5,
            color=colour,
            markerfacecolor=colour if clear else "white",
        )
    names = [str(name) for name in rows["arm"]]
    axes.set_yticks(
        range(len(names)), [name if len(name) <= 28 else f"{name[:27]}\N{HORIZONTAL ELLIPSIS}" for name in names]
    )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.margins(x=0.05)
    label = results.label(one.name)
    others = list(rows["other"].astype(str).unique()) if differ else []
    against = "start" if one.outcome.contrast == "start" else others[0] if len(others) == 1 else "reference"
    _titles(axes, label, f"{'difference from ' + against if differ else 'at the end'}{_unit(one)}", "")
    axes.locator_params(axis="x", nbins=5)  # small numbers have long labels, which would run into each other
    alt = "; ".join(f"{name} {number(m)} [{number(a)}, {number(b)}]" for name, m, a, b in zip(
        names, rows["mean"], rows["low"], rows["high"], strict=True))  # fmt: skip
    what = f"{'Difference of' if differ else ''} {label} {'from ' + against if differ else 'at the end'}, by arm: {alt}"
    return svg(fig, what.strip())


def _sweep(results: Results, one: Asked, keys: list[str]) -> list[str]:
    """Curves over one key, heat maps over two, a panel for every choice of the others."""
    levels = results.asking.levels
    frame = levels[levels["measure"] == one.name].merge(results.run.arms, on="arm").dropna(subset=keys)
    if len(keys) == 1 or not _is_grid(frame, keys):
        return [_curves(results, one, frame, keys)]
    x, y, *others = sorted(keys, key=lambda key: -frame[key].map(str).nunique())
    low, high = float(frame["mean"].min()), float(frame["mean"].max())
    grouped = frame.groupby(["base", *(frame[key].map(words) for key in others)], sort=False)
    found = []
    panels = list(grouped)
    for chosen, rows in panels[:FIGURES]:
        names = chosen if isinstance(chosen, tuple) else (chosen,)
        title = ", ".join(
            [str(names[0]), *(f"{results.short[k]} = {v}" for k, v in zip(others, names[1:], strict=True))]
        )
        found.append(_heat(results, one, rows, (x, y), title, (low, high)))
    if (left := len(panels) - FIGURES) > 0:
        found[-1] += f"<p class='note'>{left} more panels are not drawn; their cells are in the file.</p>"
    return found


def _is_grid(frame: pd.DataFrame, keys: list[str]) -> bool:
    """Whether every value of a key is combined with every value of the others."""
    size = int(np.prod([frame[key].map(words).nunique() for key in keys]))
    return all(len(rows) == size for _, rows in frame.groupby("base"))


def _curves(results: Results, one: Asked, frame: pd.DataFrame, keys: list[str]) -> str:
    place = pd.to_numeric(frame[keys[0]], errors="coerce") if len(keys) == 1 else pd.Series(np.nan, frame.index)
    labels = None
    if place.isna().any():
        points = [
            results.place(str(arm)) if len(keys) > 1 else words(v)
            for arm, v in zip(frame["arm"], frame[keys[0]], strict=True)
        ]
        labels = [html.unescape(point) for point in dict.fromkeys(points)]
        order = {label: k for k, label in enumerate(labels)}
        place = pd.Series([order[html.unescape(point)] for point in points], frame.index)
    frame = frame.assign(place=place.astype(float))
    shown = frame[frame["place"].isin(plots.thinned(frame["place"].to_numpy(), MOST_POINTS))]
    left = frame["place"].nunique() - shown["place"].nunique()
    note = f"<p class='note'>{left} more points lie between those drawn; they are in the file.</p>" if left else ""
    if labels is not None and results.large:
        labels = [label if k % -(-len(labels) // TICKS[0]) == 0 else "" for k, label in enumerate(labels)]
    picture = plots.bands(
        shown,
        results.bases,
        column="base",
        x="place",
        xlabel=results.short[keys[0]] if len(keys) == 1 else "",
        ylabel=one.unit or "mean over worlds",
        labels=labels,
        title=results.label(one.name),
        alt=f"{results.label(one.name)} at the end against {', '.join(keys)}, one line per arm.",
    )
    return picture + note


def _heat(
    results: Results, one: Asked, rows: pd.DataFrame, keys: tuple[str, str], title: str, span: tuple[float, float]
) -> str:
    """Means over two keys, the same shades in all panels; numbers stand in the cells."""
    x, y = ([words(v) for v in dict.fromkeys(rows[key].map(words))] for key in keys)
    wide = rows.assign(x=rows[keys[0]].map(words), y=rows[keys[1]].map(words)).pivot_table(
        index="y", columns="x", values="mean", sort=False, observed=True
    )
    grid = wide.reindex(index=y, columns=x).to_numpy(float)
    written = grid.size <= CELLS and len(x) <= ACROSS
    fig, axes = figure(4.4, 1.1 + 0.32 * len(y) if written else 0.6 + TALL)
    axes.grid(False)
    low, high = span
    share = np.where(np.isfinite(grid), (grid - low) / (high - low) if high > low else 0.0, 0.0)
    if not written:
        _shades(axes, np.where(np.isfinite(grid), _alpha(share), 0.0))
    for k, j in np.ndindex(grid.shape) if written else ():
        axes.add_patch(_tile(j, k, float(share[k, j])))
        if np.isfinite(grid[k, j]):
            axes.text(j, k, number(float(grid[k, j])), ha="center", va="center", fontsize=8, color=INK)
    axes.set_xlim(-0.5, len(x) - 0.5)
    axes.set_ylim(-0.5, len(y) - 0.5)
    for axis, names, most in zip((axes.xaxis, axes.yaxis), (x, y), TICKS, strict=True):
        places = range(0, len(names), -(-len(names) // (len(names) if written else most)))
        axis.set_ticks(places, [names[place] for place in places])
    _titles(axes, f"{results.label(one.name)}: {title}", results.short[keys[0]], results.short[keys[1]])
    shades = (
        "" if written else f"<p class='note'>Lightest: {number(low)}; darkest: {number(high)}; empty: undefined.</p>"
    )
    return svg(fig, f"{results.label(one.name)} at the end, {title}, over {keys[0]} and {keys[1]}.") + shades


def _alpha(share: Any) -> Any:
    """How dark a share of the range is."""
    return 0.08 + 0.55 * share


def _shades(axes: Any, alpha: "np.ndarray[Any, Any]") -> None:
    """All cells as one image [y, x]: as single tiles, many cells would be most of the page."""
    from matplotlib.colors import to_rgb

    from populace.analysis.style import PALETTE

    pixels = np.empty((*alpha.shape, 4))
    pixels[..., :3], pixels[..., 3] = to_rgb(PALETTE[0]), alpha
    extent = (-0.5, alpha.shape[1] - 0.5, -0.5, alpha.shape[0] - 0.5)
    axes.imshow(pixels, origin="lower", aspect="auto", interpolation="none", extent=extent)


def _tile(x: int, y: int, share: float) -> Any:
    from matplotlib.patches import Rectangle

    from populace.analysis.style import PALETTE

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=PALETTE[0], alpha=_alpha(share), linewidth=0)


def _unit(one: Asked) -> str:
    return f" ({one.unit})" if one.unit else ""


def _titles(axes: Any, title: str, xlabel: str, ylabel: str) -> None:
    axes.set_title(title, loc="left", fontsize=9.5, color=INK, fontweight="bold")
    axes.set_xlabel(xlabel, color=MUTED, fontsize=8.5)
    axes.set_ylabel(ylabel, color=MUTED, fontsize=8.5)
