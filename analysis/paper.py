"""One measure as a figure for a paper: its mean and interval over worlds, one line per arm, as wide as a column."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from populace.analysis.comparison import KINDS, at_end, deterministic, outcomes, ranges
from populace.analysis.declared import declared
from populace.analysis.frames import RunData
from populace.analysis.intervals import summary
from populace.analysis.pairing import cells_of
from populace.analysis.style import GRID, INK, MUTED, Stroke, look
from populace.analysis.summaries import summarise
from populace.analysis.writing import FIGURE, check_target, write
from populace.errors import PopulaceError, UnknownName
from populace.names import short_keys

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTHS = {"column": 89.0, "page": 183.0}
"""Millimetres of one column and of two, as Nature and its sister journals print them; most others differ little."""
RATIO = 0.68
"""Height over width of a column; a wide figure has the same height."""
LINES = 12
"""Lines at most: more cannot be told apart."""
STEP = "step"

_INCH = 25.4
_RC: Any = {
    # Fonts are part of the file: TrueType in PDF, outlines in SVG. They come with matplotlib, so are the same anywhere.
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "populace",
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.linewidth": 0.6,
    "legend.fontsize": 6.5,
    "text.parse_math": False,  # names are data: a dollar sign in one begins no formula
    "savefig.dpi": 600,
}


@dataclass(frozen=True)
class Drawn:
    """A figure that was written.

    Attributes:
        path: The file.
        notes: What limits it: few worlds, no interval, missing letters.
    """

    path: Path
    notes: tuple[str, ...]


def write_figure(
    run: RunData,
    out: Path,
    measure: str,
    *,
    arms: Sequence[str] = (),
    role: str | None = None,
    over: str = STEP,
    width: Literal["column", "page"] = "column",
) -> Drawn:
    """Draw a measure and write it as PDF, SVG or PNG (600 dots per inch), by the ending of the file's name.

    Args:
        run: The run.
        out: The file; one that is there is replaced if it is such a figure.
        measure: A recorded measure, one derived from values, or a panel variable.
        arms: Arms to draw, all when none are named; in a sweep an arm's name stands for all its cells.
        role: Whose, for a measure of seats.
        over: `step`, or a swept key: then the end is drawn against it, a line for each arm.
        width: `column` or `page`.

    Raises:
        RunError: The file cannot be written, or holds something else.
        UnknownName: There is no such measure, arm, role or swept key.
        PopulaceError: There are too many lines, or nothing to draw.
    """
    check_target(out, "a figure", FIGURE)
    rows, ylabel = _rows(run, measure, arms, role)
    table = summarise(
        rows if over == STEP else at_end(rows),
        ["arm", "player", "measure", STEP],
        deterministic=dict.fromkeys(deterministic(run, rows), True),
        bounds=ranges(run, rows),
    )
    table, lines = _lines(run, table, over)
    if len(lines) > LINES:
        more = f", or draw the end over a swept key ({', '.join(run.swept)})" if run.swept and over == STEP else ""
        raise PopulaceError(
            f"{len(lines)} lines are more than the {LINES} that can be distinguished: name some arms{more}"
        )
    import matplotlib as mpl

    with mpl.rc_context(_RC), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        content = _bytes(_draw(run, table, lines, over, ylabel, WIDTHS[width]), out.suffix.lower().removeprefix("."))
    gone = [str(arm) for arm in dict.fromkeys(rows["arm"].astype(str)) if arm not in set(table["arm"].astype(str))]
    missing = any("missing from font" in str(one.message) for one in caught)
    notes = [f"undefined in every world, so not drawn: {', '.join(gone)}"] if gone else []
    notes += [
        *summary(list(table["note"])),
        *(["some letters are missing from the fonts on this machine and are drawn as boxes"] if missing else []),
    ]
    return Drawn(write(out, content, "the figure"), tuple(notes))


def _rows(run: RunData, measure: str, arms: Sequence[str], role: str | None) -> tuple[pd.DataFrame, str]:
    """The outcome's rows of these arms, and the label of its axis."""
    frame = outcomes(run)
    wanted = [cell for name in arms for cell in cells_of(run, name)]
    frame = frame[frame["arm"].isin(wanted)] if wanted else frame
    names, roles = frame["measure"].astype(str), frame["role"].astype(str)
    inside, _, rest = measure.partition("/")
    if role is None and rest and not (names == measure).any() and ((names == rest) & (roles == inside)).any():
        measure, role = rest, inside  # as pages call a measure of seats
    full = [variable for variable in run.value_variables if variable.partition("/")[2] == measure]
    name = full[0] if full and not (names == measure).any() else measure
    rows = frame[names == name]
    if rows.empty:
        raise UnknownName("measure", measure, {f"{r}/{n}" if r else n for n, r in set(zip(names, roles, strict=True))})
    found = sorted(rows["role"].astype(str).unique())
    if role is not None and role not in found:
        raise UnknownName(f"role with the measure {measure!r}", role, [one for one in found if one])
    if role is None and len(found) > 1:
        raise PopulaceError(f"{measure!r} is a measure of seats; name the role: {' or '.join(found)}")
    rows = rows[rows["role"].astype(str) == (found[0] if role is None else role)]
    rows = rows[rows["kind"] == next(kind for kind in KINDS if (rows["kind"] == kind).any())]
    if not np.isfinite(rows["value"]).any():
        raise PopulaceError(f"{measure!r} is undefined in every world of these arms: there is nothing to draw")
    owner = str(rows["role"].iloc[0])
    said = declared(run, f"{owner}/{name}" if owner else name)
    unit = f" ({said.unit})" if said is not None and said.unit and said.unit not in name else ""
    label = name.partition("/")[2] if name in run.value_variables else name
    return rows, f"{label.replace('_', ' ')}{f' of {owner}' if owner else ''}{unit}"


