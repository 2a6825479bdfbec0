"""What was said in the lock-in world, beside what people said before and what is so."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from populace.analysis.conversations import KEYS, quoted, row, shown, utterances
from populace.analysis.conversations import section as table
from populace.analysis.frames import RunData
from populace.analysis.sections import Section

EACH = 4
"""Estimates shown of each arm."""


def sections(run: RunData) -> Sequence[Section]:
    """The world's parts of the report."""
    return [] if (said := section(run)) is None else [said]


def estimates(run: RunData) -> pd.DataFrame:
    """One row per estimate: `arm, world, step, seat, words, words_kind`, and codes.

    Codes are texts as in `run.talk`: `quantity`; `mean` and `error` of x; `says`, `off`, `people` (the mean of what
    people said before) and `true` in the quantity's unit.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.
    """
    talk = run.talk
    talk = talk if talk.empty else talk[talk["role"].eq("assistant") & talk["phase"].eq("advise")]
    return pd.DataFrame() if talk.empty else utterances(talk, "words", last="quantity")


def section(run: RunData) -> Section | None:
    """Some estimates of each arm, those first that are farthest off; None where there are none."""
    rows = estimates(run)
    if rows.empty or "true" not in rows:
        return None
    says, true, off, error = (pd.to_numeric(rows[name], errors="coerce") for name in ("says", "true", "off", "error"))
    far = ((says - true) * error / off).abs()  # in x, so that quantities in different units compare
    order = rows.assign(far=far).sort_values(["far", *KEYS], ascending=[False, True, True, True, True])

    def of_arm(arm: str) -> str:
        some = order[order["arm"] == arm].drop_duplicates(["world", "seat", "step"])
        return "".join(map(_row, some.head(EACH).to_dict("records")))

    return table(
        run,
        ("what is guessed", "people said, on average", "the assistant said", "which is", "the truth"),
        of_arm,
        "Estimates of the worlds whose words were recorded, those that are farthest off first. Nobody knows the truth.",
    )


def _row(one: Mapping[Any, Any]) -> str:
    kind = "" if one["words_kind"] == "ok" else f" ({shown(one['words_kind'])})"
    return row(
        f"world {one['world']}, assistant {one['seat']}, step {one['step']}",
        (
            shown(one["quantity"]),
            _number(one["people"]),
            f"{quoted(one['words'])}{kind}",
            f"{_number(one['says'])}, give or take {_number(one['off'])}",
            _number(one["true"]),
        ),
    )


def _number(value: object) -> str:
    found = pd.to_numeric(str(value), errors="coerce")
    return "&ndash;" if pd.isna(found) else f"{float(found):.4g}"
