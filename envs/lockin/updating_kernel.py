"""The kernel of a round of the lock-in world: a signal, what assistants say, and what others say.

Worlds are worked on some at a time, so that short loops over humans become one long loop over humans of many worlds.
"""

from typing import Any

import numpy as np
import torch
from numba import float32 as f32
from numba import float64 as f64
from numba import uint64 as u64

from populace.kernels.building import flat, helper, kernel
from populace.kernels.doubles import exp, log, log1p

F32, F64 = torch.float32, torch.float64

NOTHING = f64(-1e30)
"""As in `beliefs`."""

AT_ONCE = 512
"""Humans worked on at a time."""


@helper
def combine(
    a_mean: Any, a_log: Any, b_mean: Any, b_log: Any, a_at: int, b_at: int, count: int, small: Any, mean: Any,
    precision: Any, to: int,
) -> None:  # fmt: skip
    """As `beliefs.combine`, for `count` pairs from `a_at` and `b_at` on; written from `to` on, not over what is read.

    Three loops that write one array each: of arrays that may overlap, LLVM looks at a few only.
    """
    for i in range(count):
        small[i] = exp(-abs(a_log[u64(a_at + i)] - b_log[u64(b_at + i)]))
    for i in range(count):
        first = a_log[u64(a_at + i)] >= b_log[u64(b_at + i)]
        larger = a_mean[u64(a_at + i)] if first else b_mean[u64(b_at + i)]
        lesser = b_mean[u64(b_at + i)] if first else a_mean[u64(a_at + i)]
        mean[u64(to + i)] = larger + (lesser - larger) * (small[i] / (f64(1.0) + small[i]))
    for i in range(count):
        one, other = a_log[u64(a_at + i)], b_log[u64(b_at + i)]
        precision[u64(to + i)] = (one if one >= other else other) + log1p(small[i])


@helper
def at_least(x: float) -> float:
    """Not less than knowing nothing; NaN stays NaN."""
    return NOTHING if x < NOTHING else x


@helper
def pool(means: Any, logs: Any, at: int, trust: Any, row: int, heard: int, weighed: Any) -> tuple[float, float]:
    """As `beliefs.pool`: beliefs [heard] from `at` on by log trust [heard] from `row` on."""
    top = f64(-np.inf)
    for j in range(heard):
        weighed[j] = trust[u64(row + j)] + logs[u64(at + j)]
        top = max(top, weighed[j])
    if heard == 1:
        return means[at], at_least(weighed[0])
    for j in range(heard):
        weighed[j] = exp(weighed[j] - top)
    total, middle = f64(0.0), f64(0.0)
    for j in range(heard):
        total += weighed[j]
        middle += weighed[j] * means[u64(at + j)]
    return middle / total, at_least(top + log(total))


@helper
def pool_others(
    means: Any, logs: Any, at: int, users: int, trust: float, share: Any, behind: Any, into: Any, mean: Any, prec: Any
) -> None:
    """What each hears of all others, trusted alike: sums up to it and from it on, so that nothing cancels.

    share and behind (2 x users + 2) are for work; mean and prec [users] from `into` on are written.
    """
    best, top, second = 0, f64(-np.inf), f64(-np.inf)
    for j in range(users):
        if logs[u64(at + j)] > top:
            best, second, top = j, top, logs[u64(at + j)]
        else:
            second = max(second, logs[u64(at + j)])
    for j in range(users):
        share[j] = exp(logs[u64(at + j)] - top)
    behind[users], behind[u64(2 * users + 1)] = f64(0.0), f64(0.0)
    for j in range(users - 1, -1, -1):
        behind[j] = behind[u64(j + 1)] + share[j]
        behind[u64(users + 1 + j)] = behind[u64(users + 2 + j)] + share[j] * means[u64(at + j)]
    before, along = f64(0.0), f64(0.0)
    for j in range(users):
        total, middle, high = before + behind[u64(j + 1)], along + behind[u64(users + 2 + j)], top
        if j == best:  # the others may be nothing beside the surest of all
            total, middle, high = f64(0.0), f64(0.0), second
            for i in range(users):
                if i != j:
                    weight = exp(logs[u64(at + i)] - second)
                    total += weight
                    middle += weight * means[u64(at + i)]
        before += share[j]
        along += share[j] * means[u64(at + j)]
        if users == 1:
            mean[u64(into + j)], prec[u64(into + j)] = means[u64(at + j)], NOTHING
        else:
            mean[u64(into + j)], prec[u64(into + j)] = middle / total, at_least(high + log(total) + trust)


