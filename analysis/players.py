"""The section "Who played": language models and scripts with their invalid acts, costs and rewards."""

import html
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.readers import FAMILY, readers
from populace.analysis.style import footnotes, marks, number, with_interval
from populace.analysis.summaries import summarise
from populace.measures import SEAT_MEASURES

KINDS = {
    "unreadable": "unreadable",
    "refused": "refused",
    "cut_off": "cut off",
    "timed_out": "timed out",
    "failed": "no reply",
}
"""Kinds of invalid acts -> words."""
MOST = 60
"""Arms in the table at most."""
OF_SEATS = tuple(measure.name for measure in SEAT_MEASURES)
"""Measures that say how seats were played rather than what became of the world; those of `FAMILIES` are such too."""
FAMILIES = ("fault/", FAMILY)
"""How the names of counts begin that belong to seats: failed tries by kind, and texts by reader and code."""
COUNTS = tuple(measure.name for measure in SEAT_MEASURES if measure.kind == "count")
"""Those that are counts: they are added up over a run."""


def players(run: RunData) -> str:
    """The table: a row per arm, role and player; empty where nobody reads and writes, and no role is shared."""
    means = _means(run)
    if means.empty:
        return ""
    known = run.info.get("players") or {}
    present = set(means["arm"])
    arms = [arm for arm in run.info["arms"] if arm in known or arm in present]
    left = len(arms) - MOST
    more = f"<p class='note'>{left:,} more arms are left out here.</p>" if left > 0 else ""
    arms = arms[:MOST]
    firsts = set(means["measure"].astype(str))
    if not (means["measure"].eq("closed") & means["mean"].gt(0)).any():
        firsts.discard("closed")
    rows = "".join(
        _row(arm, role, player, about, means[means["arm"] == arm], firsts)
        for arm in arms
        for role, player, about in _seats(known.get(arm) or {}, means[means["arm"] == arm])
    )
    words, numbers = ["arm", "role", "player"], ["prompts", "tokens", *(["cost"] if "cost" in firsts else [])]
    numbers = [*(["mean reward"] if "reward" in firsts else []), *numbers]
    head = "".join(f"<th>{name}</th>" for name in words) + "<th class='n'>invalid acts</th><th>of these</th>"
    scored = [
        *(["closed"] if "closed" in firsts else []),
        *(["mass", "first option"] if {"mass", "first option"} & firsts else []),
    ]
    head += "".join(f"<th class='n'>{name}</th>" for name in (*scored, *numbers)) + "<th>failed tries</th>"
    return (
        f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"{more}{footnotes(means['note'].unique())}{readers(run, arms)}"
    )


def _means(run: RunData) -> pd.DataFrame:
    """Rows of `summarise` by `arm, measure, role, player`, of a world's total of a count or its mean of all else.

    Empty where nobody reads and writes, and no role is shared.
    """
    steps = run.steps
    measure = steps["measure"].astype(str)
    kept = (steps["role"] != "") & (measure.isin(OF_SEATS) | measure.str.startswith(FAMILIES)) & (steps["step"] > 0)
    by = ["arm", "measure", "role", "player"]
    if not ((measure[kept] == "tokens").any() or (steps["player"][kept] != "").any()):
        return pd.DataFrame(columns=by)
    shares = kept & ~measure.isin(COUNTS) & ~measure.str.startswith(FAMILIES)
    by_world = [
        steps[shares].groupby([*by, "world"], observed=True)["value"].mean().reset_index(),
        steps[kept & ~shares].groupby([*by, "world"], observed=True)["value"].sum().reset_index(),
    ]
    bounds = {measure.name: (measure.low, measure.high) for measure in SEAT_MEASURES}
    return summarise(pd.concat([frame.astype(dict.fromkeys(by, str)) for frame in by_world]), by, bounds=bounds)


def _seats(known: Mapping[str, Any], means: pd.DataFrame) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(role, player, what is known of it); the player is "" where one policy has the role to itself."""
    found = []
    for role in known or sorted(means["role"].astype(str).unique()):
        about = known.get(role) or {}
        shared = means["player"][means["role"] == role].astype(str)
        inner = about.get("players") or dict.fromkeys(sorted(set(shared) - {""}))
        if inner:
            found += [(role, player, more or {"policy": player}) for player, more in inner.items()]
        else:
            found.append((role, "", about))
    return found


def _row(arm: str, role: str, player: str, about: Mapping[str, Any], means: pd.DataFrame, firsts: set[str]) -> str:
    own = means[(means["role"] == role) & (means["player"] == player)]
    rows = own.assign(measure=own["measure"].astype(str)).set_index("measure")

    def at(name: str) -> list[float]:
        """Mean, low and high of a measure of this seat; NaN where there is none."""
        found = rows.reindex([name])[["mean", "low", "high"]].to_numpy(dtype=float)
        return [float(x) for x in found[0]]

    def cell(name: str) -> str:
        mean, low, high = at(name)
        if math.isnan(mean):
            return "&ndash;"
        return with_interval(mean, low, high) + marks(str(rows.loc[name, "note"]))

    def amount(name: str) -> float:
        return at(name)[0]

    speaks = amount("asked") > 0
    why = ", ".join(f"{words} {number(amount(kind), 3)}" for kind, words in KINDS.items() if amount(kind) > 0)
    kinds = [str(name).split("/")[1] for name in rows.index if str(name).startswith("fault/")]
    faults = {kind: count for kind in dict.fromkeys(kinds) if (count := amount(f"fault/{kind}")) > 0}
    failed = ", ".join(f"{kind} {number(count)}" for kind, count in faults.items())
    name = html.escape(str(about.get("policy") or player or "?"))
    voice = about.get("voice")
    named = f"<abbr title='{html.escape(str(voice), quote=True)}'>{name}</abbr>" if voice else name
    cells = [
        f"<th>{html.escape(arm)}</th><td>{html.escape(role)}</td><td>{named}</td>",
        f"<td class='n'>{cell('invalid') if speaks or amount('invalid') > 0 else 'none (a script)'}</td>",
        f"<td class='words'>{why or '&ndash;'}</td>",
        *([f"<td class='n'>{cell('closed')}</td>"] if "closed" in firsts else []),
        *(f"<td class='n'>{cell(name)}</td>" for name in ("mass", "first option") if {"mass", "first option"} & firsts),
        f"<td class='n'>{cell('reward')}</td>" if "reward" in firsts else "",
        *(f"<td class='n'>{number(amount(name)) if speaks else '&ndash;'}</td>" for name in ("asked", "tokens")),
        f"<td class='n'>{number(amount('cost')) if speaks else '&ndash;'}</td>" if "cost" in firsts else "",
        f"<td class='words'>{html.escape(failed) or ('none' if speaks else '&ndash;')}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"
