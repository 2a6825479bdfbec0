"""Multiplying and pooling normal beliefs, kept as a mean and a log precision.

Precisions grow geometrically without bound, hence the log.
"""

import torch
from torch import Tensor

from populace.compiling import kernel
from populace.envs.lockin.state import Beliefs

NOTHING = -1e30
"""Log precision of knowing nothing: finite, so that no difference of two of them is NaN."""


def combine(a: Beliefs, b: Beliefs) -> Beliefs:
    """Multiply two normal beliefs: natural parameters add. The mean is a weighted mean, so nothing overflows."""
    return Beliefs(*_combine(a.mean, a.log_precision, b.mean, b.log_precision))


@kernel
def _combine(a_mean: Tensor, a_log: Tensor, b_mean: Tensor, b_log: Tensor) -> tuple[Tensor, Tensor]:
    gap = a_log - b_log
    small = torch.exp(-gap.abs())
    larger = torch.where(gap >= 0, a_mean, b_mean)
    lesser = torch.where(gap >= 0, b_mean, a_mean)
    return larger + (lesser - larger) * (small / (1.0 + small)), torch.maximum(a_log, b_log) + torch.log1p(small)


def pool(beliefs: Beliefs, trust: Tensor) -> Beliefs:
    """Sum natural parameters with weights: beliefs [worlds, heard], trust [listeners, heard] -> [worlds, listeners]."""
    return Beliefs(*_pool(beliefs.mean, beliefs.log_precision, trust))


@kernel
def _pool(means: Tensor, logs: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
    weighed = torch.where(trust > 0, torch.log(trust.clamp(min=1e-300)), NOTHING) + logs.unsqueeze(-2)
    top = weighed.amax(-1, keepdim=True)
    share = torch.exp(weighed - top)
    whole = share.sum(-1)
    middle = (share * means.unsqueeze(-2)).sum(-1) / whole
    return middle, (top.squeeze(-1) + torch.log(whole)).clamp(min=NOTHING)
