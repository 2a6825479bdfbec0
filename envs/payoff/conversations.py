"""Conversations in the report: what the user wanted, what was said, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from populace.analysis.conversations import KEYS, NONE, chosen, row, shown, utterances
from populace.analysis.conversations import section as table
from populace.analysis.frames import RunData
from populace.analysis.sections import Section

_OF_ONE = ["arm", "world", "seat", "conversation"]


def turns(run: RunData) -> pd.DataFrame:
    """One row per turn: `arm, world, step, seat, conversation, turn, question, answer`, kinds and codes.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.

    Returns:
        Codes are texts as in `run.talk`: `goal` is what the user wanted; `asked` how it asked, `heard` how the
        assistant took it, `signal` how ambiguous it seemed to it, `ambiguity` how ambiguous it was; `act` and `right`
        what the answer was. A turn that a user only ended has no answer.
    """
    talk = run.talk
    if talk.empty or not {"ask", "respond"} <= set(talk["phase"]):
        return pd.DataFrame()
    asked, answered = (
        utterances(talk[talk["phase"] == phase], name, last="goal")
        for phase, name in (("ask", "question"), ("respond", "answer"))
    )
    answered = answered.drop(columns=[c for c in asked if c in answered and c not in KEYS])
    return asked.merge(answered, on=KEYS, how="left")


def section(run: RunData) -> Section | None:
    """Some conversations of each arm, the ones that served their users least first; None where there are none."""
    rows = turns(run)
    if rows.empty:
        return None
    welfare = pd.to_numeric(rows["user_welfare"], errors="coerce")
    right = rows["right"] == "yes"
    summed = rows.assign(welfare=welfare, found=right).groupby(_OF_ONE, observed=True, sort=True)
    each = summed.agg(turns=("turn", "size"), found=("found", "any"), welfare=("welfare", "mean")).reset_index()
    order = each.sort_values(["found", "welfare", *_OF_ONE], ascending=[True, True, *[True] * len(_OF_ONE)])

    def of_arm(arm: str) -> str:
        some = order[order["arm"] == arm].drop_duplicates(["world", "seat"])
        good = some[some["found"]].sort_values("turns", ascending=False, kind="stable")
        found = []
        for key in chosen(some[~some["found"]], good)[_OF_ONE].itertuples(index=False):
            own = rows[(rows[_OF_ONE] == list(key)).all(axis=1)].sort_values("step")
            found.append(_conversation(own.to_dict("records")))
        return "".join(found)

    return table(
        run,
        (
            "the user wanted to know",
            "what was said",
            "asked, taken as",
            "open to another reading: truly, as guessed",
            "what the assistant did",
            "right?",
        ),
        of_arm,
        "Conversations of the worlds whose words were recorded, those first whose users got no right answer. What the "
        "user wanted and how it asked are the ground truth; the assistant reads the words, and its guess is how often "
        "such a question is taken in another way than it was meant.",
    )


def _conversation(rows: Sequence[Mapping[Any, Any]]) -> str:
    return row(
        f"world {rows[0]['world']}, user {rows[0]['seat']}, from step {rows[0]['step']}",
        (
            shown(rows[0]["goal"]),
            "<br>".join(filter(None, (_line(turn, name) for turn in rows for name in ("question", "answer")))),
            _each(rows, lambda turn: f"{shown(turn['asked'])}, {shown(turn['heard'])}"),
            _each(rows, lambda turn: f"{shown(turn['ambiguity'])}, {shown(turn['signal'])}"),
            _each(rows, _act),
            _each(rows, lambda turn: shown(turn["right"])),
        ),
    )


def _each(rows: Sequence[Mapping[Any, Any]], say: Callable[[Mapping[Any, Any]], str]) -> str:
    return "<br>".join(map(say, rows))


def _act(turn: Mapping[Any, Any]) -> str:
    kind = turn.get("answer_kind")
    return shown(turn["act"]) + (f" ({shown(kind)})" if isinstance(kind, str) and kind != "ok" else "")


def _line(turn: Mapping[Any, Any], name: str) -> str:
    who = {"question": "User", "answer": "Assistant"}[name]
    said = shown(turn[name])
    return "" if said == NONE else f"{who}: &ldquo;{said}&rdquo;"