def _lines(run: RunData, table: pd.DataFrame, over: str) -> tuple[pd.DataFrame, list[str]]:
    """The table with a column `line` of their names, and the names in the run's order."""
    player = table["player"].astype(str)
    arm = table["arm"].astype(str)
    if over == STEP:
        table = table.assign(line=arm.where(player == "", arm + ", " + player))
    elif over not in run.swept:
        raise UnknownName("swept key", over, [STEP, *run.swept])
    else:
        cells = run.arms.set_index("arm")
        line = arm.map(cells["base"].astype(str))
        short = short_keys(run.swept)
        for key in (key for key in run.swept if key != over):
            words = arm.map(cells[key]).map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
            line = line + ", " + short[key] + "=" + words
        table = table.assign(line=line.where(player == "", line + ", " + player), **{over: arm.map(cells[over])})
        table = table[table[over].notna()]
    return table, list(dict.fromkeys(table["line"]))


def _draw(run: RunData, table: pd.DataFrame, lines: list[str], over: str, ylabel: str, width: float) -> "Figure":
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width / _INCH, RATIO * WIDTHS["column"] / _INCH), layout="constrained")
    axes = fig.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(colors=MUTED, labelcolor=INK, length=2, width=0.6)
    axes.grid(True, color=GRID, linewidth=0.5)
    axes.set_axisbelow(True)
    place, labels = _places(table[over], lines) if over != STEP or table[STEP].nunique() > 1 else (None, None)
    references = {reference for _, reference in run.contrasts}
    index = 0
    for number, line in enumerate(lines):
        rows = table[table["line"] == line]
        grey = line in references and len(lines) > 1
        style = look(index, grey)
        index += not grey
        if place is None:
            _points(axes, rows, number, style)
        else:
            _band(axes, rows.assign(place=place[rows.index]).sort_values("place"), line, style)
    if place is None:
        axes.set_xticks(
            range(len(lines)), lines, rotation=30 if len(lines) > 3 else 0, ha="right" if len(lines) > 3 else "center"
        )
        axes.margins(x=0.1)
    else:
        axes.set_xlabel("step" if over == STEP else over, color=INK)
        axes.margins(x=0.02)
        if labels is not None:
            axes.set_xticks(range(len(labels)), labels)
        if len(lines) > 1:
            fig.legend(loc="outside upper left", ncols=2 if width < 100 else 4, frameon=False, handlelength=2.2)
    axes.set_ylabel(ylabel, color=INK)
    return fig


def _places(column: "pd.Series[Any]", lines: list[str]) -> tuple["pd.Series[float]", list[str] | None]:
    """Where each row stands on the horizontal axis, and names of the places where they are no numbers."""
    numbers = pd.to_numeric(column.map(lambda value: np.nan if isinstance(value, bool) else value), errors="coerce")
    if numbers.notna().all():
        return numbers.astype(float), None
    names = list(dict.fromkeys(map(str, column)))
    return column.astype(str).map({name: index for index, name in enumerate(names)}).astype(float), names


def _band(axes: "Axes", rows: pd.DataFrame, line: str, style: Stroke) -> None:
    few = len(rows) <= 12
    axes.plot(
        rows["place"], rows["mean"], marker="o" if few else None, markersize=2.5, linewidth=1.1, label=line, **style
    )
    low, high = (rows[end].to_numpy(float) for end in ("low", "high"))
    if np.isfinite(low).any():
        x = rows["place"].to_numpy(float)
        axes.fill_between(x, low, high, color=style["color"], alpha=0.2, linewidth=0)


def _points(axes: "Axes", rows: pd.DataFrame, number: int, style: Stroke) -> None:
    """A measure that was recorded once: a dot and its interval for each arm."""
    for _, row in rows.iterrows():
        ends = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]] if np.isfinite(row["low"]) else None
        axes.errorbar([number], [row["mean"]], yerr=ends, fmt="o", markersize=3.5, capsize=2, color=style["color"])


def _bytes(fig: "Figure", ending: str) -> bytes:
    """The figure as a file; the same figure gives the same bytes."""
    from matplotlib.text import Text

    for text in fig.findobj(Text):
        text.set_parse_math(False)
    nothing: dict[str, dict[str, None]] = {
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "svg": {"Date": None, "Creator": None},
        "png": {"Software": None},
    }
    out = io.BytesIO()
    fig.savefig(out, format=ending, metadata=nothing[ending])
    return out.getvalue()
