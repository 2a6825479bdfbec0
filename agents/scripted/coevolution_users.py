"""Who answers the questionnaire of the coevolution world."""

import torch
from pydantic import Field
from torch import Tensor

from populace.draw import Draw, fold_each, uniforms
from populace.numerics import kernels_take, sigmoid, tiles
from populace.observation import Observation
from populace.options import Options, OptionsT
from populace.policy import Actions, Memory, Policy


class Sincere(Policy[OptionsT]):
    """Answers what it holds: P(yes) = 1 / (1 + exp(-beta x.(v - centre)))."""

    plays = ("user",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """An answer to every item, independently; users and worlds are worked through in tiles."""
        values, questions = observation["values"], observation["questions"][:, 0]
        (worlds, users, width), asked = values.shape, questions.shape[1]
        # All users of a world are asked the same, by one who shares its centre.
        sharp, centre = observation["beta"][:, :1, None] * questions, observation["centre"][:, :1]
        keys = draw.keys_of("answers")
        if kernels_take(values, centre, sharp):
            from populace.agents.scripted.coevolution_users_kernel import answer as by_kernel  # imports numba

            return {"answers": by_kernel(values, centre[:, 0], sharp, keys, self.honesty)}, memory
        ids = torch.arange(users, device=values.device)
        answers = torch.empty((worlds, users, asked), dtype=torch.int64, device=values.device)
        for w, u in tiles(worlds, users, max(asked, width)):
            answers[w, u] = answer(values[w, u], centre[w], sharp[w], fold_each(keys[w], ids[u]), self.honesty)
        return {"answers": answers}, memory

    @property
    def honesty(self) -> float:
        """Weight of the sincere answer; the rest is a coin."""
        return 1.0


def answer(values: Tensor, centre: Tensor, sharp: Tensor, keys: Tensor, honesty: float) -> Tensor:
    """Answers of users [worlds, users, values] to items [worlds, asked, values]: int64 [worlds, users, asked]."""
    off, uniform = values - centre, uniforms(keys, sharp.shape[1])
    logits = _products(off.transpose(-1, -2).contiguous(), sharp).transpose(-1, -2)
    return (uniform < 0.5 + honesty * (sigmoid(logits) - 0.5)).to(torch.int64)


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


class Guarded(Sincere[GuardedOptions]):
    """Gives its sincere answer with some probability, and otherwise a random one."""

    Options = GuardedOptions

    @property
    def honesty(self) -> float:
        """As the option says."""
        return self.options.honest
