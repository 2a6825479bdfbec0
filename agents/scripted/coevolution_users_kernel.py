"""The kernel of `Sincere`: answers of many users side by side."""

import numpy as np
import torch
from numba import float32 as f32
from numba import int64 as i64
from numba import uint32 as u32
from numba import uint64 as u64
from torch import Tensor

from populace.kernels.building import flat, kernel
from populace.kernels.scalars import HALF, lane_bits, sigmoid, unit
from populace.kernels.threads import spread
from populace.kernels.tiles import BLOCK, LANES, to_columns, user_keys

F32, I64 = torch.float32, torch.int64


@kernel(F32, F32, F32, I64, I64, *[int] * 5, float, int, int)
def _answer(
    values_at: int, values_n: int, centre_at: int, centre_n: int, sharp_at: int, sharp_n: int, keys_at: int,
    keys_n: int, out_at: int, out_n: int, users: int, width: int, asked: int, lanes: int, block: int,
    honesty: float, first: int, last: int,
) -> None:  # fmt: skip
    """Answers [worlds, users, asked] of blocks [first, last).

    values [worlds, users, width]; centre [worlds, width]; sharp [worlds, asked, width]; keys [worlds].
    """
    values, centre, sharp = flat(values_at, values_n, f32), flat(centre_at, centre_n, f32), flat(sharp_at, sharp_n, f32)
    keys, out = flat(keys_at, keys_n, u64), flat(out_at, out_n, i64)
    v, sums = np.zeros(width * lanes, f32), np.zeros(lanes, f32)
    low, high, yes = np.zeros(lanes, u32), np.zeros(lanes, u32), np.zeros(lanes, np.int32)
    per, honest = (users + block - 1) // block, f32(honesty)
    for b in range(first, last):
        w = b // per
        start = (b - w * per) * block
        stop = min(users, start + block)
        for at in range(start, stop, lanes):
            here, row = min(lanes, stop - at), w * users + at
            to_columns(values, row * width, here, width, lanes, v)
            for d in range(width):
                less, c = centre[u64(w * width + d)], d * lanes
                for r in range(here):
                    v[u64(c + r)] -= less
            user_keys(keys[w], at, here, low, high)
            for k in range(asked):
                for r in range(here):
                    sums[r] = f32(0.0)
                for d in range(width):
                    share, c = sharp[u64((w * asked + k) * width + d)], d * lanes
                    for r in range(here):
                        sums[r] += share * v[u64(c + r)]
                for r in range(here):
                    chance = HALF + honest * (sigmoid(sums[r]) - HALF)
                    yes[r] = unit(lane_bits(low[r], high[r], u32(k))) < chance
                for r in range(here):
                    out[u64((row + r) * asked + k)] = yes[r]


def answer(values: Tensor, centre: Tensor, sharp: Tensor, keys: Tensor, honesty: float) -> Tensor:
    """Answers int64 [worlds, users, asked] of users [worlds, users, values] to items [worlds, asked, values].

    Args:
        values: [worlds, users, values].
        centre: [worlds, values], where items are balanced.
        sharp: [worlds, asked, values], loadings times beta.
        keys: [worlds] int64.
        honesty: Weight of the sincere answer; the rest is a coin.
    """
    (worlds, users, width), asked = values.shape, sharp.shape[1]
    out = torch.empty((worlds, users, asked), dtype=torch.int64)
    blocks = worlds * -(-users // BLOCK)
    spread(
        _answer, blocks, values.numel(), values.contiguous(), centre.contiguous(), sharp.contiguous(), keys, out,
        users, width, asked, LANES, BLOCK, honesty,
    )  # fmt: skip
    return out
