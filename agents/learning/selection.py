"""Keeping the best and the worst share, in each stratum of each world."""

import torch
from torch import Tensor

from populace.agents.learning.batch import Batch
from populace.agents.learning.mitigations import Data
from populace.draw import Draw

JITTER = 1e-5
"""Ties are broken at random: of the range of rewards, the largest change that does it."""


def extremes(
    reward: Tensor, use: Tensor, stratum: Tensor, strata: int, kept: float, tie: Tensor
) -> tuple[Tensor, Tensor]:
    """The best and the worst share of each stratum, [worlds, n] bool each.

    One sort does it all: by stratum, and within it by reward. The quota is kept times the stratum's size, rounded, at
    least one.

    Args:
        reward: [worlds, n].
        use: [worlds, n] bool, what may be kept.
        stratum: [worlds, n] int64 below `strata`.
        strata: How many.
        kept: The share kept at either end, at most one half.
        tie: [worlds, n] uniform numbers.
    """
    low = torch.where(use, reward, torch.inf).amin(-1, keepdim=True)
    high = torch.where(use, reward, -torch.inf).amax(-1, keepdim=True)
    place = (reward - low) / (high - low).clamp(min=1e-12) + JITTER * tie
    if strata == 1:
        key = torch.where(use, place, 3.0)
        size = use.sum(-1, keepdim=True)
        group = None
    else:
        group = torch.where(use, stratum, strata)
        key = torch.where(use, place + 2.0 * stratum.float(), 2.0 * strata + 3.0)
        size = torch.zeros((len(use), strata + 1), dtype=torch.int64, device=use.device)
        size = size.scatter_add(-1, group, torch.ones_like(group))[:, :strata]
    ordered = key.sort(-1).values
    end = size.cumsum(-1)
    quota = torch.where(size > 0, (size.float() * kept).round().to(torch.int64).clamp(min=1), 0)
    last = ordered.shape[-1] - 1
    top = ordered.gather(-1, (end - quota).clamp(0, last))
    bottom = ordered.gather(-1, (end - size + quota - 1).clamp(0, last))
    if group is not None:
        inside = group.clamp(max=strata - 1)
        top, bottom = top.gather(-1, inside), bottom.gather(-1, inside)
    return use & (key >= top), use & (key <= bottom)


def select(kept: float, batch: Batch, data: Data, draw: Draw) -> tuple[Tensor, Tensor]:
    """The best and the worst of a round after mitigations, [worlds, n] float each; see `extremes`."""
    tie = draw.uniform("tie", batch.act.shape[1])
    best, worst = extremes(data.reward, data.best, batch.stratum, batch.strata, kept, tie)
    if data.best is not data.worst:
        _, worst = extremes(data.reward, data.worst, batch.stratum, batch.strata, kept, tie)
    return best.float(), worst.float()
