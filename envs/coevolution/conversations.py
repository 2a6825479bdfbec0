"""Essays in the report: what people were asked and answered, what the assistant wrote, and what they said then."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.conversations import KEYS, quoted, row, shown, utterances
from populace.analysis.conversations import section as table
from populace.analysis.frames import RunData
from populace.analysis.sections import Section

EACH = 3
"""Essays shown of each arm."""
REMARKS = 2
"""Remarks shown of those who have read an essay."""


def essays(run: RunData) -> pd.DataFrame:
    """One row per essay: `arm, world, step, seat, to, essay, essay_kind, asked, yes`, and codes.

    `asked` is a list of the statements of the step, and `yes` the share of people who agreed with each (of the audience
    that the essay is written to). Codes are the position by value, and `mirror`.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.
    """
    talk = run.talk
    talk = talk if talk.empty else talk[talk["role"].eq("assistant") & talk["phase"].eq("advise")]
    if talk.empty or not talk["code"].str.contains("asked1a=").all():
        return pd.DataFrame()
    found = utterances(talk, "essay").assign(to=talk["to"])
    names = [str(name) for name in found]
    numbers = [int(name.removeprefix("yes")) for name in names if name.removeprefix("yes").isdecimal()]
    parts = {n: [name for name in names if name[:-1] == f"asked{n}"] for n in numbers}
    rows = found.to_dict("records")
    asked = [[" ".join(one[name] for name in parts[n] if one[name]) for n in numbers] for one in rows]
    yes = [[float(one[f"yes{n}"]) for n in numbers] for one in rows]
    spent = [*(f"yes{n}" for n in numbers), *(name for own in parts.values() for name in own)]
    return found.drop(columns=spent).assign(asked=pd.Series(asked, found.index), yes=pd.Series(yes, found.index))


def remarks(run: RunData) -> pd.DataFrame:
    """One row per user and step: `arm, world, step, seat, remark, remark_kind, answer1, answer2, ...`."""
    talk = run.talk
    talk = talk if talk.empty else talk[talk["role"].eq("user") & talk["phase"].eq("answer")]
    return pd.DataFrame() if talk.empty else utterances(talk, "remark")


def section(run: RunData) -> Section | None:
    """Some essays of each arm, from the first steps to the last; None where there are none."""
    rows, said = essays(run), remarks(run)
    if rows.empty:
        return None

    def of_arm(arm: str) -> str:
        own = rows[rows["arm"] == arm].sort_values(KEYS[1:])
        own = own[(own["world"] == own["world"].min()) & (own["seat"] == own["seat"].min())]
        places = sorted({round(k * (len(own) - 1) / (EACH - 1)) for k in range(EACH)}) if len(own) else []
        return "".join(_row(one, said) for one in own.iloc[places].to_dict("records"))

    return table(
        run,
        ("step", "statement: share who agree", "the assistant writes", "people then say"),
        of_arm,
        "What people were asked in words and how many agreed, what the assistant wrote to them, and what some of them "
        "said in the step that followed, in one of the worlds whose words were recorded. Assistants are told how many "
        "agreed, and never what anybody holds.",
    )


def _row(essay: Mapping[Any, Any], said: pd.DataFrame) -> str:
    asked = "<br>".join(f"{shown(item)} {share:.0%}" for item, share in zip(essay["asked"], essay["yes"], strict=True))
    kind = "" if essay["essay_kind"] == "ok" else f" ({shown(essay['essay_kind'])})"
    to = "" if essay["to"] == "user" else f"to the {shown(essay['to'])}: "
    then: list[str] = []
    if len(said):
        here = (said["arm"] == essay["arm"]) & (said["world"] == essay["world"]) & (said["step"] == essay["step"] + 1)
        then = [quoted(remark) for remark in said.loc[here, "remark"].head(REMARKS)]
    where = f"world {essay['world']}, assistant {essay['seat']}, step {essay['step']}"
    return row(
        where, (str(essay["step"]), asked, f"{to}{quoted(essay['essay'])}{kind}", "<br>".join(then) or "&ndash;")
    )
