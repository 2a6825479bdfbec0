"""A round of the lock-in world by kernels."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.lockin import updating_kernel
from populace.envs.lockin.options import LockInOptions
from populace.envs.lockin.state import Beliefs, State, Trust
from populace.kernels.threads import spread

WORK = 32
"""What the round of one human costs, in numbers drawn (see `threads.spread`)."""


def updated(options: LockInOptions, state: State, heard: Beliefs, trust: Trust, draw: Draw) -> tuple[Beliefs, Beliefs]:
    """Private and public beliefs after a round.

    Args:
        options: The world's options.
        state: Before.
        heard: What assistants say, [worlds, assistants].
        trust: Who trusts whom.
        draw: The randomness of this phase.
    """
    o, (worlds, users) = options, state.public.mean.shape
    before = [x.contiguous() for belief in (state.private, state.public, heard) for x in _parts(belief)]
    after = [torch.empty_like(before[0]) for _ in range(4)]
    alike = o.trust is None
    heeds = logarithms(trust.humans[:1] if alike else trust.humans)
    others = trust.peers is None and o.lambda_peer > 0
    peer = logarithms(torch.tensor([o.lambda_peer], dtype=torch.float64)).item() if others else 0.0
    spread(
        updating_kernel.update, worlds, worlds * users * WORK, *before, draw.normal("signal", users),
        state.log_signal.contiguous(), heeds, None if trust.peers is None else logarithms(trust.peers), *after,
        users, heard.mean.shape[1], alike, o.order == "peer", others, o.truth, peer,
    )  # fmt: skip
    return Beliefs(after[0], after[1]), Beliefs(after[2], after[3])


def signals(noise: Tensor, log_signal: Tensor, truth: float) -> Tensor:
    """Signals [worlds, users] of a log precision each, by normal numbers."""
    out = torch.empty_like(log_signal, memory_format=torch.contiguous_format)
    updating_kernel.signals(noise, log_signal.contiguous(), out, truth)
    return out


def logarithms(trust: Tensor) -> Tensor:
    """Log trust; that of none is a number that no sum with it can raise."""
    out = torch.empty_like(trust)
    updating_kernel.logs(trust.contiguous(), out)
    return out


def _parts(belief: Beliefs) -> tuple[Tensor, Tensor]:
    return belief.mean, belief.log_precision
