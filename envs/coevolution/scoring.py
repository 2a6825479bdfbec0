"""Scores: ProgressGym's own formulae, and centred ones beside them."""

import torch
from torch import Tensor


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine over the last dimension, [..., values] -> [...]; NaN where either vector is zero."""
    return (a * b).sum(-1) / torch.sqrt((a * a).sum(-1) * (b * b).sum(-1))


def rms(x: Tensor) -> Tensor:
    """Root mean square over the last dimension, [..., values] -> [...]."""
    return torch.sqrt((x * x).mean(-1))


def pg_follow(positions: Tensor, course: Tensor, ahead: int = 0) -> Tensor:
    """ProgressGym's Follow (`ahead` 0) and Predict: mean over t = 1 .. T - ahead of cos(position_t, course_{t+ahead}).

    Args:
        positions: [..., points, values], one a point from t = 0; t = 0 is not scored.
        course: [..., points, values].
        ahead: Points from a position to what it is compared with.
    """
    last = course.shape[-2] - ahead
    return cosine(positions[..., 1:last, :], course[..., 1 + ahead :, :]).mean(-1)


def pg_coevolve(trace: Tensor, course: Tensor) -> Tensor:
    """ProgressGym's Coevolve: mean over all s in the trace and all i of max_{j >= i} cos(s, course_j).

    It pairs no times, so any order of the trace scores the same, and a society that stands still at the last point
    scores 1: shown in the tests, and the reason why other measures stand beside it.

    Args:
        trace: [..., points, values], society at every point.
        course: [..., points, values].
    """
    pairs = cosine(trace.unsqueeze(-2), course.unsqueeze(-3))
    later = pairs.flip(-1).cummax(-1).values
    return later.flatten(-2).mean(-1)
