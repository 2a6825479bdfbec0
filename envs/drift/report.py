"""What the drift world adds to the report: dishonesty by who is spoken to, where it turns, and what a test can tell."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.plots import bands, thinned
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.analysis.stats import estimate, summarise
from populace.analysis.style import legend, number, with_interval
from populace.envs.drift.threshold import Floats, Threshold, drift_of, from_sweep, half_width, items_needed

GROUPS = {
    "dishonest/biased": "With biased users",
    "dishonest/benign": "With benign users",
    "dishonest/off_domain": "Off the domain, never rated",
}
SHARE = "world.biased_share"
ITEMS = 175
"""Items of DeceptionBench that could be read in the study of one round (Hu et al. 2025)."""


def sections(run: RunData) -> Sequence[Section]:
    """The world's parts of the report."""
    if run.steps.empty:
        return []
    results = Results(run)
    parts = [
        Section(
            "Dishonesty by who is spoken to",
            _over_time(results),
            "Share of answers that omit, nudge or affirm a falsehood, by round. Bands are 95 % intervals over worlds, "
            "each an independent learner.",
        ),
        Section(
            "Where it turns",
            _thresholds(run),
            "p* is the biased share at which the mean change of the log odds of dishonesty, from the first round to "
            "the last, goes from down to up. Intervals are from a bootstrap over worlds.",
        ),
        Section(
            "What a test of 175 items can tell",
            _noise(run),
            "A single learner tested on 175 items, as published, against the mean over all independent learners here.",
        ),
    ]
    return [part for part in parts if part.html]


def _over_time(results: Results) -> str:
    frame = results.run.steps
    frame = frame[frame["measure"].isin(list(GROUPS)) & frame["arm"].isin(results.shown)]
    frame = frame[frame["step"].isin(thinned(frame["step"].to_numpy()))]
    if frame["value"].notna().sum() == 0:
        return ""
    rows = summarise(frame, ["arm", "measure", "step"])
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
                    limits=(-0.02, 1.02),
                )
            )
    cells = "".join(f"<div>{figure}</div>" for figure in figures)
    return f'{legend(results.looks)}<div class="grid">{cells}</div>'


def thresholds(run: RunData) -> pd.DataFrame:
    """Thresholds of a run that sweeps the biased share: `base, measure, p, low, high, worlds, found, chosen`.

    `chosen` tells whether drift is clearly below zero at the lowest share and clearly above at the highest; where it is
    not, the sweep holds no threshold.
    """
    found = []
    for base, rows in _sweeps(run):
        for measure in ("dishonest/all", "dishonest/off_domain"):
            drift = _drift(run, measure, list(rows["arm"]))
            if drift is None:
                continue
            shares = [float(p) for p in rows[SHARE]]
            low, high = estimate(drift[0]), estimate(drift[-1])
            t: Threshold = from_sweep(shares, drift)
            clear = low.high < 0 < high.low
            found.append(
                {
                    "base": base,
                    "measure": measure,
                    "p": t.p,
                    "low": t.low,
                    "high": t.high,
                    "worlds": t.worlds,
                    "found": t.found,
                    "chosen": clear and t.found > 0.95,
                }
            )
    return pd.DataFrame(found)


def _sweeps(run: RunData) -> list[tuple[str, pd.DataFrame]]:
    arms = run.arms
    if SHARE not in arms or set(run.swept) != {SHARE}:
        return []
    recorded = set(run.steps["arm"].unique())
    groups = []
    for base, rows in arms[arms["arm"].isin(recorded)].groupby("base", sort=False):
        ordered = rows.assign(**{SHARE: rows[SHARE].astype(float)}).sort_values(SHARE)
        if len(ordered) > 1:
            groups.append((str(base), ordered))
    return groups


def _ends(run: RunData) -> tuple[int, int]:
    """The last step before anything was learned, and the last of all."""
    steps = run.steps
    learned = steps[steps["measure"] == "assistant/loss"]
    said = steps[(steps["measure"] == "dishonest/all") & steps["value"].notna()]["step"]
    first = int(learned["step"].min()) if len(learned) else int(said.min())
    return (first if (said == first).any() else int(said.min())), int(said.max())


def _drift(run: RunData, measure: str, arms: list[str]) -> Floats | None:
    first, last = _ends(run)
    if first == last:
        return None
    frame = drift_of(run.steps, measure, first, last, float(run.society(next(iter(run.info["arms"])))["users"]))
    wide = frame.pivot_table(index="arm", columns="world", values="drift", observed=True).reindex(arms)
    wide = wide.dropna(axis=1)
    return wide.to_numpy(np.float64) if wide.shape[1] > 1 and not wide.isna().any(axis=None) else None


def _thresholds(run: RunData) -> str:
    found = thresholds(run)
    if found.empty:
        return ""
    rows = []
    for row in found.to_dict("records"):
        where = "all rated conversations" if row["measure"] == "dishonest/all" else "off the domain"
        value = "no change of sign within this sweep"
        if row["chosen"]:
            value = with_interval(row["p"], row["low"], row["high"])
        rows.append(
            f"<tr><td>{html.escape(row['base'])}</td><td>{where}</td><td>{value}</td><td>{int(row['worlds']):,}</td></tr>"
        )
    head = "<tr><th>arm</th><th>dishonesty in</th><th>p* [95 % interval]</th><th>worlds</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _noise(run: RunData) -> str:
    rows = []
    for base, arms in _sweeps(run):
        end = run.steps[(run.steps["measure"] == "dishonest/off_domain") & (run.steps["step"] == _ends(run)[1])]
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
        "<th>95 % half-width of one learner on 175 items, points</th><th>items an arm for 80 % power</th></tr>"
    )
    note = (
        "<p>In the published table the step from 0 to 10 % biased users is 2.6 points with a half-width of 9.5: "
        "z = 0.53. Telling it from nothing with 80 % power takes about 4,880 items an arm.</p>"
    )
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>{note}"
