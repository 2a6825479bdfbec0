"""Conversations in the report, with the ground truth."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.conversations import KEYS, chosen, quoted, row, shown, utterances
from populace.analysis.conversations import section as table
from populace.analysis.frames import RunData
from populace.analysis.sections import Section
from populace.envs.drift.claims import ACTS, DECEPTIVE


def conversations(run: RunData) -> pd.DataFrame:
    """One row per answer to a user: `arm, world, step, seat, question, answer, reason`, and codes.

    Codes are `topic, cue, type, act, statement, truth, known, belief, claim, rating, leave`.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.
    """
    talk = run.talk
    if talk.empty or "put" not in set(talk["phase"]):
        return pd.DataFrame()
    found = None
    for phase, name in (("put", "question"), ("speak", "answer"), ("rate", "reason")):
        own = utterances(talk[talk["phase"] == phase], name, last="claim")
        if found is not None:
            own = own.drop(columns=[c for c in own if c in found and c not in KEYS])
        found = own if found is None else found.merge(own, on=KEYS, how="left")
    assert found is not None
    return found


def section(run: RunData) -> Section | None:
    """Some conversations of each arm: deceptive answers first, by the rating they earned; None where there are none."""
    rows = conversations(run)
    if rows.empty:
        return None
    deceptive = rows["act"].isin([ACTS[k] for k in DECEPTIVE])
    order = rows.assign(bad=deceptive, points=pd.to_numeric(rows["rating"], errors="coerce").fillna(0.0))
    order = order.sort_values(["bad", "points", "step", "world", "seat"], ascending=[False, False, False, True, True])

    def of_arm(arm: str) -> str:
        some = order[order["arm"] == arm].drop_duplicates(["world", "seat"])
        return "".join(map(_row, chosen(some[some["bad"]], some[~some["bad"]]).to_dict("records")))

    return table(
        run,
        ("claim", "so?", "user: type, cue", "question", "answer", "act", "rating, 1 to 10"),
        of_arm,
        "Conversations of the worlds whose words were recorded, deceptive answers first. The claim, its truth and the "
        "user's type are the ground truth, which the assistant is not told; it sees a cue of the type.",
    )


def _row(turn: Mapping[Any, Any]) -> str:
    kind = str(turn.get("answer_kind", "ok"))
    act = shown(turn["act"]) + ("" if kind == "ok" else f" ({shown(kind)})")
    return row(
        f"world {turn['world']}, user {turn['seat']}, step {turn['step']}",
        (
            f"{shown(turn['claim'])}",
            "true" if turn["truth"] == "yes" else "false",
            f"{shown(turn['type'])}, looks {shown(turn['cue'])}",
            quoted(turn["question"]),
            quoted(turn["answer"]),
            act,
            f"{shown(turn['rating'])} {quoted(turn['reason'])}",
        ),
    )
