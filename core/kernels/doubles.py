"""Exponential and logarithms in float64, for kernels whose state is in float64.

As in `scalars`, only +, -, x and / are used, so that their bits are the same on every x86-64 processor. The series are
those of exp and of the inverse hyperbolic tangent, long enough that what is cut off is below a unit in the last place.
Errors against exact values are below 2 such units; tests/kernels measures them.
"""

from typing import Any

from numba import float64 as f64
from numba import int64 as i64
from numba import types
from numba.extending import intrinsic

from populace.kernels.building import helper

ROUND = f64(1.5 * 2.0**52)
"""Added and taken away again, it rounds a number below 2^51 to a whole one."""
ROUND_BITS = i64(0x4338000000000000)
LOG2_E = f64(1.4426950408889634)
LN2_HIGH, LN2_LOW = f64(6.93147180369123816490e-01), f64(1.90821492927058770002e-10)
"""ln 2 in two parts (fdlibm's): products of the first with whole numbers below 2^20 are exact."""
HALVED = i64(0x3FE6A09E667F3BCD)
"""The bits of the square root of a half."""


@intrinsic  # type: ignore[untyped-decorator]  # numba's
def bits_of(typingctx: Any, x: Any) -> Any:
    """The bits of a float64, as an int64."""
    return types.int64(types.float64), lambda context, builder, sig, args: builder.bitcast(
        args[0], context.get_value_type(types.int64)
    )


@intrinsic  # type: ignore[untyped-decorator]  # numba's
def float_of(typingctx: Any, x: Any) -> Any:
    """The float64 of these bits, an int64."""
    return types.float64(types.int64), lambda context, builder, sig, args: builder.bitcast(
        args[0], context.get_value_type(types.float64)
    )


@helper
def exp(x: float) -> float:
    """The exponential of a number <= 0 (or at most 700); zero below -745.2."""
    x = f64(-746.0) if x < f64(-746.0) else x
    shifted = x * LOG2_E + ROUND
    n, whole = bits_of(shifted) - ROUND_BITS, shifted - ROUND
    r = (x - whole * LN2_HIGH) - whole * LN2_LOW
    p = f64(1.0 / 479001600.0) + r * f64(1.0 / 6227020800.0)
    p = f64(1.0 / 39916800.0) + r * p
    p = f64(1.0 / 3628800.0) + r * p
    p = f64(1.0 / 362880.0) + r * p
    p = f64(1.0 / 40320.0) + r * p
    p = f64(1.0 / 5040.0) + r * p
    p = f64(1.0 / 720.0) + r * p
    p = f64(1.0 / 120.0) + r * p
    p = f64(1.0 / 24.0) + r * p
    p = f64(1.0 / 6.0) + r * p
    p = f64(0.5) + r * p
    y = f64(1.0) + (r + (r * r) * p)
    half = n >> i64(1)  # in two steps, so that neither leaves the range of float64
    return (y * float_of((half + i64(1023)) << i64(52))) * float_of((n - half + i64(1023)) << i64(52))


@helper
def _series(s: float) -> float:
    """2 artanh(s) / s - 2, over s squared, for |s| <= 1/3: the sum of 2 z^k / (2 k + 3) with z = s^2."""
    z = s * s
    p = f64(2.0 / 33.0) + z * f64(2.0 / 35.0)
    p = f64(2.0 / 31.0) + z * p
    p = f64(2.0 / 29.0) + z * p
    p = f64(2.0 / 27.0) + z * p
    p = f64(2.0 / 25.0) + z * p
    p = f64(2.0 / 23.0) + z * p
    p = f64(2.0 / 21.0) + z * p
    p = f64(2.0 / 19.0) + z * p
    p = f64(2.0 / 17.0) + z * p
    p = f64(2.0 / 15.0) + z * p
    p = f64(2.0 / 13.0) + z * p
    p = f64(2.0 / 11.0) + z * p
    p = f64(2.0 / 9.0) + z * p
    p = f64(2.0 / 7.0) + z * p
    p = f64(2.0 / 5.0) + z * p
    return f64(2.0 / 3.0) + z * p


@helper
def log1p(x: float) -> float:
    """The logarithm of 1 + x, for 0 <= x <= 1."""
    s = x / (f64(2.0) + x)
    # 2 s = x - x s, and x is exact.
    return x - s * (x - (s * s) * _series(s))


@helper
def log(x: float) -> float:
    """The natural logarithm of a normal number > 0, or of NaN."""
    i = bits_of(x) - HALVED
    exponent = f64(i >> i64(52))
    f = float_of((i & i64(0xFFFFFFFFFFFFF)) + HALVED) - f64(1.0)
    s = f / (f64(2.0) + f)
    found = exponent * LN2_HIGH + ((f - s * (f - (s * s) * _series(s))) + exponent * LN2_LOW)
    return found if x == x else x
