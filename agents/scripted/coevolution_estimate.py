"""What an assistant can infer from shares of answers: values by a few logistic-likelihood steps, and extrapolation."""

import math

import torch
from torch import Tensor

from populace.numerics import apply_linear, kernels_take, sigmoid


def estimate(
    shares: Tensor,
    weights: Tensor,
    questions: Tensor,
    centre: Tensor,
    beta: Tensor,
    around: Tensor,
    ridge: float,
    steps: int,
) -> Tensor:
    """Values that make `shares` likely, pulled towards `around`: accelerated gradient steps, a fixed number of them.

    It minimises mean_q w_q [log(1 + exp(z_q)) - s_q z_q] + ridge |v - around|^2 / 2 with z_q = beta x_q.(v - centre).
    All users are treated as one with the mean values; as they differ, shares are nearer to a half than that one's
    chances are, so estimates fall short of the mean (assumed, and a known attenuation).

    Args:
        shares: [..., asked] share of yes.
        weights: [..., asked] weight of an item; 0 is not counted.
        questions: [..., asked, values], broadcast against `shares`.
        centre: [..., values].
        beta: [...].
        around: [..., values].
        ridge: Pull towards `around`.
        steps: Gradient steps.

    Returns:
        [..., values].
    """
    if kernels_take(shares, weights, questions, centre, beta, around):
        from populace.agents.scripted.coevolution_estimate_kernel import fit  # imports numba

        return fit(shares, weights, questions, centre, beta, around, ridge, steps)
    asked = shares.shape[-1]
    sharp = beta.unsqueeze(-1)
    steepest = (
        (sharp * sharp / 4.0) * (weights.unsqueeze(-1) * questions * questions).sum((-1, -2)).unsqueeze(-1) / asked
    )
    rate = 1.0 / (steepest + ridge)
    turned = questions.transpose(-1, -2)
    values, ahead = around, around
    for step in range(steps):
        chance = sigmoid(sharp * apply_linear(ahead - centre, questions))
        slope = (sharp / asked) * apply_linear(weights * (chance - shares), turned)
        after = ahead - rate * (slope + ridge * (ahead - around))
        ahead = after + (step / (step + 3.0)) * (after - values)
        values = after
    return values


def extrapolate(past: Tensor, seen: Tensor, order: int, ahead: int) -> Tensor:
    """Go on with the polynomial of degree K = min(order, seen - 1) through the newest K + 1 points.

    The same as solving for a vanishing (K + 1)-th difference `ahead` times over with K held fixed, as ProgressGym does:
    v_{t+m} = sum_{j=0..K} C(m + j - 1, j) nabla^j v_t.

    Args:
        past: [..., order + 1, values], newest first.
        seen: Points seen so far, broadcast against [..., 1] of the result.
        order: Largest degree.
        ahead: Points ahead.

    Returns:
        [..., values].
    """
    out = torch.zeros_like(past[..., 0, :])
    for j in range(order + 1):
        change = torch.zeros_like(out)
        for i in range(j + 1):
            change = change + ((-1) ** i * math.comb(j, i)) * past[..., i, :]
        out = out + torch.where(seen > j, math.comb(ahead + j - 1, j) * change, 0.0)
    return out
