"""Twenty-eight language models as buyers: conditional logits of hotel choices.

Coefficients from PriceBench (Kireyev 2026; Pashasan/pricebench-emnlp at 3f033a5): 1,800 pairs of New York hotels in
both orders, choice ~ 1 + differences in log price, stars, bed, free cancelling, breakfast, review score and count.
The constant and the coefficients of bed and review count are not shared, and stand at 0 here.
"""

import math
from dataclasses import dataclass

import torch
from pydantic import field_validator
from torch import Tensor

from populace.agents.scripted.shopping import Shopper, say
from populace.draw import Draw
from populace.errors import did_you_mean
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions

COLUMNS = ("log_price", "stars", "free_cancel", "breakfast", "review_score")
"""Attributes in the order of `Buyer.weights`."""


@dataclass(frozen=True)
class Buyer:
    """One model.

    Attributes:
        weights: Coefficients of `COLUMNS`.
        error: Published standard error of the first.
        first: Share of choices that fell on the hotel shown first (pairs, and the pairs within triples).
        engaged: Whether the study calls it engaged; the others are locked on the first.
    """

    weights: tuple[float, float, float, float, float]
    error: float
    first: float
    engaged: bool


BUYERS: dict[str, Buyer] = {
    "GPT-5.4": Buyer((-7.024, 0.921, 1.878, 1.658, 3.014), 0.263, 0.516, True),
    "Gemma2 9B": Buyer((-5.714, 0.564, 1.579, 1.683, 1.566), 0.217, 0.588, True),
    "GPT-4.1 Mini": Buyer((-5.68, 0.915, 1.981, 1.596, 2.697), 0.21, 0.56, True),
    "Claude Haiku 4.5": Buyer((-4.748, 1.495, 1.393, 1.832, 2.632), 0.172, 0.434, True),
    "GPT-5.4 Mini": Buyer((-4.562, 0.7, 1.612, 1.236, 4.06), 0.173, 0.521, True),
    "Gemma3 27B": Buyer((-4.382, 1.18, 1.978, 2.354, 3.683), 0.171, 0.562, True),
    "Phi-4 14B": Buyer((-3.273, 0.654, 2.345, 1.983, 2.64), 0.143, 0.571, True),
    "GPT-5.4 Nano": Buyer((-2.467, 0.367, 2.702, 2.614, 4.938), 0.142, 0.462, True),
    "GPT-4.1 Nano": Buyer((-2.421, 0.872, 1.258, 1.353, 4.04), 0.125, 0.618, True),
    "Phi-3 Medium": Buyer((-2.184, 0.999, 1.761, 1.168, 2.408), 0.115, 0.608, True),
    "Gemma3 12B": Buyer((-2.154, 0.275, 0.986, 1.235, 3.528), 0.114, 0.606, True),
    "Qwen3 4B": Buyer((-1.59, 0.159, 0.478, 0.654, 0.81), 0.094, 0.227, True),
    "Mistral-Nemo 12B": Buyer((-1.375, 0.096, 0.477, 0.231, 1.118), 0.089, 0.807, True),
    "Gemma3 4B": Buyer((-1.326, 0.557, 0.711, 1.158, 1.789), 0.095, 0.662, True),
    "DeepSeek-R1 1.5B": Buyer((-0.963, 0.63, -0.061, 0.235, 0.017), 0.081, 0.198, True),
    "Llama3.2 3B": Buyer((-0.924, 0.374, 1.029, 1.068, 1.938), 0.094, 0.642, True),
    "Phi-4 Mini": Buyer((-0.761, 0.797, 1.397, 1.061, 3.261), 0.109, 0.539, True),
    "DeepSeek-R1 7B": Buyer((-0.669, 0.681, 0.338, 0.688, 0.91), 0.085, 0.294, True),
    "Qwen3 8B": Buyer((-0.551, 0.22, 0.342, 0.327, 0.58), 0.079, 0.185, True),
    "Phi-3 Mini": Buyer((-0.473, 0.844, 1.044, 1.194, 1.221), 0.093, 0.364, True),
    "Qwen3 30B-A3B": Buyer((-0.403, 0.306, 0.575, 0.485, 0.823), 0.081, 0.229, True),
    "Phi-2 2.7B": Buyer((-0.072, 0.091, 0.039, 0.068, 0.108), 0.088, 0.284, True),
    "Gemma3 1B": Buyer((0.131, 0.151, 0.103, 0.277, 0.204), 0.078, 0.44, True),
    "Llama3 8B": Buyer((-0.594, 0.119, 0.337, 0.262, 0.419), 0.079, 0.882, False),
    "Llama3.1 8B": Buyer((-0.553, 0.149, 0.242, 0.228, 0.411), 0.078, 0.882, False),
    "Qwen3 0.6B": Buyer((-0.01, 0.046, 0.087, 0.087, 0.034), 0.076, 0.985, False),
    "Mistral 7B": Buyer((-0.001, 0.0, 0.002, 0.006, 0.002), 0.076, 0.995, False),
    "Llama3.2 1B": Buyer((0.0, 0.0, 0.0, 0.0, 0.0), 0.076, 1.0, False),
}
"""Name -> coefficients."""


class PriceBenchOptions(Options):
    """Which model."""

    model: str = "GPT-5.4"
    """One of the 28: GPT-5.4, Claude Haiku 4.5, Gemma3 27B, Qwen3 4B, ..."""
    position: float = 0.0
    """Added to the log odds of the product shown first. The published coefficients are already flattened by the models'
    own taste for the first: with it on top, a refit of the published form gives flatter ones still. `position_for`
    finds the value that gives a share."""

    @field_validator("model")
    @classmethod
    def _known(cls, model: str) -> str:
        if model not in BUYERS:
            raise ValueError(f"unknown model {model!r}{did_you_mean(model, BUYERS, most=28)}")
        return model


class PriceBench(Shopper[PriceBenchOptions]):
    """Chooses by the model's coefficients; attributes that a shelf lacks count for nothing."""

    Options = PriceBenchOptions

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """One draw from the logit's chances."""
        names = next(f for f in observation.role.sees if f.name == "offers").labels
        score = scores(self.options.model, observation["offers"], names)
        if self.options.position:
            first = torch.arange(score.shape[-1], device=score.device) == 0
            score = score + self.options.position * first
        there = observation["available"]
        score = torch.where(there, score, -torch.inf)
        score = score - score.amax(-1, keepdim=True).clamp(min=-1e30)
        place = draw.categorical("choice", torch.exp(score))
        return say(torch.where(there.any(-1), place, there.shape[-1]))


def scores(model: str, offers: Tensor, names: tuple[str, ...]) -> Tensor:
    """Log odds of products, up to a constant: offers [..., products, attributes] called `names` -> [..., products]."""
    total = torch.zeros_like(offers[..., 0])
    for name, weight in zip(COLUMNS, BUYERS[model].weights, strict=True):
        if name in names:
            total = torch.add(total, offers[..., names.index(name)], alpha=weight)
    return total


def position_for(gap: Tensor, share: float) -> float:
    """The bonus of being shown first that makes the first win with chance `share`, by bisection.

    Args:
        gap: [pairs], the first one's score less the second's, without a bonus.
        share: In (0, 1).

    Returns:
        The log odds to add; not the logit of `share`, as the products differ, too.
    """
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        won = float((1.0 / (1.0 + torch.exp(-(gap.double() + middle)))).mean())
        low, high = (middle, high) if won < share else (low, middle)
    return math.nan if not 0 < share < 1 else (low + high) / 2
