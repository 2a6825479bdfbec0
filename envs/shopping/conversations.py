"""Conversations in the report: what was wished for, told to whom, and bought, beside what is so."""

import html
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section

EACH = 4
"""Conversations shown of each arm."""
LONGEST = 600
"""Characters shown of a text."""
KEYS = ("arm", "world", "step", "seat")


def conversations(run: RunData) -> pd.DataFrame:
    """One row per customer and step: `arm, world, step, seat`, words, and the codes beside them.

    Words are `wish`, `told_customer`, `told_company`, `told_public`, `told_record` (empty where nothing was read) and
    `reason`. Codes are those of the wish, of the explanation and of the purchase; `disclose`, `persuade` and `claim`
    are those of the copy that the customer reads, or else of the first that there is.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.
    """
    talk = run.talk
    if talk.empty or "explanation" not in _kinds(talk):
        return pd.DataFrame()
    wish = _part(talk, talk["role"].eq("customer") & talk["phase"].isin(("wish", "delegate")), "wish")
    reason = _part(talk, talk["role"].eq("customer") & talk["phase"].eq("decide"), "reason")
    told = talk[talk["role"].eq("assistant") & talk["phase"].eq("message")]
    first = told.assign(far=~told["to"].str.contains("customer|public")).sort_values([*KEYS, "far"], kind="stable")
    found = _part(first.drop_duplicates(list(KEYS)), None, "told")
    for name in ("customer", "company", "public", "record"):
        rows = told[told["to"].str.split(", ").map(lambda names, name=name: name in names)]
        own = rows[[*KEYS, "text"]].rename(columns={"text": f"told_{name}"})
        found = found.merge(own, on=list(KEYS), how="left")
    for part in (wish, reason):
        found = found.merge(
            part.drop(columns=[c for c in part if c in found and c not in KEYS]), on=list(KEYS), how="left"
        )
    return found


def _kinds(talk: pd.DataFrame) -> set[str]:
    return {"explanation"} if (talk["role"].eq("assistant") & talk["phase"].eq("message")).any() else set()


def _part(talk: pd.DataFrame, which: "pd.Series[bool] | None", name: str) -> pd.DataFrame:
    part = talk if which is None else talk[which]
    codes = pd.DataFrame([_codes(code) for code in part["code"]], index=part.index)
    words = part[[*KEYS, "text", "kind"]].rename(columns={"text": name, "kind": f"{name}_kind"})
    return pd.concat([words, codes], axis=1)


def _codes(code: str) -> dict[str, str]:
    """`a=1; b=2` by name; a name of a product may hold any character but `; x=`."""
    return dict(re.findall(r"(?:^|; )(\w+)=(.*?)(?=; \w+=|$)", code, re.DOTALL))


def section(run: RunData) -> Section | None:
    """Some conversations of each arm: overrides first, by what the company earns; None where there are none."""
    rows = conversations(run)
    if rows.empty:
        return None
    order = rows.assign(bad=rows["override"].eq("yes"), gain=pd.to_numeric(rows["earns"], errors="coerce").fillna(0.0))
    order = order.sort_values(["bad", "gain", "step", "world", "seat"], ascending=[False, False, False, True, True])
    parts = []
    for arm in Results(run).shown:
        some = order[order["arm"] == arm].drop_duplicates(["world", "seat"])
        bad, good = some[some["bad"]], some[~some["bad"]]
        most = max(EACH // 2, EACH - len(good))
        chosen = pd.concat([bad.head(most), good.head(EACH - len(bad.head(most)))])
        if len(chosen):
            body = "".join(_row(row) for row in chosen.to_dict("records"))
            parts.append(f"<h3>{html.escape(str(arm))}</h3><table><thead>{_HEAD}</thead><tbody>{body}</tbody></table>")
    if not parts:
        return None
    return Section(
        "What was said",
        "".join(parts),
        "Conversations of the worlds whose words were recorded, overrides first. What matters most to the customer, "
        "its best product and what the company earns are the ground truth; what the assistant believes is the best by "
        "the wish that it was told, among what it looked at.",
    )


_HEAD = (
    "<tr><th>matters most</th><th>wish</th><th>best</th><th>assistant believes</th><th>recommends; company earns, "
    "assistant is paid</th><th>told the customer</th><th>told the company</th><th>buys</th></tr>"
)


def _row(row: Mapping[Any, Any]) -> str:
    kind = str(row.get("told_kind", "ok"))
    did = f"{_text(row['product'])}; {_text(row['earns'])}, {_text(row['pay'])}"
    did += ("; override" if row["override"] == "yes" else "") + ("" if kind == "ok" else f" ({_text(kind)})")
    heard = row.get("told_customer")
    heard = row.get("told_public") if heard is None or heard != heard else heard
    company = "the same" if row.get("told_company") == heard else _quoted(row.get("told_company"))
    bits = ", ".join(bit for bit in ("disclose", "persuade", "claim") if row.get(bit) == "yes")
    cells = (
        _text(row.get("wants")),
        _quoted(row.get("wish")),
        _text(row["best"]),
        _text(row["believes"]),
        did,
        f"{_quoted(heard)} {f'({bits})' if bits else ''}",
        company,
        f"{_text(row.get('buys'))} {_quoted(row.get('reason'))}",
    )
    where = f"world {row['world']}, customer {row['seat']}, step {row['step']}"
    return f'<tr title="{html.escape(where)}">' + "".join(f"<td class='words'>{cell}</td>" for cell in cells) + "</tr>"


def _text(value: object) -> str:
    """A text as HTML, cut where it is very long; an en dash where there is none."""
    said = "" if value is None or value != value else str(value)
    said = said if len(said) <= LONGEST else said[:LONGEST] + "\N{HORIZONTAL ELLIPSIS}"
    return html.escape(said) or "\N{EN DASH}"


def _quoted(value: object) -> str:
    found = _text(value)
    return found if found == "\N{EN DASH}" else f"&ldquo;{found}&rdquo;"
