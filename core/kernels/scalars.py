"""The words that kernels are written in: hash, uniform and normal numbers, and elementary functions in float32.

All are plain scalar functions that LLVM inlines and turns into vector code. Their bits are the same on every x86-64
processor: only +, -, x, / and the square root are used, each rounded as IEEE 754 says, and never contracted. Numba
widens what two 32-bit integers give to 64 bits, hence the many `u32`.

The polynomials are minimax fits of this library (Remez exchange in float64, coefficients rounded to float32). Errors
are
against float64, in units in the last place, over all 2^24 uniform numbers or 10^7 arguments: logarithm .86, exponential
.98, sine 1.69, cosine 1.26, sigmoid 2.3, normal numbers 4. tests/kernels measures them.
"""

from typing import Any

import numpy as np
from numba import float32 as f32
from numba import int32 as i32
from numba import types
from numba import uint32 as u32
from numba import uint64 as u64
from numba.extending import intrinsic

from populace.kernels.building import helper

GOLDEN = u64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = u64(0xBF58476D1CE4E5B9), u64(0x94D049BB133111EB)
LANE_1, LANE_2, LANE_STEP = u32(0x21F0AAAD), u32(0xD35A2D97), u32(0x9E3779B9)

ONE, HALF, QUARTER = f32(1.0), f32(0.5), f32(0.25)
ULP = f32(2.0**-24)
ROUND = f32(1.5 * 2.0**23)
"""Added and taken away again, it rounds a number below 2^22 to a whole one."""
ROUND_BITS = i32(0x4B400000)
LN2_HIGH, LN2_LOW = f32(0.693359375), f32(-0.00021219444170128554)
"""ln 2 in two parts; products of the first with whole numbers below 2^14 are exact."""
LOG2_E = f32(1.4426950408889634)


@intrinsic  # type: ignore[untyped-decorator]  # numba's
def bits_of(typingctx: Any, x: Any) -> Any:
    """The bits of a float32, as an int32."""
    return types.int32(types.float32), lambda context, builder, sig, args: builder.bitcast(
        args[0], context.get_value_type(types.int32)
    )


@intrinsic  # type: ignore[untyped-decorator]  # numba's
def float_of(typingctx: Any, x: Any) -> Any:
    """The float32 of these bits, an int32."""
    return types.float32(types.int32), lambda context, builder, sig, args: builder.bitcast(
        args[0], context.get_value_type(types.float32)
    )


@helper
def mix(z: int) -> int:
    """Splitmix64's finaliser."""
    z = (z ^ (z >> u64(30))) * MIX_1
    z = (z ^ (z >> u64(27))) * MIX_2
    return z ^ (z >> u64(31))


@helper
def fold(key: int, coordinate: int) -> int:
    """The key of a coordinate below a key, both uint64."""
    return mix(key + (coordinate + u64(1)) * GOLDEN)


@helper
def lane_bits(low: int, high: int, lane: int) -> int:
    """32 random bits of a lane (uint32) below a key, given as its two halves (uint32)."""
    x = u32(low + u32(lane * LANE_STEP))
    x = u32(u32(x ^ (x >> u32(16))) * LANE_1)
    x = u32(x ^ high)
    x = u32(u32(x ^ (x >> u32(15))) * LANE_2)
    return u32(x ^ (x >> u32(15)))


@helper
def unit(bits: int) -> float:
    """A number in [0, 1) on the grid of 2^-24, from 32 random bits."""
    return f32(i32(bits >> u32(8))) * ULP


@helper
def log(x: float) -> float:
    """The natural logarithm of a normal number > 0."""
    i = i32(bits_of(x) - i32(0x3F3504F3))  # counted from the square root of a half
    exponent = f32(i >> i32(23))
    t = float_of(i32(i32(i & i32(0x7FFFFF)) + i32(0x3F3504F3))) - ONE
    p = f32(0.1276157796382904) + t * f32(-0.07634498924016953)
    p = f32(-0.13160182535648346) + t * p
    p = f32(0.14201757311820984) + t * p
    p = f32(-0.16623356938362122) + t * p
    p = f32(0.20001226663589478) + t * p
    p = f32(-0.2500081956386566) + t * p
    p = f32(0.3333333134651184) + t * p
    square = t * t
    return (t + ((square * t * p + exponent * LN2_LOW) - HALF * square)) + exponent * LN2_HIGH


@helper
def exp(x: float) -> float:
    """The exponential; infinite above 88.73, zero below -103.98."""
    x = f32(89.0) if x > f32(89.0) else x
    x = f32(-104.0) if x < f32(-104.0) else x
    shifted = x * LOG2_E + ROUND
    n, whole = i32(bits_of(shifted) - ROUND_BITS), shifted - ROUND
    r = (x - whole * LN2_HIGH) - whole * LN2_LOW
    p = f32(0.00836874544620514) + r * f32(0.0013814540579915047)
    p = f32(0.04166838899254799) + r * p
    p = f32(0.1666652113199234) + r * p
    p = f32(0.4999999403953552) + r * p
    y = ONE + (r + (r * r) * p)
    half = i32(n >> i32(1))  # in two steps, so that neither leaves the range of float32
    return (y * float_of(i32(i32(half + i32(127)) << i32(23)))) * float_of(i32(i32(n - half + i32(127)) << i32(23)))


@helper
def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), by the exponential of -|x| so that nothing overflows."""
    e = exp(-abs(x))
    return (ONE if x >= f32(0.0) else e) / (ONE + e)


@helper
def sine(r: float) -> float:
    """sin(2 pi r) for |r| <= 1/8."""
    s = r * r
    p = f32(81.59235382080078) + s * f32(-75.39356231689453)
    p = f32(-41.3416633605957) + s * p
    return r * (s * p + f32(-1.7484556025237907e-07)) + r * f32(6.2831854820251465)


@helper
def cosine(r: float) -> float:
    """cos(2 pi r) for |r| <= 1/8."""
    s = r * r
    p = f32(-85.4471435546875) + s * f32(59.349700927734375)
    p = f32(64.93936157226562) + s * p
    return ONE + ((s * s) * p - f32(19.739208221435547) * s)


@helper
def turn(u: float) -> tuple[float, float]:
    """cos(2 pi u) and sin(2 pi u) for a uniform number u, which quarters of a turn leave exact."""
    shifted = u * f32(4.0) + ROUND
    quadrant = i32(bits_of(shifted) & i32(3))
    r = u - (shifted - ROUND) * QUARTER
    s, c = sine(r), cosine(r)
    swap = i32(quadrant & i32(1)) != i32(0)
    across, up = (s, c) if swap else (c, s)
    across = -across if i32(i32(quadrant + i32(1)) & i32(2)) != i32(0) else across
    up = -up if i32(quadrant & i32(2)) != i32(0) else up
    return across, up


@helper
def normal_pair(u: float, v: float) -> tuple[float, float]:
    """Two standard normal numbers from two uniform ones, by Box and Muller (1958)."""
    radius = f32(np.sqrt(f32(-2.0) * log(ONE - u)))
    across, up = turn(v)
    return radius * across, radius * up
