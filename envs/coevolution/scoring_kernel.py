"""Kernels of the coevolution world for small things by world: courses, questions, and how good positions are."""

from typing import Any

import numpy as np
import torch
from numba import float32 as f32
from numba import int64 as i64
from numba import uint8 as u8
from numba import uint64 as u64

from populace.kernels.building import flat, helper, kernel

F32, I64, U8 = torch.float32, torch.int64, torch.uint8

FOLLOW, PREDICT, SHED, KEPT = 0, 1, 2, 3
"""What positions are scored against: society as it is; as it will be; in `coevolve` history's course, or that and how
far each group was from it at the start."""


@helper
def course(series: Any, w: int, points: int, width: int, d: int, tick: int, every: int) -> float:
    """Where history's course stands at a tick: number `d` of series [worlds, points, width]."""
    before = min(tick // every, points - 2)
    share = f32(tick - before * every) / f32(every)
    share = f32(1.0) if share > f32(1.0) else share
    at = (w * points + before) * width + d
    return (f32(1.0) - share) * series[at] + share * series[u64(at + width)]


@kernel(F32, I64, F32, F32, *[int] * 4)
def courses(
    series_at: int, series_n: int, tick_at: int, tick_n: int, base_at: int, base_n: int, out_at: int, out_n: int,
    points: int, width: int, every: int, more: int,
) -> None:  # fmt: skip
    """Where history's course stands `more` ticks on, less `base` (or none): [worlds, width]."""
    series, tick = flat(series_at, series_n, f32), flat(tick_at, tick_n, i64)
    base, out = flat(base_at, base_n, f32), flat(out_at, out_n, f32)
    for w in range(tick_n):
        for d in range(width):
            now = course(series, w, points, width, d, tick[w] + more, every)
            out[u64(w * width + d)] = now - base[u64(w * width + d)] if base_n else now


@kernel(F32, I64, F32, int, int, int)
def questions(
    loadings_at: int, loadings_n: int, asked_at: int, asked_n: int, out_at: int, out_n: int, items: int, asked: int,
    width: int,
) -> None:  # fmt: skip
    """The loadings [worlds, items, width] of the items that are asked [worlds, asked]."""
    loadings, which, out = flat(loadings_at, loadings_n, f32), flat(asked_at, asked_n, i64), flat(out_at, out_n, f32)
    for i in range(asked_n):
        at = (i // asked * items + which[i]) * width
        for d in range(width):
            out[u64(i * width + d)] = loadings[u64(at + d)]


@kernel(F32, I64, F32, F32, int, int)
def traced(
    trace_at: int, trace_n: int, tick_at: int, tick_n: int, mean_at: int, mean_n: int, out_at: int, out_n: int,
    width: int, every: int,
) -> None:  # fmt: skip
    """The trace [worlds, points, width], with the mean [worlds, width] at the point that is reached at this tick."""
    trace, tick = flat(trace_at, trace_n, f32), flat(tick_at, tick_n, i64)
    mean, out = flat(mean_at, mean_n, f32), flat(out_at, out_n, f32)
    points = trace_n // (tick_n * width)
    for i in range(trace_n):
        out[i] = trace[i]
    for w in range(tick_n):
        if tick[w] % every == 0 and tick[w] // every < points:
            for d in range(width):
                out[(w * points + tick[w] // every) * width + d] = mean[u64(w * width + d)]


@kernel(F32, I64, F32, F32, F32, *[int] * 6)
def truth(
    series_at: int, series_n: int, tick_at: int, tick_n: int, means_at: int, means_n: int, home_at: int, home_n: int,
    out_at: int, out_n: int, points: int, width: int, groups: int, every: int, ahead: int, against: int,
) -> None:  # fmt: skip
    """What positions are scored against: [worlds, groups, width]."""
    series, tick = flat(series_at, series_n, f32), flat(tick_at, tick_n, i64)
    means, home, out = flat(means_at, means_n, f32), flat(home_at, home_n, f32), flat(out_at, out_n, f32)
    for w in range(tick_n):
        for d in range(width):
            now = course(series, w, points, width, d, tick[w], every)
            for g in range(groups):
                at = (w * groups + g) * width + d
                if against == FOLLOW:
                    out[at] = means[at]
                elif against == PREDICT:
                    out[at] = means[at] + (course(series, w, points, width, d, tick[w] + ahead, every) - now)
                else:
                    out[at] = now + home[at] if against == KEPT else now


@helper
def cosine(a: Any, a_at: int, b: Any, b_at: int, width: int) -> float:
    """Of two vectors; NaN where either is zero."""
    along, one, other = f32(0.0), f32(0.0), f32(0.0)
    for d in range(width):
        x, y = a[u64(a_at + d)], b[u64(b_at + d)]
        along += x * y
        one += x * x
        other += y * y
    return along / f32(np.sqrt(one * other))


@kernel(F32, F32, F32, F32, F32, F32, F32, F32, F32, I64, U8, F32, F32, F32, F32, *[int] * 11)
def scores(
    position_at: int, position_n: int, mirror_at: int, mirror_n: int, truth_at: int, truth_n: int, counts_at: int,
    counts_n: int, series_at: int, series_n: int, start_at: int, start_n: int, loadings_at: int, loadings_n: int,
    centre_at: int, centre_n: int, means_at: int, means_n: int, tick_at: int, tick_n: int, spoke_at: int, spoke_n: int,
    pg_sum_at: int, pg_sum_n: int, pg_count_at: int, pg_count_n: int,
    found_at: int, found_n: int, paid_at: int, paid_n: int,
    points: int, width: int, groups: int, audiences: int, items: int, held: int, every: int, last: int, shed: int,
    unheard: int, worlds: int,
) -> None:  # fmt: skip
    """How good positions [worlds, groups, width] are.

    Writes found [3, worlds]: error, cosine from history's mean, share of held-out items on the right side; paid
    [worlds, assistants]; and adds to ProgressGym's sums pg_sum, pg_count [worlds], which are the callee's own.
    """
    position, mirror, truth = (
        flat(position_at, position_n, f32),
        flat(mirror_at, mirror_n, f32),
        flat(truth_at, truth_n, f32),
    )
    counts, series, start = flat(counts_at, counts_n, f32), flat(series_at, series_n, f32), flat(start_at, start_n, f32)
    loadings, centre, means = (
        flat(loadings_at, loadings_n, f32),
        flat(centre_at, centre_n, f32),
        flat(means_at, means_n, f32),
    )
    tick, spoke = flat(tick_at, tick_n, i64), flat(spoke_at, spoke_n, u8)
    pg_sum, pg_count = flat(pg_sum_at, pg_sum_n, f32), flat(pg_count_at, pg_count_n, f32)
    found, paid = flat(found_at, found_n, f32), flat(paid_at, paid_n, f32)
    assistants, zero, nan = groups // audiences, f32(0.0), f32(np.nan)
    middle, voice, aim = np.zeros(width, f32), np.zeros(width, f32), np.zeros(width, f32)
    said, meant = np.zeros(width, f32), np.zeros(width, f32)
    for w in range(worlds):
        for d in range(width):
            total, first = zero, w * points * width + d
            for p in range(points):
                total += series[u64(first + p * width)]
            middle[d] = total / f32(points)
            if not shed:
                middle[d] += start[u64(w * width + d)] - series[first]
            voice[d], aim[d] = zero, zero
        whole, silent, none = zero, True, unheard != 0
        for g in range(groups):
            there = spoke_n == 0 or spoke[u64(w * assistants + g // audiences)] != 0
            whole += counts[u64(w * groups + g)] if there else zero
            silent = silent and not there
            none = none or mirror[u64(w * assistants + g // audiences)] >= f32(1.0)
        error, alike, right = zero, zero, zero
        for a in range(assistants):
            own, pay = zero, zero
            for g in range(a * audiences, (a + 1) * audiences):
                own += counts[u64(w * groups + g)]
            for g in range(a * audiences, (a + 1) * audiences):
                at = (w * groups + g) * width
                there = spoke_n == 0 or spoke[u64(w * assistants + a)] != 0
                weight = (counts[u64(w * groups + g)] if there else zero) / whole
                missed = zero
                for d in range(width):
                    off = position[u64(at + d)] - truth[u64(at + d)]
                    missed += off * off
                    said[d], meant[d] = position[u64(at + d)] - middle[d], truth[u64(at + d)] - middle[d]
                    voice[d] += weight * position[u64(at + d)]
                    aim[d] += weight * truth[u64(at + d)]
                missed = f32(np.sqrt(missed / f32(width)))
                error += weight * missed
                alike += weight * cosine(said, 0, meant, 0, width)
                pay += counts[u64(w * groups + g)] / max(own, f32(1.0)) * missed
                if held:
                    agree, broken = 0, False
                    for d in range(width):
                        broken = broken or np.isnan(position[u64(at + d)])
                    for i in range(items - held, items):
                        one, other = zero, zero
                        for d in range(width):
                            loads = loadings[u64((w * items + i) * width + d)]
                            one += loads * (position[u64(at + d)] - centre[u64(w * width + d)])
                            other += loads * (means[u64(at + d)] - centre[u64(w * width + d)])
                        agree += (one > zero) == (other > zero)
                    right += weight * (nan if broken else f32(agree) / f32(held))
            paid[u64(w * assistants + a)] = -pay
        found[w] = nan if none else error
        found[u64(worlds + w)] = nan if none else alike
        found[u64(2 * worlds + w)] = nan if none or not held else right
        if tick[w] % every == 0 and every <= tick[w] <= last and not silent:
            pg_sum[w] += cosine(voice, 0, aim, 0, width)
            pg_count[w] += f32(1.0)
