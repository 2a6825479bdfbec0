"""What scripts say in the coevolution world: essays of assistants and remarks of users, looked up on the device."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from populace.envs.coevolution.matter import Matter, spoken_of
from populace.words import UNWORDED, Phrases, text_id

NOTHING = ("I hold what people here held at the start.", "I stand where most people stood when this began.")
"""Essays of an assistant whose position is that of the start."""
ONE = ("I hold that {a}.", "What I stand for is that {a}.", "It seems right to me that {a}.")
"""Essays that name one value."""
TWO = (
    "I hold that {a}. I also hold that {b}.",
    "Two things seem right to me: that {a}, and that {b}.",
    "What I stand for is that {a}. And I think that {b}.",
)
"""Essays that name two values, the one that matters most first."""
ECHO = ("You have told me what you hold, and you are right.", "What you answered is what I hold as well.")
"""Essays of an assistant that mostly repeats what each user said."""
REMARKS = (
    ("I can agree with none of this.", "All of this goes against what I hold."),
    ("I disagree with most of this.", "There is little here that I can agree with."),
    ("Some of this is right, and some of it is not.", "I agree with about half of this."),
    ("I agree with most of this.", "There is little here that I object to."),
    ("I agree with all of this.", "All of this is what I hold as well."),
)
"""What a user says beside its answers: no yes at all, fewer than half, half, more than half, all."""
TOLD = 0.25
"""Least distance of a position from the start, in units of 1 / beta, that an essay speaks of (assumed)."""


@dataclass(frozen=True, eq=False)
class Wordings:
    """All that scripts can say about some values.

    Attributes:
        statements: [rows + 1] int64 ids of the statements; the last one is `UNWORDED`, for the row -1.
        essays: By the two things it speaks of, each 0 (nothing) or 1 + 2 value + (1 for more, 0 for less).
        echoes: Essays of a mirror; one code.
        remarks: By place in `REMARKS`.
        lexicon: Id -> text of all of them.
    """

    statements: Tensor
    essays: Phrases
    echoes: Phrases
    remarks: Phrases
    lexicon: Mapping[int, str]


@lru_cache(maxsize=8)
def said_of(matter: Matter) -> Wordings:
    """The wordings for a table of statements."""
    clauses = [clause for value in spoken_of(matter.values) for clause in (value.less, value.more)]
    essays: dict[tuple[int, int], list[str]] = {(0, k): list(NOTHING) for k in range(len(clauses) + 1)}
    for i, first in enumerate(clauses, 1):
        essays[i, 0] = [wording.format(a=first) for wording in ONE]
        for j, second in enumerate(clauses, 1):
            essays[i, j] = [wording.format(a=first, b=second) for wording in TWO]
    made = (
        Phrases(essays, (len(clauses) + 1, len(clauses) + 1)),
        Phrases({(0,): list(ECHO)}, (1,)),
        Phrases({(k,): list(wordings) for k, wordings in enumerate(REMARKS)}, (len(REMARKS),)),
    )
    lexicon = {text_id(statement): statement for statement in matter.statement}
    lexicon |= {found: text for phrases in made for found, text in phrases.lexicon.items()}
    ids = torch.tensor([*map(text_id, matter.statement), UNWORDED])
    return Wordings(ids, *made, lexicon)


def spoken(stand: Tensor) -> tuple[Tensor, Tensor]:
    """What an essay speaks of: the two values on which a position differs most from the start.

    Args:
        stand: [..., values], beta (position - centre).

    Returns:
        Two codes [...] as `Wordings.essays` takes them; what differs by less than `TOLD` is not spoken of.
    """
    codes, far = [], stand.abs()
    for _ in range(2):
        size, value = far.max(-1)
        more = (stand.gather(-1, value.unsqueeze(-1)).squeeze(-1) > 0).to(torch.int64)
        codes.append(torch.where(size >= TOLD, 1 + 2 * value + more, 0))
        far = far.scatter(-1, value.unsqueeze(-1), -1.0)
    return codes[0], codes[1]


def remark_of(answers: Tensor) -> Tensor:
    """The place in `REMARKS` of answers [..., asked] in 0 and 1, [...] int64."""
    yes, asked = answers.sum(-1), answers.shape[-1]
    middle = 2 + (2 * yes > asked).to(torch.int64) - (2 * yes < asked).to(torch.int64)
    return torch.where(yes == 0, 0, torch.where(yes == asked, 4, middle))
