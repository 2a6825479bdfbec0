"""What the shopping and agency worlds add to the report: overrides, losses by group, the auditor, theory."""

import html
from collections.abc import Sequence

import numpy as np

from populace.analysis.declared import range_of
from populace.analysis.frames import RunData
from populace.analysis.sections import Section
from populace.analysis.stats import Estimate, estimate
from populace.analysis.style import PARTS, Stroke, cell, figure, footnotes, legend, marks, number, svg
from populace.envs.shopping.audit import auditor
from populace.envs.shopping.conversations import section as conversations
from populace.envs.shopping.overrides import recorded
from populace.envs.shopping.overrides import section as overrides

LOSSES = ("loss", "loss_search", "loss_conflict", "loss_communication", "own_regret")
"""Columns of the losses by group, as recorded of users."""


def sections(run: RunData) -> Sequence[Section]:
    """The sections that apply to what was recorded."""
    made = (overrides(run), conversations(run), _market(run), _losses(run), auditor(run), _theory(run))
    return [section for section in made if section is not None]


# ---------------------------------------------------------------------- marketplace


def _market(run: RunData) -> Section | None:
    """Total utility of every arm beside what simple rules bring in the same market."""
    frame = recorded(run)
    rules = sorted({str(m) for m in frame["measure"].unique() if str(m).startswith("benchmark/")})
    if not rules:
        return None
    exact = [float(frame[frame["measure"] == rule]["value"].iloc[0]) for rule in rules]
    words = [rule.removeprefix("benchmark/").replace("_", " ") for rule in rules]
    body = [
        f"<tr><th>{html.escape(w)}</th><td class='n'>{x:,.2f}</td><td></td></tr>"
        for w, x in zip(words, exact, strict=True)
    ]
    body.insert(
        0,
        "<tr class='group'><th colspan='3'>expected total of a simple rule on the market's orders</th></tr>",
    )
    body.append("<tr class='group'><th colspan='3'>played</th></tr>")
    notes: list[str] = []
    for arm in run.info["arms"]:
        rows = frame[(frame["arm"] == arm) & (frame["measure"] == "utility")]
        totals = rows.groupby("world", observed=True)["value"].mean().to_numpy()
        if len(totals) == 0:
            continue
        found = estimate(totals)
        spread = f"{totals.std(ddof=1):,.2f}" if len(totals) > 1 else ""
        interval = f" [{found.low:,.2f}, {found.high:,.2f}]" if np.isfinite(found.low) else ""
        cells = f"<td class='n'>{found.mean:,.2f}{interval}{marks(found.note)}</td><td class='n'>{spread}</td>"
        notes.append(found.note)
        body.append(f"<tr><th>{html.escape(arm)}</th>{cells}</tr>")
    return Section(
        "Marketplace utility",
        "<div class='scroll'><table><thead><tr><th>rule or arm</th><th class='n'>total utility [95 % interval]</th>"
        f"<th class='n'>sd over worlds</th></tr></thead><tbody>{''.join(body)}</tbody></table></div>{footnotes(notes)}",
        "The utility of a customer is twice the typical price of its order, if the business has all amenities that it "
        "wants, less the price that it pays. The table shows the sum over customers.",
    )


# ---------------------------------------------------------------------- losses by group


