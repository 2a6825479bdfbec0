"""Multiplying and pooling normal beliefs, kept as a mean and a log precision.

Precisions grow geometrically without bound, hence the log.
"""

import torch
from torch import Tensor

from populace.envs.lockin.state import Beliefs

NOTHING = -1e30
"""Log precision of knowing nothing: finite, so that no difference of two of them is NaN."""


def combine(a: Beliefs, b: Beliefs) -> Beliefs:
    """Multiply two normal beliefs: natural parameters add. The mean is a weighted mean, so nothing overflows."""
    gap = a.log_precision - b.log_precision
    small = torch.exp(-gap.abs())
    larger = torch.where(gap >= 0, a.mean, b.mean)
    lesser = torch.where(gap >= 0, b.mean, a.mean)
    mean = larger + (lesser - larger) * (small / (1.0 + small))
    return Beliefs(mean, torch.maximum(a.log_precision, b.log_precision) + torch.log1p(small))


def pool(beliefs: Beliefs, trust: Tensor) -> Beliefs:
    """Sum natural parameters with weights: beliefs [worlds, heard], trust [listeners, heard] -> [worlds, listeners]."""
    weighed = torch.where(trust > 0, torch.log(trust.clamp(min=1e-300)), NOTHING) + beliefs.log_precision.unsqueeze(-2)
    top = weighed.amax(-1, keepdim=True)
    share = torch.exp(weighed - top)
    whole = share.sum(-1)
    middle = (share * beliefs.mean.unsqueeze(-2)).sum(-1) / whole
    return Beliefs(middle, (top.squeeze(-1) + torch.log(whole)).clamp(min=NOTHING))
