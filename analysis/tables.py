"""The report's sentences and tables, as HTML."""

import html
import math
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis import downloads
from populace.analysis.answer import sentence
from populace.analysis.asked import CLEAR
from populace.analysis.declared import range_of
from populace.analysis.intervals import Floats
from populace.analysis.results import Results
from populace.analysis.results import words as spoken
from populace.analysis.stats import median, wilson
from populace.analysis.style import (
    apart,
    cell,
    digits,
    footnotes,
    legend,
    marks,
    number,
    p_value,
    two_lines,
    whisker,
    with_interval,
)
from populace.measures import find

HEADINGS = {"recorded": "Measures of the world", "derived": "Derived from values", "mean": "Means over all users"}
OPEN = 1
"""Tables of contrasts unfolded at first."""
SWEPT = 24
"""Values of a swept key that are listed at most."""
TABLES = 6
"""Tables of arms at most; the file has all."""
COLUMNS = 7
"""Arms beside each other in a table; more come in a table below, so that nothing is cut off."""


def name_of(results: Results, measure: str, kind: str) -> str:
    """An outcome's name, with what it means as a tooltip."""
    label, about = html.escape(results.label(measure, kind)), results.about.get(measure) if kind != "mean" else None
    return f'<abbr title="{html.escape(about, quote=True)}">{label}</abbr>' if about else label


def arms(results: Results) -> str:
    """What each arm is, and how it is drawn; empty where there is one arm of which nothing is said."""
    about: dict[str, str] = {}
    for arm, said in results.run.info["arms"].items():
        base = str(said.get("base", arm))
        about[base] = about.get(base) or str(said.get("about", ""))
    if len(about) < 2 and not any(about.values()):
        return ""
    references = {str(results.run.info["arms"][arm].get("base", arm)) for _, arm in results.run.contrasts}
    rows = ""
    for base, text in about.items():
        words = html.escape(text) or "&ndash;"
        words += " <i>The other arms are compared with it.</i>" if base in references and len(about) > 1 else ""
        key = legend({"": results.bases[base]}, bare=True) if base in results.bases else ""
        rows += f"<tr><th>{key}{html.escape(base)}</th><td class='words'>{words}</td></tr>"
    head = "<thead><tr><th>arm</th><th>what it is</th></tr></thead>"
    swept = "".join(f"<li>{html.escape(key)}: {_values(results, key)}</li>" for key in results.run.swept)
    points = f"<p>Every arm is run at every point of a sweep:</p><ul>{swept}</ul>" if swept else ""
    return f"<table><caption>The arms of this study</caption>{head}<tbody>{rows}</tbody></table>{points}"


def _values(results: Results, key: str) -> str:
    found = dict.fromkeys(spoken(value) for value in results.run.arms[key].dropna())
    shown = list(found)[:SWEPT]
    return html.escape(", ".join(shown)) + (f" and {len(found) - SWEPT} more" if len(found) > SWEPT else "")


def glossary(results: Results) -> str:
    """What all outcomes mean, a row each: unit, range, and which direction is better for users."""
    frame = results.outcomes[["kind", "measure"]].drop_duplicates().astype(str)
    asked = [one.name for one in results.asking.asked]
    names = [*asked, *frame.loc[frame["kind"] != "mean", "measure"]]
    rows = ""
    for name in dict.fromkeys(names):
        said = find(results.run.declared, name) or {}
        about = results.about.get(name) or str(said.get("about", "")) or "not declared by its world"
        low, high = range_of(results.run, name)
        span = _span(low, high)
        cells = (sentence(about), str(said.get("unit", "")), span, str(said.get("better", "")))
        inner = "".join(f"<td class='{'words' if not k else ''}'>{html.escape(c)}</td>" for k, c in enumerate(cells))
        mark = " class='asked'" if name in asked else ""
        rows += f"<tr{mark}><th>{html.escape(results.label(name))}</th>{inner}</tr>"
    means = sorted({results.label(name, "mean") for name in frame.loc[frame["kind"] == "mean", "measure"]})
    more = ""
    if means:
        more = f"<p class='note'>Means over all users of panel variables: {html.escape(', '.join(means))}.</p>"
    head = "".join(f"<th>{word}</th>" for word in ("measure", "what it says", "unit", "range", "better for users"))
    return (
        "<table><caption>All measures of this page; those that the scenario asks about come first</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"
    )


