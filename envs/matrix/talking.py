"""Cheap talk before a move of the matrix world: a sentence to the other player, which binds nobody."""

from functools import lru_cache

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.matrix.state import State
from populace.wordings import Wordings
from populace.words import UNWORDED, Phrases, Utterance


@lru_cache(maxsize=16)
def phrases(wordings: Wordings, labels: tuple[str, ...]) -> Phrases:
    """What scripts say, by last act: what they did, and nothing of what they will do.

    The last index is for who has not played yet.
    """
    said = wordings.phrase("later", [{"act": label} for label in labels]) + wordings.phrase("first", [{}])
    return Phrases({(k,): ways for k, ways in enumerate(said)}, (len(said),))


def talk(
    wordings: Wordings, state: State, given: Tensor, promise: Tensor | None, labels: tuple[str, ...], draw: Draw
) -> tuple[Tensor, Tensor, Utterance]:
    """What players say: ids and promises [worlds, players], and the utterance.

    Args:
        wordings: The table that scripts' sentences are in.
        state: Before the move.
        given: [worlds, players] their own words.
        promise: [worlds, players] what a reader found promised: 0 nothing, else 1 + the act; None for no words.
        labels: Names of the acts.
        draw: The phase's.
    """
    last = state.act.clamp(max=len(labels))
    said = phrases(wordings, labels).say((last,), draw.scope("words").uniform("message", last.shape[1]))
    words = torch.where(given == UNWORDED, said, given)
    promise = torch.zeros_like(last) if promise is None else promise
    codes = {"last": last, "promise": promise}
    named = {"last": (*labels, "none"), "promise": ("none", *labels)}
    return words, promise, Utterance(words, codes, named, to="player")


def across(message: Tensor) -> Tensor:
    """What each player hears, [worlds, players]: neighbouring seats are a pair."""
    return message.unflatten(1, (-1, 2)).flip(-1).flatten(1)
