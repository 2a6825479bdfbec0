"""Counts of seats (tokens, cost) are added up over the ticks between records: totals do not depend on `every`."""

import pytest
import torch
from core_toy import make

from populace.measures import OfSeats
from populace.policy import Policy
from populace.rollout import Keep, rollout
from populace.run import start


class Metered(Policy):
    """Pushes, and counts 10 tokens for world 0, 20 for world 1 and so on."""

    def act(self, observation, memory, draw):
        seats = torch.zeros((draw.worlds, 1))
        tokens = 10.0 * (1.0 + torch.arange(draw.worlds, dtype=torch.float32))
        return {"push": seats, "tally/tokens": tokens[:, None]}, memory


@pytest.mark.parametrize("every", [1, 3, 12])
def test_the_total_of_tokens_is_in_the_records_however_far_they_lie_apart(every):
    """12 ticks of 10, 20 and 30 tokens are 120, 240 and 360 in all."""
    world, policies, population = make(assistant=Metered())
    world.ends = False
    run = start(world, policies, population, seed=0, worlds=torch.arange(3))
    keep = Keep(every)
    rollout(world, policies, run, 12, keep)
    recorded = torch.stack(keep.series[OfSeats("tokens", "assistant")])
    assert len(recorded) == 12 // every
    assert recorded.sum(0).tolist() == [120.0, 240.0, 360.0]