def _span(low: float, high: float) -> str:
    """The range of a measure in words; empty where neither end is known."""
    if np.isfinite([low, high]).all():
        return f"{low:g} to {high:g}"
    return f"from {low:g}" if np.isfinite(low) else f"up to {high:g}" if np.isfinite(high) else ""


def forest(results: Results) -> str:
    """Paired differences of every outcome at the end: a table with an interval drawn in each row."""
    parts: list[str] = []
    for (arm, other), rows in results.contrasts.groupby(["arm", "other"], sort=False, observed=True):
        body = "".join(_forest_rows(results, rows[rows["kind"] == kind], kind) for kind in HEADINGS)
        parts.append(
            f"<details{' open' if len(parts) < OPEN else ''}><summary>"
            f"<h3>{results.title(str(arm))} <small>minus {results.title(str(other))}</small></h3></summary>"
            f"<table><caption>{results.title(str(arm))} minus {results.title(str(other))}, at the end</caption>"
            "<thead><tr><th>outcome</th><th class='n'>arm</th><th class='n'>reference</th>"
            "<th class='n'>difference [95&nbsp;% interval]</th><th>below 0 · above 0</th><th class='n'>p (Holm)</th>"
            f"</tr></thead><tbody>{body}</tbody></table></details>"
        )
    if not parts:
        return ""
    file = downloads.csv(results.contrasts, f"{results.run.name}-contrasts", "All contrasts")
    return "".join(parts) + footnotes(results.contrasts["note"].unique()) + file


def _forest_rows(results: Results, rows: pd.DataFrame, kind: str) -> str:
    if rows.empty:
        return ""
    reach = rows[["difference", "low", "high"]].abs().max(axis=1)
    values = rows["measure"].isin(results.run.value_variables)
    lines = [f"<tr class='group'><th colspan='6'>{HEADINGS[kind]}</th></tr>"]
    # Values share a scale, so that they can be compared; other outcomes have their own units.
    scales = reach.where(~values, reach[values].max())
    for (_, row), scale in zip(rows.iterrows(), scales, strict=True):
        clear = row["p_holm"] < CLEAR
        colour = "--ink" if clear else "--muted"
        value = cell(row["difference"], row["low"], row["high"], row["note"], sign=True)
        places = apart(row["a"], row["b"], digits(row["difference"], row["low"], row["high"]))
        lines.append(
            f"<tr><th>{name_of(results, str(row['measure']), kind)}</th><td class='n'>{number(row['a'], places)}</td>"
            f"<td class='n'>{number(row['b'], places)}</td><td class='n'>{'<b>' if clear else ''}{value}"
            f"{'</b>' if clear else ''}</td>"
            f"<td>{whisker(row['difference'], row['low'], row['high'], 1.05 * scale, colour)}</td>"
            f"<td class='n'>{_bare(row['p_holm'])}</td></tr>"
        )
    return "".join(lines)


def _bare(p: float) -> str:
    """The p-value alone, under a heading that says what it is."""
    return html.escape(p_value(p).removeprefix("p ").removeprefix("= "))


def ends(results: Results) -> str:
    """Every outcome at the end, one column per arm: mean over its interval, equal digits within a row."""
    frame, arms = results.ends, results.recorded_arms
    if frame.empty:
        return "<p>Nothing was recorded yet.</p>"
    shown = arms[: COLUMNS * TABLES]
    parts = [_ends(results, frame, shown[k : k + COLUMNS]) for k in range(0, len(shown), COLUMNS)]
    more = f"<p class='note'>{len(arms) - len(shown)} more arms are in the file.</p>" if len(arms) > len(shown) else ""
    file = downloads.csv(frame, f"{results.run.name}-end", "All outcomes at the end")
    return "".join(parts) + more + footnotes(frame["note"].unique()) + undefined_in_all(results) + file


