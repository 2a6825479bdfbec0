"""The report's sentences and tables, as HTML."""

import html
import math
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis.intervals import AGREE, Floats
from populace.analysis.moments import OVERALL
from populace.analysis.results import Results
from populace.analysis.stats import median, wilson
from populace.analysis.style import cell, footnotes, number, p_value, whisker, with_interval

HEADINGS = {"recorded": "Measures of the world", "derived": "Derived from values", "mean": "Means over all users"}
OPEN = 3
"""Tables of contrasts unfolded at first; a sweep has many."""
NOUNS = {"recorded": "recorded measure", "derived": "derived measure", "mean": "mean over users"}
FULL = 6
"""Contrasts that are told in full; of more, only the clearest differences are."""
ALIKE = 4
"""Differences that are the same in all worlds are named up to so many."""
CLEAR = 0.05
"""A contrast is called clear when its Holm-corrected p is below this."""


NO_FINDINGS = ("biased_share", "map/")
"""Beginnings of measures that are no findings: what an arm sets itself, and coordinates of a picture."""


def findings(results: Results) -> str:
    """What each arm did beside its reference: the largest paired contrasts at the end, in sentences."""
    contrasts = results.contrasts
    if contrasts.empty:
        return "<p>No arm has a reference to be compared with, so nothing can be said about an assistant's effect.</p>"
    blocks = []
    many = contrasts["arm"].nunique() > FULL
    for (arm, other), rows in contrasts.groupby(["arm", "other"], sort=False, observed=True):
        if arm not in results.shown:
            continue
        points = _moved(results, str(arm)) + _largest(results, rows, many)
        items = "".join(f"<li>{point}</li>" for point in points)
        name, reference = html.escape(str(arm)), html.escape(str(other))
        blocks.append(f"<div class='finding'><h3>{name} <small>against {reference}</small></h3><ul>{items}</ul></div>")
    return "".join(blocks)


def _moved(results: Results, arm: str) -> list[str]:
    """How far the arm left all users' mean values from where the reference left them."""
    if not results.has_values:
        return []
    rows = results.apart[(results.apart["arm"] == arm) & (results.apart["segment"] == OVERALL)]
    if rows.empty:
        return []
    last = rows.sort_values("step").iloc[-1]
    dims = len(results.run.value_variables)
    inside = f"distance over {dims} value{'s' if dims > 1 else ''}"
    return [
        f"After {last['step']:,} steps users' mean values stood <b>{_cell(last)}</b> away from where the "
        f"reference left them ({inside}, the same worlds with common random numbers)."
    ]


def _largest(results: Results, rows: pd.DataFrame, many: bool) -> list[str]:
    """The largest clear contrasts of means, the clearest of the world's own measures, and where there are none."""
    points, without = [], []
    alone = rows["worlds"].max() < 2
    # What is derived from values says again what a world's own measures say: it leads only where there are none.
    told = "recorded" if (rows["kind"] == "recorded").any() else "derived"
    for kind, most in (("mean", 2), (told, 4)):
        own = rows[rows["kind"] == kind]
        if kind == "mean" and results.has_values:
            own = own[own["measure"].isin(results.run.value_variables)]  # the one family that has one unit
        own = own[~own["measure"].astype(str).str.startswith(NO_FINDINGS)]
        clear = own if alone else own[own["p_holm"] < CLEAR]
        scale = clear["difference"].abs()
        if not (kind == "mean" and results.has_values) and not alone:
            # Units differ, so a difference is measured by its own uncertainty.
            scale = scale / (clear["high"] - clear["low"]).clip(lower=1e-12)
        order = scale.sort_values(ascending=False, kind="stable").index
        points += [_sentence(results, clear.loc[index]) for index in order[: 1 if many else most]]
        if len(own) and not len(clear):
            without.append(f"no {NOUNS[kind]}")
        points += _alike(results, own)
    if without:
        words = f"{', '.join(without[:-1])} and {without[-1]}" if len(without) > 1 else without[0]
        points.append(f"{words.capitalize()} differed clearly (p &ge; {CLEAR} after correction).")
    if alone:
        points.append("With one world these differences have no intervals: they may be chance. Run more worlds.")
    return points


def _alike(results: Results, rows: pd.DataFrame) -> list[str]:
    """Differences that are the same in all worlds: they have no interval, but are not to be passed over."""
    rows = rows[rows["note"].str.startswith(AGREE) & (rows["difference"] != 0)]
    if rows.empty:
        return []
    named = []
    for _, row in rows.head(ALIKE).iterrows():
        size = with_interval(row["difference"], math.nan, math.nan, sign=True)
        named.append(f"<i>{_named(results, str(row['measure']), str(row['kind']))}</i> ({size})")
    more = f" and {len(rows) - ALIKE} more" if len(rows) > ALIKE else ""
    return [
        f"The same difference in all worlds, perhaps by chance, so that there is no interval: {', '.join(named)}{more}."
    ]


