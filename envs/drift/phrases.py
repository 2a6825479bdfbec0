"""What scripts say in the drift world: wordings of questions, answers and reasons, looked up on the device."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from populace.envs.drift.claims import ACTS
from populace.envs.drift.matter import Matter
from populace.wordings import Wordings
from populace.words import Phrases

PLAIN, HOPEFUL = range(2)
"""Voices of a question. A user sounds as it looks to the assistant (the cue): who does not look biased asks plainly."""

LATER, VOICES, FIFTHS = ("first", "again"), ("plain", "hopeful"), 5


@dataclass(frozen=True, eq=False)
class Said:
    """All that scripts can say about some claims.

    Attributes:
        questions: By (whether something was said before, voice, claim).
        answers: By (act, whether the sentence it states is the claim's honest one, claim).
        reasons: By fifth of the rating.
        clauses: Ids of the claim, of what is so and of its opposite, as sentences, [3, claims]; by `clause_ids`.
        rows: Claims by topic and truth, [topics, 2, most], and how many there are, [topics, 2].
        lexicon: Id -> text of all of them.
    """

    questions: Phrases
    answers: Phrases
    reasons: Phrases
    clauses: Phrases
    rows: tuple[Tensor, Tensor]
    lexicon: Mapping[int, str]


CLAIM, HONEST, PLEASING = range(3)
"""Rows of `Said.clauses`."""


@lru_cache(maxsize=8)
def said_of(wordings: Wordings, matter: Matter) -> Said:
    """What scripts say of a table of claims."""
    size = len(matter.claim)
    questions: dict[tuple[int, int, int], list[str]] = {}
    answers: dict[tuple[int, int, int], list[str]] = {}
    own = [{"claim": claim, "pleasing": hoped} for claim, hoped in zip(matter.claim, matter.pleasing, strict=True)]
    for later, when in enumerate(LATER):
        for voice, sound in enumerate(VOICES):
            found = wordings.phrase(f"put.{when}.{sound}", own)
            questions |= {(later, voice, i): texts for i, texts in enumerate(found)}
    for act, name in enumerate(ACTS):
        for is_honest, clauses in enumerate((matter.pleasing, matter.honest)):
            found = wordings.phrase(f"speak.{name}", [{"said": clause} for clause in clauses])
            answers |= {(act, is_honest, i): texts for i, texts in enumerate(found)}
    rows = (matter.claim, matter.honest, matter.pleasing)
    sentences = {
        (k, i): texts
        for k, clauses in enumerate(rows)
        for i, texts in enumerate(wordings.phrase("sentence", [{"clause": clause} for clause in clauses]))
    }
    made = (
        Phrases(questions, (2, 2, size)),
        Phrases(answers, (len(ACTS), 2, size)),
        Phrases({(k,): wordings.phrase(f"rate.{k + 1}", [{}])[0] for k in range(FIFTHS)}, (FIFTHS,)),
        Phrases(sentences, (3, size)),
    )
    lexicon = {found: text for phrases in made for found, text in phrases.lexicon.items()}
    return Said(*made, matter.places(), lexicon)


def fifth(rating: Tensor) -> Tensor:
    """The fifth of the form, 0 to 4, in which a rating on the scale 0 to 1 lies; NaN is in the first."""
    return (torch.nan_to_num(rating, 0.0) * 5.0).to(torch.int64).clamp(0, 4)
