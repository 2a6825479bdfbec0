"""Overrides by who reads the explanation: what was played beside the published counts of Phelps and Ranson 2023."""

import html

import pandas as pd
from ruamel.yaml import YAML
from scipy.stats import fisher_exact

from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.analysis.stats import Estimate, wilson
from populace.analysis.style import Stroke, figure, legend, p_value, svg
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


def section(run: RunData) -> Section | None:
    """Overrides and disclosure by who reads the explanation, beside the published table."""
    frame = recorded(run)
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
        f"<div class='scroll'><table><thead><tr><th>overrides</th>{head}<th class='n'>company reads or does not, "
        f"Fisher's exact test</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        "<div class='scroll'><table><thead><tr><th>share of explained overrides whose explanation names the company's "
        f"interest</th>{head}</tr></thead>"
        f"<tbody>{''.join(told)}</tbody></table></div>"
    )
    text = (
        "An override is a choice of the company's favourite product instead of the best that the customer can afford. "
        "The table shows the share of overrides by who would read the explanation, with Wilson's 95 % intervals, which "
        "take all choices as independent. Where an arm plays a published table, the published counts stand below it. "
        "Where the customer's best product is harmful, an override enforces a norm."
    )
    return Section("Overrides by who reads the explanation", _override_picture(run, counts, names) + table, text)


def recorded(run: RunData) -> pd.DataFrame:
    """Rows of all measures after the start."""
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
    head = f"<th><small>published, {n} per condition</small></th>"
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
    styles: dict[str, Stroke] = {}
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