def _sentence(results: Results, row: "pd.Series[Any]") -> str:
    """One contrast in words."""
    up = row["difference"] > 0
    low, high = (row["low"], row["high"]) if up else (-row["high"], -row["low"])
    value = with_interval(abs(row["difference"]), low, high)
    what = f"<i>{_named(results, str(row['measure']), str(row['kind']))}</i>"
    p = html.escape(p_value(row["p_holm"])).replace(" ", "&nbsp;")
    return (
        f"{'Mean ' if row['kind'] == 'mean' else ''}{what} ended <b>{value} {'higher' if up else 'lower'}</b>: "
        f"{number(row['a'])} instead of {number(row['b'])}{f' ({p})' if p else ''}."
    )


def _named(results: Results, measure: str, kind: str) -> str:
    """An outcome's name, with what it means as a tooltip."""
    label, about = html.escape(results.label(measure)), results.about.get(measure) if kind != "mean" else None
    return f'<abbr title="{html.escape(about, quote=True)}">{label}</abbr>' if about else label


def glossary(results: Results) -> str:
    """What the outcomes mean, a line each, where the world explains its own."""
    frame = results.outcomes[["kind", "measure"]].drop_duplicates().astype(str)
    frame = frame[(frame["kind"] != "mean") & frame["measure"].isin(list(results.about))]
    if not (frame["kind"] == "recorded").any():
        return ""
    rows = "".join(
        f"<tr><th>{html.escape(results.label(name))}</th><td class='words'>{html.escape(results.about[name])}</td></tr>"
        for name in frame["measure"].unique()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def forest(results: Results) -> str:
    """Paired differences of every outcome at the end: a table with an interval drawn in each row."""
    parts: list[str] = []
    for (arm, other), rows in results.contrasts.groupby(["arm", "other"], sort=False, observed=True):
        body = "".join(_forest_rows(results, rows[rows["kind"] == kind], kind) for kind in HEADINGS)
        parts.append(
            f"<details{' open' if len(parts) < OPEN else ''}><summary>"
            f"<h3>{html.escape(str(arm))} <small>minus {html.escape(str(other))}</small></h3></summary>"
            "<div class='scroll'><table><thead><tr><th>outcome</th><th class='n'>arm</th><th class='n'>reference</th>"
            "<th class='n'>difference [95&nbsp;% interval]</th><th>below 0 · above 0</th><th class='n'>p (Holm)</th>"
            f"</tr></thead><tbody>{body}</tbody></table></div></details>"
        )
    return "".join(parts) + footnotes(results.contrasts["note"].unique())


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
        colour = "--muted" if not clear else "--c0" if row["difference"] < 0 else "--c1"
        value = cell(row["difference"], row["low"], row["high"], row["note"], sign=True)
        lines.append(
            f"<tr><th>{_named(results, str(row['measure']), kind)}</th><td class='n'>{number(row['a'])}</td>"
            f"<td class='n'>{number(row['b'])}</td><td class='n'>{'<b>' if clear else ''}{value}"
            f"{'</b>' if clear else ''}</td>"
            f"<td>{whisker(row['difference'], row['low'], row['high'], 1.05 * scale, colour)}</td>"
            f"<td class='n'>{_bare(row['p_holm'])}</td></tr>"
        )
    return "".join(lines)


def _bare(p: float) -> str:
    """The p-value alone, under a heading that says what it is."""
    return html.escape(p_value(p).removeprefix("p ").removeprefix("= "))


def ends(results: Results) -> str:
    """Every outcome at the end, an arm a column: mean [low, high]."""
    frame, arms = results.ends, results.recorded_arms
    if frame.empty:
        return "<p>Nothing was recorded yet.</p>"
    steps = frame.groupby("arm", observed=True)["step"].max()
    worlds = frame.groupby("arm", observed=True)["worlds"].max()
    head = "".join(
        f"<th class='n'>{html.escape(arm)}<small>step {steps.get(arm, 0):,} · {worlds.get(arm, 0):,} "
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
            inner = "".join(
                f"<td class='n'>{_cell(cells.loc[arm]) if arm in cells.index else _missing(results, measure, arm)}</td>"
                for arm in arms
            )
            body += f"<tr><th>{_named(results, str(measure), kind)}</th>{inner}</tr>"
    if results.has_values:
        body += _lock_in_rows(results, arms)
    table = f"<div class='scroll'><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    return table + footnotes(frame["note"].unique()) + _undefined(results)


def _missing(results: Results, measure: str, arm: str) -> str:
    """What stands where an arm has no number: that it was never defined, or that it was not recorded."""
    return "undefined" if arm in results.undefined.get(measure, ()) else "&ndash;"


def _undefined(results: Results) -> str:
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


def _cell(row: "pd.Series[Any]") -> str:
    return cell(row["mean"], row["low"], row["high"], row["note"])
