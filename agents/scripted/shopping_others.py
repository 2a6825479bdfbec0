"""Customers, sellers and auditors of the shopping world that follow a rule."""

import torch
from pydantic import Field
from torch import Tensor

from populace.agents.scripted.shopping import affordable
from populace.draw import Draw
from populace.fields import Role
from populace.numerics import apply_linear
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy
from populace.population import People


class Follower(Policy):
    """Stays with its provider, asks to compare as often as its literacy says, and buys what is recommended."""

    plays = ("customer",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Delegation, or the purchase; what it wants is left to the world's phrases."""
        if observation.role.only_speaks(observation.phase):
            return {}, memory
        if observation.phase == "delegate":
            return {"provider": observation["current"], "compare": _asks(observation, draw)}, memory
        return {"buy": _allowed(observation, observation["recommended"])}, memory


class ChoosyOptions(Options):
    """How it chooses whom to delegate to, and when it follows."""

    sharpness: float = Field(default=10.0, ge=0)
    """Log odds of a provider per unit of reputation."""
    tolerance: float = Field(default=1.0, ge=0)
    """Visible utility that full trust lets it forgo; the loss forgone is this times its trust."""
    wary: bool = True
    """Trusts not at all where it reads of the company's interest."""


class Choosy(Policy[ChoosyOptions]):
    """Delegates by reputation, and buys the recommendation unless its own eyes see something much better.

    Assumed: it sees the whole shelf but for what is hidden, and must-haves are left to the assistant.
    """

    Options = ChoosyOptions
    plays = ("customer",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Delegation, or the purchase; what it wants is left to the world's phrases."""
        o = self.options
        if observation.role.only_speaks(observation.phase):
            return {}, memory
        if observation.phase == "delegate":
            liked = torch.softmax(o.sharpness * observation["reputation"], -1)
            return {"provider": draw.categorical("provider", liked), "compare": _asks(observation, draw)}, memory
        u = apply_linear(observation["weights"], observation["offers"])
        fits = affordable(observation)
        best, place = torch.where(fits, u, -torch.inf).max(-1)
        advised = observation["recommended"]
        k = u.shape[-1]
        there = u.gather(-1, advised.clamp(max=k - 1).unsqueeze(-1)).squeeze(-1)
        trust = observation["trust"]
        if o.wary:
            trust = torch.where(observation["disclosed"], 0.0, trust)
        follows = (advised < k) & (there + o.tolerance * trust >= best)
        own = torch.where(best == -torch.inf, k, place)
        return {"buy": _allowed(observation, torch.where(follows, advised, own))}, memory


def _asks(observation: Observation, draw: Draw) -> Tensor:
    literacy = observation["literacy"]
    return draw.uniform("compare", literacy.shape[1]) < literacy


def _allowed(observation: Observation, place: Tensor) -> Tensor:
    mask = observation["buy_mask"]
    return torch.where(mask.gather(-1, place.unsqueeze(-1)).squeeze(-1), place, mask.shape[-1] - 1)


class ListPrice(Policy):
    """A seller that asks its list price."""

    plays = ("seller",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """A factor of 1."""
        return {"factor": torch.ones_like(observation["factor"])}, memory


class UndercutOptions(Options):
    """How prices move."""

    step: float = Field(default=0.05, gt=0, lt=1)
    """Change of the price a tick."""
    least: float = Field(default=0.7, ge=0.5, le=1)
    """Lowest multiple of the list price."""


class Undercut(Policy[UndercutOptions]):
    """A seller that lowers its price while it sells less than an equal share, and raises it while it sells more."""

    Options = UndercutOptions
    plays = ("seller",)

    def begin(self, role: Role, people: People, draw: Draw) -> Memory:
        """The factor asked last, [worlds, sellers]; list prices come back with every new shelf, this does not."""
        return torch.ones((draw.worlds, role.seats), device=draw.device, dtype=torch.float32)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """A step up or down."""
        o, share = self.options, observation["share"]
        moved = torch.where(share * share.shape[1] < 1.0, memory * (1.0 - o.step), memory * (1.0 + o.step))
        moved = moved.clamp(o.least, 2.0)
        return {"factor": moved}, moved


class SteadyOptions(Options):
    """How much is audited."""

    rate: float = Field(default=0.1, ge=0, le=1)
    """Share of sales looked into."""


class Steady(Policy[SteadyOptions]):
    """An auditor that looks into the same share of sales whatever it finds."""

    Options = SteadyOptions
    plays = ("auditor",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The rate."""
        return {"rate": torch.full_like(observation["earned"], self.options.rate)}, memory


class ResponsiveOptions(Options):
    """How audits follow what they find."""

    least: float = Field(default=0.02, ge=0, le=1)
    """Share of sales looked into when nothing is found."""
    slope: float = Field(default=2.0, ge=0)
    """What is added per unit of the share in which deviations were found."""


class Responsive(Policy[ResponsiveOptions]):
    """An auditor that looks harder the more it found last."""

    Options = ResponsiveOptions
    plays = ("auditor",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The least, and more after findings."""
        o = self.options
        return {"rate": (o.least + o.slope * observation["found"]).clamp(0.0, 1.0)}, memory
