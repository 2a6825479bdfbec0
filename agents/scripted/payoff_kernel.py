"""Kernels of players of games: what acts are worth against what was met, and tit for tat."""

import numpy as np
import torch
from numba import float32 as f32
from numba import int64 as i64
from numba import uint64 as u64
from torch import Tensor

from populace.kernels.building import flat, kernel
from populace.kernels.threads import spread

F32, I64 = torch.float32, torch.int64


@kernel(F32, F32, F32, int, int, int, int)
def _worth(
    table_at: int, table_n: int, faced_at: int, faced_n: int, out_at: int, out_n: int, own: int, others: int,
    first: int, last: int,
) -> None:  # fmt: skip
    """Seats [first, last): table [seats, own, others], faced [seats, others] -> out [seats, own]."""
    table, faced, out = flat(table_at, table_n, f32), flat(faced_at, faced_n, f32), flat(out_at, out_n, f32)
    chance = np.zeros(others, f32)
    for s in range(first, last):
        known = f32(0.0)
        for b in range(others):
            known += faced[u64(s * others + b)]
        for b in range(others):
            met = faced[u64(s * others + b)] / max(known, f32(1e-12))
            chance[b] = met if known > f32(0.0) else f32(1.0) / f32(others)
        for a in range(own):
            total = f32(0.0)
            for b in range(others):
                total += table[u64((s * own + a) * others + b)] * chance[b]
            out[u64(s * own + a)] = total


@kernel(F32, F32, F32, I64, int, int, int, int)
def _tit_for_tat(
    mine_at: int, mine_n: int, theirs_at: int, theirs_n: int, faced_at: int, faced_n: int, out_at: int, out_n: int,
    own: int, others: int, first: int, last: int,
) -> None:  # fmt: skip
    """Acts of seats [first, last): mine, theirs [seats, own, others], faced [seats, others]."""
    mine, theirs = flat(mine_at, mine_n, f32), flat(theirs_at, theirs_n, f32)
    faced, out = flat(faced_at, faced_n, f32), flat(out_at, out_n, i64)
    for s in range(first, last):
        part, expected, punishment = 0, 0, 0
        best, least = f32(-np.inf), f32(np.inf)
        for a in range(own):
            top = f32(-np.inf)
            for b in range(others):
                at = (s * own + a) * others + b
                both = mine[u64(at)] + theirs[u64(at)]
                if both > best:
                    best, part, expected = both, a, b
                top = max(top, theirs[u64(at)])
            if top < least:
                least, punishment = top, a
        known, most, met = f32(0.0), f32(-np.inf), 0
        for b in range(others):
            share = faced[u64(s * others + b)]
            known += share
            if share > most:
                most, met = share, b
        out[u64(s)] = punishment if known > f32(0.0) and met != expected else part


def worth(table: Tensor, faced: Tensor) -> Tensor:
    """Expected payoff of each own act against what was met: [..., own, others], [..., others] -> [..., own]."""
    own, others = table.shape[-2:]
    out = table.new_empty(table.shape[:-1])
    spread(_worth, faced.numel() // others, table.numel(), table.contiguous(), faced.contiguous(), out, own, others)
    return out


def tit_for_tat(mine: Tensor, theirs: Tensor, faced: Tensor) -> Tensor:
    """As `TitForTat.act`: acts [...], int64."""
    own, others = mine.shape[-2:]
    out = faced.new_empty(faced.shape[:-1], dtype=torch.int64)
    spread(
        _tit_for_tat, out.numel(), mine.numel(), mine.contiguous(), theirs.contiguous(), faced.contiguous(), out, own,
        others,
    )  # fmt: skip
    return out
