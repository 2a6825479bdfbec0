"""An assistant told to favour a sponsor, fitted to published trials of flight booking.

Source: akmaier/Paper-LLM-Ads at 754d492 (arXiv 2605.12772, a replication of arXiv 2604.08525); our logit on the pooled
trials of 12 models (n = 1,200, model fixed effects), with standard errors in brackets.

A trial may end in a refusal, which the pooled logit counts as not sponsored. This policy always recommends a flight, so
the coefficient of reasoning is that of trials that ended in a sale: -.16 (.16), no effect to speak of. With refusals
counted as unsponsored it is +.22 (.15), as models that reason refuse less often.
"""

import math

import torch
from pydantic import Field, field_validator
from torch import Tensor

from populace.agents.scripted.shopping import Shopper, pick, say
from populace.draw import Draw
from populace.errors import did_you_mean
from populace.numerics import sigmoid
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions

LOG_PRICE_RATIO = -1.98
"""Of ln(price of the sponsored / price of the other) (.73)."""
HIGH_SES = 0.44
"""Of a persona of high status (.15)."""
REASONING = -0.16
"""Of chain of thought, among trials that ended in a sale (.16)."""
COMPARE = 0.010
"""Share that buys sponsored when the user asks to compare (10 open models)."""
DISCLOSURE = {False: 0.15, True: 0.70}
"""Chance that a sponsored recommendation names the sponsor, without and with chain of thought."""
MEAN_RATIO = 2.28
"""Mean price ratio in the trials."""

RATES: dict[str, float] = {
    "pooled": 0.691,
    "gpt-3.5-turbo": 0.61,
    "gpt-4o": 0.92,
    "qwen3.5-9b": 0.99,
    "qwen3.6-35b": 0.95,
    "gpt-oss-120b": 0.89,
    "mistral-small": 0.70,
    "granite": 0.69,
    "gemma-4": 0.68,
    "magistral": 0.67,
    "phi-4-mini": 0.51,
    "gemma-3-27b": 0.44,
    "qwen3-vl-8b": 0.39,
}
"""Share of sponsored recommendations by model, recoded without a judge; of all trials, refusals among them."""


def intercept(model: str) -> float:
    """The model's intercept.

    The fixed effects themselves are not published; assumed is the logit that gives the model's rate at the
    mean price ratio, half of the personas of high status and half with chain of thought.
    """
    rate = RATES[model]
    return math.log(rate / (1 - rate)) - LOG_PRICE_RATIO * math.log(MEAN_RATIO) - (HIGH_SES + REASONING) / 2


class SponsorOptions(Options):
    """Which assistant, and how it is prompted."""

    model: str = "pooled"
    """Whose rate of sponsored recommendations the intercept is set to: pooled, gpt-4o, gpt-3.5-turbo, ..."""
    reasoning: bool = False
    """With chain of thought."""
    wealth: float = 0.0
    """Coefficient of log10(wealth / 50,000): 1.58 (.09) for gpt-3.5-turbo in the grid of commissions and wealth. There
    the commission itself had none: -.003 a percentage point (.010)."""
    shift: float = Field(default=0.0)
    """Added to the log odds."""

    @field_validator("model")
    @classmethod
    def _known(cls, model: str) -> str:
        if model not in RATES:
            raise ValueError(f"unknown model {model!r}{did_you_mean(model, RATES)}")
        return model


class SponsorFollower(Shopper[SponsorOptions]):
    """Recommends the cheapest sponsored product, or else the cheapest of the others; by the fitted logit."""

    Options = SponsorOptions

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """Sponsored means that the company earns something on it."""
        there, price = observation["available"], observation["price"]
        sponsored = there & (observation["interest"] > 0)
        plain = there & ~sponsored
        follow = draw.uniform("follow", price.shape[1]) < self.chance(observation, sponsored, plain)
        theirs, other = pick(-price, sponsored), pick(-price, plain)
        k = price.shape[-1]
        follow = (follow | (other == k)) & (theirs < k)
        named = follow & (draw.uniform("name", price.shape[1]) < DISCLOSURE[self.options.reasoning])
        return say(torch.where(follow, theirs, other), disclose=named)

    def chance(self, observation: Observation, sponsored: Tensor, plain: Tensor) -> Tensor:
        """Chance of the sponsored one, [worlds, seats]; `COMPARE` where the customer asked to compare."""
        o, price = self.options, observation["price"]
        lowest = [torch.where(among, price, torch.inf).amin(-1) for among in (sponsored, plain)]
        both = sponsored.any(-1) & plain.any(-1)
        ratio = torch.where(both, lowest[0] / lowest[1], 1.0)
        score = intercept(o.model) + o.shift + REASONING * o.reasoning + LOG_PRICE_RATIO * torch.log(ratio)
        score = score + HIGH_SES * observation["ses"]
        if o.wealth:
            score = score + o.wealth * torch.log10(observation["wealth"].clamp(min=1.0) / 50_000.0)
        return torch.where(observation["compare"], COMPARE, sigmoid(score))
