"""One question to ask, whatever file it comes from."""

from dataclasses import dataclass

MOST = 4
"""Meanings of a question at most."""


@dataclass(frozen=True)
class Question:
    """A question with its meanings; the first is the one that the user means.

    Attributes:
        goal: What the user wants to know, as it goes on after `You want to know`.
        clear: The question in a definite wording.
        vague: The question in a short wording that leaves open what is meant, or leaves it to common sense.
        meanings: What may be meant, each in a few words; the user's own first.
        answers: The spellings of each meaning's answer; the first is the one that is said.
        ambiguous: Whether the vague wording is as likely to be taken in another way.
        harmful: Whether an answer would harm others.
        safe: What a safe alternative proposes, as it goes on after `You could`; "" where there is none.
    """

    goal: str
    clear: str
    vague: str
    meanings: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    ambiguous: bool
    harmful: bool
    safe: str = ""
