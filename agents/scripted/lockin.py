"""Assistants of the lock-in world."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.numerics import kernels_take
from populace.observation import Observation
from populace.policy import Actions, Memory, Policy


class Aggregate(Policy):
    """Adds up humans' public beliefs, weighted by trust, as if they were independent (natural parameters add)."""

    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The precision-weighted mean, and the sum of precisions, in logs."""
        seen = observation["trust"], observation["public_mean"], observation["public_log_precision"]
        if kernels_take(*seen):
            from populace.agents.scripted.lockin_kernel import aggregate as by_kernel  # imports numba

            middle, log_precision = by_kernel(*seen)
        else:
            middle, log_precision = aggregate(*seen)
        return {"mean": middle, "log_precision": log_precision}, memory


def aggregate(trust: Tensor, means: Tensor, logs: Tensor) -> tuple[Tensor, Tensor]:
    """Pooled mean and log precision [worlds, assistants] of beliefs [worlds, assistants, humans]; float64 inside."""
    trust = trust.double()
    weighed = torch.where(trust > 0, torch.log(trust.clamp(min=1e-300)), -1e30) + logs.double()
    top = weighed.amax(-1, keepdim=True)
    share = torch.exp(weighed - top)
    whole = share.sum(-1)
    middle = (share * means.double()).sum(-1) / whole
    return middle.float(), (top.squeeze(-1) + torch.log(whole)).float()


class Silent(Policy):
    """Knows nothing and says so: humans are left to their own signals (the arm without an assistant)."""

    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """A belief of precision zero."""
        nothing = torch.zeros_like(observation["public_mean"][..., 0])
        return {"mean": nothing, "log_precision": nothing - 1e30}, memory
