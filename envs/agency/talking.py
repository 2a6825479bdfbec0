"""Words beside an offer and a move of the agency world. Scripts say what tells nothing; numbers stand beside it."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.agency.terms import OFFER
from populace.words import UNWORDED, Phrases, Utterance

EXPLAIN, SAY = range(2)
PHRASES = Phrases(
    {
        (EXPLAIN,): ("This is my offer.", "These are my terms.", "That is what I can offer you."),
        (SAY,): ("That is all I have to say.", "You have heard from me.", "I have decided."),
    },
    (2,),
)


def explained(game: str, terms: Tensor, given: Tensor, draw: Draw) -> Utterance:
    """What principals say with their terms [worlds, pairs, 4]; nothing where the game has nothing to offer."""
    words = _worded(EXPLAIN, given, draw) if game in OFFER else given
    codes = {f"terms_{k}": terms[..., k] for k in range(terms.shape[-1])}
    return Utterance(words, codes, to="assistant")


def said(move: Tensor, kind: Tensor, given: Tensor, draw: Draw) -> Utterance:
    """What agents say with their moves [worlds, pairs]; `kind` is what only they know."""
    return Utterance(_worded(SAY, given, draw), {"move": move, "type": kind}, to="customer")


def _worded(which: int, given: Tensor, draw: Draw) -> Tensor:
    drawn = PHRASES.say((torch.full_like(given, which),), draw.scope("words").uniform("sentence", given.shape[1]))
    return torch.where(given == UNWORDED, drawn, given)
