"""Essays in the report: what people were asked and answered, what the assistant wrote, and what they said then."""

import html
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section

EACH = 3
"""Essays shown of each arm."""
LONGEST = 600
"""Characters shown of a text."""
REMARKS = 2
"""Remarks shown of those who have read an essay."""
_KEYS = ["arm", "world", "step", "seat"]


def essays(run: RunData) -> pd.DataFrame:
    """One row per essay: `arm, world, step, seat, to, essay, essay_kind, asked, yes, mirror`.

    `asked` is a list of the statements of the step, `yes` the share of people who agreed with each (of the audience
    that the essay is written to), and `mirror` how far the assistant repeats what each user said.

    Args:
        run: A run with `matter`; for others, and where no words were recorded, there are no rows.
    """
    talk = run.talk
    if talk.empty or not (talk["role"].eq("assistant") & talk["phase"].eq("advise")).any():
        return pd.DataFrame()
    part = talk[talk["role"].eq("assistant") & talk["phase"].eq("advise")]
    codes = pd.DataFrame([_codes(code) for code in part["code"]], index=part.index)
    words = part[["to", "text", "kind"]].rename(columns={"text": "essay", "kind": "essay_kind"})
    return pd.concat([part[_KEYS], words, codes], axis=1)


def remarks(run: RunData) -> pd.DataFrame:
    """One row per user and step: `arm, world, step, seat, remark, answers`, in the order of the statements asked."""
    talk = run.talk
    if talk.empty or not (talk["role"].eq("user") & talk["phase"].eq("answer")).any():
        return pd.DataFrame()
    part = talk[talk["role"].eq("user") & talk["phase"].eq("answer")]
    answers = part["code"].map(lambda code: re.findall(r"answer\d+=(yes|no)", code))
    return part[[*_KEYS, "text"]].rename(columns={"text": "remark"}).assign(answers=answers)


def _codes(code: str) -> dict[str, Any]:
    """The statements asked and the share of yes to each; a statement may hold any character."""
    front, _, rest = code.partition("; yes1=")
    pieces = re.split(r"(?:^|; )asked(\d+)[abc]=", front)[1:]
    asked: dict[int, str] = {}
    for number, text in zip(pieces[::2], pieces[1::2], strict=True):
        asked[int(number)] = f"{asked.get(int(number), '')} {text}".strip()
    yes = [float(share) for share in re.findall(r"(?:^|; )yes\d+=([^;]*)", f"yes1={rest}")]
    mirror = re.findall(r"; mirror=([^;]*)", rest)
    return {"asked": list(asked.values()), "yes": yes, "mirror": float(mirror[-1]) if mirror else 0.0}


def section(run: RunData) -> Section | None:
    """Some essays of each arm, from the first steps to the last; None where there are none."""
    rows, said = essays(run), remarks(run)
    if rows.empty:
        return None
    parts = []
    for arm in Results(run).shown:
        own = rows[rows["arm"] == arm].sort_values(["world", "step", "seat"])
        if own.empty:
            continue
        own = own[(own["world"] == own["world"].iloc[0]) & (own["seat"] == own["seat"].iloc[0])]
        places = sorted({round(k * (len(own) - 1) / max(EACH - 1, 1)) for k in range(EACH)})
        body = "".join(_row(row, said) for row in own.iloc[places].to_dict("records"))
        parts.append(f"<h3>{html.escape(str(arm))}</h3><table><thead>{_HEAD}</thead><tbody>{body}</tbody></table>")
    return Section(
        "What was said",
        "".join(parts),
        "What people were asked in words and how many agreed, what the assistant wrote to them, and what some of them "
        "said in the step that followed, in one of the worlds whose words were recorded. Assistants are told how many "
        "agreed, and never what anybody holds.",
    )


_HEAD = "<tr><th>step</th><th>statement: share who agree</th><th>the assistant writes</th><th>people then say</th></tr>"


def _row(row: Mapping[Any, Any], said: pd.DataFrame) -> str:
    asked = "<br>".join(f"{_text(item)} {share:.0%}" for item, share in zip(row["asked"], row["yes"], strict=False))
    kind = "" if row["essay_kind"] == "ok" else f" ({_text(row['essay_kind'])})"
    to = "" if row["to"] == "user" else f"to the {_text(row['to'])}: "
    then: list[str] = []
    if len(said):
        here = (said["arm"] == row["arm"]) & (said["world"] == row["world"]) & (said["step"] == row["step"] + 1)
        then = [f"&ldquo;{_text(remark)}&rdquo;" for remark in said.loc[here, "remark"].head(REMARKS)]
    cells = (str(row["step"]), asked, f"{to}&ldquo;{_text(row['essay'])}&rdquo;{kind}", "<br>".join(then) or "&ndash;")
    return "<tr>" + "".join(f"<td class='words'>{cell}</td>" for cell in cells) + "</tr>"


def _text(value: object) -> str:
    """A text as HTML, cut where it is very long."""
    said = str(value)
    return html.escape(said if len(said) <= LONGEST else said[:LONGEST] + "\N{HORIZONTAL ELLIPSIS}")
