"""The answer's table: one row per arm (or point of the sweep), one column per outcome, with fixed digits each."""

import html
from typing import Any

import pandas as pd

from populace.analysis import downloads
from populace.analysis.asked import HIGHER, LOWER, Asked
from populace.analysis.results import Results, words
from populace.analysis.style import digits, footnotes, marks, two_lines

ROWS, COLUMNS = 60, 4
"""Rows at most (the file has all), and outcomes in one table."""
LARGEST, TABLES = 20, 12
"""Rows of an outcome's table of a large sweep, and outcomes that have one, at most."""
FILE = 4 << 20
"""Bytes of the file of all cells at most, when compressed."""
CAPTION = "Means over worlds at the end [95 % interval] and differences; bold where higher or lower"


def table(results: Results) -> str:
    """Level of every outcome at the end, and the difference that was asked for; a few outcomes per table."""
    asked = results.asking.asked
    if not asked:
        return ""
    if results.large:
        tables = [_largest(results, one, place == 0) for place, one in enumerate(asked[:TABLES])]
        left = len(asked) - TABLES
        tables += [f"<p class='note'>{left} more outcomes are in the files.</p>"] if left > 0 else []
    else:
        arms = results.recorded_arms[:ROWS]
        tables = [_table(results, asked[k : k + COLUMNS], arms, CAPTION) for k in range(0, len(asked), COLUMNS)]
    more = 0 if results.large else len(results.recorded_arms) - ROWS
    rest = f"<p class='note'>{more} more rows are in the file.</p>" if more > 0 else ""
    frames = [frame for frame in (results.asking.levels, results.asking.contrasts) if "note" in frame]
    notes = dict.fromkeys(note for frame in frames for note in frame["note"])
    return f"{''.join(tables)}{rest}{footnotes(notes)}{_files(results)}"


def _largest(results: Results, one: Asked, first: bool) -> str:
    """The cells of a large sweep with the largest differences in one outcome, or the highest means."""
    rows, column = _by_arm(results.asking.contrasts, one), "difference"
    if rows.empty:
        rows, column = _by_arm(results.asking.levels, one), "mean"
    size = rows[column].abs() if column == "difference" else rows[column]
    arms = [str(arm) for arm in size.sort_values(ascending=False, kind="stable").index[:LARGEST]]
    what = "largest differences" if column == "difference" else "highest means"
    said = f"{results.label(one.name)}: the {len(arms)} {what} of {len(rows):,} cells"
    inner = _table(
        results,
        [one],
        arms,
        f"{html.escape(said)}; means over worlds at the end [95 % interval]; bold where higher or lower",
    )
    return f"<details{' open' if first else ''}><summary><h3>{html.escape(said)}</h3></summary>{inner}</details>"


def _table(results: Results, asked: list[Asked], arms: list[str], caption: str) -> str:
    levels = {one.name: _by_arm(results.asking.levels, one) for one in asked}
    contrasts = {one.name: _by_arm(results.asking.contrasts, one) for one in asked}
    decimals = {one.name: _decimals(levels[one.name], contrasts[one.name]) for one in asked}
    keys = results.run.swept
    head = "".join(f"<th class='n'>{html.escape(results.short[key])}</th>" for key in keys)
    for one in asked:
        unit = f"<small>{html.escape(one.unit)}</small>" if one.unit else ""
        head += f"<th class='n'>{html.escape(results.label(one.name))}{unit}</th>"
        head += f"<th class='n'>{_against(results, one)}</th>" if len(contrasts[one.name]) else ""
    body = ""
    for arm in arms:
        about = results.run.info["arms"][arm]
        body += f"<tr><th>{html.escape(str(about.get('base', arm)) if keys else arm)}</th>"
        body += "".join(
            f"<td class='n'>{html.escape(words((about.get('coordinates') or {}).get(key, '')))}</td>" for key in keys
        )
        for one in asked:
            body += _cell(levels[one.name], arm, "mean", decimals[one.name])
            if len(contrasts[one.name]):
                body += _cell(contrasts[one.name], arm, "difference", decimals[one.name])
        body += "</tr>"
    head = f"<thead><tr><th>arm</th>{head}</tr></thead>"
    return f"<table><caption>{caption}</caption>{head}<tbody>{body}</tbody></table>"


def _by_arm(frame: pd.DataFrame, one: Asked) -> pd.DataFrame:
    return frame[frame["measure"] == one.name].drop_duplicates("arm").set_index("arm")


def _against(results: Results, one: Asked) -> str:
    rows = results.asking.contrasts
    others = rows.loc[rows["measure"] == one.name, "other"].astype(str)
    bases = {str(results.run.info["arms"][other].get("base", other)) for other in others}
    name = "start" if one.outcome.contrast == "start" else next(iter(bases)) if len(bases) == 1 else "reference"
    return f"minus {html.escape(name)}"


def _decimals(*frames: pd.DataFrame) -> int:
    """Digits that suit most of a column: two significant ones of the intervals' middle half-width."""
    found = []
    for frame in frames:
        mean = "difference" if "difference" in frame else "mean"
        rows = zip(frame[mean], frame["low"], frame["high"], strict=True)
        found += [d for row in rows if (d := digits(*map(float, row))) is not None]
    return sorted(found)[len(found) // 2] if found else 3


def _cell(frame: pd.DataFrame, arm: str, column: str, decimals: int) -> str:
    if arm not in frame.index:
        return "<td class='n'>&ndash;</td>"
    row: Any = frame.loc[arm]
    text = two_lines(row[column], row["low"], row["high"], decimals, sign=column == "difference") + marks(row["note"])
    clear = column == "difference" and row["verdict"] in (HIGHER, LOWER)
    return f"<td class='n'>{f'<b>{text}</b>' if clear else text}</td>"


def _files(results: Results) -> str:
    """The same numbers as a file."""
    levels = results.asking.levels.merge(results.run.arms, on="arm", how="left")
    out = downloads.csv(levels, f"{results.run.name}-answer", "Levels", compressed=FILE)
    if len(results.asking.contrasts):
        contrasts = results.asking.contrasts
        out += downloads.csv(contrasts, f"{results.run.name}-answer-differences", "Differences", compressed=FILE)
    return f"<div class='saves'>{out}</div>"
