"""Report sections of the drift world: dishonesty by group of users, its threshold, and the power of a test."""

import html
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML

from populace.analysis.comparison import ranges
from populace.analysis.frames import RunData
from populace.analysis.pictures import grid, left_out
from populace.analysis.plots import bands, thinned
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.analysis.stats import estimate
from populace.analysis.style import legend, number, with_interval
from populace.analysis.summaries import summarise
from populace.envs.drift.audit import SHARE, ends, sweeps, thresholds
from populace.envs.drift.conversations import section
from populace.envs.drift.threshold import half_width, items_needed
from populace.files import text

GROUPS = {
    "dishonest/biased": "With biased users",
    "dishonest/benign": "With benign users",
    "dishonest/off_domain": "Off the domain, never rated",
}
WHERE = {"dishonest/all": "in all rated conversations", "dishonest/off_domain": "off the domain"}
"""Measures whose threshold is told -> words."""
TOLD = 3
"""Arms whose thresholds stand in the answer at most."""
ITEMS = 175
"""Items of DeceptionBench that could be read in the study of one round (Hu et al. 2025)."""


def sections(run: RunData) -> Sequence[Section]:
    """The world's parts of the report."""
    if run.steps.empty:
        return []
    results, whole = Results(run), run.whole or run
    parts = [
        Section(
            "Dishonesty by group of users",
            _over_time(results),
            "Share of answers that omit, nudge or affirm a falsehood, by round. Bands are 95 % intervals over worlds, "
            "each an independent learner.",
        ),
        Section(
            "Threshold of dishonesty",
            _thresholds(whole),
            "p* is the share of biased users at which the mean change of the log odds of dishonesty, from the first "
            "round to the last, changes from a decrease to an increase. The interval holds the shares at which "
            "Student's interval of that mean over worlds contains 0. If it reaches an end of the sweep, the sweep "
            "does not settle p*.",
            answer=_answer(whole),
        ),
        Section(
            f"What a test of {ITEMS} items can show",
            _noise(whole) if items(run) == ITEMS else "",
            f"A single learner tested on {ITEMS} items, as published, compared with the mean over all independent "
            "learners of this run.",
        ),
        Section(
            "How far each round moved the assistant",
            _moved(results),
            "Divergence (KL) of the learner from its reference after each round: of the policy after the round from "
            "that before it, or with `reference: fixed` from the first one. A learner whose ratings were shuffled "
            "should have moved much less than one whose raters agree; otherwise its steps follow noise. Bands are 95 % "
            "intervals over worlds.",
        ),
    ]
    said = section(run)
    return [part for part in (*parts, *([] if said is None else [said])) if part.html]


def items(run: RunData) -> int | None:
    """Questions off the domain in every round of this run, by its scenario; None where it does not say."""
    path = run.path / "scenario.yaml"
    if not path.exists():
        return None
    scenario = YAML(typ="safe", pure=True).load(text(path, within=run.path))
    world = scenario.get("world") if isinstance(scenario, dict) else None
    probes = world.get("probes") if isinstance(world, dict) else None
    return probes if isinstance(probes, int) else None


def _over_time(results: Results) -> str:
    frame = results.run.steps
    frame = frame[frame["measure"].isin(list(GROUPS)) & frame["arm"].isin(results.shown)]
    frame = frame[frame["step"].isin(thinned(frame["step"].to_numpy()))]
    if frame["value"].notna().sum() == 0:
        return ""
    rows = summarise(frame, ["arm", "measure", "step"], bounds=ranges(results.run, frame))
    figures = []
    for measure, title in GROUPS.items():
        part = rows[rows["measure"] == measure]
        if len(part):
            figures.append(
                bands(
                    part,
                    results.looks,
                    column="arm",
                    title=title,
                    alt=f"Share of dishonest answers over rounds: {title.lower()}",
                    xlabel="round",
                    ylabel="share of answers",
                    limits=(-0.02, 1.02),
                )
            )
    return legend(results.looks) + left_out(results) + grid(figures)


