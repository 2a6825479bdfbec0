"""Distributions of outcomes over worlds, and of panel variables over tracked users."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis.comparison import at_end
from populace.analysis.results import Results
from populace.analysis.style import INK, MUTED, figure, svg

FEWEST = 4
"""Worlds, or users, of which a distribution is drawn at least."""
ROWS, FIGURES, POINTS = 24, 12, 200
"""Rows of a figure, figures, and points of a row at most."""


def worlds(results: Results) -> list[str]:
    """A figure for every outcome that the scenario asks about: one row per arm, one point per world."""
    ends = at_end(results.asking.rows)
    figures = []
    for one in results.asking.asked[:FIGURES]:
        rows = ends[(ends["measure"] == one.name) & np.isfinite(ends["value"])]
        label, unit = results.label(one.name), f" ({one.unit})" if one.unit else ""
        figures += _strip(results, rows, "value", f"{label}, worlds", f"at the end of each world{unit}")
    return figures


def users(results: Results) -> list[str]:
    """A figure for every variable of the panel: one row per arm, one point per tracked user at the end."""
    frame = results.run.users
    if frame.empty:
        return []
    last = frame.groupby("arm", observed=True)["step"].transform("max")
    ends = frame[frame["step"] == last]
    known = [name for name in results.run.value_variables if name in ends.columns]
    others = [c for c in ends.columns if c not in ("arm", "world", "step", "user", "segment", *known)]
    figures = []
    for name in [*known, *others][: FIGURES // 2]:
        rows = ends[np.isfinite(ends[name])]
        label = results.label(name).removesuffix(", mean over users")
        figures += _strip(results, rows, name, f"{label}, tracked users", "at the end of each tracked user")
    return figures


def _strip(results: Results, rows: pd.DataFrame, column: str, title: str, xlabel: str) -> list[str]:
    """Points, the middle half as a bar and the median as a line, for every arm; nothing where nothing spreads."""
    present = set(rows["arm"].astype(str))
    arms = [arm for arm in results.recorded_arms if arm in present][:ROWS]
    values = {arm: np.sort(rows.loc[rows["arm"] == arm, column].to_numpy(float)) for arm in arms}
    if not arms or max(map(len, values.values())) < FEWEST or np.ptp(np.concatenate(list(values.values()))) == 0:
        return []
    fig, axes = figure(4.4, 0.72 + 0.23 * max(len(arms), 2))
    for place, arm in enumerate(arms):
        x, colour = values[arm], results.colour(arm)
        shown = x[np.unique(np.linspace(0, len(x) - 1, POINTS).round().astype(int))]
        axes.plot(shown, _beside(place, len(shown)), "o", markersize=2.2, color=colour, alpha=0.55)
        low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
        axes.plot([low, high], [place, place], color=colour, linewidth=5.0, alpha=0.35, solid_capstyle="butt")
        axes.plot([middle, middle], [place - 0.3, place + 0.3], color=INK, linewidth=1.4)
    axes.set_yticks(range(len(arms)), [arm if len(arm) <= 28 else f"{arm[:27]}\N{HORIZONTAL ELLIPSIS}" for arm in arms])
    axes.set_ylim(len(arms) - 0.4, -0.6)
    axes.margins(x=0.04)
    axes.set_title(title, loc="left", fontsize=9.5, color=INK, fontweight="bold")
    axes.set_xlabel(xlabel, color=MUTED, fontsize=8.5)
    more = len(results.recorded_arms) - len(arms)
    note = f"<p class='note'>{more} more arms are not drawn here.</p>" if more > 0 and len(arms) == ROWS else ""
    return [svg(fig, f"Distribution of {title}, one row per arm: points, middle half and median.") + note]


def _beside(place: int, count: int) -> Sequence[Any] | np.ndarray[Any, Any]:
    """Heights that keep neighbours apart: a fixed pattern, the same in every run."""
    return place + 0.22 * (((np.arange(count) * 0.618034) % 1.0) - 0.5)
