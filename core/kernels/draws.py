"""Draws: keys, and the numbers below them, a cache-sized block at a time.

A draw is a table. Its rows are the keys given, or, if there are `entries`, those of one more dimension below each of
them; its columns are lanes. Numbers are written in the order of the table.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numba import float32 as f32
from numba import int64 as i64
from numba import uint32 as u32
from numba import uint64 as u64
from torch import Tensor

from populace.kernels.building import flat, helper, kernel
from populace.kernels.scalars import fold, lane_bits, normal_pair, unit
from populace.kernels.threads import spread

BLOCK = 1024
"""Numbers made at a time: what is kept beside the result stays in the first-level cache."""

ALONE = -1
"""Entries of a table whose rows are the keys given."""

TABLE = (torch.int64, int, int, int, torch.int64, int, torch.int64)
"""Keys, path, whether it is folded in, entries, their ids if they are not all, lanes, their ids if they are not all."""


@helper
def row_keys(
    keys: Any, path: int, folded: int, entries: int, ids: Any, first: int, count: int, low: Any, high: Any
) -> None:
    """The keys of `count` rows from row `first` on, each in two halves."""
    at = 0
    while at < count:
        row = first + at
        parent = row if entries == ALONE else row // entries
        key = fold(keys[parent], path) if folded else keys[parent]
        if entries == ALONE:
            low[at], high[at] = u32(key), u32(key >> u64(32))
            at += 1
            continue
        start = row - parent * entries
        stop = min(entries - start, count - at)
        if len(ids):
            for k in range(stop):
                below = fold(key, u64(ids[start + k]))
                low[at + k], high[at + k] = u32(below), u32(below >> u64(32))
        else:
            for k in range(stop):
                below = fold(key, u64(start + k))
                low[at + k], high[at + k] = u32(below), u32(below >> u64(32))
        at += stop


@helper
def cells(halves: Any, count: int, ids: Any, start: int, wide: int, step: int, work: Any) -> None:
    """For every number of a block of `count` rows and `wide` columns: its row's key in halves, and its lane."""
    for r in range(count):
        low, high, at = halves[0, r], halves[1, r], r * wide
        for c in range(wide):
            work[0, at + c] = low
        for c in range(wide):
            work[1, at + c] = high
        if len(ids):
            for c in range(wide):
                work[2, at + c] = u32(step * ids[start + c])
        else:
            for c in range(wide):
                work[2, at + c] = u32(step * (start + c))


