"""Kernels of the coevolution world: answers are counted, and everyone moves.

A block is up to `tiles.BLOCK` users of one world. Kernels work on blocks, or worlds, [first, last) of all.
"""

from typing import Any

import numpy as np
import torch
from numba import float32 as f32
from numba import float64 as f64
from numba import int64 as i64
from numba import uint8 as u8
from numba import uint32 as u32
from numba import uint64 as u64

from populace.kernels.building import flat, helper, kernel
from populace.kernels.doubles import exp, log
from populace.kernels.scalars import ONE
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

F32, F64, I64, U8 = torch.float32, torch.float64, torch.int64, torch.uint8


@helper
def blocks_of(users: int, block: int) -> int:
    """Blocks of a world."""
    return (users + block - 1) // block


@kernel(F32, F32, float)
def compounded(rate_at: int, rate_n: int, out_at: int, out_n: int, times: float) -> None:
    """1 - (1 - rate)^times, for rates from 0 to 1."""
    rate, out = flat(rate_at, rate_n, f32), flat(out_at, out_n, f32)
    for i in range(rate_n):
        left = f64(1.0) - f64(rate[i])
        out[i] = f32(1.0 - exp(times * log(left))) if left != f64(0.0) else ONE


@kernel(I64, I64, F32, U8, int, int, int, int)
def count_answers(
    answers_at: int, answers_n: int, group_at: int, group_n: int, yes_at: int, yes_n: int, kept_at: int, kept_n: int,
    users: int, asked: int, first: int, last: int,
) -> None:  # fmt: skip
    """Answers [worlds, users, asked] of worlds [first, last): those of 1 by group, yes [worlds, M, asked]; and as
    bytes. Counts below 2^24 are exact.
    """
    answers, group = flat(answers_at, answers_n, i64), flat(group_at, group_n, i64)
    yes, kept = flat(yes_at, yes_n, f32), flat(kept_at, kept_n, u8)
    worlds = answers_n // (users * asked)
    groups = yes_n // (worlds * asked)
    counts = np.zeros(groups * asked, np.int64)
    for w in range(first, last):
        row = w * users
        counts[:] = 0
        if kept_n:
            for i in range(row * asked, (row + users) * asked):
                kept[i] = u8(answers[i])
        if group_n:
            for r in range(users):
                to, at = group[u64(row + r)] * asked, (row + r) * asked
                for k in range(asked):
                    counts[u64(to + k)] += answers[u64(at + k)]
        else:
            for r in range(users):
                at = (row + r) * asked
                for k in range(asked):
                    counts[k] += answers[u64(at + k)]
        for i in range(groups * asked):
            yes[u64(w * groups * asked + i)] = f32(counts[i])


