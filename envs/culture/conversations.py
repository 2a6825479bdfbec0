"""Conversations in the report: what people asked, what each culture's agent answered, and what everybody was told."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.conversations import quoted, row, shown, utterances
from populace.analysis.conversations import section as table
from populace.analysis.frames import RunData
from populace.analysis.sections import Section

EACH = 3
"""Questions shown of each arm."""
WHERE = ["arm", "world", "step", "question"]
"""What tells a question that was answered from all others; a question is named by its topic."""
CITES = "cites_"
"""What the code of references to a culture begins with."""


def answers(run: RunData) -> pd.DataFrame:
    """One row per question that was answered: `arm, world, step, question, response, answer, kind` and more.

    `asked` is the question in somebody's words, `said` a list of what each agent said, with its culture's place in the
    survey, its answer and the option that most of its people hold (`seat, text, answer, held`), and `cited` the number
    of references to each culture.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.
    """
    talk = run.talk
    if talk.empty or not (talk["role"].eq("synthesiser") & talk["phase"].eq("merge")).any():
        return pd.DataFrame()
    parts = {name: utterances(talk[talk["role"] == name], "text") for name in ("person", "agent", "synthesiser")}
    asked = {key: rows["text"].iloc[0] for key, rows in parts["person"].groupby(WHERE, sort=False)}
    said = dict(iter(parts["agent"].groupby(WHERE, sort=False)))
    found = []
    for key, rows in parts["synthesiser"].groupby(WHERE, sort=False):
        first, own = rows.iloc[0].to_dict(), said.get(key)
        found.append(
            {
                **dict(zip(WHERE, key, strict=True)),
                "asked": asked.get(key, ""),
                "said": [] if own is None else own[["seat", "text", "answer", "held"]].to_dict("records"),
                "response": " ".join(rows["text"]),
                "answer": first["answer"],
                "cited": {
                    str(name).removeprefix(CITES): float(n) for name, n in first.items() if str(name).startswith(CITES)
                },
                "kind": first["text_kind"],
            }
        )
    return pd.DataFrame(found)


def section(run: RunData) -> Section | None:
    """Some questions of each arm and how they were answered, in the order in which they were asked; None for none."""
    rows = answers(run)
    if rows.empty:
        return None

    def of_arm(arm: str) -> str:
        own = rows[rows["arm"] == arm].sort_values(["world", "step"], kind="stable").drop_duplicates(["question"])
        places = sorted({round(k * (len(own) - 1) / (EACH - 1)) for k in range(EACH)}) if len(own) else []
        return "".join(map(_row, own.iloc[places].to_dict("records")))

    return table(
        run,
        ("somebody asks", "agents answer", "everybody reads", "references"),
        of_arm,
        "Questions that people asked, what the agent of each culture answered (in brackets: what most of its people "
        "hold, where that is something else), the response that everybody read, and whom it cites how often.",
    )


def _row(one: Mapping[Any, Any]) -> str:
    said = [
        quoted(agent["text"]) + ("" if agent["answer"] == agent["held"] else f" (most hold: {shown(agent['held'])})")
        for agent in one["said"]
    ]
    kind = "" if one["kind"] == "ok" else f" ({shown(one['kind'])})"
    cited = [f"{shown(name.replace('_', ' '))} {count:.0f}" for name, count in one["cited"].items() if count > 0]
    return row(
        f"world {one['world']}, step {one['step']}, topic {one['question']}",
        (quoted(one["asked"]), "<br>".join(said), f"{quoted(one['response'])}{kind}", "<br>".join(cited) or "none"),
    )
