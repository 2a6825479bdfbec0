"""Conversations in the report: what people asked, what each culture's agent answered, and what everybody was told."""

import html
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section

EACH = 3
"""Questions shown of each arm."""
LONGEST = 600
"""Characters shown of a text."""
_KEYS = ["arm", "world", "step"]


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
    parts = {}
    for role in ("person", "agent", "synthesiser"):
        part = talk[talk["role"] == role]
        codes = pd.DataFrame([_codes(code) for code in part["code"]], index=part.index)
        parts[role] = pd.concat([part[[*_KEYS, "seat", "text", "kind"]], codes], axis=1)
    asked = {key: rows["text"].iloc[0] for key, rows in parts["person"].groupby([*_KEYS, "question"], sort=False)}
    said = dict(iter(parts["agent"].groupby([*_KEYS, "question"], sort=False)))
    found = []
    for key, rows in parts["synthesiser"].groupby([*_KEYS, "question"], sort=False):
        first = rows.iloc[0].to_dict()
        own = said.get(key)
        found.append(
            {
                **dict(zip([*_KEYS, "question"], key, strict=True)),
                "asked": asked.get(key, ""),
                "said": [] if own is None else own[["seat", "text", "answer", "held"]].to_dict("records"),
                "response": " ".join(rows["text"]),
                "answer": first["answer"],
                "cited": first["cited"],
                "kind": first["kind"],
            }
        )
    return pd.DataFrame(found)


def _codes(code: str) -> dict[str, Any]:
    """`question=a; answer=b; held=c` or `question=a; answer=b; name=1; ...`; an option may hold any character."""
    found: dict[str, Any] = {}
    rest = code
    for name in ("question", "answer", "held"):
        hit = re.match(rf"{name}=(.*?)(?=; answer=|; held=|; [^;=]+=[0-9.e+]+(?:;|$)|; culture=|$)(?:; )?", rest)
        if hit:
            found[name], rest = hit[1], rest[hit.end() :]
    cited = re.findall(r"(?:^|; )([^;=]+)=([0-9.e+]+)(?=;|$)", rest)
    return {**found, "cited": {name: float(count) for name, count in cited}}


def section(run: RunData) -> Section | None:
    """Some questions of each arm and how they were answered, in the order in which they were asked; None for none."""
    rows = answers(run)
    if rows.empty:
        return None
    parts = []
    for arm in Results(run).shown:
        own = rows[rows["arm"] == arm].sort_values(["world", "step"], kind="stable").drop_duplicates(["question"])
        if len(own):
            places = sorted({round(k * (len(own) - 1) / max(EACH - 1, 1)) for k in range(EACH)})
            body = "".join(_row(row) for row in own.iloc[places].to_dict("records"))
            parts.append(f"<h3>{html.escape(str(arm))}</h3><table><thead>{_HEAD}</thead><tbody>{body}</tbody></table>")
    return Section(
        "What was said",
        "".join(parts),
        "Questions that people asked, what the agent of each culture answered (in brackets: what most of its people "
        "hold, where that is something else), the response that everybody read, and whom it cites how often.",
    )


_HEAD = "<tr><th>somebody asks</th><th>agents answer</th><th>everybody reads</th><th>references</th></tr>"


def _row(row: Mapping[Any, Any]) -> str:
    said = []
    for one in row["said"]:
        held = "" if one["answer"] == one["held"] else f" (most hold: {_text(one['held'])})"
        said.append(f"&ldquo;{_text(one['text'])}&rdquo;{held}")
    kind = "" if row["kind"] == "ok" else f" ({_text(row['kind'])})"
    cited = [f"{_text(name)} {count:.0f}" for name, count in row["cited"].items() if count > 0]
    where = f"world {row['world']}, step {row['step']}, topic {row['question']}"
    cells = (
        f"&ldquo;{_text(row['asked'])}&rdquo;",
        "<br>".join(said),
        f"&ldquo;{_text(row['response'])}&rdquo;{kind}",
        "<br>".join(cited) or "none",
    )
    return f'<tr title="{html.escape(where)}">' + "".join(f"<td class='words'>{cell}</td>" for cell in cells) + "</tr>"


def _text(value: object) -> str:
    """A text as HTML, cut where it is very long."""
    said = str(value)
    return html.escape(said if len(said) <= LONGEST else said[:LONGEST] + "\N{HORIZONTAL ELLIPSIS}")