@helper
def spoken(
    told: Any, shares: Any, group: Any, w: int, row: int, here: int, width: int, groups: int, audiences: int,
    lanes: int, said: Any, share: Any,
) -> bool:  # fmt: skip
    """What each user of a tile is told, as columns, and how far it is an echo; whether there is an echo at all."""
    any_echo = False
    for r in range(here):
        g = group[u64(row + r)] if len(group) else 0
        share[r] = shares[u64(w * (groups // audiences) + g // audiences)]
        any_echo = any_echo or share[r] != f32(0.0)
        at = (w * groups + g) * width
        for d in range(width):
            said[u64(d * lanes + r)] = told[u64(at + d)]
    return any_echo


@kernel(
    F32,
    F32,
    I64,
    F32,
    F32,
    U8,
    F32,
    F32,
    F32,
    I64,
    F32,
    U8,
    I64,
    F32,
    F32,
    F32,
    F64,
    F64,
    *[int] * 7,
    *[float] * 4,
    int,
    int,
)
def move(
    values_at: int, values_n: int, origin_at: int, origin_n: int, person_at: int, person_n: int, aim_at: int,
    aim_n: int, history_rates_at: int, history_rates_n: int, answers_at: int, answers_n: int, questions_at: int,
    questions_n: int, told_at: int, told_n: int, shares_at: int, shares_n: int, group_at: int, group_n: int,
    rates_at: int, rates_n: int, heeded_at: int, heeded_n: int, keys_at: int, keys_n: int, out_at: int, out_n: int,
    approval_at: int, approval_n: int, shift_at: int, shift_n: int, sums_at: int, sums_n: int, by_group_at: int,
    by_group_n: int, users: int, width: int, asked: int, groups: int, audiences: int, lanes: int, block: int,
    history_rate: float, rate: float, push: float, noise: float, first: int, last: int,
) -> None:  # fmt: skip
    """One tick of history, assistant and noise, and the sums of what comes of it.

    values, origin (or none), out [worlds, users, width]; person [worlds, users], rows of origin (or none: their own);
    aim [worlds, width]; history_rates, rates [worlds, users] (or none); answers [worlds, users, asked];
    questions [worlds, asked, width]; told [worlds, groups, width]; shares [worlds, assistants]; group [worlds, users];
    heeded [worlds, assistants] (or none); keys [worlds] of the noise (or none); approval [worlds, users] (none where
    nobody hears the assistant); shift [worlds, width]; sums [blocks, 2, width]; by_group [blocks, groups, width].
    `out` may be `values`.
    """
    values, origin, person = (
        flat(values_at, values_n, f32),
        flat(origin_at, origin_n, f32),
        flat(person_at, person_n, i64),
    )
    aim, own_history = flat(aim_at, aim_n, f32), flat(history_rates_at, history_rates_n, f32)
    answers, questions = flat(answers_at, answers_n, u8), flat(questions_at, questions_n, f32)
    told, shares, group = flat(told_at, told_n, f32), flat(shares_at, shares_n, f32), flat(group_at, group_n, i64)
    own_rate, heeded, keys = flat(rates_at, rates_n, f32), flat(heeded_at, heeded_n, u8), flat(keys_at, keys_n, u64)
    out, approval = flat(out_at, out_n, f32), flat(approval_at, approval_n, f32)
    shift, sums, by_group = flat(shift_at, shift_n, f32), flat(sums_at, sums_n, f64), flat(by_group_at, by_group_n, f64)
    per, size = blocks_of(users, block), width * lanes
    v, o, said, hears = np.zeros(size, f32), np.zeros(size, f32), np.zeros(size, f32), np.zeros(size, f32)
    once, squared = np.zeros(size, f32), np.zeros(size, f32)
    signs, step = np.zeros(max(asked, 1) * lanes, f32), np.zeros(max(asked, 1) * width, f32)
    near, echoed, share, drawn = np.zeros(lanes, f32), np.zeros(lanes, f32), np.zeros(lanes, f32), np.zeros(lanes, f32)
    to_history, to_said, other = np.zeros(lanes, f32), np.zeros(lanes, f32), np.zeros(lanes, f32)
    low, high = np.zeros(lanes, u32), np.zeros(lanes, u32)
    many, size_of_step, scale, world = f32(width), f32(push) / f32(asked), f32(noise), -1
    any_echo = False
    for b in range(first, last):
        w = b // per
        start = (b - w * per) * block
        stop = min(users, start + block)
        if sums_n:
            clear(once, size)
            clear(squared, size)
        if w != world and approval_n:
            for i in range(asked * width):
                step[i] = size_of_step * questions[u64(w * asked * width + i)]
            if group_n == 0:
                any_echo = spoken(told, shares, group, w, 0, lanes, width, groups, audiences, lanes, said, share)
            world = w
        for at in range(start, stop, lanes):
            here, row = min(lanes, stop - at), w * users + at
            to_columns(values, row * width, here, width, lanes, v)
            for r in range(here):
                to_history[r] = own_history[u64(row + r)] if history_rates_n else f32(history_rate)
            if origin_n:
                if person_n:
                    for r in range(here):
                        come = (w * users + person[u64(row + r)]) * width
                        for d in range(width):
                            o[u64(d * lanes + r)] = origin[u64(come + d)]
                else:
                    to_columns(origin, row * width, here, width, lanes, o)
            if approval_n:
                if group_n:
                    any_echo = spoken(told, shares, group, w, row, here, width, groups, audiences, lanes, said, share)
                for r in range(here):
                    to_said[r] = own_rate[u64(row + r)] if rates_n else f32(rate)
                    near[r] = f32(0.0)
                if heeded_n:
                    for r in range(here):
                        g = group[u64(row + r)] if group_n else 0
                        to_said[r] *= f32(heeded[u64(w * (groups // audiences) + g // audiences)])
                if any_echo:
                    for r in range(here):
                        for k in range(asked):
                            signs[u64(k * lanes + r)] = f32(2.0) * f32(answers[u64((row + r) * asked + k)]) - ONE
            for d in range(width):
                c, goal = d * lanes, aim[u64(w * width + d)]
                if approval_n:
                    if any_echo:
                        for r in range(here):
                            echoed[r] = f32(0.0)
                        for k in range(asked):
                            along = step[u64(k * width + d)]
                            for r in range(here):
                                echoed[r] += along * signs[u64(k * lanes + r)]
                        for r in range(here):
                            hears[u64(c + r)] = ((v[u64(c + r)] + echoed[r]) - said[u64(c + r)]) * share[r] + said[
                                u64(c + r)
                            ]
                    else:
                        for r in range(here):
                            hears[u64(c + r)] = said[u64(c + r)]
                    for r in range(here):
                        off = hears[u64(c + r)] - v[u64(c + r)]
                        near[r] += off * off
                if origin_n:
                    for r in range(here):
                        v[u64(c + r)] += ((o[u64(c + r)] + goal) - v[u64(c + r)]) * to_history[r]
                else:
                    for r in range(here):
                        v[u64(c + r)] += (goal - v[u64(c + r)]) * to_history[r]
                if approval_n:
                    for r in range(here):
                        v[u64(c + r)] += (hears[u64(c + r)] - v[u64(c + r)]) * to_said[r]
            if approval_n:
                for r in range(here):
                    approval[u64(row + r)] = -np.sqrt(near[r] / many)
            if keys_n:
                user_keys(keys[w], at, here, low, high)
                add_noise(v, low, high, here, width, lanes, scale, drawn, other)
            if sums_n:
                add_moments(v, here, width, lanes, shift, w * width, once, squared)
            if by_group_n:
                add_by_group(v, here, width, lanes, shift, w * width, group, row, by_group, b * groups * width)
            to_rows(v, here, width, lanes, out, row * width)
        if sums_n:
            join_lanes(once, width, lanes, sums, 2 * b * width)
            join_lanes(squared, width, lanes, sums, (2 * b + 1) * width)
