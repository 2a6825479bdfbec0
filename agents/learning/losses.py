"""Losses of rules that do not care what a policy is: functions of log-probabilities and weights alone.

All tensors are float32 of one shape unless a docstring says otherwise, and all functions can be differentiated. A
margin is log pi(reply) - log reference(reply).
"""

import torch
from torch import Tensor

from populace.numerics import sigmoid


def kto_values(margin: Tensor, z: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Values of the desirable, sigmoid(beta (m - z)), and of the undesirable, sigmoid(beta (z - m)).

    Ethayarajh et al. 2024 (KTO, arXiv 2402.01306), equation 8; `z` is the divergence of the policy from the reference
    and is not differentiated.
    """
    return sigmoid(beta * (margin - z)), sigmoid(beta * (z - margin))


def dpo(gap: Tensor, beta: float) -> Tensor:
    """-log sigmoid(beta gap), with the gap between the margins of the chosen and the rejected reply.

    Rafailov et al. 2023 (DPO, arXiv 2305.18290), equation 7.
    """
    return -torch.nn.functional.logsigmoid(beta * gap)


def ipo(gap: Tensor, beta: float) -> Tensor:
    """(gap - 1 / (2 beta))^2: a gap that is bounded also where raters always agree.

    Azar et al. 2023 (IPO, arXiv 2310.12036), equation 17, whose tau is `beta`.
    """
    return (gap - 0.5 / beta).square()


def simpo(chosen: Tensor, rejected: Tensor, beta: float, gamma: float) -> Tensor:
    """-log sigmoid(beta (chosen - rejected) - gamma), of mean log-probabilities per token; there is no reference.

    Meng, Xia and Chen 2024 (SimPO, arXiv 2405.14734), equation 6.
    """
    return -torch.nn.functional.logsigmoid(beta * (chosen - rejected) - gamma)


def clipped(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """min(ratio A, clip(ratio, 1 - clip, 1 + clip) A): what PPO and GRPO climb.

    Schulman et al. 2017 (PPO, arXiv 1707.06347), equation 7; Shao et al. 2024 (GRPO, arXiv 2402.03300), equation 3.
    """
    return torch.minimum(ratio * advantage, ratio.clamp(1.0 - clip, 1.0 + clip) * advantage)


def left_out(total: Tensor, reward: Tensor, count: Tensor) -> Tensor:
    """Rewards less the mean of the others in their group, r - (total - r) / (count - 1); 0 in groups of one.

    Ahmadian et al. 2024 (RLOO, arXiv 2402.14740), equation 8, after Kool et al. 2019.

    Args:
        total: Sum of the rewards of the group.
        reward: A reward of the group, or the mean of several.
        count: Rewards in the group.
    """
    return torch.where(count > 1, reward - (total - reward) / (count - 1.0).clamp(min=1.0), 0.0)
