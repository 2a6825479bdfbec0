"""What the culture world adds to the report: perspectives, entropy beside alignment and diversity, and a map."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd

from populace.analysis.comparison import ranges
from populace.analysis.frames import RunData
from populace.analysis.pictures import grid, left_out
from populace.analysis.plots import bands, thinned
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.analysis.style import INK, MUTED, Stroke, cell, figure, footnotes, legend, number, part_look, svg
from populace.analysis.summaries import summarise
from populace.envs.culture.conversations import section

BESIDE = {
    "entropy_pooled": "Entropy of perspectives, pooled",
    "entropy_question": "Entropy of perspectives, by response",
    "alignment": "Alignment with cultures' majorities",
    "alignment_shares": "Alignment with cultures' marginals",
    "agent_variance": "Individual variance of agents (people: 1)",
    "agent_pairwise": "Diversity of agents, pairwise",
    "people_variance": "Individual variance of people (start: 1)",
    "people_means": "Diversity of people's cultures, by means",
}
"""Measures drawn beside each other, as entropy alone is highest where stereotypes are listed."""
RSA = {"rsa_group": "Similarity of agents and people (group)", "rsa_agents": "Agents with one another"}


def sections(run: RunData) -> Sequence[Section]:
    """The world's parts of the report."""
    if run.steps.empty:
        return []
    results = Results(run)
    parts = [
        Section(
            "Whose perspectives",
            _shares(run, results),
            "Share of all references that goes to each culture, and the entropy of these shares (0: one culture, 1: "
            "all alike), pooled over all responses and as the mean of single responses; means over worlds [95 % "
            "interval].",
        ),
        Section(
            "Entropy, alignment and diversity",
            _beside(results),
            "A response that lists every culture has the highest entropy, whether or not it represents any of them "
            "well. Therefore entropy is shown together with measures of agents (whether they answer as their "
            "cultures do, and whether they vary as people do) and of the people who listen.",
        ),
        Section(
            "Cultural map",
            _map(run, results),
            "Mean positions of cultures at the start (hollow) and at the end (filled), averaged over worlds, in the "
            "two directions in which the survey's cultures differ most; the map is the same for all arms.",
        ),
    ]
    said = section(run)
    return [part for part in (*parts, *([] if said is None else [said])) if part.html]


def _shares(run: RunData, results: Results) -> str:
    frame = run.steps
    names = [m for m in frame["measure"].cat.categories if str(m).startswith("perspective/")]
    last = frame[frame["step"] == frame["step"].max()]
    kept = last[last["measure"].isin([*names, *list(BESIDE)[:2]])]
    rows = summarise(kept, ["arm", "measure"], bounds=ranges(run, kept)).set_index(["arm", "measure"])
    if rows.empty:
        return ""
    columns = ["entropy_pooled", "entropy_question", *names]
    head = "".join(f"<th class='n'>{html.escape(_short(name))}</th>" for name in columns)
    body = ""
    for arm in results.recorded_arms:
        cells = ""
        for name in columns:
            if (arm, name) not in rows.index:
                cells += f"<td class='n'>{number(float('nan'))}</td>"
                continue
            found = rows.loc[(arm, name)]
            whole = cell(found["mean"], found["low"], found["high"], found["note"])
            cells += f"<td class='n'>{whole if name in BESIDE else number(found['mean'], 3)}</td>"
        body += f"<tr><th>{html.escape(arm)}</th>{cells}</tr>"
    table = f"<div class='scroll'><table><thead><tr><th>arm</th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    return table + footnotes(rows["note"].unique())


def _short(name: str) -> str:
    return {"entropy_pooled": "entropy, pooled", "entropy_question": "entropy, by response"}.get(
        name, name.removeprefix("perspective/")
    )


def _beside(results: Results) -> str:
    frame = results.run.steps
    wanted = {**BESIDE, **RSA}
    frame = frame[frame["measure"].isin(list(wanted)) & frame["arm"].isin(results.shown)]
    frame = frame[frame["step"].isin(thinned(frame["step"].to_numpy()))]
    rows = summarise(frame, ["arm", "measure", "step"], bounds=ranges(results.run, frame))
    figures = []
    for measure, title in wanted.items():
        part = rows[rows["measure"] == measure]
        if len(part):
            alt = f"{title} over time, an arm a line."
            unit = results.unit(measure, "recorded") or "mean over worlds"
            figures.append(bands(part, results.looks, column="arm", title=title, ylabel=unit, alt=alt))
    return legend(results.looks) + left_out(results) + grid(figures) if figures else ""


def _map(run: RunData, results: Results) -> str:
    groups = run.groups
    groups = groups[groups["variable"].isin(["map/0", "map/1"]) & groups["arm"].isin(results.shown)]
    if groups.empty:
        return ""
    means = groups.groupby(["arm", "segment", "step", "variable"], observed=True)["mean"].mean().unstack("variable")
    place = means.dropna().reset_index()
    if place.empty:
        return ""
    looks = {str(name): part_look(k) for k, name in enumerate(dict.fromkeys(place["segment"].astype(str)))}
    points = place[["map/0", "map/1"]].to_numpy(dtype=np.float64)
    low, high = points.min(0), points.max(0)
    room = 0.06 * float((high - low).max()) or 0.1
    box = [(float(low[k]) - room, float(high[k]) + room) for k in range(2)]
    figures = [_one(place[place["arm"] == arm], arm, looks, box) for arm in results.shown]
    return legend({name: {**style, "linestyle": "-"} for name, style in looks.items()}) + grid(figures)


def _one(place: pd.DataFrame, arm: str, looks: dict[str, Stroke], box: list[tuple[float, float]]) -> str:
    """One arm's map: the path of every culture."""
    fig, axes = figure(4.4, 3.6)
    for segment, rows in place.groupby(place["segment"].astype(str), sort=False):
        path = rows.sort_values("step")[["map/0", "map/1"]].to_numpy(dtype=np.float64)
        colour = str(looks[str(segment)]["color"])
        axes.plot(*path.T, color=colour, linewidth=1.2, alpha=0.8)
        axes.scatter(path[0, 0], path[0, 1], s=34, facecolors="none", edgecolors=colour, linewidths=1.6, zorder=4)
        axes.scatter(path[-1, 0], path[-1, 1], s=34, color=colour, linewidths=0, zorder=5)
    axes.set_xlim(*box[0])
    axes.set_ylim(*box[1])
    axes.set_title(arm, loc="left", fontsize=9.5, color=INK, fontweight="bold")
    axes.set_xlabel("first direction", color=MUTED, fontsize=8.5)
    axes.set_ylabel("second direction", color=MUTED, fontsize=8.5)
    return svg(fig, f"Cultural map of arm {arm}: where each culture's mean went from start to end.")
