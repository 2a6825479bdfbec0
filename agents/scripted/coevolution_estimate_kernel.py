"""The kernel of `estimate`: many fits side by side."""

import numpy as np
import torch
from numba import float32 as f32
from torch import Tensor

from populace.kernels.building import flat, kernel
from populace.kernels.scalars import sigmoid
from populace.kernels.threads import spread

LEAST, MOST = 4, 32
"""Fits worked on at once, few or many; handed over as a number, for LLVM unrolls loops of known length instead of using
vectors. What comes out does not depend on it."""

ONE, FOUR = f32(1.0), f32(4.0)


@kernel(*[torch.float32] * 7, int, int, int, int, float, int, int)
def _fit(
    shares_at: int, shares_n: int, weights_at: int, weights_n: int, questions_at: int, questions_n: int,
    centre_at: int, centre_n: int, beta_at: int, beta_n: int, around_at: int, around_n: int, out_at: int, out_n: int,
    asked: int, width: int, steps: int, lanes: int, ridge: float,
    begin: int, end: int,
) -> None:  # fmt: skip
    """Fits [begin, end) of n.

    shares, weights [n, asked], questions [n, asked, width], centre, around and out [n, width], beta [n].

    In a tile the numbers of fit r lie at r, lanes + r, 2 lanes + r ...; fits that are not there are zeros.
    """
    shares, weights = flat(shares_at, shares_n, f32), flat(weights_at, weights_n, f32)
    questions, centre = flat(questions_at, questions_n, f32), flat(centre_at, centre_n, f32)
    beta, around, out = flat(beta_at, beta_n, f32), flat(around_at, around_n, f32), flat(out_at, out_n, f32)
    pull, count = f32(ridge), f32(asked)
    x = np.zeros(asked * width * lanes, f32)
    # Arrays of their own: rows of one array would be taken to overlap, and no vector code be made.
    s, w, off = np.zeros(asked * lanes, f32), np.zeros(asked * lanes, f32), np.zeros(asked * lanes, f32)
    middle, start, slope = np.zeros(width * lanes, f32), np.zeros(width * lanes, f32), np.zeros(width * lanes, f32)
    values, ahead = np.zeros(width * lanes, f32), np.zeros(width * lanes, f32)
    sharp, rate, total = np.zeros(lanes, f32), np.zeros(lanes, f32), np.zeros(lanes, f32)
    for first in range(begin, end, lanes):
        here = min(lanes, end - first)
        for r in range(here):
            sharp[r] = beta[first + r]
            for q in range(asked):
                s[q * lanes + r] = shares[(first + r) * asked + q]
                w[q * lanes + r] = weights[(first + r) * asked + q]
            for i in range(asked * width):
                x[i * lanes + r] = questions[(first + r) * asked * width + i]
            for d in range(width):
                middle[d * lanes + r] = centre[(first + r) * width + d]
                start[d * lanes + r] = around[(first + r) * width + d]
        for i in range(width * lanes):
            values[i] = start[i]
            ahead[i] = start[i]
        for r in range(lanes):
            total[r] = f32(0.0)
        for q in range(asked):
            for d in range(width):
                at = (q * width + d) * lanes
                for r in range(lanes):
                    total[r] += w[q * lanes + r] * x[at + r] * x[at + r]
        for r in range(lanes):
            rate[r] = ONE / ((sharp[r] * sharp[r] / FOUR) * total[r] / count + pull)
        for step in range(steps):
            onward = f32(step / (step + 3.0))
            # Sums grow side by side, not one after another, so that no addition waits for the one before.
            for i in range(asked * lanes):
                off[i] = f32(0.0)
            for d in range(width):
                for r in range(lanes):
                    total[r] = ahead[d * lanes + r] - middle[d * lanes + r]
                for q in range(asked):
                    at = (q * width + d) * lanes
                    for r in range(lanes):
                        off[q * lanes + r] += total[r] * x[at + r]
            for q in range(asked):
                for r in range(lanes):
                    i = q * lanes + r
                    off[i] = w[i] * (sigmoid(sharp[r] * off[i]) - s[i])
            for i in range(width * lanes):
                slope[i] = f32(0.0)
            for q in range(asked):
                for d in range(width):
                    at = (q * width + d) * lanes
                    for r in range(lanes):
                        slope[d * lanes + r] += off[q * lanes + r] * x[at + r]
            for d in range(width):
                for r in range(lanes):
                    i = d * lanes + r
                    after = ahead[i] - rate[r] * ((sharp[r] / count) * slope[i] + pull * (ahead[i] - start[i]))
                    ahead[i] = after + onward * (after - values[i])
                    values[i] = after
        for r in range(here):
            for d in range(width):
                out[(first + r) * width + d] = values[d * lanes + r]


def fit(
    shares: Tensor,
    weights: Tensor,
    questions: Tensor,
    centre: Tensor,
    beta: Tensor,
    around: Tensor,
    ridge: float,
    steps: int,
) -> Tensor:
    """As `estimate`."""
    asked, width = questions.shape[-2:]
    lead = shares.shape[:-1]
    others = weights.shape[:-1], questions.shape[:-2], centre.shape[:-1], beta.shape, around.shape[:-1]
    if not all(len(s) == len(lead) and all(m in (1, n) for m, n in zip(s, lead, strict=True)) for s in others):
        lead = torch.broadcast_shapes(lead, *others)  # which is slow
    out = around.new_empty((*lead, width))
    spread(
        _fit,
        lead.numel(),
        lead.numel() * asked * width * steps,
        _filled(shares, (*lead, asked)),
        _filled(weights, (*lead, asked)),
        _filled(questions, (*lead, asked, width)),
        _filled(centre, (*lead, width)),
        _filled(beta, lead),
        _filled(around, (*lead, width)),
        out,
        asked,
        width,
        steps,
        min(MOST, max(LEAST, 1 << (lead.numel() - 1).bit_length())),
        ridge,
    )
    return out


def _filled(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return x.contiguous() if x.shape == shape else x.expand(shape).contiguous()


@kernel(*[torch.float32] * 4, int)
def _pool(
    counts_at: int, counts_n: int, shares_at: int, shares_n: int, pooled_at: int, pooled_n: int, weights_at: int,
    weights_n: int, audiences: int,
) -> None:  # fmt: skip
    """Shares [n, audiences, asked] of all audiences together, by counts [n, audiences]; weight 1 if there are any."""
    counts, shares = flat(counts_at, counts_n, f32), flat(shares_at, shares_n, f32)
    pooled, weights = flat(pooled_at, pooled_n, f32), flat(weights_at, weights_n, f32)
    asked = shares_n // counts_n
    for n in range(counts_n // audiences):
        everyone, first = f32(0.0), n * audiences * asked
        for a in range(n * audiences, (n + 1) * audiences):
            everyone += counts[a]
        for q in range(asked):
            total = f32(0.0)
            for a in range(audiences):
                total += counts[n * audiences + a] * shares[first + a * asked + q]
            total /= max(everyone, ONE)
            for a in range(audiences):
                pooled[first + a * asked + q] = total
                weights[first + a * asked + q] = ONE if everyone > f32(0.0) else f32(0.0)


def pool(counts: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of all audiences together, and their weights: counts [..., audiences], shares [..., audiences, asked]."""
    pooled = torch.empty_like(shares, memory_format=torch.contiguous_format)
    weights = torch.empty_like(pooled)
    _pool(counts.contiguous(), shares.contiguous(), pooled, weights, counts.shape[-1])
    return pooled, weights