@kernel(*TABLE, torch.float32, int, int)
def _uniform(
    keys_at: int, keys_n: int, path: int, folded: int, entries: int, ids_at: int, ids_n: int,
    lanes: int, lane_ids_at: int, lane_ids_n: int, out_at: int, out_n: int,
    begin: int, end: int,
) -> None:  # fmt: skip
    keys, ids, lane_ids = flat(keys_at, keys_n, u64), flat(ids_at, ids_n, i64), flat(lane_ids_at, lane_ids_n, i64)
    out = flat(out_at, out_n, f32)
    many, wide = max(1, min(out_n, BLOCK) // lanes), min(lanes, BLOCK)
    halves, work = np.empty((2, many), np.uint32), np.empty((3, many * wide), np.uint32)
    for first in range(begin, end, many):
        count = min(many, end - first)
        row_keys(keys, u64(path), folded, entries, ids, first, count, halves[0], halves[1])
        for start in range(0, lanes, wide):
            columns, at = min(wide, lanes - start), first * lanes + start
            cells(halves, count, lane_ids, start, columns, 1, work)
            low, high, lane = work[0], work[1], work[2]
            for i in range(count * columns):
                out[at + i] = unit(lane_bits(low[i], high[i], lane[i]))


@kernel(*TABLE, int, int, int, torch.int64, int, int)
def _integers(
    keys_at: int, keys_n: int, path: int, folded: int, entries: int, ids_at: int, ids_n: int,
    lanes: int, lane_ids_at: int, lane_ids_n: int, least: int, span: int, wider: int, out_at: int, out_n: int,
    begin: int, end: int,
) -> None:  # fmt: skip
    """Whole numbers from `least` on, below `least + span + wider * lane`."""
    keys, ids, lane_ids = flat(keys_at, keys_n, u64), flat(ids_at, ids_n, i64), flat(lane_ids_at, lane_ids_n, i64)
    out = flat(out_at, out_n, i64)
    many, wide = max(1, min(out_n, BLOCK) // lanes), min(lanes, BLOCK)
    halves, work = np.empty((2, many), np.uint32), np.empty((3, many * wide), np.uint32)
    for first in range(begin, end, many):
        count = min(many, end - first)
        row_keys(keys, u64(path), folded, entries, ids, first, count, halves[0], halves[1])
        for start in range(0, lanes, wide):
            columns, at = min(wide, lanes - start), first * lanes + start
            cells(halves, count, lane_ids, start, columns, 1, work)
            low, high, lane = work[0], work[1], work[2]
            for i in range(count * columns):
                bits = i64(lane_bits(low[i], high[i], lane[i]))
                out[at + i] = ((bits * (span + wider * i64(lane[i]))) >> i64(32)) + least


@kernel(*TABLE, torch.float32, int, int)
def _normal(
    keys_at: int, keys_n: int, path: int, folded: int, entries: int, ids_at: int, ids_n: int,
    lanes: int, pair_ids_at: int, pair_ids_n: int, out_at: int, out_n: int,
    begin: int, end: int,
) -> None:  # fmt: skip
    """Normal numbers are made in pairs; of a row with an odd number of lanes the last one is dropped."""
    keys, ids, pair_ids = flat(keys_at, keys_n, u64), flat(ids_at, ids_n, i64), flat(pair_ids_at, pair_ids_n, i64)
    out = flat(out_at, out_n, f32)
    pairs = (lanes + 1) // 2
    wide = min(pairs, BLOCK)
    many = max(1, min(out_n // lanes, BLOCK // pairs))
    halves, work = np.empty((2, many), np.uint32), np.empty((3, many * wide), np.uint32)
    both = np.empty(2 * many * wide, np.float32)
    for first in range(begin, end, many):
        count = min(many, end - first)
        row_keys(keys, u64(path), folded, entries, ids, first, count, halves[0], halves[1])
        for start in range(0, pairs, wide):
            columns = min(wide, pairs - start)
            cells(halves, count, pair_ids, start, columns, 2, work)
            low, high, lane = work[0], work[1], work[2]
            for i in range(count * columns):
                u = unit(lane_bits(low[i], high[i], lane[i]))
                v = unit(lane_bits(low[i], high[i], u32(lane[i] + u32(1))))
                both[2 * i], both[2 * i + 1] = normal_pair(u, v)
            kept = min(2 * columns, lanes - 2 * start)
            for r in range(count):
                at, row = (first + r) * lanes + 2 * start, 2 * r * columns
                for c in range(kept):
                    out[at + c] = both[row + c]


@kernel(torch.int64, int, int, int, torch.int64, torch.int64)
def _below(
    keys_at: int, keys_n: int, path: int, folded: int, entries: int, ids_at: int, ids_n: int, out_at: int, out_n: int
) -> None:
    """The keys of entries below keys [n]: [n, entries]."""
    keys, ids, out = flat(keys_at, keys_n, u64), flat(ids_at, ids_n, i64), flat(out_at, out_n, u64)
    for n in range(keys_n):
        key = fold(keys[n], u64(path)) if folded else keys[n]
        if ids_n:
            for k in range(entries):
                out[n * entries + k] = fold(key, u64(ids[k]))
        else:
            for k in range(entries):
                out[n * entries + k] = fold(key, u64(k))


@kernel(torch.int64, int, torch.int64, int, torch.int64)
def _fold(
    keys_at: int,
    keys_n: int,
    key: int,
    coordinates_at: int,
    coordinates_n: int,
    coordinate: int,
    out_at: int,
    out_n: int,
) -> None:
    """Keys of coordinates below keys, one by one; what is not given as an array is the same everywhere."""
    keys, coordinates = flat(keys_at, keys_n, u64), flat(coordinates_at, coordinates_n, i64)
    out = flat(out_at, out_n, u64)
    for i in range(out_n):
        above = keys[i] if keys_n else u64(key)
        out[i] = fold(above, u64(coordinates[i]) if coordinates_n else u64(coordinate))


@kernel(int, torch.int64, torch.int64, torch.int64, torch.int64)
def _of_tick(
    root: int, worlds_at: int, worlds_n: int, episode_at: int, episode_n: int, tick_at: int, tick_n: int,
    out_at: int, out_n: int,
) -> None:  # fmt: skip
    """Keys of worlds below a root, and of the tick of the episode below these."""
    worlds, episode = flat(worlds_at, worlds_n, u64), flat(episode_at, episode_n, u64)
    tick, out = flat(tick_at, tick_n, u64), flat(out_at, out_n, u64)
    for w in range(worlds_n):
        out[w] = fold(fold(u64(root), worlds[w]), (episode[w] << u64(32)) + tick[w])


@kernel(torch.float32, torch.float32, torch.int64, int, int)
def _pick(
    uniform_at: int, uniform_n: int, weights_at: int, weights_n: int, out_at: int, out_n: int, begin: int, end: int
) -> None:
    """Options by inversion; sums in float64 rounded to float32 one by one, as torch's cumsum makes them."""
    uniform, weights, out = flat(uniform_at, uniform_n, f32), flat(weights_at, weights_n, f32), flat(out_at, out_n, i64)
    options = weights_n // out_n
    for i in range(begin, end):
        at, last, total = i * options, 0, 0.0
        for k in range(options):
            total += weights[at + k]
            if weights[at + k] > f32(0.0):
                last = k
        threshold = uniform[i] * f32(total)
        option, total = 0, 0.0
        for k in range(options):
            total += weights[at + k]
            if f32(total) <= threshold:
                option += 1
        out[i] = min(option, last)


@kernel(torch.int64, int, int)
def _distinct(picks_at: int, picks_n: int, of: int, size: int) -> None:
    """Floyd's method, in place: a number that a row has already becomes the largest that it may be."""
    picks = flat(picks_at, picks_n, i64)
    for first in range(0, picks_n, size):
        for j in range(1, size):
            for k in range(j):
                if picks[first + k] == picks[first + j]:
                    picks[first + j] = of - size + j
                    break


# ---------------------------------------------------------------------- what populace.draw calls

Dims = Sequence[int | Tensor]


def prove() -> None:
    """Compile the smallest kernel and compare it with splitmix64's first number from 0, as published.

    Raises:
        Exception: Whatever keeps numba from running.
    """
    first = int(folded(torch.zeros(1, dtype=torch.int64), 0)) & 0xFFFFFFFFFFFFFFFF
    if first != 0xE220A8397B1DCDAF:
        raise ArithmeticError(f"a kernel gave {first:#x}")


def folded(keys: Tensor | int, coordinates: Tensor | int) -> Tensor:
    """Keys of coordinates below keys, elementwise: tensors of one shape, or numbers."""
    if isinstance(keys, Tensor) and isinstance(coordinates, Tensor) and keys.shape != coordinates.shape:
        keys, coordinates = torch.broadcast_tensors(keys, coordinates)
    some, key = (_whole(keys), 0) if isinstance(keys, Tensor) else (None, keys)
    ids, coordinate = (_ids(coordinates), 0) if isinstance(coordinates, Tensor) else (None, coordinates)
    like = ids if some is None else some
    assert like is not None
    out = torch.empty_like(like)
    _fold(some, key, ids, coordinate, out)
    return out


def of_tick(root: int, worlds: Tensor, episode: Tensor, tick: Tensor) -> Tensor:
    """Keys [worlds] of a tick of an episode, whose number is counted in 2^32ths."""
    out = torch.empty_like(worlds, memory_format=torch.contiguous_format)
    _of_tick(root, _ids(worlds), _whole(episode), _whole(tick), out)
    return out


def below(keys: Tensor, path: int | None, dims: Dims) -> Tensor:
    """Keys [..., *dims] of a path (or none) below keys [...], and of the entries of each dimension below that."""
    if path is not None and not dims:
        return folded(keys, path)
    for dim in dims:
        entries, ids = _dim(dim)
        out = keys.new_empty((*keys.shape, entries))
        _below(_whole(keys), path or 0, path is not None, entries, ids, out)
        keys, path = out, None
    return keys


def uniform(keys: Tensor, path: int | None, dims: Dims) -> Tensor:
    """Uniform numbers in [0, 1), float32 [..., *dims]."""
    table, shape = _table(keys, path, dims)
    out = keys.new_empty(shape, dtype=torch.float32)
    if out.numel():
        spread(_uniform, out.numel() // table[5], out.numel(), *table, out)
    return out


def integers(keys: Tensor, path: int | None, dims: Dims, least: int, span: int, wider: int = 0) -> Tensor:
    """Whole numbers in [least, least + span + wider * lane), int64 [..., *dims]."""
    table, shape = _table(keys, path, dims)
    out = keys.new_empty(shape)
    if out.numel():
        spread(_integers, out.numel() // table[5], out.numel(), *table, least, span, wider, out)
    return out


def normal(keys: Tensor, path: int | None, dims: Dims) -> Tensor:
    """Standard normal numbers, float32 [..., *dims]."""
    *before, last = dims or (1,)
    if isinstance(last, Tensor):
        both = _normals(keys, path, (*before, last >> 1), 2).unflatten(-1, (-1, 2))
        return torch.where((last & 1).bool(), both[..., 1], both[..., 0])
    return _normals(keys, path, dims, 1)


def _normals(keys: Tensor, path: int | None, dims: Dims, each: int) -> Tensor:
    (*rows, lanes, ids), shape = _table(keys, path, dims)
    if each > 1:
        shape = (*shape[:-1], each * shape[-1])
    out = keys.new_empty(shape, dtype=torch.float32)
    if out.numel():
        spread(_normal, out.numel() // (each * lanes), out.numel(), *rows, each * lanes, ids, out)
    return out


def pick(uniform: Tensor, weights: Tensor) -> Tensor:
    """Options [...] by weights [..., options], float32, and one uniform number [...] each."""
    out = torch.empty_like(uniform, dtype=torch.int64, memory_format=torch.contiguous_format)
    if out.numel():
        spread(_pick, out.numel(), weights.numel(), _whole(uniform), _whole(weights), out)
    return out


def distinct(keys: Tensor, path: int, of: int, size: int, dims: Dims) -> Tensor:
    """`size` distinct whole numbers below `of`, int64 [..., *dims, size]."""
    picks = integers(keys, path, (*dims, size), 0, of - size + 1, 1)
    _distinct(picks, of, max(size, 1))
    return picks


def _whole(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_contiguous() else tensor.contiguous()


def _ids(ids: Tensor) -> Tensor:
    return _whole(ids.to(torch.int64))


def _dim(dim: int | Tensor) -> tuple[int, Tensor | None]:
    return (dim, None) if isinstance(dim, int) else (len(dim), _ids(dim))


def _table(keys: Tensor, path: int | None, dims: Dims) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """What `TABLE` lists, and the shape of the result."""
    lanes, lane_ids = _dim(dims[-1]) if dims else (1, None)
    if len(dims) > 2:
        keys, path, dims = below(keys, path, dims[:-2]), None, dims[-2:]
    entries, ids = _dim(dims[0]) if len(dims) == 2 else (ALONE, None)
    shape = keys.shape if not dims else (*keys.shape, lanes) if entries == ALONE else (*keys.shape, entries, lanes)
    return (_whole(keys), path or 0, path is not None, entries, ids, lanes, lane_ids), shape
