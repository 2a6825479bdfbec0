"""Conversations in the report: what the user wanted, what was said, and what came of it."""

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
_KEYS = ["arm", "world", "seat", "conversation"]


def turns(run: RunData) -> pd.DataFrame:
    """One row per turn: `arm, world, step, seat, conversation, turn, question, answer`, kinds and codes.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.

    Returns:
        Codes are texts as in `run.talk`: `goal` is what the user wanted; `asked` how it asked, `heard` how the
        assistant took it, `signal` how ambiguous it seemed to it, `ambiguity` how ambiguous it was; `act` and `right`
        what the answer was. A turn that a user only ended has no answer.
    """
    talk, keys = run.talk, ["arm", "world", "step", "seat"]
    if talk.empty or not {"ask", "respond"} <= set(talk["phase"]):
        return pd.DataFrame()
    parts = []
    for phase, name in (("ask", "question"), ("respond", "answer")):
        part = talk[talk["phase"] == phase]
        codes = pd.DataFrame([_codes(code) for code in part["code"]], index=part.index)
        words = part[["text", "kind"]].rename(columns={"text": name, "kind": f"{name}_kind"})
        parts.append(pd.concat([part[keys], words, codes], axis=1))
    asked, answered = parts
    answered = answered.drop(columns=[c for c in asked if c in answered and c not in keys])
    return asked.merge(answered, on=keys, how="left")


def _codes(code: str) -> dict[str, str]:
    """`a=1; b=2; goal=...` by name; a goal may hold any character, and stands last."""
    front, _, goal = code.partition("goal=")
    return {**dict(re.findall(r"(\w+)=([^;]*)", front)), "goal": goal}


def section(run: RunData) -> Section | None:
    """Some conversations of each arm, the ones that served their users least first; None where there are none."""
    rows = turns(run)
    if rows.empty:
        return None
    welfare = pd.to_numeric(rows["user_welfare"], errors="coerce")
    right = rows["right"] == "yes"
    summed = rows.assign(welfare=welfare, found=right).groupby(_KEYS, observed=True, sort=True)
    table = summed.agg(turns=("turn", "size"), found=("found", "any"), welfare=("welfare", "mean")).reset_index()
    order = table.sort_values(["found", "welfare", *_KEYS], ascending=[True, True, *[True] * len(_KEYS)])
    shown = []
    for arm in Results(run).shown:
        # Half of those shown were answered rightly where there are any, and no user is shown twice.
        some = order[order["arm"] == arm].drop_duplicates(["world", "seat"])
        bad, good = some[~some["found"]], some[some["found"]].sort_values("turns", ascending=False, kind="stable")
        first = bad.head(max(EACH // 2, EACH - len(good)))
        chosen = pd.concat([first, good.head(EACH - len(first))])
        bodies = []
        for key in chosen[_KEYS].itertuples(index=False):
            own = rows[(rows[_KEYS] == list(key)).all(axis=1)].sort_values("step")
            bodies.append(_conversation(own.to_dict("records")))
        if bodies:
            shown.append(
                f"<h3>{html.escape(str(arm))}</h3><table><thead>{_HEAD}</thead><tbody>{''.join(bodies)}</tbody></table>"
            )
    if not shown:
        return None
    return Section(
        "What was said",
        "".join(shown),
        "Conversations of the worlds whose words were recorded, those first whose users got no right answer. What the "
        "user wanted and how it asked are the ground truth; the assistant reads the words, and its guess is how often "
        "such a question is taken in another way than it was meant.",
    )


_HEAD = (
    "<tr><th>the user wanted to know</th><th>what was said</th><th>asked, taken as</th><th>open to another "
    "reading: truly, as guessed</th><th>what the assistant did</th><th>right?</th></tr>"
)


def _conversation(rows: list[dict[Any, Any]]) -> str:
    where = f"world {rows[0]['world']}, user {rows[0]['seat']}, from step {rows[0]['step']}"
    cells = (
        _text(rows[0]["goal"]),
        "<br>".join(filter(None, (_line(row, name) for row in rows for name in ("question", "answer")))),
        _each(rows, lambda row: f"{_text(row['asked'])}, {_text(row['heard'])}"),
        _each(rows, lambda row: f"{_text(row['ambiguity'])}, {_text(row['signal'])}"),
        _each(rows, _act),
        _each(rows, lambda row: _text(row["right"])),
    )
    return f'<tr title="{html.escape(where)}">' + "".join(f"<td class='words'>{cell}</td>" for cell in cells) + "</tr>"


def _each(rows: list[dict[Any, Any]], say: Any) -> str:
    return "<br>".join(say(row) for row in rows)


def _act(row: Mapping[Any, Any]) -> str:
    kind = row.get("answer_kind")
    return _text(row["act"]) + (f" ({_text(kind)})" if isinstance(kind, str) and kind != "ok" else "")


def _line(row: Mapping[Any, Any], name: str) -> str:
    who = {"question": "User", "answer": "Assistant"}[name]
    said = _text(row[name])
    return "" if said == "\N{EN DASH}" else f"{who}: &ldquo;{said}&rdquo;"


def _text(value: object) -> str:
    """A text as HTML, cut where it is very long; an en dash where there is none."""
    said = "" if value is None or value != value else str(value)
    said = said if len(said) <= LONGEST else said[:LONGEST] + "\N{HORIZONTAL ELLIPSIS}"
    return html.escape(said) or "\N{EN DASH}"
