"""Arithmetic whose bits do not depend on the batch a world sits in, and work in cache-sized blocks.

Why each form is needed is measured in docs/architecture.md ("Bits").
"""

import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from populace.arithmetic import current

_BLOCK = 1024


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)): torch.sigmoid's vector body and scalar tail differ in the last bit."""
    return 1.0 / (1.0 + torch.exp(-x))


def either(mask: Tensor, yes: float, no: float) -> Tensor:
    """One of two numbers by `mask` bool, float32 of its shape: torch.where would give them torch's default dtype."""
    one, other = (torch.full((), x, dtype=torch.float32, device=mask.device) for x in (yes, no))
    return torch.where(mask, one, other)


def per_seat(x: Tensor, seats: int) -> Tensor:
    """What all seats of a world see alike: [worlds, ...] -> [worlds, seats, ...], a view."""
    each = x.unsqueeze(1)
    return each if seats == 1 else each.expand(-1, seats, *[-1] * (x.dim() - 1))


def total(x: Tensor) -> Tensor:
    """Sum over the last dimension, in blocks of fixed size: [..., n] -> [...].

    A plain sum of one world's 10^5 numbers to a single one is split by threads, which a batch of worlds is not.
    """
    n = x.shape[-1]
    if n <= _BLOCK:
        return x.sum(-1)
    whole = n - n % _BLOCK
    head = total(x[..., :whole].unflatten(-1, (-1, _BLOCK)).sum(-1))
    return head + x[..., whole:].sum(-1) if whole < n else head


def mean(x: Tensor) -> Tensor:
    """Mean over the last dimension, [..., n] -> [...]; see `total`."""
    return total(x) / x.shape[-1]


def mean_of(x: Tensor, among: Tensor) -> Tensor:
    """Mean over the last dimension of x [..., n] where `among` bool, [...]; NaN where that is nowhere."""
    return total(torch.where(among, x, torch.zeros_like(x))) / total(among.to(x.dtype))


def kernels_take(*tensors: Tensor) -> bool:
    """Whether kernels compute with these: float32 on the CPU, not empty, and no gradients are asked for."""
    if current() != "kernels":
        return False
    for x in tensors:  # a loop, as small ticks ask often
        if not (x.is_cpu and type(x) is Tensor and x.dtype is torch.float32 and x.numel() > 0) or _followed(x):
            return False
    return True


def _fit(x: torch.Size, weight: torch.Size) -> bool:
    """Whether shapes fit each other; where they do not, torch says so."""
    return (
        len(weight) > 1
        and x[-1:] == weight[-1:]
        and all(m == n or m == 1 or n == 1 for m, n in zip(x[-2::-1], weight[-3::-1], strict=False))
    )


def _followed(x: Tensor) -> bool:
    return x.requires_grad and torch.is_grad_enabled()


@functools.cache
def _products() -> Any:
    """The module of products, which imports numba."""
    from populace.kernels import products

    return products


def apply_linear(x: Tensor, weight: Tensor) -> Tensor:
    """X [..., d] times weight [..., k, d] -> [..., k], one column of d at a time: as matmul, but batch-safe.

    The loop runs over the few value dimensions d, never over users, and keeps no [..., k, d] temporary. Where gradients
    are asked for, torch computes.
    """
    if kernels_take(x, weight) and _fit(x.shape, weight.shape):
        return _products().apply(x, weight)
    out = x[..., 0, None] * weight[..., 0]
    for d in range(1, x.shape[-1]):
        out = torch.addcmul(out, x[..., d, None], weight[..., d])
    return out


def blocks(users: int, width: int, numbers: int = 1 << 18) -> Iterator[slice]:
    """Slices over `users` whose `width` numbers per user stay in the processor's cache."""
    size = max(1, numbers // max(width, 1))
    for start in range(0, users, size):
        yield slice(start, min(start + size, users))


def tiles(worlds: int, users: int, width: int, numbers: int = 1 << 18) -> Iterator[tuple[slice, slice]]:
    """Slices over worlds and users whose `width` numbers per user stay in the processor's cache.

    Where users are cut never depends on how many worlds there are, so neither do the bits of a sum over tiles.
    """
    for block in blocks(users, width, numbers):
        size = max(1, numbers // max(1, (block.stop - block.start) * width))
        for start in range(0, worlds, size):
            yield slice(start, min(start + size, worlds)), block
