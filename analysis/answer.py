"""The answer in words: a sentence per outcome that the scenario asks about, with intervals."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis.asked import CLEAR, HIGHER, LOWER, NONE, UNKNOWN, UNSETTLED, Asked
from populace.analysis.declared import declared
from populace.analysis.results import Results
from populace.analysis.style import apart, digits, number, with_interval
from populace.outcomes import START

NAMED = 3
"""Contrasts of one verdict that are told in full; of more, the names follow."""
LISTED = 8
"""Names in a list at most."""
ORDER = (HIGHER, LOWER, NONE, UNSETTLED, UNKNOWN)
WORDS = {NONE: "no difference", UNKNOWN: "without an interval"}
"""Verdicts in the order they are told, and in words."""
SENTENCES = 12
"""Outcomes told in words at most."""


def headline(results: Results, asked: Sequence[Asked] | None = None) -> str:
    """A list, a point for each of these outcomes; default: all."""
    asked = results.asking.asked if asked is None else asked
    if not asked:
        return ""
    points = []
    for one in asked[:SENTENCES]:
        rows = results.asking.contrasts
        rows = rows[rows["measure"] == one.name]
        told = _swept(results, one, rows) if results.run.swept else _told(results, one, rows)
        about = f" <span class='about-measure'>{html.escape(sentence(one.about))}</span>" if one.about else ""
        points.append(f"<li><b class='name'>{html.escape(results.label(one.name))}</b>{about}<br>{told}</li>")
    more = len(asked) - SENTENCES
    rest = f"<p class='note'>{more} more outcomes are in the table below.</p>" if more > 0 else ""
    return f"<ul class='answer'>{''.join(points)}</ul>{rest}"


def _told(results: Results, one: Asked, rows: pd.DataFrame) -> str:
    """The arms by verdict, the largest differences first; levels where nothing can be compared."""
    if rows.empty:
        return _levels(results, one)
    parts = []
    same = rows["other"].nunique() == 1 and one.outcome.contrast != START
    against = f" than {html.escape(str(rows['other'].iloc[0]))}" if same else ""
    if one.outcome.contrast == START:
        against = " than at the start"
    for which, word in ((HIGHER, f"higher{against}"), (LOWER, f"lower{against}"), (UNKNOWN, _why(rows))):
        found = _sorted(rows[rows["verdict"] == which])
        if len(found):
            full = [f"{_name(row)} {_pair(row)}" for _, row in found.head(NAMED).iterrows()]
            parts.append(f"{word}: {'; '.join(full)}{_rest(found)}")
    parts += _others(one, rows)
    if missing := _undefined(results, one):
        parts.append(_where_undefined(results, one, missing))
    return ". ".join(_capital(part) for part in parts) + "."


def _others(one: Asked, rows: pd.DataFrame) -> list[str]:
    parts = []
    none, unsettled = rows[rows["verdict"] == NONE], rows[rows["verdict"] == UNSETTLED]
    if len(none):
        size = f" of {one.smallest:g} or more" if one.smallest else ""
        parts.append(f"no difference{size}: {_list(list(none['arm']))}")
    if len(unsettled):
        full = [f"{_name(row)} {_difference(row)}" for _, row in _sorted(unsettled).head(NAMED).iterrows()]
        parts.append(f"not settled: {'; '.join(full)}{_rest(unsettled)}")
    return parts


def _swept(results: Results, one: Asked, rows: pd.DataFrame) -> str:
    """Where in the sweep a difference is largest, and where there is one; or how far the level goes."""
    arms = results.run.arms.set_index("arm")
    if rows.empty:
        return _range(results, one, arms)
    parts = []
    for base, own in rows.groupby(rows["arm"].map(arms["base"]).astype(str), sort=False):
        start = one.outcome.contrast == START
        against = "its start" if start else html.escape(str(arms["base"][str(own["other"].iloc[0])]))
        name = f"<b>{html.escape(str(base))}</b>"
        if (own["verdict"] == NONE).all():
            size = f" of {one.smallest:g} or more" if one.smallest else ""
            parts.append(f"{name}: no difference{size} from {against} at any of {len(own)} points")
            continue
        found = [(which, [str(arm) for arm in own.loc[own["verdict"] == which, "arm"]]) for which in ORDER]
        told = "; ".join(f"{WORDS.get(which, which)} {_points(results, cells)}" for which, cells in found if cells)
        row = _sorted(own).iloc[0]
        largest = f"at {results.place(str(row['arm']))} it is {_pair(row)}"
        parts.append(f"{name} against {against}: {told}. Largest difference: {largest}")
    return _items(parts)


def _points(results: Results, cells: Sequence[str]) -> str:
    """Points of the sweep by their values where there is one key, else how many there are."""
    keys = results.run.swept
    if len(keys) != 1 or len(cells) > LISTED:
        return f"at {len(cells)} points"
    places = [results.place(cell).partition(" = ")[2] for cell in cells]
    return f"at {results.place(cells[0]).partition(' = ')[0]} {', '.join(places)}"


def _items(parts: Sequence[str]) -> str:
    """One sentence as it is, several as a list."""
    if len(parts) == 1:
        return f"{parts[0]}."
    return f"<ul>{''.join(f'<li>{part}.</li>' for part in parts)}</ul>"


def _range(results: Results, one: Asked, arms: pd.DataFrame) -> str:
    """The lowest and the highest level over the points of a sweep, of each arm."""
    levels = results.asking.levels
    levels = levels[levels["measure"] == one.name]
    parts = []
    for base, own in levels.groupby(levels["arm"].map(arms["base"]).astype(str), sort=False):
        low, high = (own.iloc[int(at(own["mean"].to_numpy()))] for at in (np.argmin, np.argmax))
        name = f"<b>{html.escape(str(base))}</b>: " if arms["base"].nunique() > 1 else ""
        ends = [
            f"<b>{with_interval(r['mean'], r['low'], r['high'])}</b> at {results.place(str(r['arm']))}"
            for r in (low, high)
        ]
        parts.append(f"{name}from {ends[0]} to {ends[1]}")
    return _items(parts)


def _levels(results: Results, one: Asked) -> str:
    levels = results.asking.levels
    levels = levels[levels["measure"] == one.name].sort_values("mean", ascending=False, kind="stable")
    full = [
        f"{html.escape(str(row['arm']))} <b>{with_interval(row['mean'], row['low'], row['high'])}</b>"
        for _, row in levels.head(LISTED).iterrows()
    ]
    told = f"At the end: {', '.join(full)}{_rest(levels, LISTED)}"
    if not (missing := _undefined(results, one)):
        return f"{told}."
    others = dict.fromkeys(other for _, other in results.run.contrasts)
    if one.outcome.contrast != START and others and set(others) <= set(missing):
        told += f". No difference from {_list(list(others))} can be computed, as it is undefined there"
    return f"{told}. {_capital(_where_undefined(results, one, missing))}."


def _where_undefined(results: Results, one: Asked, missing: Sequence[str]) -> str:
    """In which arms a measure has no value, and why, where its declaration says so."""
    found = declared(results.run, one.name)
    why = f", where {html.escape(found.undefined)}" if found is not None and found.undefined else ""
    return f"undefined in {_list(missing)}{why}"


def _undefined(results: Results, one: Asked) -> list[str]:
    """Arms that have no finite value of what was asked."""
    levels = results.asking.levels
    there = set(levels.loc[levels["measure"] == one.name, "arm"].astype(str))
    return [arm for arm in results.recorded_arms if arm not in there]


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.loc[rows["difference"].abs().sort_values(ascending=False, kind="stable").index]


def _name(row: "pd.Series[Any]") -> str:
    return html.escape(str(row["arm"]))


def _pair(row: "pd.Series[Any]") -> str:
    """Both levels and their difference, with as many digits as tell them apart."""
    decimals = apart(row["a"], row["b"], digits(row["difference"], row["low"], row["high"]))
    a, b = number(row["a"], decimals), number(row["b"], decimals)
    return f"<b>{a}</b> instead of {b}, by {_difference(row)}"


def _why(rows: pd.DataFrame) -> str:
    """Why a contrast has no interval."""
    if (rows["worlds"] < 2).all():
        return "with one world there is no interval, and the difference may be chance"
    return "the same in all worlds, perhaps by chance, so that there is no interval"


def _difference(row: "pd.Series[Any]") -> str:
    return f"<b>{with_interval(row['difference'], row['low'], row['high'], sign=True)}</b>"


def _rest(rows: pd.DataFrame, most: int = NAMED) -> str:
    names = list(_sorted(rows)["arm"] if "difference" in rows else rows["arm"])[most:]
    return f"; also {_list(names)}" if names else ""


def _list(names: Sequence[Any]) -> str:
    shown = ", ".join(html.escape(str(name)) for name in names[:LISTED])
    return shown + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """A line of a declaration as a sentence."""
    return _capital(text).rstrip(".") + "."


def how_to_read(results: Results) -> str:
    """How an interval is read, and what the verdicts mean, in plain words."""
    smallest = [one for one in results.asking.asked if one.smallest]
    parts = [
        "0.31 [0.29, 0.33] is a mean over worlds with its 95 % interval: if the study were repeated with new random "
        "numbers, such intervals would hold the true mean in 95 of 100 repetitions.",
        "Differences between arms are computed world by world, with common random numbers in both arms. A difference "
        f"is called higher or lower if it is clear (p below {CLEAR} after Holm's correction over all contrasts of "
        "this answer)" + (" and at least as large as the smallest effect of interest." if smallest else "."),
    ]
    if smallest:
        sizes = ", ".join(f"{results.label(one.name)}: {one.smallest:g}" for one in smallest)
        parts.append(
            "It is called no difference if the whole interval lies within the smallest effect of interest, which the "
            f"scenario states ({html.escape(sizes)})."
        )
    parts.append(
        "All other differences are called not settled, even where their own interval excludes 0, if p is not below "
        f"{CLEAR} after the correction; more worlds may settle them."
    )
    parts.append(
        "In the figures of differences, "
        + ("the grey band holds differences below the smallest effect of interest, " if smallest else "")
        + "filled marks are higher or lower, and hollow marks are all others."
    )
    return "".join(f"<p>{part}</p>" for part in parts)