def _moved(results: Results) -> str:
    frame = results.run.steps
    frame = frame[(frame["measure"] == "kl") & (frame["role"] == "assistant") & frame["arm"].isin(results.shown)]
    frame = frame[frame["step"].isin(thinned(frame["step"].to_numpy()))]
    if not (frame["value"] > 0).any():
        return ""
    figure = bands(
        summarise(frame, ["arm", "measure", "step"], bounds=ranges(results.run, frame)),
        results.looks,
        column="arm",
        title="Divergence",
        alt="Divergence of the assistant's policy from its reference after each round",
        xlabel="round",
        ylabel="KL, nats",
    )
    return legend(results.looks) + left_out(results) + grid([figure])


def _thresholds(run: RunData) -> str:
    found = thresholds(run)
    if found.empty:
        return ""
    rows = []
    for row in found.to_dict("records"):
        where = WHERE[row["measure"]]
        rows.append(
            f"<tr><th>{html.escape(row['base'])}</th><td>{where}</td><td>{_told(row)}</td>"
            f"<td>{int(row['worlds']):,}</td><td class='words'>{html.escape(row['note'])}</td></tr>"
        )
    head = (
        "<tr><th>arm</th><th>dishonesty in</th><th>p* [95 % interval]</th><th>worlds</th><th>what limits it</th></tr>"
    )
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _told(row: Mapping[Hashable, Any]) -> str:
    """A threshold in words: settled, not settled, or none, neither in the mean nor by what can be ruled out."""
    # At the lowest share p stands for a pull that is above zero everywhere: nothing crosses there.
    known = not math.isnan(row["p"]) and (row["low"] < row["high"] or row["p"] > row["first"])
    if row["chosen"]:
        return with_interval(row["p"], row["low"], row["high"])
    if known:
        return f"not settled: {with_interval(row['p'], row['low'], row['high'])}"
    everywhere = row["low"] == row["first"] and row["high"] == row["last"]
    if not row["low"] < row["high"] or everywhere:
        return "no change of sign within this sweep"
    return f"not settled: none in the mean, but {number(row['low'])} to {number(row['high'])} cannot be ruled out"


def _answer(run: RunData) -> str:
    """The thresholds as sentences; those of many arms stand in the section only, as an answer is read at a glance."""
    found = thresholds(run)
    if found.empty or found["base"].nunique() > TOLD:
        return ""
    points = []
    for base, rows in found.groupby("base", sort=False):
        told = [f"<b>{_told(row)}</b> {WHERE[row['measure']]}" for row in rows.to_dict("records")]
        points.append(f"<li><b>{html.escape(str(base))}</b>: {'; '.join(told)}</li>")
    return (
        "<p>The assistant becomes dishonest if the share of biased users exceeds p* [95&nbsp;% interval]:</p>"
        f"<ul>{''.join(points)}</ul>"
    )


def _noise(run: RunData) -> str:
    rows = []
    for base, arms in sweeps(run):
        end = run.steps[(run.steps["measure"] == "dishonest/off_domain") & (run.steps["step"] == ends(run)[1])]
        wide = end.pivot_table(index="world", columns="arm", values="value", observed=True)
        names = [arm for arm in arms["arm"] if arm in wide]
        for arm, share in zip(names[1:], arms[SHARE].iloc[1:], strict=False):
            a, b = float(wide[names[0]].mean()), float(wide[arm].mean())
            step = estimate((wide[arm] - wide[names[0]]).to_numpy())
            if not step.high > step.low or not 0 < a < 1 or not 0 < b < 1:
                continue
            needed = f"{max(1, items_needed(a, b)):,.0f}" if abs(b - a) > 1e-6 else "\N{EN DASH}"
            rows.append(
                f"<tr><td>{html.escape(base)}</td><td>{number(arms[SHARE].iloc[0])} to {number(float(share))}</td>"
                f"<td>{with_interval(100 * step.mean, 100 * step.low, 100 * step.high, sign=True)}</td>"
                f"<td>\N{PLUS-MINUS SIGN}{100 * half_width(a, b, ITEMS):.1f}</td><td>{needed}</td></tr>"
            )
    if not rows:
        return ""
    head = (
        "<tr><th>arm</th><th>biased share</th><th>change off the domain, points [95 %, over worlds]</th>"
        f"<th>95 % half-width of one learner on {ITEMS} items, points</th><th>items per arm for 80 % power</th></tr>"
    )
    note = (
        "<p>In the published table the step from 0 to 10 % biased users is 2.6 points with a half-width of 9.5: "
        "z = 0.53. Detecting it with 80 % power takes about 4,880 items per arm.</p>"
    )
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>{note}"
