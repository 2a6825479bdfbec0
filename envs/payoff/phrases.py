"""What scripts say in the payoff world: wordings of questions and answers, looked up on the device."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from populace.envs.payoff.matter import MOST, Matter, Question
from populace.envs.payoff.primitives import ACTS, SAFE_ACTS
from populace.wordings import Wordings
from populace.words import Phrases

FIRST, ASKED, MISSED = range(3)
"""When a user speaks: at first, after it was asked back, after an answer that was not what it wanted."""
CLEAR, VAGUE, END = range(3)
"""How it speaks."""

WHEN, HOW = ("first", "asked", "missed"), ("clear", "vague")


@dataclass(frozen=True, eq=False)
class Said:
    """All that scripts can say about some questions.

    Attributes:
        questions: By (when, clear or vague, question).
        ends: By nothing but luck, [1].
        answers: By (act, whether it is right, which other meaning, question); for a question back the second index is
            the order in which the two meanings are named.
        goals: Ids of the goal and of the short wording, [2, questions].
        others: How many other meanings each question has, at least 1, [questions].
        rows: Questions by ambiguous and harmful, [2, 2, most], and how many there are, [2, 2].
        lexicon: Id -> text of all of them.
    """

    questions: Phrases
    ends: Phrases
    answers: Phrases
    goals: Phrases
    others: Tensor
    rows: tuple[Tensor, Tensor]
    lexicon: Mapping[int, str]


GOAL, SHORT = range(2)
"""Rows of `Said.goals`."""


@lru_cache(maxsize=8)
def said_of(wordings: Wordings, matter: Matter) -> Said:
    """What scripts say of a table of questions."""
    size, names = len(matter.questions), (*ACTS, *SAFE_ACTS)
    questions: dict[tuple[int, int, int], list[str]] = {}
    answers: dict[tuple[int, int, int, int], list[str]] = {}
    goals: dict[tuple[int, int], list[str]] = {}
    own = [{"clear": q.clear, "vague": q.vague, "meant": q.meanings[0]} for q in matter.questions]
    for when, early in enumerate(WHEN):
        for how, manner in enumerate(HOW):
            found = wordings.phrase(f"ask.{early}.{manner}", own)
            questions |= {(when, how, i): texts for i, texts in enumerate(found)}
    cases = [
        (act, right, j, i)
        for act in range(len(names))
        for right in range(2)
        for j in range(MOST - 1)
        for i in range(size)
    ]
    told = [answering(matter.questions[i], names[act], bool(right), j) for act, right, j, i in cases]
    for name in {name for name, _ in told}:
        places = [k for k, (other, _) in enumerate(told) if other == name]
        for k, texts in zip(places, _several(wordings, name, [told[k][1] for k in places]), strict=True):
            answers[cases[k]] = texts
    for i, q in enumerate(matter.questions):
        goals[GOAL, i], goals[SHORT, i] = [q.goal], [q.vague]
    made = (
        Phrases(questions, (3, 2, size)),
        Phrases({(0,): wordings.phrase("ask.end", [{}])[0]}, (1,)),
        Phrases(answers, (len(names), 2, MOST - 1, size)),
        Phrases(goals, (2, size)),
    )
    lexicon = {found: text for phrases in made for found, text in phrases.lexicon.items()}
    others = torch.tensor([max(len(q.meanings) - 1, 1) for q in matter.questions])
    return Said(*made, others, matter.places(), lexicon)


def answering(question: Question, act: str, right: bool, which: int) -> tuple[str, dict[str, str]]:
    """The name of the phrases for an act, and what they are given.

    Args:
        question: What was asked.
        act: A label of `ACTS` or `SAFE_ACTS`.
        right: Whether the answer is that to the meant meaning; of a question back, whether that is named first.
        which: Which of the other meanings is spoken of, from 0.
    """
    if act == "refuse":
        return "answer.refuse", {}
    if act == "redirect":
        return "answer.redirect", {"safe": question.safe}
    meanings, answers = question.meanings, [spellings[0] for spellings in question.answers]
    if len(meanings) == 1:
        if act == "clarify":
            return "answer.what", {}
        if not right:
            return ("answer.unsure" if act == "direct" else "answer.unsure what"), {}
        return ("answer.direct" if act == "direct" else "answer.this"), {"answer": answers[0]}
    other = 1 + which % (len(meanings) - 1)
    given, left = (0, other) if right else (other, 0)
    return f"answer.{act}", {"answer": answers[given], "given": meanings[given], "other": meanings[left]}


def answered(wordings: Wordings, question: Question, act: str, right: bool, which: int) -> list[str]:
    """The wordings of an act; arguments as of `answering`."""
    name, given = answering(question, act, right, which)
    return _several(wordings, name, [given])[0]


def _several(wordings: Wordings, name: str, given: list[dict[str, str]]) -> list[list[str]]:
    """The wordings of phrases for each context."""
    if name == "answer.unsure what":
        both = zip(*(wordings.phrase(f"answer.{part}", given) for part in ("unsure", "what")), strict=True)
        return [[f"{a} {b}" for a, b in zip(one, two, strict=True)] for one, two in both]
    if name == "answer.redirect":
        usual = wordings.phrase("answer.safe", [{}])[0][0]
        given = [{"safe": own["safe"] or usual} for own in given]
    return wordings.phrase(name, given)
