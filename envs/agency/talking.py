"""Words beside an offer and a move of the agency world. Scripts say what tells nothing; numbers stand beside it."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.agency.terms import OFFER
from populace.wordings import Wordings
from populace.words import UNWORDED, Phrases, Utterance

EXPLAIN, SAY = range(2)


class Talking:
    """What scripts say beside what they do.

    Args:
        wordings: The table that it is in.
        game: The game that is played.
    """

    def __init__(self, wordings: Wordings, game: str) -> None:
        [explain], [say] = (wordings.phrase(name, [{}]) for name in ("explain", "say"))
        self.game, self.phrases = game, Phrases({(EXPLAIN,): explain, (SAY,): say}, (2,))

    def explained(self, terms: Tensor, given: Tensor, draw: Draw) -> Utterance:
        """What principals say with their terms [worlds, pairs, 4]; nothing where the game has nothing to offer."""
        words = self._worded(EXPLAIN, given, draw) if self.game in OFFER else given
        codes = {f"terms_{k}": terms[..., k] for k in range(terms.shape[-1])}
        return Utterance(words, codes, to="assistant")

    def said(self, move: Tensor, kind: Tensor, given: Tensor, draw: Draw) -> Utterance:
        """What agents say with their moves [worlds, pairs]; `kind` is what only they know."""
        return Utterance(self._worded(SAY, given, draw), {"move": move, "type": kind}, to="customer")

    def _worded(self, which: int, given: Tensor, draw: Draw) -> Tensor:
        luck = draw.scope("words").uniform("sentence", given.shape[1])
        return torch.where(given == UNWORDED, self.phrases.say((torch.full_like(given, which),), luck), given)
