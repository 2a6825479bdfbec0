"""Kernels of the coevolution world for what follows the move: peers, newcomers, means and variances."""

import numpy as np
import torch
from numba import float32 as f32
from numba import float64 as f64
from numba import int64 as i64
from numba import uint32 as u32
from numba import uint64 as u64

from populace.envs.coevolution.moving_kernel import blocks_of
from populace.kernels.building import flat, kernel
from populace.kernels.tiles import (
    add_by_group,
    add_moments,
    add_noise,
    clear,
    join_lanes,
    to_columns,
    to_rows,
    user_keys,
)

F32, F64, I64 = torch.float32, torch.float64, torch.int64


@kernel(F32, F32, F32, F32, I64, I64, F32, F32, F64, F64, *[int] * 5, *[float] * 2, int, int)
def settle(
    values_at: int, values_n: int, around_at: int, around_n: int, means_at: int, means_n: int, rates_at: int,
    rates_n: int, group_at: int, group_n: int, keys_at: int, keys_n: int, out_at: int, out_n: int, shift_at: int,
    shift_n: int, sums_at: int, sums_n: int, by_group_at: int, by_group_n: int,
    users: int, width: int, groups: int, lanes: int, block: int, rate: float, noise: float, first: int, last: int,
) -> None:  # fmt: skip
    """Peers and noise, if any, and the sums of what comes of it.

    values, means (or none) and out (none to change nothing) [worlds, users, width]; around [worlds, width] (or none);
    rates [worlds, users] (or none); keys [worlds] (or none); the rest as in `move`.
    """
    values, around, means = flat(values_at, values_n, f32), flat(around_at, around_n, f32), flat(means_at, means_n, f32)
    own_rate, group, keys = flat(rates_at, rates_n, f32), flat(group_at, group_n, i64), flat(keys_at, keys_n, u64)
    out, shift = flat(out_at, out_n, f32), flat(shift_at, shift_n, f32)
    sums, by_group = flat(sums_at, sums_n, f64), flat(by_group_at, by_group_n, f64)
    per, size = blocks_of(users, block), width * lanes
    v, peers = np.zeros(size, f32), np.zeros(size, f32)
    once, squared = np.zeros(size, f32), np.zeros(size, f32)
    drawn, other, pulled = np.zeros(lanes, f32), np.zeros(lanes, f32), np.zeros(lanes, f32)
    low, high = np.zeros(lanes, u32), np.zeros(lanes, u32)
    scale = f32(noise)
    for b in range(first, last):
        w = b // per
        start = (b - w * per) * block
        stop = min(users, start + block)
        if sums_n:
            clear(once, size)
            clear(squared, size)
        for at in range(start, stop, lanes):
            here, row = min(lanes, stop - at), w * users + at
            to_columns(values, row * width, here, width, lanes, v)
            if around_n or means_n:
                for r in range(here):
                    pulled[r] = own_rate[u64(row + r)] if rates_n else f32(rate)
                if means_n:
                    to_columns(means, row * width, here, width, lanes, peers)
                for d in range(width):
                    c = d * lanes
                    if around_n:
                        for r in range(here):
                            peers[u64(c + r)] = around[u64(w * width + d)]
                    for r in range(here):
                        v[u64(c + r)] += (peers[u64(c + r)] - v[u64(c + r)]) * pulled[r]
            if keys_n:
                user_keys(keys[w], at, here, low, high)
                add_noise(v, low, high, here, width, lanes, scale, drawn, other)
            if sums_n:
                add_moments(v, here, width, lanes, shift, w * width, once, squared)
            if by_group_n:
                add_by_group(v, here, width, lanes, shift, w * width, group, row, by_group, b * groups * width)
            if out_n:
                to_rows(v, here, width, lanes, out, row * width)
        if sums_n:
            join_lanes(once, width, lanes, sums, 2 * b * width)
            join_lanes(squared, width, lanes, sums, (2 * b + 1) * width)


