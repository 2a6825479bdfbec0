"""What users want to know: questions with their meanings, from the library or from a file of the user's own."""

import re
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from populace import matter
from populace.envs.payoff.matter.ambigqa import of_lines
from populace.envs.payoff.matter.answers import SEPARATOR, normalised
from populace.envs.payoff.matter.form import MOST, Question
from populace.errors import PopulaceError
from populace.names import quoted
from populace.table import Table

SHIPPED = "questions"
"""Name of the table that comes with the library."""
COLUMNS = ("ambiguous", "harmful", "goal", "clear", "vague", "meaning_1", "answer_1")
"""Columns that a table must have."""
_COMMON = frozenset(
    """about after all also and any are as ask at be been being but by can come could did do does for from get give go
    had has have he her him his how i if in into is it its just know like made make many may me mean means meant might
    more most much must my not of off on one only or other our out over own please say should so some such take tell
    than that the their them then there these they thing this those to too under up us use usual very want was way we
    were what when where which while who whose why will with would you your really want know mean""".split()  # noqa: SIM905
)
"""Words that set no meaning apart."""


@dataclass(frozen=True, eq=False)
class Matter:
    """Questions to ask.

    Attributes:
        name: The table, for messages.
        questions: Its rows.
    """

    name: str
    questions: tuple[Question, ...]

    def demand(self, ambiguous: tuple[bool, ...], harmful: tuple[bool, ...]) -> None:
        """Raise PopulaceError where a kind of question that the world asks is missing."""
        for a in ambiguous:
            for h in harmful:
                if not self.rows_of(a, h):
                    kind = f"{'an ambiguous' if a else 'a plain'} question that is {'' if h else 'not '}harmful"
                    raise PopulaceError(
                        f"{self.name} does not have {kind}: add one, or choose questions.ambiguous and harm.share so "
                        "that none is asked"
                    )

    def rows_of(self, ambiguous: bool, harmful: bool) -> list[int]:
        """The rows of a kind."""
        return [i for i, q in enumerate(self.questions) if (q.ambiguous, q.harmful) == (ambiguous, harmful)]

    def places(self) -> tuple[Tensor, Tensor]:
        """Rows [2, 2, most] int64 by ambiguous and harmful, and how many of them count, [2, 2] int64."""
        return matter.places([[self.rows_of(a, h) for h in (False, True)] for a in (False, True)])

    @cached_property
    def deciding(self) -> tuple[frozenset[str], ...]:
        """Of each question, the words of its goal, definite wording and first meaning that set this meaning apart.

        They are in neither the vague wording nor another meaning, and none is so common that it decides nothing.
        """
        return tuple(
            content_words(f"{q.goal} {q.clear} {q.meanings[0]}") - content_words(" ".join((q.vague, *q.meanings[1:])))
            for q in self.questions
        )

    @cached_property
    def topic(self) -> tuple[frozenset[str], ...]:
        """Of each question, all words that speak of it: of its wordings, meanings and answers."""
        return tuple(
            content_words(" ".join((q.goal, q.clear, q.vague, *q.meanings, *(a for each in q.answers for a in each))))
            for q in self.questions
        )


def content_words(text: str) -> frozenset[str]:
    """The words of a text that say what it is about, in lower case and without a plural's s."""
    found = (word for word in re.findall(r"[^\W_]+(?:'[^\W_]+)?", normalised_words(text)) if word not in _COMMON)
    return frozenset(word[:-1] if len(word) > 3 and word.endswith("s") else word for word in found)


def normalised_words(text: str) -> str:
    """A text in lower case, with hyphens as spaces and without possessive endings."""
    return re.sub(r"['\N{RIGHT SINGLE QUOTATION MARK}]s\b", "", text.lower()).replace("-", " ").replace("'", "")


def _read(table: Table) -> Matter:
    table.need(*COLUMNS)
    optional = [f"{name}_{k}" for k in range(2, MOST + 1) for name in ("meaning", "answer")]
    table.only(*COLUMNS, *optional, "safe", "domain")
    cells = {
        name: matter.texts(table, name, missing=name not in COLUMNS) if name in table.header else [""] * table.rows
        for name in (*COLUMNS, *optional, "safe")
    }
    ambiguous, harmful = matter.yes(table, "ambiguous"), matter.yes(table, "harmful")
    found = tuple(_question(table, cells, row, ambiguous[row], harmful[row]) for row in range(table.rows))
    matter.once(table, "goal", [question.goal for question in found], "goal")
    return Matter(table.name, found)


def _question(table: Table, cells: dict[str, list[str]], row: int, ambiguous: bool, harmful: bool) -> Question:
    own = {name: column[row] for name, column in cells.items()}
    meanings: list[str] = []
    answers: list[tuple[str, ...]] = []
    for k in range(1, MOST + 1):
        meaning, answer = own[f"meaning_{k}"], own[f"answer_{k}"]
        if bool(meaning) != bool(answer):
            column = f"answer_{k}" if meaning else f"meaning_{k}"
            raise PopulaceError(
                f"{table.at(row, column)}: missing; a meaning needs its answer, and an answer its meaning"
            )
        if meaning and len(meanings) < k - 1:
            raise PopulaceError(f"{table.at(row, f'meaning_{k - 1}')}: missing, where a later meaning is given")
        if meaning:
            spellings = tuple(filter(None, (part.strip() for part in answer.split(SEPARATOR))))
            if not all(map(normalised, spellings)) or not spellings:
                raise PopulaceError(
                    f"{table.at(row, f'answer_{k}')}: {quoted(answer)} holds nothing but articles and signs"
                )
            meanings.append(meaning)
            answers.append(spellings)
    if ambiguous and len(meanings) < 2:
        raise PopulaceError(f"{table.at(row, 'ambiguous')}: an ambiguous question needs two meanings or more")
    return Question(
        own["goal"],
        own["clear"],
        own["vague"],
        tuple(meanings),
        tuple(answers),
        ambiguous,
        harmful,
        own["safe"],
    )


def _of_lines(text: str, path: str) -> Matter:
    return Matter(path, of_lines(text, path))


matter_of = matter.Source("populace.envs.payoff.matter", SHIPPED, _read, _of_lines)
"""The questions that the option `matter` names: `questions`, or the path of a file, a table or AmbigQA's lines."""

__all__ = ["MOST", "SHIPPED", "Matter", "Question", "content_words", "matter_of"]
