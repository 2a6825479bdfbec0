"""Who read free text: how far each reader agrees with labels, and what each of them found in the same texts."""

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.style import number, with_interval
from populace.analysis.summaries import summarise

FAMILY = "said/"
"""How the names of counts of texts begin: `said/rules` counts texts, `said/rules/hedges` those that got a code."""
TRUSTED = 0.85
"""Share of labelled texts below which measures that are read from text are not to be trusted (chosen here)."""


class Read(NamedTuple):
    """A reader of a seat's words.

    Attributes:
        arm: The arm.
        role: Whose words.
        player: The player, where several share the role; else "".
        about: What is known of the reader: `interpreter`, `coding`, `agreement`.
        first: Whether its reading counts; others only read beside.
    """

    arm: str
    role: str
    player: str
    about: Mapping[str, Any]
    first: bool


def read_by(run: RunData, arms: Sequence[str]) -> Iterator[Read]:
    """All readers of a run, by arm, role and player."""
    known = run.info.get("players") or {}
    for arm in arms:
        for role, about in (known.get(arm) or {}).items():
            inner = [(name, one.get("interpreter")) for name, one in (about.get("players") or {}).items()]
            for player, found in (("", about.get("interpreter")), *inner):
                if found:
                    for k, one in enumerate((found, *found.get("also", ()))):
                        yield Read(arm, role, player, one, k == 0)


def doubts(run: RunData) -> list[str]:
    """A sentence for each seat whose words were read by a reader that agrees too little with labels, or nobody "
    "knows.
    """
    told = []
    for one in read_by(run, list(run.info["arms"])):
        if not one.first:
            continue
        who = f"the {one.role} ({one.player})" if one.player else f"the {one.role}"
        agreed, reader = one.about["agreement"], one.about["interpreter"]
        head = f"In the arm {one.arm}, the words of {who} were read by {reader}, "
        if agreed is None:
            told.append(f"{head}and how far that agrees with people is not known: {one.about['why']}.")
        elif agreed["agree"] < TRUSTED:
            told.append(
                f"{head}which agrees with people's labels on {100 * agreed['agree']:.0f} % of {agreed['n']:,} texts "
                f"(95 % interval {100 * agreed['low']:.0f} to {100 * agreed['high']:.0f} %), less than "
                f"{100 * TRUSTED:.0f} %: measures of the {one.role} in this arm are not to be trusted. Take another "
                "reader, such as a judge, or label texts of this run (populace label)."
            )
    return told


def readers(run: RunData, arms: Sequence[str]) -> str:
    """Two tables as HTML: agreement with labels, and how often each reader found each code; empty without readers."""
    found = list(read_by(run, arms))
    if not found:
        return ""
    rows = "".join(
        f"<tr><th>{html.escape(one.arm)}</th><td>{_who(one.role, one.player)}</td>{_agreed(one.about)}</tr>"
        for one in found
    )
    return (
        "<p>Free text was read by an interpreter. The table shows how far it agrees with a labelled set (the "
        "library's rules and thresholds were tuned on the other half of that set):</p><div "
        "class='scroll'><table><thead><tr><th>arm</th><th>role</th><th>read for</th><th>interpreter</th><th "
        "class='n'>agreement [95&nbsp;% interval]</th><th class='n'>Cohen's kappa</th><th "
        f"class='n'>texts</th></tr></thead><tbody>{rows}</tbody></table></div>{_codes(run, arms, found)}"
    )


def _who(role: str, player: str) -> str:
    return html.escape(f"{role}, {player}" if player else role)


def _agreed(found: Mapping[str, Any]) -> str:
    name = f"<td>{html.escape(str(found['coding']))}</td><td>{html.escape(str(found['interpreter']))}</td>"
    agreed = found["agreement"]
    if agreed is None:
        return f"{name}<td class='words' colspan='3'>not known: {html.escape(str(found['why']))}</td>"
    share = with_interval(agreed["agree"], agreed["low"], agreed["high"])
    kappa = "&ndash;" if agreed["kappa"] is None else number(agreed["kappa"])
    return f"{name}<td class='n'>{share}</td><td class='n'>{kappa}</td><td class='n'>{agreed['n']:,}</td>"


def shares(run: RunData) -> pd.DataFrame:
    """Share of texts that got each code: `arm, role, player, code, reader, mean, low, high`, by world.

    Texts are those of all steps of a world; a world without any does not count.
    """
    steps = run.steps
    measure = steps["measure"].astype(str)
    kept = steps[(steps["role"] != "") & measure.str.startswith(FAMILY)]
    by = ["arm", "role", "player"]
    if kept.empty:
        return pd.DataFrame(columns=[*by, "code", "reader", "mean", "low", "high"])
    frame = kept.astype(dict.fromkeys((*by, "measure"), str))
    frame = frame.groupby([*by, "world", "measure"], sort=False)["value"].sum().reset_index()
    parts = frame["measure"].str.removeprefix(FAMILY).str.split("/", n=1, expand=True).reindex(columns=[0, 1])
    frame = frame.assign(reader=parts[0], code=parts[1])
    texts = frame[frame["code"].isna()].rename(columns={"value": "texts"})
    coded = frame[frame["code"].notna()].merge(texts[[*by, "world", "reader", "texts"]], on=[*by, "world", "reader"])
    coded = coded[coded["texts"] > 0].assign(value=lambda rows: rows["value"] / rows["texts"])
    return summarise(coded, [*by, "code", "reader"], bounds=(0.0, 1.0))


def _codes(run: RunData, arms: Sequence[str], found: Sequence[Read]) -> str:
    """What each reader found: a row for every code that any of them found."""
    means = shares(run)
    means = means[means["arm"].isin(arms)]
    if means.empty:
        return ""
    names = list(dict.fromkeys(str(one.about["interpreter"]) for one in found))
    rows = ""
    for (arm, role, player, code), own in means.groupby(["arm", "role", "player", "code"], sort=False):
        if not (own["mean"] > 0).any():
            continue
        columns = own[["reader", "mean", "low", "high"]]
        shown = {str(name): with_interval(mean, low, high) for name, mean, low, high in columns.itertuples(index=False)}
        each = "".join(f"<td class='n'>{shown.get(name, '&ndash;')}</td>" for name in names)
        who = _who(str(role), str(player))
        rows += f"<tr><th>{html.escape(str(arm))}</th><td>{who}</td><td>{html.escape(str(code))}</td>{each}</tr>"
    head = "".join(f"<th class='n'>{html.escape(name)}</th>" for name in names)
    return (
        "<p>Share of texts to which each reader gave a code, mean over worlds with 95 % intervals. Where "
        "readers differ, "
        "so do measures that are read from text:</p><div class='scroll'><table><thead><tr><th>arm</th><th>role</th>"
        f"<th>code</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
