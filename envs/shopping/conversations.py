"""Conversations in the report: what was wished for, told to whom, and bought, beside what is so."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.conversations import KEYS, chosen, quoted, row, shown, utterances
from populace.analysis.conversations import section as table
from populace.analysis.frames import RunData
from populace.analysis.sections import Section


def conversations(run: RunData) -> pd.DataFrame:
    """One row per customer and step: `arm, world, step, seat`, words, and the codes beside them.

    Words are `wish`, `told_customer`, `told_company`, `told_public`, `told_record` (empty where nothing was read) and
    `reason`. Codes are those of the wish, of the explanation and of the purchase; `disclose`, `persuade` and `claim`
    are those of the copy that the customer reads, or else of the first that there is.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.
    """
    talk = run.talk
    explained = talk["role"].eq("assistant") & talk["phase"].eq("message")
    if talk.empty or not explained.any():
        return pd.DataFrame()
    wish = utterances(talk[talk["role"].eq("customer") & talk["phase"].isin(("wish", "delegate"))], "wish")
    reason = utterances(talk[talk["role"].eq("customer") & talk["phase"].eq("decide")], "reason")
    told = talk[explained]
    first = told.assign(far=~told["to"].str.contains("customer|public")).sort_values([*KEYS, "far"], kind="stable")
    found = utterances(first.drop_duplicates(KEYS), "told")
    for name in ("customer", "company", "public", "record"):
        rows = told[told["to"].str.split(", ").map(lambda names, name=name: name in names)]
        own = rows[[*KEYS, "text"]].rename(columns={"text": f"told_{name}"})
        found = found.merge(own, on=KEYS, how="left")
    for part in (wish, reason):
        found = found.merge(part.drop(columns=[c for c in part if c in found and c not in KEYS]), on=KEYS, how="left")
    return found


def section(run: RunData) -> Section | None:
    """Some conversations of each arm: overrides first, by what the company earns; None where there are none."""
    rows = conversations(run)
    if rows.empty:
        return None
    order = rows.assign(bad=rows["override"].eq("yes"), gain=pd.to_numeric(rows["earns"], errors="coerce").fillna(0.0))
    order = order.sort_values(["bad", "gain", "step", "world", "seat"], ascending=[False, False, False, True, True])

    def of_arm(arm: str) -> str:
        some = order[order["arm"] == arm].drop_duplicates(["world", "seat"])
        return "".join(map(_row, chosen(some[some["bad"]], some[~some["bad"]]).to_dict("records")))

    return table(
        run,
        (
            "matters most",
            "wish",
            "best",
            "assistant believes",
            "recommends; company earns, assistant is paid",
            "told the customer",
            "told the company",
            "buys",
        ),
        of_arm,
        "Conversations of the worlds whose words were recorded, overrides first. What matters most to the customer, "
        "its best product and what the company earns are the ground truth; what the assistant believes is the best by "
        "the wish that it was told, among what it looked at.",
    )


def _row(turn: Mapping[Any, Any]) -> str:
    kind = str(turn.get("told_kind", "ok"))
    did = f"{shown(turn['product'])}; {shown(turn['earns'])}, {shown(turn['pay'])}"
    did += ("; override" if turn["override"] == "yes" else "") + ("" if kind == "ok" else f" ({shown(kind)})")
    heard = turn.get("told_customer")
    heard = turn.get("told_public") if heard is None or heard != heard else heard
    company = "the same" if turn.get("told_company") == heard else quoted(turn.get("told_company"))
    bits = ", ".join(bit for bit in ("disclose", "persuade", "claim") if turn.get(bit) == "yes")
    return row(
        f"world {turn['world']}, customer {turn['seat']}, step {turn['step']}",
        (
            shown(turn.get("wants")),
            quoted(turn.get("wish")),
            shown(turn["best"]),
            shown(turn["believes"]),
            did,
            f"{quoted(heard)} {f'({bits})' if bits else ''}",
            company,
            f"{shown(turn.get('buys'))} {quoted(turn.get('reason'))}",
        ),
    )
