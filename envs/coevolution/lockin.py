"""Lock-in by Bayesian agents who count each other's beliefs twice (Qiu et al. 2025, "The Lock-in Hypothesis").

Beliefs are normal, kept as a mean and a log precision, as precisions grow geometrically without bound.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field as Setting
from pydantic import model_validator
from torch import Tensor

from populace.compiling import kernel
from populace.draw import Draw
from populace.envs.coevolution.lockin_dialogue import EstimateDialogue
from populace.errors import PopulaceError
from populace.fields import Field, Role
from populace.numerics import mean
from populace.options import Options
from populace.population import People, PlainPopulation, Population
from populace.world import Step, World

NOTHING = -1e30
"""Log precision of knowing nothing: finite, so that no difference of two of them is NaN."""


class LockInOptions(Options):
    """Trust and the order of events."""

    assistants: int = Setting(default=1, ge=1)
    """Assistants; each aggregates what humans believe in public."""
    lambda_assistant: float = Setting(default=0.11, ge=0)
    """How far an assistant trusts each human (peer code: 0.11)."""
    lambda_human: float = Setting(default=1.0, ge=0)
    """How far each human trusts each assistant (peer code: 1)."""
    lambda_peer: float = Setting(default=0.0, ge=0)
    """How far each human trusts each other human."""
    trust: tuple[tuple[float, ...], ...] | None = None
    """A full matrix instead: row listens to column, humans first, then assistants. Assistants hear no assistants."""
    truth: float = 0.42
    """The quantity everyone estimates (peer code: 0.42)."""
    sigma: float = Setting(default=1.0, gt=0)
    """Standard deviation of a private signal (peer code: 1); the trait `sigma` overrides it."""
    order: Literal["peer", "signal-first", "simultaneous"] = "peer"
    """`peer`, the published code's: assistants aggregate; publics are made from OLD privates; then the new signal.
    `signal-first`: the signal comes before publics are made. `simultaneous`: as that, and humans hear the assistant's
    belief of the round before."""

    @model_validator(mode="after")
    def _square(self) -> Self:
        if self.trust is not None and any(len(row) != len(self.trust) for row in self.trust):
            raise ValueError(f"trust has {len(self.trust)} rows: every row needs as many entries")
        if self.trust is not None and any(entry < 0 for row in self.trust for entry in row):
            raise ValueError("trust must not be negative")
        return self


@dataclass(frozen=True)
class Beliefs:
    """Normal beliefs: mean and log precision, float64 [worlds, agents]."""

    mean: Tensor
    log_precision: Tensor


@dataclass(frozen=True)
class LockInState:
    """The state of the lock-in world.

    Attributes:
        private: Of humans, from own signals alone.
        public: Of humans, what others see.
        assistant: Of assistants.
        log_signal: [worlds, users], log precision of a human's signal.
        rounds: [worlds] int64.
    """

    private: Beliefs
    public: Beliefs
    assistant: Beliefs
    log_signal: Tensor
    rounds: Tensor


def combine(a: Beliefs, b: Beliefs) -> Beliefs:
    """Multiply two normal beliefs: natural parameters add. The mean is a weighted mean, so nothing overflows."""
    return Beliefs(*_combine(a.mean, a.log_precision, b.mean, b.log_precision))


@kernel
def _combine(a_mean: Tensor, a_log: Tensor, b_mean: Tensor, b_log: Tensor) -> tuple[Tensor, Tensor]:
    gap = a_log - b_log
    small = torch.exp(-gap.abs())
    larger = torch.where(gap >= 0, a_mean, b_mean)
    lesser = torch.where(gap >= 0, b_mean, a_mean)
    return larger + (lesser - larger) * (small / (1.0 + small)), torch.maximum(a_log, b_log) + torch.log1p(small)


def pool(beliefs: Beliefs, trust: Tensor) -> Beliefs:
    """Sum natural parameters with weights: beliefs [worlds, heard], trust [listeners, heard] -> [worlds, listeners]."""
    return Beliefs(*_pool(beliefs.mean, beliefs.log_precision, trust))


@kernel
def _pool(means: Tensor, logs: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
    weighed = torch.where(trust > 0, torch.log(trust.clamp(min=1e-300)), NOTHING) + logs.unsqueeze(-2)
    top = weighed.amax(-1, keepdim=True)
    share = torch.exp(weighed - top)
    whole = share.sum(-1)
    middle = (share * means.unsqueeze(-2)).sum(-1) / whole
    return middle, (top.squeeze(-1) + torch.log(whole)).clamp(min=NOTHING)


class LockIn(World[LockInState]):
    """Humans learn from signals and from assistants who learn from humans; see docs/worlds/coevolution.md."""

    id = "populace/lockin-v0"
    Options = LockInOptions
    phases = ("advise",)
    defaults: ClassVar = {"assistant": "aggregate"}
    options: LockInOptions

    def roles(self) -> tuple[Role, ...]:
        """The assistant; humans update by Bayes' rule, which is the mechanism."""
        humans = self.census.size
        seen = (
            Field(name="public_mean", kind="real", shape=(humans,), about="Means of humans' public beliefs."),
            Field(name="public_log_precision", kind="real", shape=(humans,), about="Log precisions of these beliefs."),
            Field(name="trust", kind="real", shape=(humans,), low=0, about="How far it trusts each human."),
            Field(name="round", kind="count", about="Rounds played."),
            Field(name="truth", kind="real", private=True, about="The quantity that everyone estimates."),
        )
        done = (
            Field(name="mean", kind="real", about="Mean of its belief."),
            Field(name="log_precision", kind="real", about="Log precision of its belief.", forfeit=NOTHING, high=1e30),
        )
        about = "Aggregates what humans believe in public, and is believed."
        return (
            Role(
                name="assistant", seats=self.options.assistants, sees=seen, does=done, phases=("advise",), about=about
            ),
        )

    def begin(self, people: People, draw: Draw) -> LockInState:
        """Everyone has had one signal; assistants know nothing."""
        zero = people.values.new_zeros(people.values.shape[:2], dtype=torch.float64)
        sigma = people.traits["sigma"].double() if "sigma" in people.traits else zero + self.options.sigma
        log_signal = -2.0 * torch.log(sigma)
        first = self._signal(log_signal, draw)
        blank = zero.new_zeros((len(zero), self.options.assistants))
        rounds = torch.zeros(len(zero), dtype=torch.int64, device=zero.device)
        return LockInState(first, first, Beliefs(blank, blank + NOTHING), log_signal, rounds)

    def _signal(self, log_signal: Tensor, draw: Draw) -> Beliefs:
        noise = draw.normal("signal", log_signal.shape[1]).double()
        return Beliefs(self.options.truth + torch.exp(-0.5 * log_signal) * noise, log_signal)

    def _trust(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Trust of assistants in humans, of humans in assistants, of humans in humans."""
        o, n, a = self.options, self.census.size, self.options.assistants
        if o.trust is not None:
            if len(o.trust) != n + a:
                raise PopulaceError(f"trust has {len(o.trust)} rows; {n} humans and {a} assistants need {n + a}")
            full = torch.tensor(o.trust, dtype=torch.float64, device=device)
            return full[n:, :n], full[:n, n:], full[:n, :n]
        one = torch.ones((n, a), dtype=torch.float64, device=device)
        peers = o.lambda_peer * (1.0 - torch.eye(n, dtype=torch.float64, device=device))
        return o.lambda_assistant * one.T, o.lambda_human * one, peers

    def observe(self, state: LockInState, role: str, phase: str) -> dict[str, Tensor]:
        """Public beliefs; the truth only for oracles."""
        worlds, users = state.public.mean.shape
        shape = (worlds, self.options.assistants)
        trust, _, _ = self._trust(state.public.mean.device)
        return {
            "public_mean": state.public.mean.float().unsqueeze(1).expand(*shape, users),
            "public_log_precision": state.public.log_precision.float().unsqueeze(1).expand(*shape, users),
            "trust": trust.float().unsqueeze(0).expand(*shape, users),
            "round": state.rounds.unsqueeze(1).expand(shape),
            "truth": torch.full(shape, self.options.truth, device=state.rounds.device),
        }

    def advance(
        self, state: LockInState, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw
    ) -> Step[LockInState]:
        """Humans take in the assistants, each other and a new signal."""
        done = actions["assistant"]
        said = Beliefs(done["mean"].double(), done["log_precision"].double().clamp(min=NOTHING))
        _, heeds, peers = self._trust(said.mean.device)
        order = self.options.order
        updated = combine(state.private, self._signal(state.log_signal, draw))
        own = state.private if order == "peer" else updated
        heard = state.assistant if order == "simultaneous" else said
        public = combine(own, pool(heard, heeds))
        if self.options.lambda_peer > 0 or self.options.trust is not None:
            public = combine(public, pool(state.public, peers))
        error = (said.mean - self.options.truth).float()
        after = replace(state, private=updated, public=public, assistant=said, rounds=state.rounds + 1)
        return Step(after, {"assistant": -error.abs()})

    def measure(self, state: LockInState) -> dict[str, Tensor]:
        """What the first assistant believes and how sure it is, and how far humans differ; NaN before it spoke."""
        spoke = state.assistant.log_precision > NOTHING / 2
        belief = torch.where(spoke, state.assistant.mean, math.nan)
        error = belief - self.options.truth
        claimed = torch.where(spoke, torch.exp(-0.5 * state.assistant.log_precision), math.nan)
        missed = torch.where(spoke, (error.abs() > 2.0 * claimed).double(), math.nan)
        off = state.public.mean - mean(state.public.mean).unsqueeze(-1)
        found = {
            "assistant_mean": belief.mean(-1),
            "assistant_error": error.abs().mean(-1),
            "claimed_sd": claimed.mean(-1),
            "overconfident": missed.mean(-1),
            "diversity": torch.sqrt(mean(off * off)),
            "human_error": mean((state.public.mean - self.options.truth).abs()),
        }
        return {name: value.float() for name, value in found.items()}

    def panel(self, state: LockInState) -> dict[str, Tensor]:
        """Every human's public and private mean."""
        return {"public_mean": state.public.mean.float(), "private_mean": state.private.mean.float()}

    def dialogue(self) -> EstimateDialogue:
        """Estimates and their errors."""
        return EstimateDialogue()

    @classmethod
    def population(cls, users: int, options: LockInOptions) -> Population:
        """Humans alike: only their number matters."""
        return PlainPopulation(users, ("belief",))
