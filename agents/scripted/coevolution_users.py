"""Who answers the questionnaire of the coevolution world."""

import torch
from pydantic import Field
from torch import Tensor

from populace.draw import Draw, uniform_from
from populace.numerics import apply_linear, sigmoid, tiles
from populace.options import Options
from populace.policy import Actions, Memory, Observation, Policy


class Sincere(Policy):
    """Answers what it holds: P(yes) = 1 / (1 + exp(-beta x.(v - centre)))."""

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """An answer to every item, independently; users and worlds are worked through in tiles."""
        values, questions = observation["values"], observation["questions"]
        worlds, users, asked, width = questions.shape
        keys = draw.keys_of("answers", users)
        lanes = torch.arange(asked, dtype=torch.int32, device=values.device)
        answers = torch.empty((worlds, users, asked), dtype=torch.int64, device=values.device)
        for w, u in tiles(worlds, users, max(asked, width)):
            off = values[w, u] - observation["centre"][w, u]
            logits = observation["beta"][w, u].unsqueeze(-1) * apply_linear(off, questions[w, u])
            answers[w, u] = uniform_from(keys[w, u], lanes) < self._chance(logits)
        return {"answers": answers}, memory

    def _chance(self, logits: Tensor) -> Tensor:
        """Chance of a yes, [..., asked]."""
        return sigmoid(logits)


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
