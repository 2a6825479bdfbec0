"""Feeds and readers. Each plays all seats of its role in all worlds at once."""

import torch
from pydantic import Field
from torch import Tensor

from own_world.world import SLANTS
from populace.options import Options
from populace.policy import Policy


def nearest(target: Tensor) -> Tensor:
    """The article whose slant is nearest to `target` [worlds, seats]."""
    return (target.unsqueeze(-1) - torch.tensor(SLANTS, device=target.device)).abs().argmin(-1)


class Engaging(Policy):
    """Shows what is nearest to the reader's opinion."""

    plays = ("feed",)
    towards = 0.0

    def act(self, observation, memory, draw):
        """The article nearest to a point on the near, central or far side of the opinion."""
        opinion = observation["opinion"]
        return {"article": nearest(opinion + self.towards * torch.sign(opinion))}, memory


class Outward(Engaging):
    """Shows what is a step further out than the reader."""

    towards = 0.25


class Central(Engaging):
    """Shows what is a step nearer to the centre."""

    towards = -0.25


class Confidence(Options):
    """Options of a selective reader."""

    epsilon: float = Field(default=0.6, gt=0)
    """Distance within which an article is opened: the bound of bounded confidence (Hegselmann and Krause 2002)."""


class Selective(Policy):
    """A reader who opens only what lies within its confidence bound."""

    Options, plays = Confidence, ("reader",)

    def act(self, observation, memory, draw):
        """True where the article is near enough."""
        slant = torch.tensor(SLANTS, device=observation["article"].device)[observation["article"]]
        return {"opened": (slant - observation["opinion"]).abs() <= self.options.epsilon}, memory