@kernel(F64, F64, F32, F32, F32, F32, F32, *[int] * 4)
def join(
    sums_at: int, sums_n: int, by_group_at: int, by_group_n: int, counts_at: int, counts_n: int, shift_at: int,
    shift_n: int, mean_at: int, mean_n: int, variance_at: int, variance_n: int, means_at: int, means_n: int,
    users: int, width: int, groups: int, per: int,
) -> None:  # fmt: skip
    """Means and variances [worlds, width] and group means [worlds, groups, width] of the sums of blocks.

    An empty group's mean is that of all. counts [worlds, groups] and by_group are none where there is one group.
    """
    sums, by_group, counts = (
        flat(sums_at, sums_n, f64),
        flat(by_group_at, by_group_n, f64),
        flat(counts_at, counts_n, f32),
    )
    shift, mean, variance = flat(shift_at, shift_n, f32), flat(mean_at, mean_n, f32), flat(variance_at, variance_n, f32)
    means, of = flat(means_at, means_n, f32), f64(users)
    for w in range(mean_n // width):
        for d in range(width):
            first, second = f64(0.0), f64(0.0)
            for b in range(w * per, (w + 1) * per):
                first += sums[u64(2 * b * width + d)]
                second += sums[u64((2 * b + 1) * width + d)]
            middle = first / of
            mean[u64(w * width + d)] = f32(f64(shift[u64(w * width + d)]) + middle)
            spread = second / of - middle * middle
            variance[u64(w * width + d)] = f32(f64(0.0) if spread < f64(0.0) else spread)
            for g in range(groups):
                at = (w * groups + g) * width + d
                means[at] = mean[u64(w * width + d)]
                if by_group_n and counts[u64(w * groups + g)] > f32(0.0):
                    total = f64(0.0)
                    for b in range(w * per, (w + 1) * per):
                        total += by_group[u64((b * groups + g) * width + d)]
                    means[at] = f32(f64(shift[u64(w * width + d)]) + total / f64(counts[u64(w * groups + g)]))


@kernel(F32, I64, I64, F32, F32, *[int] * 6)
def neighbours(
    values_at: int, values_n: int, source_at: int, source_n: int, target_at: int, target_n: int, weight_at: int,
    weight_n: int, out_at: int, out_n: int, users: int, width: int, ties: int, graphs: int, first: int, last: int,
) -> None:  # fmt: skip
    """Weighted means of those each user listens to, in worlds [first, last); edges are added in their order.

    values, out [worlds, users, width]; source, target, weight [graphs, ties], graphs being 1 or worlds.
    """
    values, weight, out = flat(values_at, values_n, f32), flat(weight_at, weight_n, f32), flat(out_at, out_n, f32)
    source, target = flat(source_at, source_n, i64), flat(target_at, target_n, i64)
    strength = np.zeros(users, f32)
    for w in range(first, last):
        clear(strength, users)
        row, edge = w * users, w * ties if graphs > 1 else 0
        for i in range(row * width, (row + users) * width):
            out[i] = f32(0.0)
        for e in range(edge, edge + ties):
            share, to = weight[e], target[e]
            strength[to] += share
            at, come = (row + to) * width, (row + source[e]) * width
            for d in range(width):
                out[u64(at + d)] += values[u64(come + d)] * share
        for r in range(users):
            at, whole = (row + r) * width, max(strength[r], f32(1e-12))
            for d in range(width):
                out[u64(at + d)] = out[u64(at + d)] / whole if strength[r] > f32(0.0) else values[u64(at + d)]


@kernel(F32, F32, I64, I64, I64, I64, F32, F32, F32, I64, float, *[int] * 5)
def renew(
    comes_at: int, comes_n: int, which_at: int, which_n: int, segment_at: int, segment_n: int, order_at: int,
    order_n: int, begins_at: int, begins_n: int, count_at: int, count_n: int, origin_at: int, origin_n: int,
    moved_at: int, moved_n: int, values_at: int, values_n: int, person_at: int, person_n: int,
    turnover: float, users: int, width: int, segments: int, first: int, last: int,
) -> None:  # fmt: skip
    """Newcomers take the seats of those whose uniform number `comes` is below `turnover`, in worlds [first, last).

    `which`, uniform too, chooses among the people of the seat's segment. Writes values and person in place; the rest
    as in `state.Seats`; moved [worlds, width] is how far society's mean has gone from where origins count.
    """
    comes, which = flat(comes_at, comes_n, f32), flat(which_at, which_n, f32)
    segment, order = flat(segment_at, segment_n, i64), flat(order_at, order_n, i64)
    begins, count = flat(begins_at, begins_n, i64), flat(count_at, count_n, i64)
    origin, moved = flat(origin_at, origin_n, f32), flat(moved_at, moved_n, f32)
    values, person = flat(values_at, values_n, f32), flat(person_at, person_n, i64)
    chance = f32(turnover)
    for w in range(first, last):
        for i in range(w * users, (w + 1) * users):
            if comes[i] < chance:
                of = w * segments + segment[i]
                nth = min(i64(f64(which[i]) * f64(count[of])), count[of] - 1)
                person[i] = order[w * users + begins[of] + nth]
                come = (w * users + person[i]) * width
                for d in range(width):
                    values[u64(i * width + d)] = origin[u64(come + d)] + moved[u64(w * width + d)]