@kernel(*[F64] * 6, F32, F64, F64, F64, *[F64] * 4, *[int] * 5, *[float] * 2, int, int)
def update(
    private_mean_at: int, private_mean_n: int, private_log_at: int, private_log_n: int, public_mean_at: int,
    public_mean_n: int, public_log_at: int, public_log_n: int, heard_mean_at: int, heard_mean_n: int,
    heard_log_at: int, heard_log_n: int, noise_at: int, noise_n: int, signal_at: int, signal_n: int, heeds_at: int,
    heeds_n: int, peers_at: int, peers_n: int, own_mean_at: int, own_mean_n: int,
    own_log_at: int, own_log_n: int, told_all_at: int, told_all_n: int,
    sure_all_at: int, sure_all_n: int,
    users: int, assistants: int, alike: int, old: int, others: int, truth: float, peer: float, first: int, last: int,
) -> None:  # fmt: skip
    """A round of worlds [first, last).

    Beliefs of humans [worlds, users] and, heard, of assistants [worlds, assistants]; noise and signal [worlds, users],
    a normal number and a log precision. heeds: log trust of humans in assistants, [assistants] where all are `alike`,
    else [users, assistants]. With `others` everyone hears all others with log trust `peer`; or peers [users, users] is
    log trust of humans in humans. With `old`, publics are made from privates of before the signal.
    """
    private_mean, private_log = flat(private_mean_at, private_mean_n, f64), flat(private_log_at, private_log_n, f64)
    public_mean, public_log = flat(public_mean_at, public_mean_n, f64), flat(public_log_at, public_log_n, f64)
    heard_mean, heard_log = flat(heard_mean_at, heard_mean_n, f64), flat(heard_log_at, heard_log_n, f64)
    noise, signal = flat(noise_at, noise_n, f32), flat(signal_at, signal_n, f64)
    heeds, peers = flat(heeds_at, heeds_n, f64), flat(peers_at, peers_n, f64)
    new_mean, new_log = (
        flat(own_mean_at, own_mean_n, f64),
        flat(own_log_at, own_log_n, f64),
    )
    out_mean, out_log = (
        flat(told_all_at, told_all_n, f64),
        flat(sure_all_at, sure_all_n, f64),
    )
    many = max(1, AT_ONCE // users)
    size, most = many * users, max(users, assistants)
    told_mean, told_log, weighed = np.zeros(size), np.zeros(size), np.zeros(most)
    seen, sure, small = np.zeros(size), np.zeros(size), np.zeros(size)
    share, behind = np.zeros(users), np.zeros(2 * users + 2)
    for start in range(first, last, many):
        stop = min(last, start + many)
        at, count = start * users, (stop - start) * users
        for i in range(count):
            seen[i] = truth + exp(f64(-0.5) * signal[u64(at + i)]) * f64(noise[u64(at + i)])
        for i in range(count):
            sure[i] = signal[u64(at + i)]
        combine(private_mean, private_log, seen, sure, at, 0, count, small, new_mean, new_log, at)
        for w in range(start, stop):
            into = (w - start) * users
            if alike:
                mean, precision = pool(heard_mean, heard_log, w * assistants, heeds, 0, assistants, weighed)
                for i in range(users):
                    told_mean[u64(into + i)], told_log[u64(into + i)] = mean, precision
            else:
                for i in range(users):
                    told_mean[u64(into + i)], told_log[u64(into + i)] = pool(
                        heard_mean, heard_log, w * assistants, heeds, i * assistants, assistants, weighed
                    )
        if old:
            combine(private_mean, private_log, told_mean, told_log, at, 0, count, small, out_mean, out_log, at)
        else:
            combine(new_mean, new_log, told_mean, told_log, at, 0, count, small, out_mean, out_log, at)
        if others or peers_n:
            for w in range(start, stop):
                row, into = w * users, (w - start) * users
                if others:
                    pool_others(public_mean, public_log, row, users, peer, share, behind, into, told_mean, told_log)
                else:
                    for i in range(users):
                        told_mean[u64(into + i)], told_log[u64(into + i)] = pool(
                            public_mean, public_log, row, peers, i * users, users, weighed
                        )
            combine(out_mean, out_log, told_mean, told_log, at, 0, count, small, seen, sure, 0)
            for i in range(count):
                out_mean[u64(at + i)] = seen[i]
            for i in range(count):
                out_log[u64(at + i)] = sure[i]


@kernel(F32, F64, F64, float)
def signals(
    noise_at: int, noise_n: int, signal_at: int, signal_n: int, out_at: int, out_n: int, truth: float
) -> None:  # fmt: skip
    """Signals: the truth and noise, a normal number each, of log precision `signal`."""
    noise, signal, out = flat(noise_at, noise_n, f32), flat(signal_at, signal_n, f64), flat(out_at, out_n, f64)
    for i in range(out_n):
        out[i] = truth + exp(f64(-0.5) * signal[i]) * f64(noise[i])


@kernel(F64, F64)
def logs(trust_at: int, trust_n: int, out_at: int, out_n: int) -> None:
    """Logarithms of trust; `NOTHING` for none."""
    trust, out = flat(trust_at, trust_n, f64), flat(out_at, out_n, f64)
    for i in range(trust_n):
        out[i] = log(trust[i]) if trust[i] > f64(1e-300) else NOTHING
