"""Products of rows with small matrices, for `populace.numerics.apply_linear`."""

import numpy as np
import torch
from numba import float32 as f32
from torch import Tensor

from populace.kernels.building import flat, kernel

FEW, MANY = 8, 64
"""Rows that share a matrix are worked on side by side, as columns, from this many on, and at most so many at once."""


@kernel(torch.float32, torch.float32, torch.float32, int, int, int, int, int, int, int, int, int)
def _apply(
    x_at: int, x_n: int, weight_at: int, weight_n: int, out_at: int, out_n: int,
    outer: int, inner: int, x_outer: int, x_inner: int, w_outer: int, w_inner: int, k: int, d: int, lanes: int,
) -> None:  # fmt: skip
    """Rows x [outer, inner, d] times weight [outer, inner, k, d], each with its steps; added column by column."""
    x, weight, out = flat(x_at, x_n, f32), flat(weight_at, weight_n, f32), flat(out_at, out_n, f32)
    columns, sums = np.empty(d * lanes, np.float32), np.empty(lanes, np.float32)
    for o in range(outer):
        if w_inner == 0 and inner >= FEW:
            for first in range(0, inner, lanes):
                here = min(lanes, inner - first)
                for r in range(here):
                    row = x[o * x_outer + (first + r) * x_inner :][:d]
                    for j in range(d):
                        columns[j * lanes + r] = row[j]
                for i in range(k):
                    w = weight[o * w_outer + i * d :][:d]
                    for r in range(here):
                        sums[r] = columns[r] * w[0]
                    for j in range(1, d):
                        column, share = columns[j * lanes :][:here], w[j]
                        for r in range(here):
                            sums[r] += column[r] * share
                    for r in range(here):
                        out[(o * inner + first + r) * k + i] = sums[r]
        else:
            for r in range(inner):
                row = x[o * x_outer + r * x_inner :][:d]
                for i in range(k):
                    w = weight[o * w_outer + r * w_inner + i * d :][:d]
                    total = row[0] * w[0]
                    for j in range(1, d):
                        total += row[j] * w[j]
                    out[(o * inner + r) * k + i] = total


def apply(x: Tensor, weight: Tensor) -> Tensor:
    """X [..., d] times weight [..., k, d] -> [..., k]; leading dimensions broadcast, most often without a copy."""
    k, d = weight.shape[-2:]
    x, weight = x.contiguous(), weight.contiguous()
    lead, steps = _walk(x, weight)
    if len(steps) > 2:
        x, weight = x.expand(*lead, d).contiguous(), weight.expand(*lead, k, d).contiguous()
        lead, steps = _walk(x, weight)
    (inner, x_inner, w_inner), (outer, x_outer, w_outer) = (steps + [(1, 0, 0)] * 2)[:2]
    out = x.new_empty((*lead, k))
    _apply(x, weight, out, outer, inner, x_outer, x_inner, w_outer, w_inner, k, d, MANY)
    return out


def _walk(x: Tensor, weight: Tensor) -> tuple[tuple[int, ...], list[tuple[int, int, int]]]:
    """The leading dimensions; and these as (size, step in x, step in weight), last first, joined where that can be."""
    a, b = tuple(x.shape[:-1]), tuple(weight.shape[:-2])
    dims = max(len(a), len(b))
    a, b = (1,) * (dims - len(a)) + a, (1,) * (dims - len(b)) + b
    lead = tuple(max(m, n) for m, n in zip(a, b, strict=True))
    in_x, in_weight = x.shape[-1], weight.shape[-2] * weight.shape[-1]
    steps: list[tuple[int, int, int]] = []
    for m, n, size in zip(reversed(a), reversed(b), reversed(lead), strict=True):
        if size > 1:
            step = (size, in_x if m > 1 else 0, in_weight if n > 1 else 0)
            if steps and step[1:] == (steps[-1][0] * steps[-1][1], steps[-1][0] * steps[-1][2]):
                steps[-1] = (steps[-1][0] * size, *steps[-1][1:])
            else:
                steps.append(step)
        in_x, in_weight = in_x * m, in_weight * n
    return lead, steps