def _ends(results: Results, frame: pd.DataFrame, arms: list[str]) -> str:
    steps = frame.groupby("arm", observed=True)["step"].max()
    worlds = frame.groupby("arm", observed=True)["worlds"].max()
    head = "".join(
        f"<th class='n'>{results.title(arm)}<small>step {steps.get(arm, 0):,} · {worlds.get(arm, 0):,} "
        f"world{'s' if worlds.get(arm, 0) != 1 else ''}</small></th>"
        for arm in arms
    )
    body = ""
    for kind, heading in HEADINGS.items():
        rows = frame[frame["kind"] == kind]
        if rows.empty:
            continue
        body += f"<tr class='group'><th colspan='{1 + len(arms)}'>{heading}</th></tr>"
        for measure in rows["measure"].unique():
            cells = rows[rows["measure"] == measure].set_index("arm")
            places = decimals_of(cells)
            found = [
                _two(cells.loc[arm], places) if arm in cells.index else _missing(results, measure, arm) for arm in arms
            ]
            inner = "".join(f"<td class='n'>{one}</td>" for one in found)
            body += f"<tr><th>{name_of(results, str(measure), kind)}</th>{inner}</tr>"
    if results.has_values:
        body += _lock_in_rows(results, arms)
    caption = f"At the end: {'; '.join(results.title(arm) for arm in arms)}"
    head = f"<thead><tr><th>outcome</th>{head}</tr></thead>"
    return f"<table><caption>{caption}</caption>{head}<tbody>{body}</tbody></table>"


def decimals_of(cells: pd.DataFrame) -> int:
    """Digits for all numbers of an outcome: two significant ones of the intervals' middle half-width."""
    rows = cells[["mean", "low", "high"]].to_numpy(float)
    found = sorted(d for row in rows if (d := digits(*row)) is not None)
    return found[len(found) // 2] if found else 3


def _two(row: "pd.Series[Any]", places: int) -> str:
    return two_lines(row["mean"], row["low"], row["high"], places) + marks(row["note"])


def _missing(results: Results, measure: str, arm: str) -> str:
    """What stands where an arm has no number: that it was never defined, or that it was not recorded."""
    return "undefined" if arm in results.undefined.get(measure, ()) else "&ndash;"


def undefined_in_all(results: Results) -> str:
    """The outcomes that were recorded, but never had a finite value in any arm."""
    shown = set(results.ends["measure"].astype(str))
    names = [html.escape(results.label(name)) for name in results.undefined if name not in shown]
    if not names:
        return ""
    return f"<p class='note'>Undefined (NaN or infinite) in all worlds and steps: {', '.join(names)}.</p>"


def _lock_in_rows(results: Results, arms: list[str]) -> str:
    """Share of worlds whose mean values locked in, and when: the median counts worlds that did not as later."""
    shares, medians = "", ""
    for arm in arms:
        rows = results.lock_in[results.lock_in["arm"] == arm]
        share = wilson(int((~rows["censored"]).sum()), len(rows))
        low, high = (share.low, share.high) if share.worlds > 1 else (math.nan, math.nan)
        shares += f"<td class='n'>{with_interval(share.mean, low, high)}</td>"
        medians += f"<td class='n'>{median_step(np.where(rows['censored'], np.inf, rows['value']))}</td>"
    heading = f"<tr class='group'><th colspan='{1 + len(arms)}'>Lock-in of mean values</th></tr>"
    return f"{heading}<tr><th>share of worlds locked in</th>{shares}</tr><tr><th>median step</th>{medians}</tr>"


def median_step(times: Floats) -> str:
    """The median of steps [worlds] with its interval, infinite where something did not come about within the run."""
    found = median(times)
    if not math.isfinite(found.mean):
        return "not within the run"
    if found.high == math.inf:
        return f"{number(found.mean)} [{number(found.low)}, later than the run]"
    return cell(found.mean, found.low, found.high, found.note)