def _losses(run: RunData) -> Section | None:
    """What customers lose, by cause and by group, with intervals over worlds."""
    frame = run.groups
    if len(frame) == 0 or "loss" not in set(frame["variable"]):
        return None
    frame = frame[(frame["step"] > 0) & frame["variable"].isin(LOSSES)].dropna(subset=["mean"])
    body, notes, points = [], list[str](), dict[str, dict[str, Estimate]]()
    for (arm, segment), rows in frame.groupby(["arm", "segment"], sort=False, observed=True):
        if (rows["n"] == 0).all():
            continue
        worlds = rows.groupby(["variable", "world"], observed=True)["mean"].mean()
        found = [
            estimate(worlds.loc[name].to_numpy(), bounds=range_of(run, name))
            if name in worlds.index.get_level_values(0)
            else None
            for name in LOSSES
        ]
        if found[0] is not None:
            points.setdefault(str(segment), {})[str(arm)] = found[0]
        cells = "".join(f"<td class='n'>{'' if x is None else cell(x.mean, x.low, x.high, x.note)}</td>" for x in found)
        notes += [x.note for x in found if x is not None]
        body.append(f"<tr><th>{html.escape(str(arm))}</th><td>{html.escape(str(segment))}</td>{cells}</tr>")
    heads = ("agency loss", "by search", "by conflict", "by communication", "normalised regret")
    table = "".join(f"<th class='n'>{name}</th>" for name in heads)
    text = (
        "The agency loss is the utility of the customer's best product less that of what the customer got. It is "
        "the sum of three losses: by search, because the assistant did not look at the best product; by conflict, "
        "because it recommended another product than the best that it saw (this includes its mistakes); and by "
        "communication, because wishes were misstated or advice was not taken. Means over customers, with 95 % "
        "intervals over worlds."
    )
    return Section(
        "Agency loss by group",
        f"{_loss_picture(points)}<div class='scroll'><table><thead><tr><th>arm</th><th>group</th>{table}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>{footnotes(notes)}",
        text,
    )


def _loss_picture(points: dict[str, dict[str, Estimate]]) -> str:
    """Loss of every arm, a colour per group."""
    arms = list(dict.fromkeys(arm for cells in points.values() for arm in cells))
    fig, axes = figure(6.4, 0.9 + 0.3 * len(arms))
    groups = list(points)
    for row, group in enumerate(groups):
        for k, arm in enumerate(arms):
            if arm in points[group]:
                found, y = points[group][arm], k + (row - (len(groups) - 1) / 2) * 0.16
                axes.plot([found.low, found.high], [y, y], color=PARTS[row % len(PARTS)], linewidth=1.6)
                axes.plot([found.mean], [y], marker="o", markersize=4, color=PARTS[row % len(PARTS)])
    axes.set_yticks(range(len(arms)), arms)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlabel("agency loss")
    styles: dict[str, Stroke] = {group: {"color": PARTS[row % len(PARTS)]} for row, group in enumerate(groups)}
    return legend(styles) + svg(fig, "Agency loss of every arm by group, with 95 % intervals")


# ---------------------------------------------------------------------- theory


def _theory(run: RunData) -> Section | None:
    """What was played beside the closed forms."""
    frame = recorded(run)
    named = [str(m).removeprefix("theory/") for m in frame["measure"].unique() if str(m).startswith("theory/")]
    if not named:
        return None
    body, notes = [], []
    for arm in run.info["arms"]:
        rows = frame[frame["arm"] == arm]
        for name in named:
            played, due = rows[rows["measure"] == name], rows[rows["measure"] == f"theory/{name}"]
            if played.empty or due.empty:
                continue
            values = played.groupby("world", observed=True)["value"].mean().to_numpy()
            found = estimate(values, bounds=range_of(run, name))
            notes.append(found.note)
            body.append(
                f"<tr><th>{html.escape(arm)}</th><td>{html.escape(name.replace('_', ' '))}</td>"
                f"<td class='n'>{number(float(due['value'].mean()))}</td>"
                f"<td class='n'>{cell(found.mean, found.low, found.high, found.note)}</td></tr>"
            )
    text = (
        "What theory predicts for each game (its closed form) beside what was played: means over pairs and ticks, with "
        "95 % intervals over worlds."
    )
    return Section(
        "Theory and play",
        "<div class='scroll'><table><thead><tr><th>arm</th><th>quantity</th><th class='n'>closed form</th>"
        f"<th class='n'>played</th></tr></thead><tbody>{''.join(body)}</tbody></table></div>{footnotes(notes)}",
        text,
    )
