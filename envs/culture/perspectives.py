"""Whose perspectives a response cites: WorldView-Bench's Perspectives Distribution Score and its entropy.

The papers (arXiv 2505.09595, 2501.03259) give results, not formulas; these are our definitions, which agree with the
range of their results. C is the size of the fixed list of cultures, never of those that happen to be cited.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from populace.numerics import total


def shares(counts: Tensor) -> Tensor:
    """PDS_c = n_c / sum_k n_k: references [..., C] -> shares [..., C]; all zero where nothing is cited."""
    counts = counts.float()
    whole = counts.sum(-1, keepdim=True)
    return counts / whole.clamp(min=1.0) * (whole > 0)


def entropy(pds: Tensor) -> Tensor:
    """H = -sum_c PDS_c ln PDS_c / ln C, [..., C] -> [...] in [0, 1]; NaN where nothing is cited (all zero)."""
    found = -(pds * pds.clamp(min=1e-30).log()).sum(-1) / math.log(pds.shape[-1])
    return torch.where(pds.sum(-1) > 0, found.clamp(min=0.0), torch.nan)


def pooled(counts: Tensor) -> Tensor:
    """Entropy of the references of all questions together: [..., Q, C] -> [...]; NaN where none holds any.

    It is at least the mean by question weighted by references: citing one culture a question scores high here.
    """
    return entropy(shares(counts.sum(-2)))


def per_question(counts: Tensor, empty: Literal["drop", "zero"] = "drop") -> Tensor:
    """Mean of each question's entropy: [..., Q, C] -> [...].

    Args:
        counts: References.
        empty: A response without any reference is left out (`drop`; NaN when all are), or counts as 0 (`zero`).
    """
    found = entropy(shares(counts))
    there = ~found.isnan()
    whole = total(torch.where(there, found, 0.0))
    if empty == "zero":
        return whole / found.shape[-1]
    return whole / there.sum(-1)


def silent(counts: Tensor) -> Tensor:
    """Share of questions whose response cites nobody, [..., Q, C] -> [...]."""
    return (counts.sum(-1) == 0).float().mean(-1)


def sentiment(positive: Tensor, counts: Tensor) -> Tensor:
    """Positive share of all references: positive share a question [..., Q], references [..., Q, C] -> [...]."""
    cited = counts.sum(-1).float()
    return total(positive * cited) / total(cited)


def dominant_share(wanted: float, cultures: int) -> float:
    """Share of one dominant culture, the others alike, that has entropy `wanted` (by bisection)."""
    low, high = 1.0 / cultures, 1.0
    for _ in range(80):
        p = (low + high) / 2
        rest = (1 - p) / (cultures - 1)
        h = -(p * math.log(p) + (1 - p) * math.log(max(rest, 1e-300))) / math.log(cultures)
        low, high = (p, high) if h > wanted else (low, p)
    return (low + high) / 2
