"""Tiles: some users side by side, a column per number, so that one vector instruction works on many users.

A tile of `lanes` users of `width` numbers is an array [width * lanes]; number d of user r lies at d * lanes + r. Loops
run over the users that are there (`here`). Bounds are known at run time only: LLVM unrolls loops of known length
instead of using vectors.
"""

from typing import Any

from numba import float32 as f32
from numba import float64 as f64
from numba import uint32 as u32
from numba import uint64 as u64

from populace.kernels.building import helper
from populace.kernels.scalars import fold, lane_bits, normal_pair, unit

LANES = 64
"""Users in a tile, a multiple of 16. Sums over users depend on it in their last bits."""

BLOCK = 8192
"""Users whose float32 sums are added before they are joined in float64; threads take turns by blocks."""


@helper
def to_columns(rows: Any, at: int, here: int, width: int, lanes: int, out: Any) -> None:
    """Rows [here, width], which begin at `at`, as columns."""
    for r in range(here):
        row = at + r * width
        for d in range(width):
            out[u64(d * lanes + r)] = rows[u64(row + d)]


@helper
def to_rows(columns: Any, here: int, width: int, lanes: int, out: Any, at: int) -> None:
    """Columns as rows [here, width], which begin at `at`."""
    for r in range(here):
        row = at + r * width
        for d in range(width):
            out[u64(row + d)] = columns[u64(d * lanes + r)]


@helper
def user_keys(key: int, first: int, here: int, low: Any, high: Any) -> None:
    """The keys of users from `first` on below a key, in halves."""
    for r in range(here):
        below = fold(key, u64(first + r))
        low[r], high[r] = u32(below), u32(below >> u64(32))


@helper
def normals_of_lane(low: Any, high: Any, here: int, lane: int, one: Any, other: Any) -> None:
    """Normal numbers of an even lane and of the next, for keys in halves."""
    for r in range(here):
        u = unit(lane_bits(low[r], high[r], u32(lane)))
        v = unit(lane_bits(low[r], high[r], u32(lane + 1)))
        one[r], other[r] = normal_pair(u, v)


@helper
def add_noise(
    columns: Any, low: Any, high: Any, here: int, width: int, lanes: int, scale: float, one: Any, other: Any
) -> None:
    """Add to every number its own normal number times `scale`; for whole vectors, as scalar remainders are slow."""
    here = min(lanes, (here + 15) // 16 * 16)
    for d in range(0, width, 2):
        normals_of_lane(low, high, here, d, one, other)
        at = d * lanes
        for r in range(here):
            columns[u64(at + r)] += scale * one[r]
        if d + 1 < width:
            for r in range(here):
                columns[u64(at + lanes + r)] += scale * other[r]


@helper
def add_moments(columns: Any, here: int, width: int, lanes: int, shift: Any, at: int, once: Any, squared: Any) -> None:
    """Add the numbers less `shift` [width], which begins at `at`, and their squares, to sums of the same form."""
    for d in range(width):
        less, first = shift[u64(at + d)], d * lanes
        for r in range(here):
            off = columns[u64(first + r)] - less
            once[u64(first + r)] += off
            squared[u64(first + r)] += off * off


@helper
def add_by_group(
    columns: Any, here: int, width: int, lanes: int, shift: Any, at: int, group: Any, row: int, sums: Any, base: int
) -> None:
    """Add the numbers less `shift` to the float64 sums [groups, width] of each user's group; sums begin at `base`."""
    for r in range(here):
        to = base + group[u64(row + r)] * width
        for d in range(width):
            sums[u64(to + d)] += f64(columns[u64(d * lanes + r)] - shift[u64(at + d)])


@helper
def join_lanes(sums: Any, width: int, lanes: int, out: Any, at: int) -> None:
    """The sum of each column, lanes halved again and again, into float64 [width] from `at` on."""
    half = lanes // 2
    while half >= 8:
        for d in range(width):
            first = d * lanes
            for r in range(half):
                sums[u64(first + r)] += sums[u64(first + half + r)]
        half //= 2
    for d in range(width):
        total = f64(0.0)
        for r in range(8):
            total += f64(sums[u64(d * lanes + r)])
        out[u64(at + d)] = total


@helper
def clear(numbers: Any, count: int) -> None:
    """Set the first numbers to 0."""
    for i in range(count):
        numbers[i] = f32(0.0)
