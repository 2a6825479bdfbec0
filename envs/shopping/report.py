"""What the shopping and agency worlds add to the report: overrides, losses by group, the auditor, theory."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from scipy.stats import fisher_exact

from populace.analysis.declared import range_of
from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.analysis.stats import Estimate, estimate, wilson
from populace.analysis.style import PARTS, cell, figure, footnotes, legend, marks, number, p_value, svg
from populace.envs.shopping.audit import auditor
from populace.envs.shopping.conversations import section as conversations
from populace.files import text

CONDITIONS = ("both", "principal-only", "user-only", "neither", "public")
"""Who reads the explanation, in the order of the published tables."""

PUBLISHED: dict[tuple[str, str], tuple[int, tuple[int, int, int, int]]] = {
    ("tin-gpt35", "0.2"): (30, (20, 21, 0, 0)),
    ("tin-gpt35", "0.6"): (30, (23, 18, 0, 2)),
    ("tin-gpt35", "pooled"): (60, (43, 39, 0, 2)),
    ("tin-gpt4", "0.2"): (30, (30, 30, 30, 30)),
    ("tin-gpt4", "0.6"): (30, (30, 30, 30, 23)),
    ("tin-gpt4", "pooled"): (60, (60, 60, 60, 53)),
}
"""Policy and temperature -> replies per condition, and overrides for Shell Oil in the order of `CONDITIONS`.

Counted in the raw replies of Phelps and Ranson 2023 (phelps-sg/llm-cooperation at 067747c). For OpenAI all 480 do.
"""

LOSSES = ("loss", "loss_search", "loss_conflict", "loss_communication", "own_regret")
"""Columns of the losses by group, as recorded of users."""


def sections(run: RunData) -> Sequence[Section]:
    """The sections that apply to what was recorded."""
    made = (_overrides(run), conversations(run), _market(run), _losses(run), auditor(run), _theory(run))
    return [section for section in made if section is not None]


# ---------------------------------------------------------------------- overrides by condition


def _overrides(run: RunData) -> Section | None:
    """Overrides and disclosure by who reads the explanation, beside the published table."""
    frame = _played(run)
    names = [name for name in CONDITIONS if f"override/{name}" in set(frame["measure"])]
    if len(names) < 2:
        return None
    counts = {arm: {name: _count(frame, arm, name, "override") for name in names} for arm in run.info["arms"]}
    counts = {arm: cells for arm, cells in counts.items() if any(n for _, n in cells.values())}
    head = "".join(f"<th class='n'>{name}</th>" for name in names)
    rows = []
    for arm, cells in counts.items():
        own = "".join(
            f"<td class='n'>{_share(wilson(k, n))}<small>{k:,} of {n:,}</small></td>" for k, n in cells.values()
        )
        gap = _fisher(cells)
        rows.append(f"<tr><th>{html.escape(arm)}</th>{own}<td class='n'>{gap}</td></tr>")
        rows += _published_row(run, arm, names)
    told = [_told(frame, arm, names) for arm in counts]
    table = (
        f"<div class='scroll'><table><thead><tr><th>overrides</th>{head}<th class='n'>company reads or not, Fisher</th>"
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f"<div class='scroll'><table><thead><tr><th>of explained overrides, named the company</th>{head}</tr></thead>"
        f"<tbody>{''.join(told)}</tbody></table></div>"
    )
    text = (
        "Share of customers for whom the company's favourite was chosen instead of their feasible best, by who would "
        "read the explanation, with Wilson's 95 % intervals over all choices, which are taken as independent; "
        "published counts stand below. Where the customer's best is harmful, an override enforces a norm."
    )
    return Section("Overrides by who reads the explanation", _override_picture(run, counts, names) + table, text)


def _played(run: RunData) -> pd.DataFrame:
    frame = run.steps
    return frame[frame["step"] > 0]


def _count(frame: pd.DataFrame, arm: str, condition: str, what: str) -> tuple[int, int]:
    """Cases and trials of a condition over all worlds and recorded steps."""
    rows = frame[(frame["arm"] == arm) & frame["measure"].isin((f"{what}/{condition}", f"trials/{condition}"))]
    wide = rows.pivot_table(index=["world", "step"], columns="measure", values="value", observed=True)
    if wide.empty or f"{what}/{condition}" not in wide:
        return 0, 0
    trials = wide[f"trials/{condition}"]
    return round(float((wide[f"{what}/{condition}"] * trials).sum())), round(float(trials.sum()))


def _fisher(cells: dict[str, tuple[int, int]]) -> str:
    """Fisher's exact test of overrides where the company reads against where it does not."""
    seen = [cells[name] for name in ("both", "principal-only", "public") if name in cells]
    unseen = [cells[name] for name in ("user-only", "neither") if name in cells]
    if not seen or not unseen:
        return ""
    table = [[sum(k for k, _ in part), sum(n - k for k, n in part)] for part in (seen, unseen)]
    p = float(fisher_exact(table).pvalue)
    return f"p = {p:.1e}".replace("e-", " · 10<sup>&minus;") + "</sup>" if 0 < p < 1e-3 else html.escape(p_value(p))


