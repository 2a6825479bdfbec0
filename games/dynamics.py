"""How shares of acts move in a population: replicator and logit dynamics, one step at a time."""

import torch
from torch import Tensor


def act_payoffs(own: Tensor, others: Tensor) -> Tensor:
    """What each act pays against a population: own [..., acts, acts], others [..., acts] -> [..., acts]."""
    return (own * others.unsqueeze(-2)).sum(-1)


def replicator(share: Tensor, payoffs: Tensor, step: float) -> Tensor:
    """One step of the replicator dynamic x' = x (f - mean f), share and payoffs [..., acts].

    Exponential form, x <- x exp(step f) / sum: exact for any step while payoffs stay the same (then
    log(x_i / x_j) grows by step (f_i - f_j)), and the ordinary differential equation as the step goes to 0.
    """
    grown = share * torch.exp(step * (payoffs - payoffs.amax(-1, keepdim=True)))
    return grown / grown.sum(-1, keepdim=True)


def logit(share: Tensor, payoffs: Tensor, noise: float, step: float) -> Tensor:
    """One step of the logit dynamic x' = softmax(f / noise) - x (Fudenberg and Levine 1998), share [..., acts].

    A share `step` of the population revises at a time; rest points are logit quantal response equilibria.
    """
    return (1.0 - step) * share + step * torch.softmax(payoffs / noise, -1)
