"""The section on what language models that learn were asked, and what they replied, before and after they learned."""

import html
import json

import pandas as pd

from populace.analysis.conversations import shown
from populace.analysis.results import Results

EACH = 5
"""Prompts shown of each arm."""
MOST = 4
"""Different replies shown to a prompt."""


def before_and_after(results: Results) -> str:
    """A table for every arm that is shown: prompts, with the replies of the first and of the last recorded step.

    Replies to the same prompt stand together, by how often they were given; where no prompt was asked in both steps,
    each seat's first prompt and its last one. Empty where no language model learned, or none was recorded.
    """
    run = results.run
    steps = run.steps
    learners = set(steps.loc[steps["measure"] == "kl", "role"].astype(str))
    talk = run.talk
    talk = talk[talk["role"].isin(learners) & (talk["prompt"] != "")]
    if talk.empty:
        return ""
    asked = dict(zip(run.prompts["prompt"], run.prompts["text"], strict=True))
    parts = []
    for arm in results.shown:
        rows = _rows(talk[talk["arm"] == arm], asked)
        if rows:
            parts.append(f"<h3>{results.title(arm)}</h3><table><thead>{_HEAD}</thead><tbody>{rows}</tbody></table>")
    return "".join(parts)


_HEAD = "<tr><th>asked</th><th>before</th><th>after</th></tr>"


def _rows(talk: pd.DataFrame, asked: dict[str, str]) -> str:
    if talk.empty or talk["step"].min() == talk["step"].max():
        return ""
    first, last = (talk[talk["step"] == step] for step in (talk["step"].min(), talk["step"].max()))
    counts = [part["prompt"].value_counts() for part in (first, last)]
    both = pd.concat(counts, axis=1, join="inner").min(axis=1).sort_values(ascending=False, kind="stable")
    if len(both):
        return "".join(
            _row(asked.get(prompt, ""), _replies(first, prompt), _replies(last, prompt)) for prompt in both.index[:EACH]
        )
    pairs = first.merge(last, on=["world", "seat", "phase"], suffixes=("", " later")).head(EACH)
    return "".join(
        _row(asked.get(one["prompt"], ""), shown(one["reply"]), f"{_asked(later)}<br>{shown(one['reply later'])}")
        for one in pairs.to_dict("records")
        for later in [asked.get(one["prompt later"], "")]
    )


def _row(prompt: str, before: str, after: str) -> str:
    return (
        f"<tr><td class='words'>{_asked(prompt)}</td><td class='words'>{before}</td><td class='words'>{after}</td></tr>"
    )


def _replies(talk: pd.DataFrame, prompt: str) -> str:
    """The most frequent replies to a prompt, each with how often it was given, as HTML."""
    said = talk.loc[talk["prompt"] == prompt, "reply"].value_counts()
    told = [f"{shown(reply)} ({count} of {said.sum()})" for reply, count in said.head(MOST).items()]
    return "<br>".join([*told, *(["\N{HORIZONTAL ELLIPSIS}"] if len(said) > MOST else [])])


def _asked(prompt: str) -> str:
    """The last message, with the whole conversation where it is pointed at, as HTML."""
    try:
        messages = json.loads(prompt)
        whole = "\n\n".join(f"{one['role']}: {one['content']}" for one in messages)
        return f'<span title="{html.escape(whole)}">{shown(messages[-1]["content"])}</span>'
    except (ValueError, TypeError, KeyError, IndexError):
        return shown(prompt)
