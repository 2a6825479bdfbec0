"""Functions in float64 against exact values, of arguments everywhere in their range."""

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
import torch
from numba import float64 as f64

from populace.kernels import doubles
from populace.kernels.building import flat, kernel

D = torch.float64
exp, log, log1p = doubles.exp, doubles.log, doubles.log1p


@kernel(D, D)
def exps(x_at, x_n, out_at, out_n):
    x, out = flat(x_at, x_n, f64), flat(out_at, out_n, f64)
    for i in range(x_n):
        out[i] = exp(x[i])


@kernel(D, D)
def logs(x_at, x_n, out_at, out_n):
    x, out = flat(x_at, x_n, f64), flat(out_at, out_n, f64)
    for i in range(x_n):
        out[i] = log(x[i])


@kernel(D, D)
def log1ps(x_at, x_n, out_at, out_n):
    x, out = flat(x_at, x_n, f64), flat(out_at, out_n, f64)
    for i in range(x_n):
        out[i] = log1p(x[i])


DRAWN = np.random.default_rng(0)
CASES = {
    "exp": (exps, -DRAWN.uniform(0, 745, 3000), lambda x: x.exp()),
    "exp of small": (exps, -(10.0 ** DRAWN.uniform(-17, 0, 1000)), lambda x: x.exp()),
    "log": (logs, 10.0 ** DRAWN.uniform(-300, 300, 3000), lambda x: x.ln()),
    "log near 1": (logs, 1.0 + DRAWN.uniform(-0.5, 1, 1000) * 10.0 ** DRAWN.uniform(-12, 0, 1000), lambda x: x.ln()),
    "log1p": (log1ps, DRAWN.uniform(0, 1, 3000), lambda x: (1 + x).ln()),
    "log1p of small": (log1ps, 10.0 ** DRAWN.uniform(-300, 0, 1000), lambda x: (1 + x).ln() if x > 1e-30 else x),
}


@pytest.mark.parametrize("name", CASES)
def test_within_two_units_in_the_last_place(name):
    work, given, function = CASES[name]
    getcontext().prec = 60
    out = torch.empty(len(given), dtype=D)
    work(torch.from_numpy(given), out)
    for x, found in zip(given.tolist(), out.tolist(), strict=True):
        exact = function(Decimal(x))
        unit = math.ulp(float(exact)) if exact else 5e-324
        assert abs(Decimal(found) - exact) <= Decimal(unit) * 2, x


@pytest.mark.parametrize(
    ("work", "x", "expected"),
    [
        (exps, [0.0, -0.0, -1e300, -math.inf, math.nan], [1.0, 1.0, 0.0, 0.0, math.nan]),
        (log1ps, [0.0, 1.0, math.nan], [0.0, math.log(2), math.nan]),
        (logs, [1.0, 2.0, math.nan], [0.0, math.log(2), math.nan]),
    ],
)
def test_ends(work, x, expected):
    out = torch.empty(len(x), dtype=D)
    work(torch.tensor(x, dtype=D), out)
    assert np.allclose(out.numpy(), expected, rtol=4e-16, atol=0.0, equal_nan=True)
