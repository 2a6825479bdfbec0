"""What the coevolution worlds add to the report: whether values were locked in, and what their measures mean.

Lock-in is read in two ways: society no longer follows its history, or its people become alike.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from populace.analysis.asked import CLEAR
from populace.analysis.frames import RunData
from populace.analysis.intervals import AGREE
from populace.analysis.moments import OVERALL
from populace.analysis.pictures import grid
from populace.analysis.plots import bands
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.analysis.stats import Estimate, Floats, estimate, holm, ratio, wilson
from populace.analysis.style import cell, footnotes, legend, marks, number, with_interval
from populace.analysis.tables import median_step
from populace.envs.coevolution.conversations import section
from populace.equality import Result

DRAWN = {"history_error": "Distance from history's course", "diversity": "Diversity of people (start: 1)"}
"""Measures drawn over time -> titles."""
UNITS = {"history_error": "root mean square", "diversity": "share of the start's variance"}
MOVING = 1e-3
"""History counts as moving where distances from its course and from the start differ by this share of the largest."""


@dataclass(frozen=True, eq=False)
class LockIn(Result):
    """What an arm did to society compared with its reference, at the last step that both recorded.

    Attributes:
        arm: The arm.
        other: Its reference.
        step: The step.
        history: Share of the reference's movement from the start that was lost, along that movement.
        further: How much further society stood from history's course.
        alike: Share of the reference's variance between people that was lost.
        rest: Share of worlds in which mean values came to rest before the end.
        when: Steps at which they did, [worlds], infinite where they did not.
    """

    arm: str
    other: str
    step: int
    history: Estimate
    further: Estimate
    alike: Estimate
    rest: Estimate
    when: Floats


def sections(run: RunData) -> Sequence[Section]:
    """Whether values were locked in, where people listened and an arm has a reference; and what was said in words."""
    said = [] if (spoken := section(run)) is None else [spoken]
    if run.steps.empty or "pg_coevolve" not in run.steps["measure"].cat.categories:
        return said
    results = Results(run)
    found = lock_in(results)
    if not found:
        return said
    text = (
        "Values are locked in where society no longer follows its history, or where its people become alike. Both are "
        "measured against the same worlds with common random numbers in the reference arm, [95 % interval] over worlds."
    )
    words, points = _answer(found)
    body = points + _table(found) + _drawn(results)
    # Of some arms of a large sweep nothing is said in the answer, which is that of all arms.
    return [Section("Were values locked in?", body, text, first=True, answer="" if run.whole else words), *said]


def lock_in(results: Results) -> list[LockIn]:
    """Both kinds of lock-in of every arm that has a reference."""
    found = []
    for arm, other in results.run.contrasts:
        if arm in results.recorded_arms and other in results.recorded_arms:
            one = _one(results, arm, other)
            found += [one] if one is not None else []
    return found


def _one(results: Results, arm: str, other: str) -> LockIn | None:
    frame = results.run.steps
    both = frame[frame["arm"].isin([arm, other]) & frame["measure"].isin(list(DRAWN)) & frame["value"].notna()]
    steps = [set(both.loc[both["arm"] == name, "step"]) for name in (arm, other)]
    step = max(steps[0] & steps[1], default=0)
    if step == 0:
        return None
    wide = both[both["step"] == step].pivot_table(
        index="world", columns=["measure", "arm"], values="value", observed=True
    )
    wide = wide.reindex(columns=pd.MultiIndex.from_product([list(DRAWN), [arm, other]]))  # all NaN: nobody differed
    now = {(measure, name): wide[measure][name].to_numpy(np.float64) for measure in DRAWN for name in (arm, other)}
    rows = results.lock_in if results.has_values else None
    times = np.array([]) if rows is None else rows.loc[(rows["arm"] == arm) & (rows["segment"] == OVERALL), "value"]
    times = np.nan_to_num(np.asarray(times, dtype=np.float64), nan=np.inf)
    return LockIn(
        arm=arm,
        other=other,
        step=step,
        history=_history_lost(results, arm, other, step),
        further=estimate(now["history_error", arm] - now["history_error", other]),
        alike=ratio(now["diversity", other] - now["diversity", arm], now["diversity", other]),
        rest=wilson(int(np.isfinite(times).sum()), len(times)),
        when=times,
    )


def _history_lost(results: Results, arm: str, other: str, step: int) -> Estimate:
    """1 - (moved . history) / |history|^2, summed over worlds: history is how the reference moved from the start."""
    nothing = estimate([])
    if not results.has_values or not _moves(results.run, other):
        return nothing
    moments = results.run.values.pooled
    at = int(np.flatnonzero(moments.steps == step)[0]) if (moments.steps == step).any() else None
    if at is None:
        return nothing
    mean = moments.mean[..., 0, :]  # [arms, worlds, steps, values]
    moved, history = (mean[k, :, at] - mean[k, :, 0] for k in map(moments.arms.index, (arm, other)))
    return ratio(((history - moved) * history).sum(-1), (history**2).sum(-1))


def _moves(run: RunData, reference: str) -> bool:
    """Whether history moves: where it stands still, its course is the start."""
    rows = run.steps[(run.steps["arm"] == reference) & run.steps["measure"].isin(["history_error", "drift"])]
    wide = rows.pivot_table(index=["world", "step"], columns="measure", values="value", observed=True)
    if wide.shape[1] < 2:
        return False
    return bool((wide["history_error"] - wide["drift"]).abs().max() > MOVING * wide.to_numpy().max())


# ---------------------------------------------------------------------- in words


def _answer(found: Sequence[LockIn]) -> tuple[str, str]:
    """The answer, and a sentence per arm."""
    corrected = holm([p for one in found for p in (one.history.p, one.alike.p)]).reshape(-1, 2)
    tested = bool(np.isfinite(corrected).any())
    lines: list[str] = []
    lists: dict[str, list[str]] = {"history": [], "alike": [], "untold": [], "neither": []}
    for one, (p_history, p_alike) in zip(found, corrected, strict=True):
        name = html.escape(one.arm)
        held = p_history < CLEAR and one.history.mean > 0
        alike = p_alike < CLEAR and one.alike.mean > 0
        lists["history"] += [f"{name} ({_percent(one.history)})"] if held else []
        lists["alike"] += [f"{name} ({_percent(one.alike)})"] if alike else []
        if not held and not alike:
            lists["untold" if any(_same(e) and e.mean for e in (one.history, one.alike)) else "neither"].append(name)
        points = [_history_words(one, p_history), _alike_words(one, p_alike)]
        lines.append(f"<li><b>{name}</b>: {'; '.join(point for point in points if point)}.</li>")
    moving = any(math.isfinite(one.history.mean) for one in found)
    differing = any(math.isfinite(one.alike.mean) for one in found)
    if tested:
        begin = {
            "history": "Held back from history (share of its movement lost)",
            "alike": "Made people more alike (share of the variance between them lost)",
            "untold": "Cannot be distinguished from chance, as all worlds agree",
            "neither": "Clearly did neither",
        }
        kept = [key for key in begin if lists[key] or (key == "history" and moving) or (key == "alike" and differing)]
        out = "".join(f"<p><b>{begin[key]}:</b> {', '.join(lists[key]) or 'no arm'}.</p>" for key in kept)
    else:
        one_world = all(one.alike.worlds < 2 for one in found)
        why = "With one world" if one_world else "As all worlds agree, perhaps by chance,"
        out = f"<p>{why} no effect can be distinguished from chance: run more worlds.</p>"
    still = (
        "" if moving else "<p>History's movement is not known in this run, so that no loss of it can be computed.</p>"
    )
    return out, f"<ul>{''.join(lines)}</ul>{still}{_rest(found)}"


def _history_words(one: LockIn, p: float) -> str:
    if not math.isfinite(one.history.mean):
        return ""
    whole, size = "of the movement that history gave society", _percent(one.history, one.history.mean < 0)
    if not p < CLEAR and math.isfinite(p):
        return f"{whole}, no clear part was lost ({_percent(one.history)})"
    if one.history.mean < 0:
        return f"{whole}, none was lost: it moved <b>{size} further</b>"
    return f"{whole}, <b>{size} was lost</b>{_same(one.history)}"


def _alike_words(one: LockIn, p: float) -> str:
    if not math.isfinite(one.alike.mean):
        return ""
    size = _percent(one.alike, one.alike.mean < 0)
    if not p < CLEAR and math.isfinite(p):
        return f"people did not clearly become more or less alike ({_percent(one.alike)} of the variance lost)"
    if one.alike.mean < 0:
        return f"people became <b>{size} more different</b> (variance between them)"
    return f"people lost <b>{size} of their diversity</b> (variance between them){_same(one.alike)}"


def _same(found: Estimate) -> str:
    """That a number is the same in all worlds, so that it has no interval."""
    return ", the same in all worlds, perhaps by chance" if found.note.startswith(AGREE) else ""


def _rest(found: Sequence[LockIn]) -> str:
    """Whether anything came to rest altogether."""
    if any(one.rest.mean > 0 for one in found) or not any(one.rest.worlds for one in found):
        return ""
    return (
        "<p>In no world did mean values come to rest completely: they kept moving to the end of the run, so that "
        "lock-in in the strictest sense did not happen.</p>"
    )


def _percent(found: Estimate, turned: bool = False) -> str:
    mean, low, high = (found.mean, found.low, found.high) if not turned else (-found.mean, -found.high, -found.low)
    return f"{with_interval(100 * mean, 100 * low, 100 * high)}&nbsp;%"


# ---------------------------------------------------------------------- table and figures


def _table(found: Sequence[LockIn]) -> str:
    """A row per arm; the time of coming to rest only where any world did."""
    resting = any(one.rest.mean > 0 for one in found)
    heads = ["history's movement lost", "further from history's course", "diversity lost", "worlds at rest"]
    heads += ["at rest from step (median)"] if resting else []
    body = ""
    for one in found:
        cells = [
            _percent(one.history) + marks(one.history.note) if math.isfinite(one.history.mean) else number(math.nan),
            cell(one.further.mean, one.further.low, one.further.high, one.further.note, sign=True),
            _percent(one.alike) + marks(one.alike.note) if math.isfinite(one.alike.mean) else number(math.nan),
            with_interval(one.rest.mean, one.rest.low, one.rest.high),
        ]
        cells += [median_step(one.when)] if resting else []
        inner = "".join(f"<td class='n'>{cell}</td>" for cell in cells)
        name, other = html.escape(one.arm), html.escape(one.other)
        body += f"<tr><th>{name} <small>against {other}, step {one.step:,}</small></th>{inner}</tr>"
    head = "".join(f"<th class='n'>{word}</th>" for word in heads)
    cautions = [e.note for one in found for e in (one.history, one.further, one.alike)]
    notes = (
        "History's movement lost: society's mean moves a certain distance in the reference arm; this is the share of "
        "that movement that is missing in this arm (below 0: it moved further). Further from history's course: the "
        "distance of society's mean from where history alone would have brought it (root mean square over values), "
        "minus the same distance in the reference arm. Diversity lost: the share of the variance between people in "
        "the reference arm at the end that is missing in this arm. At rest: for at least the last 10 % of the run, "
        "mean values stay within 5 % of their largest distance from their final place."
    )
    return (
        f"<div class='scroll'><table><thead><tr><th>arm</th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<p class='lead'>{notes}</p>{footnotes(cautions)}"
    )


def _drawn(results: Results) -> str:
    frame = results.over_time
    figures = []
    for measure, title in DRAWN.items():
        rows = frame[(frame["kind"] == "recorded") & (frame["measure"] == measure)]
        if rows["step"].nunique() > 1:
            alt = f"{title} over time, an arm a line."
            figures.append(bands(rows, results.looks, column="arm", title=title, ylabel=UNITS[measure], alt=alt))
    return legend(results.looks) + grid(figures) if figures else ""
