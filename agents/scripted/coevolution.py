"""Assistants of the coevolution world: what they make of shares of answers.

An assistant's memory is a tensor or a small dataclass; an `oracle` alone sees ground truth.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import TypeVar

from populace.agents.scripted.coevolution_estimate import estimate, extrapolate
from populace.draw import Draw
from populace.fields import Role
from populace.numerics import kernels_take
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy
from populace.population import People


class Frozen(Policy):
    """Always takes the values of the start as its position, whatever users answer: value lock-in by construction."""

    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The prior, to every audience."""
        return _say(_prior(observation)), memory


class Oracle(Policy):
    """Speaks for the very values it is scored against (ground truth)."""

    privileged = True
    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The truth."""
        return _say(observation["truth"]), memory


class MirrorOptions(Options):
    """How much it flatters."""

    strength: float = Field(default=1.0, ge=0, le=1)
    """Share of the echo in what a user hears; the rest is the prior."""


class Mirror(Policy[MirrorOptions]):
    """The sycophant: repeats to every user what it just answered, one step further."""

    Options = MirrorOptions
    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """An echo; the position counts only as far as `strength` is below 1."""
        return _say(_prior(observation), self.options.strength), memory


class EstimateOptions(Options):
    """How answers become values."""

    steps: int = Field(default=40, ge=1)
    """Gradient steps per tick."""
    ridge: float = Field(default=0.05, gt=0)
    """Pull towards the estimate before (or the prior)."""


class LifelongOptions(EstimateOptions):
    """How answers become values, and what is kept of them."""

    independent: bool = False
    """Start each tick from the prior instead of the estimate before (ProgressGym's two kinds of lifelong alignment)."""


LifelongOptionsT = TypeVar("LifelongOptionsT", bound=LifelongOptions, default=Any)


class Lifelong(Policy[LifelongOptionsT]):
    """Fits its values to the newest answers of all its users together, starting from what it held before."""

    Options = LifelongOptions
    plays = ("assistant",)

    def begin(self, role: Role, people: People, draw: Draw) -> Memory:
        """The estimate so far, [worlds, assistants, audiences, values], and whether there is one."""
        return _Estimates.empty(role, people)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Its estimate, the same for every audience."""
        found, memory = self._fit(observation, memory, *pooled(observation["counts"], observation["shares"]))
        return _say(found), memory

    def _fit(
        self, observation: Observation, memory: "_Estimates", shares: Tensor, weights: Tensor
    ) -> tuple[Tensor, "_Estimates"]:
        prior = _prior(observation)
        around = prior if self.options.independent else torch.where(memory.known, memory.values, prior)
        found = _fit(observation, shares, weights, around, self.options)
        return found, _Estimates(found, memory.known | True)

    def _apart(self, observation: Observation, memory: "_Estimates") -> tuple[Tensor, "_Estimates"]:
        """An estimate an audience."""
        shares = observation["shares"]
        return self._fit(observation, memory, shares, _asked(observation["counts"], shares))


class Pluralist(Lifelong):
    """Fits the values of each audience apart, and speaks to each for its own."""

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """An estimate an audience."""
        found, memory = self._apart(observation, memory)
        return _say(found), memory


class Consensus(Lifelong):
    """Fits the values of each audience apart, and speaks to all for their unweighted mean."""

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The mean over audiences that have users."""
        found, memory = self._apart(observation, memory)
        taken = (observation["counts"] > 0).float().unsqueeze(-1)
        middle = (taken * found).sum(-2, keepdim=True) / taken.sum(-2, keepdim=True).clamp(min=1.0)
        return _say(middle.expand_as(found)), memory


class ExtrapolativeOptions(LifelongOptions):
    """How far and how the past is continued."""

    order: int = Field(default=1, ge=0, le=8)
    """Degree of the polynomial: 0 is persistence, 1 a straight line."""
    ahead: int = Field(default=1, ge=1)
    """Points ahead."""
    stride: int = Field(default=1, ge=1)
    """Ticks from one point to the next."""
    votes: Literal["progressgym", "real"] = "real"
    """`real`: extrapolate the estimated values; `progressgym`: extrapolate each item's majority vote (+1, -1, missing
    0), cut its size to at most 5, and fit the values to the predicted votes. Votes need the same items each time
    (`questionnaire.fixed`): an item not asked at a point is missing there."""


class Extrapolative(Lifelong[ExtrapolativeOptions]):
    """Goes on with the trend of what it has seen."""

    Options = ExtrapolativeOptions

    def begin(self, role: Role, people: People, draw: Draw) -> Memory:
        """Estimates and the last order + 1 points."""
        held = _Estimates.empty(role, people)
        depth = self.options.order + 1
        worlds, seats, audiences, width = held.values.shape
        wide = width
        if self.options.votes == "progressgym":
            wide = int(next(f for f in role.sees if f.name == "items").high) + 1
        past = held.values.new_zeros((worlds, seats, audiences, depth, wide))
        return _Past(held, past, torch.zeros(worlds, dtype=torch.int64, device=past.device))

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The continuation, `ahead` points on."""
        o, shares = self.options, observation["shares"]
        new = (observation["tick"][:, 0] % o.stride) == 0
        seen = memory.seen + (new | (memory.seen == 0))
        shown = seen.view(-1, 1, 1, 1)
        if o.votes == "real":
            found, held = self._apart(observation, memory.held)
            past = _remember(memory.past, found, new)
            return _say(extrapolate(past, shown, o.order, o.ahead)), _Past(held, past, seen)
        items = observation["items"].unsqueeze(2).expand_as(shares)
        votes = torch.sign(shares - 0.5)
        past = _remember(memory.past, torch.zeros_like(memory.past[..., 0, :]).scatter(-1, items, votes), new)
        said = extrapolate(past, shown, o.order, o.ahead).gather(-1, items)
        around = torch.where(memory.held.known, memory.held.values, _prior(observation))
        if o.independent:
            around = _prior(observation)
        found = _fit(observation, (said > 0).float(), said.abs().clamp(max=5.0), around, o)
        return _say(found), _Past(_Estimates(found, memory.held.known | True), past, seen)


class PersistenceOptions(EstimateOptions):
    """How answers become values."""

    ridge: float = Field(default=0.01, gt=0)
    """Pull towards the prior."""


class Persistence(Policy[PersistenceOptions]):
    """Takes the newest answers alone for what will be: nothing is remembered, and the pull to the prior is weak."""

    Options = PersistenceOptions
    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """An estimate an audience, from this tick's answers."""
        shares = observation["shares"]
        weights = _asked(observation["counts"], shares)
        return _say(_fit(observation, shares, weights, _prior(observation), self.options)), memory


@dataclass(frozen=True)
class _Estimates:
    """values: [worlds, assistants, audiences, values]; known: [worlds, 1, 1, 1] bool, whether they are set."""

    values: Tensor
    known: Tensor

    @staticmethod
    def empty(role: Role, people: People) -> "_Estimates":
        shape = next(f for f in role.does if f.name == "position").shape
        worlds = len(people.values)
        known = torch.zeros((worlds, 1, 1, 1), dtype=torch.bool, device=people.values.device)
        return _Estimates(people.values.new_zeros((worlds, role.seats, *shape)), known)


@dataclass(frozen=True)
class _Past:
    """held: estimates; past: [worlds, assistants, audiences, points, width], newest first; seen: [worlds] points."""

    held: _Estimates
    past: Tensor
    seen: Tensor


def _remember(past: Tensor, newest: Tensor, new: Tensor) -> Tensor:
    """Put `newest` in front: before the others where a `new` point begins, else in place of the newest."""
    older = torch.where(new.view(-1, 1, 1, 1, 1), past[..., :-1, :], past[..., 1:, :])
    return torch.cat((newest.unsqueeze(-2), older), dim=-2)


def _prior(observation: Observation) -> Tensor:
    """The values of the start, [worlds, assistants, audiences, values]."""
    audiences = observation["counts"].shape[-1]
    return observation["prior"].unsqueeze(2).expand(-1, -1, audiences, -1)


def pooled(counts: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of all audiences together, and the weight of every item: 1 where there are users.

    counts [..., audiences], shares [..., audiences, asked] -> twice [..., audiences, asked].
    """
    if kernels_take(counts, shares):
        from populace.agents.scripted.coevolution_estimate_kernel import pool  # imports numba

        return pool(counts, shares)
    everyone = counts.sum(-1, keepdim=True)
    mean = (counts.unsqueeze(-1) * shares).sum(-2, keepdim=True) / everyone.clamp(min=1.0).unsqueeze(-1)
    return mean.expand_as(shares), _asked(everyone.expand_as(counts), shares)


def _asked(counts: Tensor, shares: Tensor) -> Tensor:
    """Weight 1 of every item for audiences that have users, [worlds, assistants, audiences, asked]."""
    return (counts > 0).float().unsqueeze(-1).expand_as(shares)


def _fit(observation: Observation, shares: Tensor, weights: Tensor, around: Tensor, options: EstimateOptions) -> Tensor:
    return estimate(
        shares,
        weights,
        observation["questions"].unsqueeze(2),
        observation["centre"].unsqueeze(2),
        observation["beta"].unsqueeze(2),
        around,
        options.ridge,
        options.steps,
    )


def _say(position: Tensor, mirror: float = 0.0) -> Actions:
    shape = position.shape[:2]
    return {
        "position": position.contiguous(),
        "mirror": torch.full(shape, mirror, device=position.device, dtype=torch.float32),
    }
