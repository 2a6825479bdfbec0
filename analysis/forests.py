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
CELLS = 400
"""Cells of a heat map in which numbers are written, at most."""


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
    """Differences with intervals, an arm a row; levels where nothing can be compared."""
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
    panels = frame.groupby(["base", *(frame[key].map(words) for key in others)], sort=False)
    found = []
    for chosen, rows in list(panels)[:FIGURES]:
        names = chosen if isinstance(chosen, tuple) else (chosen,)
        title = ", ".join(
            [str(names[0]), *(f"{results.short[k]} = {v}" for k, v in zip(others, names[1:], strict=True))]
        )
        found.append(_heat(results, one, rows, (x, y), title, (low, high)))
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
        place = pd.Series([labels.index(html.unescape(point)) for point in points], frame.index)
    return plots.bands(
        frame.assign(place=place.astype(float)),
        results.bases,
        column="base",
        x="place",
        xlabel=results.short[keys[0]] if len(keys) == 1 else "",
        ylabel=one.unit or "mean over worlds",
        labels=labels,
        title=results.label(one.name),
        alt=f"{results.label(one.name)} at the end against {', '.join(keys)}, one line per arm.",
    )


def _heat(
    results: Results, one: Asked, rows: pd.DataFrame, keys: tuple[str, str], title: str, span: tuple[float, float]
) -> str:
    """Means over two keys, the same shades in all panels; numbers stand in the cells."""
    x, y = ([words(v) for v in dict.fromkeys(rows[key].map(words))] for key in keys)
    wide = rows.assign(x=rows[keys[0]].map(words), y=rows[keys[1]].map(words)).pivot_table(
        index="y", columns="x", values="mean", sort=False, observed=True
    )
    grid = wide.reindex(index=y, columns=x).to_numpy(float)
    fig, axes = figure(4.4, 1.1 + 0.32 * len(y))
    axes.grid(False)
    low, high = span
    for k in range(len(y)):
        for j in range(len(x)):
            share = (grid[k, j] - low) / (high - low) if high > low and np.isfinite(grid[k, j]) else 0.0
            axes.add_patch(_tile(j, k, share))
            if grid.size <= CELLS and np.isfinite(grid[k, j]):
                axes.text(j, k, number(grid[k, j]), ha="center", va="center", fontsize=8, color=INK)
    axes.set_xlim(-0.5, len(x) - 0.5)
    axes.set_ylim(-0.5, len(y) - 0.5)
    axes.set_xticks(range(len(x)), x)
    axes.set_yticks(range(len(y)), y)
    _titles(axes, f"{results.label(one.name)}: {title}", results.short[keys[0]], results.short[keys[1]])
    return svg(fig, f"{results.label(one.name)} at the end, {title}, over {keys[0]} and {keys[1]}.")


def _tile(x: int, y: int, share: float) -> Any:
    from matplotlib.patches import Rectangle

    from populace.analysis.style import PALETTE

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=PALETTE[0], alpha=0.08 + 0.55 * share, linewidth=0)


def _unit(one: Asked) -> str:
    return f" ({one.unit})" if one.unit else ""


def _titles(axes: Any, title: str, xlabel: str, ylabel: str) -> None:
    axes.set_title(title, loc="left", fontsize=9.5, color=INK, fontweight="bold")
    axes.set_xlabel(xlabel, color=MUTED, fontsize=8.5)
    axes.set_ylabel(ylabel, color=MUTED, fontsize=8.5)
