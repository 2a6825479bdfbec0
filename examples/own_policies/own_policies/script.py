"""A script: a user who asks clearly a few times, and then ends the conversation."""

import torch
from pydantic import Field

from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy


class Patience(Options):
    """What a scenario may set."""

    turns: int = Field(default=2, ge=1)
    """Turns it puts up with."""


class Impatient(Policy):
    """All users of all worlds at once: `turn` is [worlds, seats], and so is `act`."""

    Options = Patience

    def act(self, observation: Observation, memory: Memory, draw) -> tuple[Actions, Memory]:
        """0 is clear, 1 vague, 2 end."""
        return {"act": torch.where(observation["turn"] >= self.options.turns, 2, 0)}, memory