def _published_row(run: RunData, arm: str, names: list[str]) -> list[str]:
    played = _played_by(run, arm)
    if played is None:
        return []
    policy, temperature, harm = played
    if (policy, temperature) not in PUBLISHED:
        return []
    n, counts = PUBLISHED[policy, temperature]
    overrides = dict(zip(CONDITIONS, (n,) * 4 if harm else counts, strict=False))
    cells = "".join(
        f"<td class='n'>{_share(wilson(overrides[name], n)) if name in overrides else ''}</td>" for name in names
    )
    both = {name: (overrides[name], n) for name in overrides if name in names}
    head = f"<th><small>published, {n} a condition</small></th>"
    return [f"<tr>{head}{cells}<td class='n'>{_fisher(both)}</td></tr>"]


def _played_by(run: RunData, arm: str) -> tuple[str, str, bool] | None:
    """The assistant's policy, its temperature, and whether the scenario is the harmful one; from the run's file."""
    path = run.path / "scenario.yaml"
    if not path.exists():
        return None
    scenario = YAML(typ="safe", pure=True).load(text(path, within=run.path))
    base = run.info["arms"][arm].get("base") or arm
    own = {**((scenario.get("arms") or {}).get(base) or {}), **(run.info["arms"][arm].get("coordinates") or {})}
    policy = own.get("agents.assistant", (scenario.get("agents") or {}).get("assistant"))
    options = policy if isinstance(policy, dict) else {"policy": policy}
    if options.get("failures"):
        return None
    catalogue = str(own.get("world.catalogue", scenario["world"].get("catalogue", "")))
    if not catalogue.startswith("tin-men"):
        return None
    return str(options.get("policy")), str(options.get("temperature", "pooled")), catalogue == "tin-men-harm"


def _share(found: Estimate) -> str:
    return f"{found.mean:.3f} <small>[{found.low:.3f}, {found.high:.3f}]</small>"


def _told(frame: pd.DataFrame, arm: str, names: list[str]) -> str:
    cells = []
    for name in names:
        rows = frame[
            (frame["arm"] == arm)
            & (frame["measure"].isin([f"{x}/{name}" for x in ("trials", "override", "explained", "disclosure")]))
        ]
        wide = rows.pivot_table(index=["world", "step"], columns="measure", values="value", observed=True)
        if wide.empty or f"disclosure/{name}" not in wide:
            cells.append("<td class='n'>&ndash;</td>")
            continue
        among = wide[f"trials/{name}"] * wide[f"override/{name}"] * wide[f"explained/{name}"].fillna(0.0)
        told = float((among * wide[f"disclosure/{name}"]).sum())
        cells.append(f"<td class='n'>{_share(wilson(round(told), round(float(among.sum()))))}</td>")
    return f"<tr><th>{html.escape(arm)}</th>{''.join(cells)}</tr>"


def _override_picture(run: RunData, counts: dict[str, dict[str, tuple[int, int]]], names: list[str]) -> str:
    fig, axes = figure(6.4, 2.9)
    styles = {}
    results = Results(run)
    for row, (arm, cells) in enumerate(counts.items()):
        colour = results.colour(arm)
        styles[arm] = {"color": colour}
        for k, (cases, n) in enumerate(cells.values()):
            if n == 0:
                continue
            found, x = wilson(cases, n), k + (row - (len(counts) - 1) / 2) * min(0.09, 0.8 / len(counts))
            axes.plot([x, x], [found.low, found.high], color=colour, linewidth=1.6)
            axes.plot([x], [found.mean], marker="o", markersize=4, color=colour)
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylim(-0.04, 1.04)
    axes.set_ylabel("override rate")
    return legend(styles) + svg(fig, "Override rate by who reads the explanation, with 95 % intervals")


# ---------------------------------------------------------------------- marketplace


def _market(run: RunData) -> Section | None:
    """Total utility of every arm beside what simple rules bring in the same market."""
    frame = _played(run)
    rules = sorted({str(m) for m in frame["measure"].unique() if str(m).startswith("benchmark/")})
    if not rules:
        return None
    exact = [float(frame[frame["measure"] == rule]["value"].iloc[0]) for rule in rules]
    words = [rule.removeprefix("benchmark/").replace("_", " ") for rule in rules]
    body = [
        f"<tr><th>{html.escape(w)}</th><td class='n'>{x:,.2f}</td><td></td></tr>"
        for w, x in zip(words, exact, strict=True)
    ]
    body.insert(0, "<tr class='group'><th colspan='3'>expected of a rule, from the market itself</th></tr>")
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
        "Utility summed over customers: twice the order's typical price if all amenities are there, less what is paid.",
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
        "First-best utility less what was got, split by cause: what was not looked at; what the assistant recommended "
        "instead of the best it saw (its mistakes included); and what misstated wishes and advice not taken cost. "
        "These add up. Means over customers with 95 % intervals over worlds."
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
    styles = {group: {"color": PARTS[row % len(PARTS)]} for row, group in enumerate(groups)}
    return legend(styles) + svg(fig, "Agency loss of every arm by group, with 95 % intervals")


# ---------------------------------------------------------------------- theory


def _theory(run: RunData) -> Section | None:
    """What was played beside the closed forms."""
    frame = _played(run)
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
        "The closed form of each game beside what was played: means over pairs and ticks, 95 % intervals over worlds."
    )
    return Section(
        "Theory and play",
        "<div class='scroll'><table><thead><tr><th>arm</th><th>figure</th><th class='n'>closed form</th>"
        f"<th class='n'>played</th></tr></thead><tbody>{''.join(body)}</tbody></table></div>{footnotes(notes)}",
        text,
    )
