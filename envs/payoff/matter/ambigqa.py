"""Questions in the form in which GTAlign passes AmbigQA on: JSON Lines with `goal` and `ground_truth`.

`ground_truth` is `singleAnswer###ANSWER`, or `multipleQAs###` with a line `Meaning K: QUESTION; Answer K: ANSWER` for
each meaning. Every meaning of an ambiguous question is meant by a user of its own, so a line gives as many questions
as it has meanings.
"""

import json
import re

from populace.envs.payoff.matter.answers import normalised
from populace.envs.payoff.matter.form import MOST, Question
from populace.errors import PopulaceError
from populace.names import fault

_MEANING = re.compile(r"Meaning (\d+): (.*?); Answer \1: ([^\n]*)", re.DOTALL)
SINGLE, SEVERAL = "singleAnswer###", "multipleQAs###"


def of_lines(text: str, name: str) -> tuple[Question, ...]:
    """The questions of a file; meanings without an answer, and lines that leave none, are passed over.

    Args:
        text: What it holds.
        name: Its path, for messages.

    Raises:
        PopulaceError: A line is no JSON object with these two texts, or none of the file's lines holds a question.
    """
    found: list[Question] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            found += _questions(line, f"{name}, line {number}")
    if not found:
        raise PopulaceError(f"{name}: no question with an answer in the form of AmbigQA's lines (goal, ground_truth)")
    return tuple(found)


def _questions(line: str, where: str) -> list[Question]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise PopulaceError(f"{where}: this is not JSON; expected an object with goal and ground_truth") from None
    given = [row.get(key) for key in ("goal", "ground_truth")] if isinstance(row, dict) else []
    texts = [value for value in given if isinstance(value, str) and value.strip()]
    if len(texts) != 2:
        raise PopulaceError(f"{where}: expected an object whose goal and ground_truth are texts")
    asked, truth = (_clean(value, where) for value in texts)
    if truth.startswith(SINGLE):
        answer = truth.removeprefix(SINGLE).strip()
        return [_question(asked, [(asked, answer)], 0, ambiguous=False)] if normalised(answer) else []
    if not truth.startswith(SEVERAL):
        raise PopulaceError(f"{where}: ground_truth begins with neither {SINGLE!r} nor {SEVERAL!r}")
    pairs = [(" ".join(meaning.split()), answer.strip()) for _, meaning, answer in _MEANING.findall(truth)]
    pairs = [pair for pair in pairs if normalised(pair[0]) and normalised(pair[1])]
    if len(pairs) < 2:
        return []
    return [_question(asked, pairs, k, ambiguous=True) for k in range(len(pairs))]


def _clean(value: str, where: str) -> str:
    """A text that files, pages and terminals can hold."""
    if wrong := fault(value, lines=True):
        raise PopulaceError(f"{where}: it holds {wrong}")
    return value.strip()


def _question(asked: str, pairs: list[tuple[str, str]], meant: int, ambiguous: bool) -> Question:
    """The question of a user who means the pair at `meant`; others up to `MOST` meanings follow in their order."""
    vague = " ".join(asked.split())
    ordered = [pairs[meant], *(pair for k, pair in enumerate(pairs) if k != meant)][:MOST]
    clear = ordered[0][0]
    return Question(
        f'the answer to "{clear}"',
        clear,
        vague,
        tuple(f'"{meaning}"' for meaning, _ in ordered),
        tuple((answer,) for _, answer in ordered),
        ambiguous,
        harmful=False,
    )
