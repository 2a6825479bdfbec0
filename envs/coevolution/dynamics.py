"""The arithmetic of one tick, as pure functions of tensors and keys.

Everything that touches [worlds, users, values] is here, and is called on tiles of worlds and users.
"""

import functools
from typing import Any

import torch
from torch import Tensor

from populace.arithmetic import by_kernels
from populace.draw import normals
from populace.numerics import kernels_take, tiles


@functools.cache
def kernels() -> Any:
    """The module of the kernel forms, which imports numba."""
    from populace.envs.coevolution import moving

    return moving


def epochs(rate: Tensor, times: float) -> Tensor:
    """Share of the way gone when `rate` is applied `times` over: 1 - (1 - rate)^times."""
    if times == 0:
        return torch.zeros_like(rate)  # a rate of 1 would give 0 * -inf
    if kernels_take(rate):
        return kernels().epochs(rate.clamp(0.0, 1.0), times)
    return 1.0 - torch.exp(times * torch.log1p(-rate.clamp(0.0, 1.0)))


def pull(values: Tensor, target: Tensor, rate: Tensor | float) -> Tensor:
    """Go the share `rate` of the way to `target`: linear influence, which is assumed."""
    step = target - values
    return step.mul_(rate).add_(values)


def echo(values: Tensor, answers: Tensor, questions: Tensor, push: float) -> Tensor:
    """Values one step on in the direction of what was just answered (assumed).

    The direction is the mean over items of the item's loadings, signed by the answer.

    Args:
        values: [worlds, users, values].
        answers: [worlds, users, asked] 0 or 1.
        questions: [worlds, asked, values].
        push: Length of the step for a loading of one on every item.
    """
    asked = answers.shape[-1]
    step = (push / asked) * questions
    signs = answers.transpose(-1, -2).to(values.dtype, memory_format=torch.contiguous_format).mul_(2.0).sub_(1.0)
    # Users lie in the inner dimension, as they are many: [worlds, values, users].
    echoed = step[:, 0, :, None] * signs[:, 0, None, :]
    for k in range(1, asked):
        echoed.addcmul_(step[:, k, :, None], signs[:, k, None, :])
    return echoed.transpose(-1, -2).add(values)


def jitter(values: Tensor, keys: Tensor, scale: float) -> Tensor:
    """Add normal noise of standard deviation `scale` to every value: keys [worlds, users]."""
    width = values.shape[-1]
    return normals(keys, width).mul_(scale).add_(values)


def tick(
    values: Tensor,
    aim: Tensor,
    origin: Tensor | None,
    history_rate: Tensor | float,
    answers: Tensor | None,
    questions: Tensor,
    push: float,
    said: Tensor,
    share: Tensor,
    assistant_rate: Tensor | float,
    keys: Tensor | None,
    noise: float,
) -> tuple[Tensor, Tensor | None]:
    """One tick of history, assistant and noise; everything about one user is in its own row.

    Args:
        values: [worlds, users, values].
        aim: [worlds, 1, values], where history pulls to, counted from `origin` if there is one.
        origin: [worlds, users, values] or None.
        history_rate: [worlds, users, 1] or a number.
        answers: [worlds, users, asked], or None where nobody hears the assistant.
        questions: [worlds, asked, values].
        push: Length of an echo's step.
        said: [worlds, users or 1, values], positions.
        share: [worlds, users or 1, 1], how far an assistant echoes.
        assistant_rate: [worlds, users, 1] or a number.
        keys: [worlds, users] of the noise, or None.
        noise: Its standard deviation.

    Returns:
        Values after, and minus the root mean square of what each user heard less what it held (None where not heard).
    """
    now = pull(values, aim if origin is None else origin + aim, history_rate)
    approval = None
    if answers is not None:
        hears = echo(values, answers, questions, push)
        hears = hears.sub_(said).mul_(share).add_(said)
        off = hears - values
        approval = -torch.sqrt(off.mul_(off).sum(-1) / values.shape[-1])
        now = pull(now, hears, assistant_rate)
    return (now if keys is None else jitter(now, keys, noise)), approval


