"""The kernel of Axelrod's step: everyone may take over a trait of whom it meets."""

import numpy as np
import torch
from numba import float32 as f32
from numba import int64 as i64
from numba import uint8 as u8
from numba import uint64 as u64
from torch import Tensor

from populace.kernels.building import flat, kernel
from populace.kernels.threads import spread

F32, I64, U8 = torch.float32, torch.int64, torch.uint8


@kernel(U8, I64, I64, U8, F32, U8, U8, int, int, int, int, int)
def _copy(
    traits_at: int, traits_n: int, other_at: int, other_n: int, layer_at: int, layer_n: int, there_at: int,
    there_n: int, chance_at: int, chance_n: int, out_at: int, out_n: int, strange_at: int, strange_n: int,
    users: int, layers: int, width: int, first: int, last: int,
) -> None:  # fmt: skip
    """People [first, last) of all worlds: traits, out [worlds, users, layers, width]; the others [worlds, users].

    With the chance of overlap s one differing trait is copied if 0 < s < 1. One uniform number serves twice: given
    that u < s, u / s is uniform again and picks the trait. `strange` tells who shares nothing with whom it met.
    """
    traits, other, layer = flat(traits_at, traits_n, u8), flat(other_at, other_n, i64), flat(layer_at, layer_n, i64)
    there, chance = flat(there_at, there_n, u8), flat(chance_at, chance_n, f32)
    out, strange = flat(out_at, out_n, u8), flat(strange_at, strange_n, u8)
    size, many = layers * width, f32(width)
    for i in range(first, last):
        world, at, on = i // users * users, i * size, layer[u64(i)] * width
        for j in range(size):
            out[u64(at + j)] = traits[u64(at + j)]
        own, come, apart = at + on, (world + other[u64(i)]) * size + on, 0
        for q in range(width):
            apart += traits[u64(own + q)] != traits[u64(come + q)]
        strange[u64(i)] = apart == width
        overlap = (many - f32(apart)) / many
        if there[u64(i)] and apart > 0 and chance[u64(i)] < overlap:
            share = chance[u64(i)] / max(overlap, f32(1e-9)) * f32(apart)
            pick = min(i64(np.floor(share)), apart - 1)
            for q in range(width):
                if traits[u64(own + q)] != traits[u64(come + q)]:
                    if pick == 0:
                        out[u64(own + q)] = traits[u64(come + q)]
                    pick -= 1


def copy(traits: Tensor, other: Tensor, layer: Tensor, there: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
    """Traits after, and who shares nothing with whom it met, [worlds, users] bool.

    Args:
        traits: [worlds, users, layers, width] uint8.
        other: [worlds, users] int64, whom each meets.
        layer: [worlds, users] int64, on which layer.
        there: [worlds, users] bool, who meets anyone.
        chance: [worlds, users] uniform numbers.
    """
    worlds, users, layers, width = traits.shape
    out = torch.empty_like(traits, memory_format=torch.contiguous_format)
    strange = torch.empty_like(there, memory_format=torch.contiguous_format)
    spread(
        _copy, worlds * users, traits.numel(), traits.contiguous(), other.contiguous(), layer.contiguous(),
        there.contiguous().view(torch.uint8), chance, out, strange.view(torch.uint8), users, layers, width,
    )  # fmt: skip
    return out, strange
