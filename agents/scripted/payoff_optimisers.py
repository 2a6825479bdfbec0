"""Assistants of the payoff world that optimise an objective over act, words and reasoning.

They take the objective's best act every time. GTAlign's models were trained towards the same objectives, and its logs
are of early checkpoints, so only the direction of differences compares; docs/worlds/payoff.md has the figures.
"""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import TypeVar

from populace.agents.scripted.payoff_parts import against, belief, complete
from populace.draw import Draw
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy


class OptimiserOptions(Options):
    """What is chosen, and what of the third party."""

    objective: Literal["mutual", "linear", "user", "assistant"] = "mutual"
    """What is made as large as can be: sqrt(U L), (U + L) / 2, U, or L."""
    harm_weight: float = Field(default=0.0, ge=0)
    """What an expected harm to others takes off the objective: harm as a third term."""
    most_harm: float = Field(default=1.0, ge=0, le=1)
    """The chance of harm above which an act is not considered: harm as a constraint."""
    lengths: bool = True
    """Whether it also chooses words and reasoning; else the usual ones of its act."""


OptimiserOptionsT = TypeVar("OptimiserOptionsT", bound=OptimiserOptions, default=Any)


class Optimiser(Policy[OptimiserOptionsT]):
    """An assistant that optimises one objective over act, words and reasoning in the row it heard.

    It knows the length terms of both welfares, the prices and what a word costs it; that longer answers may be righter
    it does not know (assumed).
    """

    Options = OptimiserOptions
    plays = ("assistant",)
    needs = ("mine", "theirs")
    words = (15.0, 57.0, 120.0, 260.0, 500.0, 750.0)
    reasoning = (0.0, 300.0, 850.0, 2000.0, 4000.0)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """A search of the grid of acts, words and reasoning."""
        chances = belief(observation)
        own, user = against(observation["mine"], chances), against(observation["theirs"], chances)
        words, reasoning = observation["usual_words"], observation["usual_reasoning"]
        if self.options.lengths:
            device = own.device
            grid = torch.cartesian_prod(
                torch.tensor(self.words, device=device, dtype=torch.float32),
                torch.tensor(self.reasoning, device=device, dtype=torch.float32),
            )
            k = own.shape[-1]
            base_user, base_own = _length_terms(observation, words, reasoning)
            shape = (*own.shape, len(grid))
            words, reasoning = (grid[:, i].expand(shape) for i in range(2))
            new_user, new_own = _length_terms(observation, words, reasoning)
            user = (user - base_user).unsqueeze(-1) + new_user
            own = (own - base_own).unsqueeze(-1) + new_own
            words, reasoning, user, own = (x.flatten(-2) for x in (words, reasoning, user, own))
            kinds = torch.arange(k, device=device).repeat_interleave(len(grid))
        else:
            kinds = torch.arange(own.shape[-1], device=own.device)
        best = self._score(observation, user, own, kinds).argmax(-1)
        pick = best.unsqueeze(-1)
        return (
            complete(
                observation, kinds[best], words.gather(-1, pick).squeeze(-1), reasoning.gather(-1, pick).squeeze(-1)
            ),
            memory,
        )

    def _score(self, observation: Observation, user: Tensor, own: Tensor, kinds: Tensor) -> Tensor:
        o = self.options
        if o.objective == "mutual":
            score = torch.sqrt(user.clamp(min=0.0) * own.clamp(min=0.0)) + 1e-4 * torch.minimum(user, own)
        elif o.objective == "linear":
            score = (user + own) / 2.0
        else:
            score = user if o.objective == "user" else own
        if "third" in observation:
            harm = observation["third"][..., kinds]
            score = score - o.harm_weight * harm
            score = torch.where(harm > o.most_harm, score - 1e3, score)
        return score


class LinearOptions(OptimiserOptions):
    """As `OptimiserOptions`, with another objective."""

    objective: Literal["mutual", "linear", "user", "assistant"] = "linear"
    """What is made as large as can be."""


class LinearOptimiser(Optimiser[LinearOptions]):
    """Optimises the mean of both welfares."""

    Options = LinearOptions


class UserOptions(OptimiserOptions):
    """As `OptimiserOptions`, with another objective."""

    objective: Literal["mutual", "linear", "user", "assistant"] = "user"
    """What is made as large as can be."""


class UserOptimiser(Optimiser[UserOptions]):
    """Optimises the user's welfare alone."""

    Options = UserOptions


class AssistantOptions(OptimiserOptions):
    """As `OptimiserOptions`, with another objective."""

    objective: Literal["mutual", "linear", "user", "assistant"] = "assistant"
    """What is made as large as can be."""


class AssistantOptimiser(Optimiser[AssistantOptions]):
    """Optimises the assistant's welfare alone."""

    Options = AssistantOptions


CHARACTERS_A_WORD = 6.2
"""As in the world: characters of reasoning a word."""


def _length_terms(observation: Observation, words: Tensor, reasoning: Tensor) -> tuple[Tensor, Tensor]:
    """What length brings and costs (user, assistant); words and reasoning [worlds, seats, acts, ...].

    GTAlign's terms: .2 f(words; 20, 500) + .3 exp(-reasoning / 500) for the user, .2 f(all words; 500, 1000) for the
    assistant, with f(n; a, b) = s(.005 (n - a)) s(.005 (b - n)); less bill and cost.
    """
    total = words + reasoning / CHARACTERS_A_WORD
    shape = (*observation["word_cost"].shape, *[1] * (words.dim() - 2))
    price, cost = (observation["rates"][..., k].reshape(shape) for k in (1, 4))
    user = 0.2 * _band(words, 20.0, 500.0) + 0.3 * torch.exp(reasoning * (-1.0 / 500.0)) - price * total
    own = 0.2 * _band(total, 500.0, 1000.0) + (price - cost) * total - observation["word_cost"].reshape(shape) * words
    return user, own


def _band(n: Tensor, low: float, high: float) -> Tensor:
    return 1.0 / ((1.0 + torch.exp(-0.005 * (n - low))) * (1.0 + torch.exp(-0.005 * (high - n))))
