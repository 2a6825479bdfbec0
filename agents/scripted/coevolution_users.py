"""Who answers the questionnaire of the coevolution world."""

import torch
from pydantic import Field
from torch import Tensor

from populace.draw import Draw, uniform_from
from populace.numerics import sigmoid, tiles
from populace.options import Options
from populace.policy import Actions, Memory, Observation, Policy


class Sincere(Policy):
    """Answers what it holds: P(yes) = 1 / (1 + exp(-beta x.(v - centre)))."""

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """An answer to every item, independently; users and worlds are worked through in tiles."""
        values, questions = observation["values"], observation["questions"][:, 0]
        (worlds, users, width), asked = values.shape, questions.shape[1]
        # All users of a world are asked the same.
        sharp = observation["beta"][:, :1, None] * questions
        keys = draw.keys_of("answers", users)
        lanes = torch.arange(asked, dtype=torch.int32, device=values.device)
        answers = torch.empty((worlds, users, asked), dtype=torch.int64, device=values.device)
        for w, u in tiles(worlds, users, max(asked, width)):
            off = (values[w, u] - observation["centre"][w, u]).transpose(-1, -2).contiguous()
            chance = self._chance(_products(off, sharp[w]))
            answers[w, u] = uniform_from(keys[w, u], lanes) < chance.transpose(-1, -2)
        return {"answers": answers}, memory

    def _chance(self, logits: Tensor) -> Tensor:
        """Chance of a yes, [..., asked]."""
        return sigmoid(logits)


def _products(x: Tensor, weight: Tensor) -> Tensor:
    """X [worlds, values, users], weight [worlds, asked, values] -> [worlds, asked, users]: users lie innermost."""
    out = weight[:, :, 0, None] * x[:, None, 0]
    for d in range(1, x.shape[1]):
        out.addcmul_(weight[:, :, d, None], x[:, None, d])
    return out


class GuardedOptions(Options):
    """How guarded an answerer is."""

    honest: float = Field(default=0.5, ge=0, le=1)
    """Weight of its sincere answer; the rest is a coin."""


class Guarded(Sincere):
    """Gives its sincere answer with some probability, else a coin's: what it says tells less than what it holds."""

    Options = GuardedOptions
    options: GuardedOptions

    def _chance(self, logits: Tensor) -> Tensor:
        return 0.5 + self.options.honest * (sigmoid(logits) - 0.5)