def sums(values: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over users of values less shift [worlds, values], and of its squares: each [worlds, values].

    Tiles are small enough for float32.
    """
    off = values - shift.unsqueeze(1)
    return off.sum(1), (off * off).sum(1)


def rows(table: Tensor, index: Tensor) -> Tensor:
    """Rows of table [worlds, users, values] by index [worlds, k] -> [worlds, k, values], whole rows at a time."""
    worlds, users, _ = table.shape
    first = users * torch.arange(worlds, device=table.device).unsqueeze(-1)
    return table.flatten(0, 1).index_select(0, (index + first).flatten()).unflatten(0, index.shape)


def moments(values: Tensor, group: Tensor | None, groups: int, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Means and between-person variances, by tiles.

    Args:
        values: [worlds, users, values].
        group: [worlds, users] int64 below `groups`, or None when there is one group.
        groups: How many groups.
        shift: [worlds, values], a point near the mean: squares are taken from it, for precision.

    Returns:
        Mean [worlds, values], variance [worlds, values] and group means [worlds, groups, values] (an empty group's is
        the mean of all).
    """
    if kernels_take(values, shift):
        return kernels().moments(values, group, groups, shift, None if group is None else group_counts(group, groups))
    worlds, users, width = values.shape
    first = torch.zeros((worlds, width), dtype=torch.float64, device=values.device)
    second = torch.zeros_like(first)
    by_group = torch.zeros((worlds, groups, width), dtype=torch.float64, device=values.device)
    for w, u in tiles(worlds, users, width):
        once, squared = sums(values[w, u], shift[w])
        first[w] += once
        second[w] += squared
        if group is not None:
            off = values[w, u] - shift[w].unsqueeze(1)
            by_group[w].scatter_add_(1, group[w, u].unsqueeze(-1).expand(-1, -1, width), off.double())
    mean = first / users
    variance = (second / users - mean * mean).clamp(min=0.0)
    society = (shift + mean).float()
    if group is None:
        return society, variance.float(), society.unsqueeze(1)
    counts = group_counts(group, groups).unsqueeze(-1)
    means = (shift.unsqueeze(1) + by_group / counts.clamp(min=1.0)).float()
    return society, variance.float(), torch.where(counts > 0, means, society.unsqueeze(1))


def group_counts(group: Tensor, groups: int) -> Tensor:
    """Users by group, float32 [worlds, groups] (exact below 2^24)."""
    counts = torch.zeros((len(group), groups), device=group.device, dtype=torch.float32)
    return counts.scatter_add_(1, group, torch.ones_like(group, dtype=torch.float32))


def group_sums(answers: Tensor, group: Tensor | None, groups: int) -> Tensor:
    """Users of each group who answered 1, [worlds, groups, asked]: counts are exact, so their order does not matter."""
    if group is None:
        yes = torch.zeros((len(answers), 1, answers.shape[-1]), device=answers.device, dtype=torch.float32)
        for w, u in tiles(*answers.shape):
            yes[w] += answers[w, u].float().sum(1, keepdim=True)
        return yes
    sums = torch.zeros((len(answers), groups, answers.shape[-1]), device=answers.device, dtype=torch.float32)
    return sums.scatter_add_(1, group.unsqueeze(-1).expand_as(answers), answers.float())


def counted(answers: Tensor, group: Tensor | None, groups: int, keep: bool) -> tuple[Tensor, Tensor | None]:
    """As `group_sums`, and the answers as bytes if they are to be kept."""
    if by_kernels(answers) and answers.numel() > 0:
        return kernels().count(answers, group, groups, keep)
    return group_sums(answers, group, groups), answers.to(torch.uint8) if keep else None


def neighbour_means(values: Tensor, source: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of those each user listens to, [worlds, users, values]; a user who listens to nobody keeps its own.

    One value at a time, so that no [worlds, edges, values] is held; edges are added in their order.

    Args:
        values: [worlds, users, values].
        source: [graphs, edges] int64, graphs being 1 or worlds.
        target: [graphs, edges] int64.
        weight: [graphs, edges] float32.
    """
    worlds, users, width = values.shape
    strength = torch.zeros((len(weight), users), device=values.device, dtype=torch.float32).scatter_add_(
        1, target, weight
    )
    many = (worlds, source.shape[1])
    out = torch.empty_like(values)
    for d in range(width):
        heard = values[..., d].gather(1, source.expand(many)) * weight
        total = torch.zeros((worlds, users), device=values.device, dtype=torch.float32).scatter_add_(
            1, target.expand(many), heard
        )
        out[..., d] = torch.where(strength > 0, total / strength.clamp(min=1e-12), values[..., d])
    return out
