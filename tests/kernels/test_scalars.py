"""Elementary functions against float64, over every argument they are given or ten million; and the hash's constants."""

import numpy as np
import pytest
import torch
from kernels_stage import ulps
from numba import float32 as f32

from populace import draw
from populace.kernels import scalars
from populace.kernels.building import flat, kernel

log, exp, sigmoid, turn, normal_pair = scalars.log, scalars.exp, scalars.sigmoid, scalars.turn, scalars.normal_pair
GRID = torch.arange(2**24, dtype=torch.int32).float() * 2.0**-24  # every uniform number there is
MOST = 4.0


@kernel(torch.float32, torch.float32, torch.float32, torch.float32, torch.float32)
def functions(x_at, x_n, a_at, a_n, b_at, b_n, c_at, c_n, d_at, d_n):
    """Of uniform numbers: log(1 - x), cos and sin (2 pi x); of x as a half of a pair, a normal number."""
    x, a, b = flat(x_at, x_n, f32), flat(a_at, a_n, f32), flat(b_at, b_n, f32)
    c, d = flat(c_at, c_n, f32), flat(d_at, d_n, f32)
    for i in range(x_n):
        a[i] = log(f32(1.0) - x[i])
        b[i], c[i] = turn(x[i])
        d[i] = normal_pair(x[i], x[x_n - 1 - i])[0]


@kernel(torch.float32, torch.float32, torch.float32)
def exponentials(x_at, x_n, a_at, a_n, b_at, b_n):
    """exp(x) and sigmoid(x)."""
    x, a, b = flat(x_at, x_n, f32), flat(a_at, a_n, f32), flat(b_at, b_n, f32)
    for i in range(x_n):
        a[i], b[i] = exp(x[i]), sigmoid(x[i])


def test_functions_of_all_uniform_numbers():
    logs, cosines, sines, normals = (torch.empty_like(GRID) for _ in range(4))
    functions(GRID, logs, cosines, sines, normals)
    u = GRID.numpy().astype(np.float64)
    angle = 2.0 * np.pi * u
    exact_logs = np.log1p(-u)
    assert ulps(logs.numpy(), exact_logs) < MOST
    # In float64 the angle itself is rounded; quarters of a turn are where cosine or sine is zero.
    quarter = np.zeros(len(u), bool)
    quarter[:: 2**22] = True
    for found, exact in ((cosines, np.cos(angle)), (sines, np.sin(angle))):
        assert ulps(found.numpy()[~quarter], exact[~quarter]) < MOST
        assert np.array_equal(found.numpy()[quarter], np.round(exact[quarter]))
    exact = np.sqrt(-2.0 * exact_logs) * np.cos(angle[::-1])
    kept = ~quarter[::-1]
    assert ulps(normals.numpy()[kept], exact[kept]) < MOST + 0.5


def test_exponentials_of_ten_million_arguments():
    x = torch.from_numpy(np.random.default_rng(0).uniform(-104.0, 104.0, 10_000_000).astype(np.float32))
    exps, shares = torch.empty_like(x), torch.empty_like(x)
    exponentials(x, exps, shares)
    exact = np.exp(x.numpy().astype(np.float64))
    finite = exact < np.finfo(np.float32).max
    assert ulps(exps.numpy()[finite], exact[finite]) < MOST
    assert np.isinf(exps.numpy()[exact > 3.5e38]).all()
    assert ulps(shares.numpy(), exact / (1.0 + exact)) < MOST


@pytest.mark.parametrize(
    ("x", "to_exp", "to_sigmoid"),
    [(np.nan, np.nan, np.nan), (np.inf, np.inf, 1.0), (-np.inf, 0.0, 0.0), (0.0, 1.0, 0.5), (-0.0, 1.0, 0.5)],
)
def test_ends(x, to_exp, to_sigmoid):
    given, exps, shares = (torch.full((1,), x) for _ in range(3))
    exponentials(given, exps, shares)
    assert np.array_equal(exps.numpy(), [np.float32(to_exp)], equal_nan=True)
    assert np.array_equal(shares.numpy(), [np.float32(to_sigmoid)], equal_nan=True)


def test_the_hash_has_the_constants_of_the_torch_form():
    for name in ("GOLDEN", "MIX_1", "MIX_2"):
        assert int(getattr(scalars, name)) == getattr(draw, f"_{name}") & (2**64 - 1)
    for name in ("LANE_1", "LANE_2", "LANE_STEP"):
        assert int(getattr(scalars, name)) == getattr(draw, f"_{name}") & (2**32 - 1)
