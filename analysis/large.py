"""Tables of a sweep of many cells: ranges over the sweep and counts of clear differences, not a row for each cell."""

import html
from typing import Any

import pandas as pd

from populace.analysis import downloads
from populace.analysis.asked import CLEAR
from populace.analysis.results import Results
from populace.analysis.style import number, with_interval
from populace.analysis.tables import HEADINGS, decimals_of, name_of, undefined_in_all

FILE = 1 << 19
"""Bytes of a file inside the page at most, when compressed; the answer's files take most of the room."""
SAMPLE = 200
"""Cells from which the digits of a row are chosen."""
ABOUT_CONTRASTS = (
    "Each arm minus its reference at the last step that both recorded, paired by world, at every point of the sweep: "
    "at how many points the difference is clear after Holm's correction over all rows, and where it is smallest and "
    "largest."
)
ABOUT_ENDS = "Means over worlds: the lowest and the highest over all points of the sweep."
RECIPE = "populace.compare(populace.load_run(folder)) computes it"


def contrasts(results: Results) -> str:
    """A row per outcome and arm: points of the sweep with a clear difference, the smallest and the largest one."""
    frame = _based(results, results.contrasts)
    if frame.empty:
        return ""
    clear, up = frame["p_holm"] < CLEAR, frame["difference"] > 0
    frame = frame.assign(higher=clear & up, lower=clear & ~up)
    by = ["kind", "measure", "base"]
    grouped: Any = frame.groupby(by, observed=True, sort=False)
    counts = grouped.agg(
        cells=("difference", "size"),
        higher=("higher", "sum"),
        lower=("lower", "sum"),
        least=("difference", "idxmin"),
        most=("difference", "idxmax"),
    ).reset_index()
    body = ""
    for kind, heading in HEADINGS.items():
        rows = counts[counts["kind"] == kind]
        body += f"<tr class='group'><th colspan='7'>{heading}</th></tr>" if len(rows) else ""
        for row in rows.to_dict("records"):
            ends = "".join(f"<td class='n'>{_place(results, frame.loc[row[end]])}</td>" for end in ("least", "most"))
            counted = "".join(f"<td class='n'>{row[name]:,}</td>" for name in ("higher", "lower", "cells"))
            name = name_of(results, str(row["measure"]), kind)
            body += f"<tr><th>{name}</th><td>{html.escape(str(row['base']))}</td>{counted}{ends}</tr>"
    head = "<th>outcome</th><th>arm</th>" + "".join(
        f"<th class='n'>{word}</th>"
        for word in ("higher", "lower", "points", "smallest difference", "largest difference")
    )
    file = downloads.csv(results.contrasts, f"{results.run.name}-contrasts", "All contrasts", RECIPE, compressed=FILE)
    caption = "Differences from the reference over the sweep [95 % interval]"
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{file}"


def ends(results: Results) -> str:
    """One row per outcome, one column per arm: the lowest and the highest mean over the sweep."""
    frame = _based(results, results.ends)
    bases = list(dict.fromkeys(frame["base"]))
    grouped: Any = frame.groupby(["kind", "measure", "base"], observed=True, sort=False)["mean"]
    found = grouped.agg(["min", "max"])
    spans = {(str(kind), str(measure), str(base)): span for (kind, measure, base), span in found.iterrows()}
    body = ""
    for kind, heading in HEADINGS.items():
        rows = frame[frame["kind"] == kind]
        body += f"<tr class='group'><th colspan='{1 + len(bases)}'>{heading}</th></tr>" if len(rows) else ""
        for measure, cells in rows.groupby("measure", observed=True, sort=False):
            places = decimals_of(cells.iloc[:: max(1, len(cells) // SAMPLE)])
            inner = "".join(
                f"<td class='n'>{_span(spans.get((kind, str(measure), base)), places)}</td>" for base in bases
            )
            body += f"<tr><th>{name_of(results, str(measure), kind)}</th>{inner}</tr>"
    head = "".join(f"<th class='n'>{html.escape(base)}</th>" for base in bases)
    file = downloads.csv(
        results.ends,
        f"{results.run.name}-end",
        "All outcomes at the end",
        "its rows are in the run folder",
        compressed=FILE,
    )
    table = (
        "<table><caption>At the end, from the lowest to the highest mean over the sweep</caption>"
        f"<thead><tr><th>outcome</th>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    return table + undefined_in_all(results) + file


def _based(results: Results, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the name of each cell's arm before the sweep."""
    arms = results.run.info["arms"]
    bases = {arm: str(about.get("base", arm)) for arm, about in arms.items()}
    return frame.assign(base=[bases[str(arm)] for arm in frame["arm"]])


def _span(span: "pd.Series[Any] | None", places: int) -> str:
    if span is None:
        return "&ndash;"
    return f"{number(span['min'], places)} to {number(span['max'], places)}"


def _place(results: Results, row: "pd.Series[Any]") -> str:
    """A difference, and where in the sweep it is; bold where it is clear."""
    text = with_interval(row["difference"], row["low"], row["high"], sign=True)
    text = f"<b>{text}</b>" if row["p_holm"] < CLEAR else text
    return f"{text}<small>{results.place(str(row['arm']))}</small>"
