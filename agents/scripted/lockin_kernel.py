"""The kernel of `lockin.aggregate`."""

import numpy as np
import torch
from numba import float32 as f32
from numba import float64 as f64
from numba import uint64 as u64
from torch import Tensor

from populace.kernels.building import flat, kernel
from populace.kernels.doubles import exp, log
from populace.kernels.threads import spread

F32 = torch.float32

AT_ONCE = 512
"""Humans worked on at a time."""


@kernel(F32, F32, F32, F32, F32, *[int] * 5)
def _aggregate(
    trust_at: int, trust_n: int, means_at: int, means_n: int, logs_at: int, logs_n: int, middle_at: int, middle_n: int,
    precision_at: int, precision_n: int, users: int, assistants: int, shared: int, first: int, last: int,
) -> None:  # fmt: skip
    """Beliefs [rows, users], a row per world and assistant, pooled by trust into [rows], of rows [first, last).

    trust [rows, users], or with `shared` [assistants, users].
    """
    trust, means, logs = flat(trust_at, trust_n, f32), flat(means_at, means_n, f32), flat(logs_at, logs_n, f32)
    middle, precision = flat(middle_at, middle_n, f32), flat(precision_at, precision_n, f32)
    many = max(1, AT_ONCE // users)
    weighed, tops = np.zeros(many * users), np.zeros(many)
    known = np.zeros(trust_n if shared else 0)
    for i in range(len(known)):
        known[i] = log(f64(trust[i])) if trust[i] > f32(0.0) else f64(-1e30)
    for start in range(first, last, many):
        stop = min(last, start + many)
        for row in range(start, stop):
            at, into, top = row * users, (row - start) * users, f64(-np.inf)
            if shared:
                mine = row % assistants * users
                for j in range(users):
                    weighed[u64(into + j)] = known[u64(mine + j)] + f64(logs[u64(at + j)])
            else:
                for j in range(users):
                    own = log(f64(trust[u64(at + j)])) if trust[u64(at + j)] > f32(0.0) else f64(-1e30)
                    weighed[u64(into + j)] = own + f64(logs[u64(at + j)])
            for j in range(users):
                top = max(top, weighed[u64(into + j)])
            tops[row - start] = top
            for j in range(users):
                weighed[u64(into + j)] -= top
        for i in range((stop - start) * users):
            weighed[i] = exp(weighed[i])
        for row in range(start, stop):
            at, into, total, along = row * users, (row - start) * users, f64(0.0), f64(0.0)
            for j in range(users):
                total += weighed[u64(into + j)]
                along += weighed[u64(into + j)] * f64(means[u64(at + j)])
            middle[row], precision[row] = f32(along / total), f32(tops[row - start] + log(total))


def aggregate(trust: Tensor, means: Tensor, logs: Tensor) -> tuple[Tensor, Tensor]:
    """As `lockin.aggregate`: [worlds, assistants, humans] each."""
    worlds, assistants, users = means.shape
    middle = means.new_empty((worlds, assistants))
    precision = torch.empty_like(middle)
    shared = trust.stride(0) == 0 or worlds == 1
    spread(
        _aggregate, worlds * assistants, means.numel(), (trust[0] if shared else trust).contiguous(),
        means.contiguous(), logs.contiguous(), middle, precision, users, assistants, shared,
    )  # fmt: skip
    return middle, precision
