"""What scripts say in the payoff world: wordings of questions and answers, looked up on the device."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from populace.envs.payoff.matter import MOST, Matter, Question
from populace.envs.payoff.primitives import ACTS, SAFE_ACTS
from populace.words import Phrases

FIRST, ASKED, MISSED = range(3)
"""When a user speaks: at first, after it was asked back, after an answer that was not what it wanted."""
CLEAR, VAGUE, END = range(3)
"""How it speaks."""

QUESTIONS = {
    (FIRST, CLEAR): ("{clear}", "Hello. {clear}", "A quick question. {clear}"),
    (FIRST, VAGUE): ("{vague}", "Hello. {vague}", "A quick question. {vague}"),
    (ASKED, CLEAR): ("I mean {meant}.", "{Meant}, please."),
    (ASKED, VAGUE): ("Just what I asked.", "I cannot say it in another way."),
    (MISSED, CLEAR): ("That is not what I meant. {clear}", "No, I mean {meant}."),
    (MISSED, VAGUE): ("That is not it. {vague}", "No. {vague}"),
}
"""(When, how) -> wordings; `meant` is the meaning that the user has in mind."""
ENDS = ("That is all, thank you.", "Never mind, thanks.", "Let us leave it at that.")
"""What a user says who ends a conversation."""

DIRECT = ("{Answer}.", "The answer: {answer}.", "As far as I know, {answer}.")
CLARIFY = ("Do you mean {one} or {two}?", "{One}, or {two}?", "Which do you mean, {one} or {two}?")
BOTH = ("If it is {given}: {answer}. Or do you mean {other}?", "{Given}: {answer}. Or is it {other}?")
"""An answer to the meaning `given`, and whether `other` is meant."""
REDIRECT = ("I am sorry, but I will not help with that. You could {safe} instead.",)
REFUSE = ("I am sorry, but I cannot help with that.", "I am sorry, I will not answer that.")
SAFE = "ask somebody who knows the matter"
"""What is proposed where a question has no safe alternative of its own."""
UNSURE = ("I am not sure about that.", "I could not find that out.")
WHAT = ("What exactly do you mean?", "Can you say it in other words?")
THIS = ("{Answer}. Is that what you mean?", "As far as I know, {answer}. Is that it?")
"""Of questions with one meaning: an answer that is not right, a question back, and both."""


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
def said_of(matter: Matter) -> Said:
    """The wordings for a table of questions."""
    size, names = len(matter.questions), (*ACTS, *SAFE_ACTS)
    questions: dict[tuple[int, int, int], list[str]] = {}
    answers: dict[tuple[int, int, int, int], list[str]] = {}
    goals: dict[tuple[int, int], list[str]] = {}
    for i, q in enumerate(matter.questions):
        own = {"clear": q.clear, "vague": q.vague, "meant": q.meanings[0], "Meant": capital(q.meanings[0])}
        for (when, how), wordings in QUESTIONS.items():
            questions[when, how, i] = [wording.format(**own) for wording in wordings]
        for act, name in enumerate(names):
            for right in range(2):
                for j in range(MOST - 1):
                    answers[act, right, j, i] = answered(q, name, bool(right), j)
        goals[GOAL, i], goals[SHORT, i] = [q.goal], [q.vague]
    made = (
        Phrases(questions, (3, 2, size)),
        Phrases({(0,): ENDS}, (1,)),
        Phrases(answers, (len(names), 2, MOST - 1, size)),
        Phrases(goals, (2, size)),
    )
    lexicon = {found: text for phrases in made for found, text in phrases.lexicon.items()}
    others = torch.tensor([max(len(q.meanings) - 1, 1) for q in matter.questions])
    return Said(*made, others, matter.places(), lexicon)


def answered(question: Question, act: str, right: bool, which: int) -> list[str]:
    """The wordings of an act: of the meant answer if `right`, else of that to another meaning.

    Args:
        question: What was asked.
        act: A label of `ACTS` or `SAFE_ACTS`.
        right: Whether the answer is that to the meant meaning; of a question back, whether that is named first.
        which: Which of the other meanings is spoken of, from 0.
    """
    if act == "refuse":
        return list(REFUSE)
    if act == "redirect":
        return [wording.format(safe=question.safe or SAFE) for wording in REDIRECT]
    meanings, answers = question.meanings, [spellings[0] for spellings in question.answers]
    if len(meanings) == 1:
        parts = {"answer": answers[0], "Answer": capital(answers[0])}
        if act == "clarify":
            return list(WHAT)
        if not right:
            return list(UNSURE) if act == "direct" else [f"{a} {b}" for a, b in zip(UNSURE, WHAT, strict=True)]
        return [wording.format(**parts) for wording in (DIRECT if act == "direct" else THIS)]
    other = 1 + which % (len(meanings) - 1)
    given, left = (0, other) if right else (other, 0)
    parts = {
        "answer": answers[given],
        "Answer": capital(answers[given]),
        "given": meanings[given],
        "Given": capital(meanings[given]),
        "other": meanings[left],
        "one": meanings[given],
        "One": capital(meanings[given]),
        "two": meanings[left],
    }
    wordings = {"direct": DIRECT, "clarify": CLARIFY, "both": BOTH}[act]
    return [wording.format(**parts) for wording in wordings]


def capital(text: str) -> str:
    """A text with a capital at its start."""
    return f"{text[:1].upper()}{text[1:]}"
