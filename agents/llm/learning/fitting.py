"""Steps down the gradient of one world's weights, which end where the policy has moved far enough."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from populace.agents.llm.backends.local import Local
from populace.agents.llm.decoding.decoder import Decoder
from populace.agents.llm.learning.adapters import Own
from populace.agents.llm.learning.table import Chunk

FIRST, SECOND, SMALL = 0.9, 0.95, 1e-8
"""Constants of AdamW (Loshchilov and Hutter 2019): rates of the two moments, and epsilon. Weights do not decay."""
HALVINGS = 8
"""How often a step that goes too far is halved before it is given up."""

Objective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Log-probabilities of entries -> loss, and divergence from the start of the round."""


@dataclass(frozen=True)
class Fit:
    """Weights and the optimiser's moments, of one world.

    Attributes:
        own: Weights.
        first: Means of gradients; empty where the optimiser needs none.
        second: Means of their squares; likewise.
        steps: Steps so far.
    """

    own: Own
    first: Own
    second: Own
    steps: int


def fresh(own: Own, optimiser: str) -> Fit:
    """Weights before any step."""
    none = {name: torch.zeros_like(value) for name, value in own.items() if optimiser == "adamw"}
    return Fit(own, none, none, 0)


def logs(local: Local, chunks: Sequence[Chunk], own: Own) -> Tensor:
    """Log-probabilities of all entries with these weights, without gradient."""
    with local.wearing(own) as decoder, torch.no_grad():
        return torch.cat([_fresh(decoder, chunk) for chunk in chunks]).float().cpu()


def gradient(local: Local, chunks: Sequence[Chunk], own: Own, objective: Objective) -> tuple[Tensor, Tensor, Own]:
    """Loss, divergence, and the gradient of the loss by the weights; `objective` is called once.

    What does not fit into one batch is computed twice: first for the loss and its slope in the log-probabilities, which
    may depend on all of them, and then batch by batch for the gradient.
    """
    leaves = {name: value.detach().requires_grad_() for name, value in own.items()}
    with torch.enable_grad():
        if len(chunks) == 1:
            with local.wearing(leaves) as decoder:
                loss, far = objective(chunks[0](decoder).float().cpu())
                found = _gradients(loss, leaves, None)
            return loss.detach(), far.detach(), found
        free = logs(local, chunks, own).requires_grad_()
        loss, far = objective(free)
        (slope,) = torch.autograd.grad(loss, free)
        total = {name: torch.zeros_like(value) for name, value in own.items()}
        first = 0
        with local.wearing(leaves) as decoder:
            for chunk in chunks:
                part = _fresh(decoder, chunk).float()
                mine = slope[first : first + len(part)].to(part.device)
                first += len(part)
                for name, value in _gradients(part, leaves, mine).items():
                    total[name] = total[name] + value
    return loss.detach(), far.detach(), total


def _fresh(decoder: Decoder, chunk: Chunk) -> Tensor:
    decoder.forget()  # what was read before belongs to another graph
    return chunk(decoder)


def _gradients(value: Tensor, leaves: Own, slope: Tensor | None) -> Own:
    found = torch.autograd.grad(value, list(leaves.values()), slope, allow_unused=True, materialize_grads=True)
    return dict(zip(leaves, found, strict=True))


def _scale(slope: Own, most: float) -> Tensor:
    """What a gradient is multiplied by to have at most this norm."""
    norm = torch.stack([value.norm() for value in slope.values()]).norm()
    return (most / (norm + 1e-6)).clamp(max=1.0)


def sgd(fit: Fit, slope: Own, rate: float, most: float) -> Fit:
    """One step of gradient descent; the gradient is scaled down to the norm `most`."""
    scale = rate * _scale(slope, most)
    own = {name: value - scale.to(value.device) * slope[name].to(value.device) for name, value in fit.own.items()}
    return Fit(own, fit.first, fit.second, fit.steps + 1)


def adamw(fit: Fit, slope: Own, rate: float, most: float) -> Fit:
    """One step of AdamW; the gradient is scaled down to the norm `most`."""
    scale, steps = _scale(slope, most), fit.steps + 1
    own, first, second = {}, {}, {}
    for name, value in fit.own.items():
        g = slope[name].to(value.device) * scale.to(value.device)
        first[name] = FIRST * fit.first[name] + (1.0 - FIRST) * g
        second[name] = SECOND * fit.second[name] + (1.0 - SECOND) * g * g
        mean = first[name] / (1.0 - FIRST**steps)
        size = (second[name] / (1.0 - SECOND**steps)).sqrt() + SMALL
        own[name] = value - rate * mean / size
    return Fit(own, first, second, steps)


Step = Callable[[Fit, Own, float, float], Fit]
STEPS: Mapping[str, Step] = {"sgd": sgd, "adamw": adamw}
"""Name of an optimiser, as in `TrainingOptions.optimiser` -> a step of it: weights, gradient, rate, largest norm."""


@dataclass(frozen=True)
class How:
    """How a round's steps are taken.

    Attributes:
        step: A step of the optimiser.
        rate: Step size; at 0 nothing changes.
        epochs: Steps at most.
        most: Norm that gradients are scaled down to.
        limit: Divergence that is not exceeded; None for no limit. A step that would is halved until it does not (as in
            the line search of TRPO, Schulman et al. 2015, appendix C), and is the last.
        fades: Whether steps become smaller in a straight line, towards 0 after the last.
    """

    step: Step
    rate: float
    epochs: int
    most: float
    limit: float | None
    fades: bool = False


def fit(
    start: Fit, local: Local, chunks: Sequence[Chunk], begin: Callable[[Tensor], Objective], how: How
) -> tuple[Fit, Tensor, Tensor, Tensor]:
    """The weights after a round, the loss before its first step, and log-probabilities before it and after the last.

    Args:
        start: Weights and moments.
        local: The model.
        chunks: Make log-probabilities of the round's entries.
        begin: Makes what is to be made small of the log-probabilities at the start.
        how: How steps are taken.
    """
    begun: list[tuple[Objective, Tensor]] = []

    def objective(free: Tensor) -> tuple[Tensor, Tensor]:
        if not begun:  # the first call is that at the start, whose log-probabilities need not be computed twice
            begun.append((begin(free.detach()), free.detach()))
        return begun[0][0](free)

    now, before = start, start
    told = torch.zeros(())
    for epoch in range(how.epochs if how.rate > 0 else 0):
        loss, far, slope = gradient(local, chunks, now.own, objective)
        if epoch == 0:
            told = loss
        elif how.limit is not None and not far <= how.limit:
            break
        rate = how.rate * (1.0 - epoch / how.epochs) if how.fades else how.rate
        before, now = now, how.step(now, slope, rate, how.most)
    free = logs(local, chunks, now.own)
    loss, far = objective(free)
    if how.rate == 0:
        return start, loss, free, free
    if how.limit is not None and not far <= how.limit:
        now, free = _shortened(before, now, local, chunks, objective, how.limit)
    return now, told, begun[0][1], free


def _shortened(
    before: Fit, after: Fit, local: Local, chunks: Sequence[Chunk], objective: Objective, limit: float
) -> tuple[Fit, Tensor]:
    """The last step, halved until the divergence is within the limit."""
    part = 1.0
    for _ in range(HALVINGS):
        part /= 2.0
        own = {name: value + part * (after.own[name] - value) for name, value in before.own.items()}
        free = logs(local, chunks, own)
        if objective(free)[1] <= limit:
            return Fit(own, after.first, after.second, after.steps), free
    return before, logs(local, chunks, before.own)
