"""What can be done about drift on the learner's side: vetoes, safe data, centring, raters weighted by evidence."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from populace.agents.learning.batch import Batch
from populace.agents.learning.models import Model, Params, Tabular
from populace.agents.learning.options import Evaluators, RatedOptions, Safe, Veto
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.fields import Role
from populace.numerics import either, total


@dataclass(frozen=True)
class Data:
    """A round's decisions after mitigations.

    Attributes:
        reward: [worlds, n].
        weight: [worlds, n] float, 0 where nothing is learned from a decision; raters' weights otherwise.
        best: [worlds, n] bool, what may be kept as the best.
        worst: [worlds, n] bool, what may be kept as the worst.
        vetoed: [worlds, n] bool, or None without a veto.
        sums: Seats' sums of rewards so far, or None.
        counts: How many, or None.
        trust: Raters' weights, or None.
    """

    reward: Tensor
    weight: Tensor
    best: Tensor
    worst: Tensor
    vetoed: Tensor | None
    sums: Tensor | None
    counts: Tensor | None
    trust: Tensor | None


class Remembers(Protocol):
    """What mitigations need to be remembered from round to round; see `Learned`."""

    @property
    def sums(self) -> Tensor | None: ...  # noqa: D102  # see `Learned`
    @property
    def counts(self) -> Tensor | None: ...  # noqa: D102
    @property
    def trust(self) -> Tensor | None: ...  # noqa: D102


def apply(options: RatedOptions, batch: Batch, labels: tuple[str, ...], memory: Remembers, draw: Draw) -> Data:
    """All mitigations that the options name."""
    reward, weight = batch.reward, batch.use.float()
    best = worst = batch.use
    sums, counts, trust, vetoed = memory.sums, memory.counts, memory.trust, None
    if options.evaluators is not None and trust is not None:
        trust = weigh(options.evaluators, batch, labels, trust, draw)
        own = trust.unsqueeze(1).expand(-1, batch.act.shape[1] // batch.seats, -1).flatten(1)
        used = weight.sum(-1, keepdim=True).clamp(min=1.0)
        middle = (total(reward * weight) / used.squeeze(-1)).unsqueeze(-1)
        weight = weight * own
        # Selection ranks what it sees, so a rater of little weight must rank in the middle.
        reward = middle + own * (reward - middle)
    if options.centred and sums is not None and counts is not None:
        reward, sums, counts = centre(batch, reward, sums, counts)
    if options.veto is not None:
        vetoed = veto(options.veto, batch.act, labels, draw)
        best = best & ~vetoed
        if options.veto.negative:
            reward = torch.where(vetoed, options.veto.floor, reward)
        else:
            worst, weight = worst & ~vetoed, weight * ~vetoed
    return Data(reward, weight, best, worst, vetoed, sums, counts, trust)


def member(act: Tensor, labels: tuple[str, ...], names: tuple[str, ...]) -> Tensor:
    """Whether each act is one of `names`.

    Raises:
        UnknownName: No act is called so.
    """
    found = torch.zeros_like(act, dtype=torch.bool)
    for name in names:
        if name not in labels:
            raise UnknownName("act", name, labels)
        found = found | (act == labels.index(name))
    return found


def veto(options: Veto, act: Tensor, labels: tuple[str, ...], draw: Draw) -> Tensor:
    """What the monitor flags, [worlds, n] bool."""
    chance = either(member(act, labels, options.acts), options.catch, options.false_alarm)
    return draw.uniform("veto", act.shape[1]) < chance


def weigh(options: Evaluators, batch: Batch, labels: tuple[str, ...], trust: Tensor, draw: Draw) -> Tensor:
    """Raters' weights after this round's checks: w <- w exp(-eta loss), scaled so that the largest stays 1."""
    deserved = 1.0 - member(batch.act, labels, options.bad).float()
    checked = batch.use & (draw.uniform("check", batch.act.shape[1]) < options.checks)
    loss = (batch.reward.clamp(0.0, 1.0) - deserved).abs() * checked
    lost = batch.by_seat(loss).sum(1)
    trust = trust * torch.exp(-options.eta * lost)
    return trust / trust.amax(-1, keepdim=True).clamp(min=1e-30)


def centre(batch: Batch, reward: Tensor, sums: Tensor, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rewards less what their seat gave before (the world's mean where it gave nothing yet), and the new sums."""
    use = batch.use.float()
    everyone = total(reward * use) / total(use).clamp(min=1.0)
    before = torch.where(counts > 0, sums / counts.clamp(min=1.0), everyone.unsqueeze(-1))
    centred = (batch.by_seat(reward) - before.unsqueeze(1)).flatten(1)
    return centred, sums + batch.by_seat(reward * use).sum(1), counts + batch.by_seat(use).sum(1)


def with_safe(options: Safe | None, model: Tabular, batch: Batch, best: Tensor) -> Tensor:
    """Counts of what was kept [worlds, contexts, acts], with the safe act as the stated share of all data.

    Inside the domain it has that share in every context; outside, its examples are spread over the contexts of seats
    that nobody rates, by how many there are of each.
    """
    if options is None:
        return best
    ratio = options.share / (1.0 - options.share)
    if options.domain == "inside":
        count = best.sum(-1) * ratio
    else:
        where = model.sums(batch.seen, batch.act, batch.outside.float(), best.shape[-1]).sum(-1)
        count = total(best.flatten(1)).unsqueeze(-1) * ratio * _normalised(where)
    more = torch.zeros_like(best)
    more[..., _safe_act(options, model.layout.act.labels)] = count
    return best + more


def _normalised(weight: Tensor) -> Tensor:
    return weight / total(weight).clamp(min=1.0).unsqueeze(-1)


def check_safe(options: Safe | None, rated: str, role: Role) -> None:
    """Raise PopulaceError where safe data lie outside the domain and the role has no seats that nobody rates."""
    if options is not None and options.domain == "outside" and rated not in {f.name for f in role.sees}:
        raise PopulaceError(
            f"safe: its data lie outside the domain, in seats that nobody rates, but {role.name} sees no flag "
            f"{rated!r} that marks them; set safe.domain: inside, or rated: to the flag's name"
        )


def _safe_act(options: Safe, labels: tuple[str, ...]) -> int:
    if options.act not in labels:
        raise UnknownName("act", options.act, labels)
    return labels.index(options.act)


def add_safe(
    options: Safe, model: Model, labels: tuple[str, ...], params: Params, batch: Batch, rate: Tensor
) -> Params:
    """A step of the likelihood of the safe act, at share / (1 - share) of the data, inside or outside the domain."""
    where = batch.use if options.domain == "inside" else batch.outside
    weight = _normalised(where.float()) * (options.share / (1.0 - options.share))
    act = torch.full_like(batch.act, _safe_act(options, labels))
    gradient = model.push(params, batch.seen, act, weight)
    return {name: value + rate.view(-1, 1, 1) * gradient[name] for name, value in params.items()}
