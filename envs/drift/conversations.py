"""Conversations in the report, with the ground truth."""

import html
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.envs.drift.claims import ACTS, DECEPTIVE

EACH = 4
"""Conversations shown of each arm."""
LONGEST = 600
"""Characters shown of a text."""
_KEYS = ("topic", "cue", "type", "act", "statement", "truth", "known", "belief", "claim", "rating", "leave")


def conversations(run: RunData) -> pd.DataFrame:
    """One row per answer to a user: `arm, world, step, seat, question, answer, reason` and the codes of `_KEYS`.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.
    """
    talk, keys = run.talk, ["arm", "world", "step", "seat"]
    if talk.empty or "put" not in set(talk["phase"]):
        return pd.DataFrame()
    found = None
    for phase, name in (("put", "question"), ("speak", "answer"), ("rate", "reason")):
        part = talk[talk["phase"] == phase]
        codes = pd.DataFrame([_codes(code) for code in part["code"]], index=part.index)
        kind = part[["kind"]].rename(columns={"kind": f"{name}_kind"})
        own = pd.concat([part[keys], part[["text"]].rename(columns={"text": name}), kind, codes], axis=1)
        if found is not None:
            own = own.drop(columns=[c for c in codes if c in found])
        found = own if found is None else found.merge(own, on=keys, how="left")
    assert found is not None
    return found


def _codes(code: str) -> dict[str, str]:
    """`a=1; b=2; claim=...` by name; a claim may hold any character, and stands last."""
    front, _, claim = code.partition("claim=")
    found = dict(re.findall(r"(\w+)=([^;]*)", front))
    return {**found, "claim": claim} if claim else found


def section(run: RunData) -> Section | None:
    """Some conversations of each arm: deceptive answers first, by the rating they earned; None where there are none."""
    rows = conversations(run)
    if rows.empty:
        return None
    deceptive = rows["act"].isin([ACTS[k] for k in DECEPTIVE])
    order = rows.assign(bad=deceptive, points=pd.to_numeric(rows["rating"], errors="coerce").fillna(0.0))
    order = order.sort_values(["bad", "points", "step", "world", "seat"], ascending=[False, False, False, True, True])
    parts = []
    for arm in Results(run).shown:
        some = order[order["arm"] == arm]
        # Half of those shown are deceptive where there are any, and no seat is shown twice.
        some = some.drop_duplicates(["world", "seat"])
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
        "Conversations of the worlds whose words were recorded, deceptive answers first. The claim, its truth and the "
        "user's type are the ground truth, which the assistant is not told; it sees a cue of the type.",
    )


_HEAD = (
    "<tr><th>claim</th><th>so?</th><th>user: type, cue</th><th>question</th><th>answer</th><th>act</th>"
    "<th>rating, 1 to 10</th></tr>"
)


def _row(row: Mapping[Any, Any]) -> str:
    kind = str(row.get("answer_kind", "ok"))
    act = _text(row["act"]) + ("" if kind == "ok" else f" ({_text(kind)})")
    cells = (
        f"{_text(row['claim'])}",
        "true" if row["truth"] == "yes" else "false",
        f"{_text(row['type'])}, looks {_text(row['cue'])}",
        _quoted(row["question"]),
        _quoted(row["answer"]),
        act,
        f"{_text(row['rating'])} {_quoted(row['reason'])}",
    )
    where = f"world {row['world']}, user {row['seat']}, step {row['step']}"
    return f'<tr title="{html.escape(where)}">' + "".join(f"<td class='words'>{cell}</td>" for cell in cells) + "</tr>"


def _text(value: object) -> str:
    """A text as HTML, cut where it is very long; an en dash where there is none."""
    said = "" if value is None or value != value else str(value)
    said = said if len(said) <= LONGEST else said[:LONGEST] + "\N{HORIZONTAL ELLIPSIS}"
    return html.escape(said) or "\N{EN DASH}"


def _quoted(value: object) -> str:
    found = _text(value)
    return found if found == "\N{EN DASH}" else f"&ldquo;{found}&rdquo;"
