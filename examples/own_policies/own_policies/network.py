"""A torch module: a user whose chances of asking clearly, vaguely or not at all a network gives."""

import torch
from torch import nn

from populace.observation import Observation
from populace.policy import Actions, Memory, Policy


class Network(Policy):
    """Load trained weights where this one makes random ones; random numbers come from the draw, never from torch."""

    def __init__(self, options=None) -> None:
        super().__init__(options)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3)).requires_grad_(False)

    def act(self, observation: Observation, memory: Memory, draw) -> tuple[Actions, Memory]:
        """[worlds, seats, 2 inputs] -> chances [worlds, seats, 3] -> acts [worlds, seats]."""
        seen = torch.stack((observation["turn"].float(), observation["ambiguity"]), dim=-1)
        chances = torch.softmax(self.net.to(seen.device)(seen), dim=-1)
        return {"act": draw.categorical("act", chances)}, memory
