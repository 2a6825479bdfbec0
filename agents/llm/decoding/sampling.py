"""How the next token, or a label, is drawn: from a model's logits and random numbers that the caller gives."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from populace.draw import uniform_from


class Sampling(NamedTuple):
    """What is done to a model's chances before a token is drawn, in the order of transformers' `generate`."""

    penalty: float = 1.0
    """Tokens that stand in the prompt or the reply have positive logits divided, and negative ones multiplied, by it
    (Keskar et al. 2019, CTRL, section 4.1); 1 changes nothing."""
    temperature: float = 1.0
    """0 takes the likeliest token."""
    top_k: int = 0
    """Draw among so many of the likeliest tokens; 0: among all."""
    top_p: float = 1.0
    """Draw among the likeliest tokens of this total probability."""


def penalised(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Logits [rows, vocabulary] with those that were `seen` ([rows, vocabulary] bool) made less likely."""
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def choose(logits: Tensor, uniform: Tensor, temperature: float, top_p: float = 1.0, top_k: int = 0) -> Tensor:
    """The next token [rows] of logits [rows, vocabulary], by uniform [rows, 1] in [0, 1)."""
    if temperature == 0:
        return logits.argmax(-1)
    logits = logits.float() / temperature
    if 0 < top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, -1).values[:, -1:], -torch.inf)
    chance = torch.softmax(logits, -1)
    if top_p == 1:
        return pick(chance, uniform)
    chance, order = chance.sort(stable=True, dim=-1, descending=True)
    # The token that crosses top_p is still in.
    chance = torch.where(chance.cumsum(-1) - chance < top_p, chance, 0.0)
    return order.gather(-1, pick(chance, uniform).unsqueeze(-1)).squeeze(-1)


def pick(weights: Tensor, uniform: Tensor) -> Tensor:
    """An index [rows] with probability proportional to weights [rows, options], by inversion of uniform [rows, 1]."""
    total = weights.cumsum(-1)
    whole = total[:, -1:].contiguous()
    # Rounding must not lead beyond the last option that has any weight.
    last = torch.searchsorted(total, whole)
    return torch.minimum(torch.searchsorted(total, uniform * whole, right=True), last).squeeze(-1)


def uniforms(seeds: Sequence[int], steps: int, device: torch.device | str = "cpu") -> Tensor:
    """Numbers in [0, 1) of each seed, [seeds, steps]."""
    keys = torch.tensor(list(seeds), dtype=torch.int64, device=device)
    return uniform_from(keys, torch.arange(steps, dtype=torch.int32, device=device))
