"""The part of a report on the hypotheses of a design: a verdict on each, a picture, and the numbers."""

import html
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis import downloads
from populace.analysis.hypotheses import REFUTED, SUPPORTED, UNDECIDED, design_of, verdicts
from populace.analysis.results import Results
from populace.analysis.style import INK, MUTED, figure, footnotes, marks, number, p_value, svg, with_interval
from populace.design import Design
from populace.errors import RunError
from populace.outcomes import START

EXPECTED = {
    "higher": "higher than",
    "lower": "lower than",
    "different": "different from",
    "none": "no different from",
}
"""Direction of a hypothesis -> words."""


def part(results: Results) -> str:
    """The HTML, or nothing where the scenario states no design."""
    run = results.run
    if not run.info.get("design"):
        return ""
    design, kept = design_of(run)
    if not run.complete:
        return "<p>The run is not complete. Its hypotheses are tested once, when it is.</p>"
    try:
        frame = verdicts(run)
    except RunError as error:  # the measure was not recorded, or may not be shown
        return f"<p>The hypotheses cannot be tested here: {html.escape(str(error))}.</p>"
    changed = (
        ""
        if kept
        else "<p class='banner' role='alert'><b>Caution.</b> The design in run.json is not the one that the run began "
        "with.</p>"
    )
    points = "".join(f"<li>{_told(results, row)}</li>" for row in frame.to_dict("records"))
    return (
        f"{changed}<ul class='answer'>{points}</ul>{_picture(frame)}{_table(frame)}{_how(design)}"
        f"{downloads.csv(frame, f'{run.name}-hypotheses', 'All hypotheses')}"
    )


def _told(results: Results, row: dict[Any, Any]) -> str:
    """One hypothesis in a sentence."""
    against = "its start" if row["other"] == row["arm"] else str(row["other"])
    size = f" (smallest effect of interest: {row['smallest']:g})" if row["smallest"] else ""
    expected = f"{results.label(row['measure'])} of {row['arm']} is {EXPECTED[row['direction']]} {against}{size}"
    found = with_interval(row["difference"], row["low"], row["high"], sign=True)
    about = f" {html.escape(row['about'])}" if row["about"] else ""
    return (
        f"<b class='name'>{html.escape(row['name'])}: {row['verdict']}.</b>{about}<br>Expected: "
        f"{html.escape(expected)}. Found: {found} ({row['worlds']:,} worlds)."
    )


def _picture(frame: pd.DataFrame) -> str:
    """Differences in units of the smallest effect of interest, in one picture where all hypotheses name one."""
    size = frame["smallest"].to_numpy(dtype=np.float64)
    if not (np.isfinite(size).all() and (size > 0).all()):
        return ""
    fig, axes = figure(5.2, 0.8 + 0.26 * max(len(frame), 2))
    axes.axvspan(-1, 1, color=MUTED, alpha=0.14, linewidth=0)
    axes.axvline(0.0, color=MUTED, linewidth=1.0)
    told = []
    for place, (row, s) in enumerate(zip(frame.to_dict("records"), size, strict=True)):
        mean, low, high = (row[key] / s for key in ("difference", "low", "high"))
        if np.isfinite(low):
            axes.plot([low, high], [place, place], color=INK, linewidth=2.0, solid_capstyle="butt")
        fill = {SUPPORTED: INK, REFUTED: "white", UNDECIDED: MUTED}[row["verdict"]]
        axes.plot([mean], [place], marker="o", markersize=5.5, color=INK, markerfacecolor=fill)
        told.append(f"{row['name']} {number(mean)} [{number(low)}, {number(high)}]")
    names = [str(name) for name in frame["name"]]
    axes.set_yticks(
        range(len(names)), [name if len(name) <= 34 else f"{name[:33]}\N{HORIZONTAL ELLIPSIS}" for name in names]
    )
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.set_xlabel("difference / smallest effect of interest")
    axes.locator_params(axis="x", nbins=6)
    key = "Filled marks: supported; hollow: refuted; grey: undecided. The band holds effects of no interest."
    what = f"Differences in units of the smallest effect of interest: {'; '.join(told)}"
    return f"{svg(fig, what)}<p class='note'>{key}</p>"


def _table(frame: pd.DataFrame) -> str:
    head = "".join(
        f"<th{number_class}>{name}</th>"
        for name, number_class in (
            ("hypothesis", ""),
            ("verdict", ""),
            ("difference", " class='n'"),
            ("p, supporting", " class='n'"),
            ("p, refuting", " class='n'"),
            ("worlds", " class='n'"),
        )
    )
    body = "".join(
        f"<tr><th>{html.escape(row['name'])}</th><td>{row['verdict']}{marks(row['note'])}</td>"
        f"<td class='n'>{with_interval(row['difference'], row['low'], row['high'], sign=True)}</td>"
        f"<td class='n'>{p_value(row['p_for'])}</td><td class='n'>{p_value(row['p_against'])}</td>"
        f"<td class='n'>{row['worlds']:,}</td></tr>"
        for row in frame.to_dict("records")
    )
    caption = "Hypotheses, with p-values corrected over all of them"
    return (
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{footnotes(frame['note'])}"
    )


def _how(design: Design) -> str:
    """How the verdicts were reached."""
    started = any(one.contrast == START for one in design.hypotheses)
    return (
        f"<p class='note'>These {len(design.hypotheses):,} hypotheses were stated in the scenario before the run. Each "
        "has two t tests on differences world by world"
        + (" (or from an arm's own start)" if started else "")
        + ": one supports it, the other refutes it, as an effect below the smallest one of interest or in the other "
        "direction does; if neither rejects, it is undecided. P-values are corrected over all hypotheses (Shaffer's "
        f"step-down method), so that the chance of any wrong verdict is at most {design.alpha:g}; intervals hold for "
        "one hypothesis alone. Everything below this part is exploratory.</p>"
    )
