"""How a lock-in world begins: everyone has had one signal, and assistants know nothing."""

import functools
from typing import Any

import torch
from torch import Tensor

from populace.arithmetic import by_kernels
from populace.draw import Draw
from populace.envs.lockin.beliefs import NOTHING
from populace.envs.lockin.options import LockInOptions
from populace.envs.lockin.state import Beliefs, State
from populace.population import People


def begin(options: LockInOptions, people: People, draw: Draw) -> State:
    """The first state; the trait `sigma` overrides the option."""
    zero = people.values.new_zeros(people.values.shape[:2], dtype=torch.float64)
    sigma = people.traits["sigma"].double() if "sigma" in people.traits else zero + options.sigma
    log_signal = -2.0 * logarithm(sigma)
    first = signal(options.truth, log_signal, draw)
    blank = zero.new_zeros((len(zero), options.assistants))
    rounds = torch.zeros(len(zero), dtype=torch.int64, device=zero.device)
    return State(first, first, Beliefs(blank, blank + NOTHING), log_signal, rounds)


def logarithm(x: Tensor) -> Tensor:
    """Of positive float64 numbers."""
    return _kernels().logarithms(x) if by_kernels(x) else torch.log(x)


@functools.cache
def _kernels() -> Any:
    """The module of the kernel forms, which imports numba."""
    from populace.envs.lockin import updating

    return updating


def signal(truth: float, log_signal: Tensor, draw: Draw) -> Beliefs:
    """A private signal of everyone: the truth and normal noise, of log precision `log_signal` [worlds, users]."""
    noise = draw.normal("signal", log_signal.shape[1])
    if by_kernels(noise):
        return Beliefs(_kernels().signals(noise, log_signal, truth), log_signal)
    noise = noise.double()
    return Beliefs(truth + torch.exp(-0.5 * log_signal) * noise, log_signal)
