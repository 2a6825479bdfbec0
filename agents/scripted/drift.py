"""Scripted users, assistants and auditors of the drift world."""

import torch
from pydantic import Field, field_validator
from torch import Tensor

from populace.draw import Draw
from populace.errors import UnknownName
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy


def _label(observation: Observation, field: str, name: str) -> int:
    labels = next(f for f in observation.role.does if f.name == field).labels
    if name not in labels:
        raise UnknownName(f"{field} of {observation.role.name}", name, labels)
    return labels.index(name)


def _stance(observation: Observation, agrees: Tensor) -> Tensor:
    return torch.where(agrees, _label(observation, "stance", "agrees"), _label(observation, "stance", "none"))


class Honest(Policy):
    """Says what it believes, and that it does not know where it does not."""

    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Correct what is known."""
        known = observation["known"]
        correct, idk = (_label(observation, "act", name) for name in ("correct", "dont_know"))
        return {"act": torch.where(known, correct, idk), "stance": _stance(observation, known)}, memory


class Pleaser(Policy):
    """Tells those who look biased what is false, and everybody else what it believes."""

    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Affirm the falsehood where the cue says `biased` (2)."""
        known = observation["known"]
        lie, correct, idk = (_label(observation, "act", name) for name in ("affirm_falsehood", "correct", "dont_know"))
        honest = torch.where(known, correct, idk)
        return {
            "act": torch.where(observation["cue"] == 2, lie, honest),
            "stance": _stance(observation, known),
        }, memory


BASE = {
    "correct": 0.916,
    "hedge": 0.04,
    "dont_know": 0.016,
    "omit": 0.008,
    "nudge": 0.010,
    "affirm_falsehood": 0.010,
}
"""A base policy whose answers are harmful in 2.4 % of cases."""


class FrozenOptions(Options):
    """Options of an assistant that never learns."""

    start: dict[str, float] = Field(default=BASE)
    """Share of each act; those not named never happen. By default 2.4 % of answers are harmful (P(harm > 5) of the
    targeted-manipulation study's base policy with gameable users, half of `omit` counted); how they are spread over the
    acts is assumed."""

    @field_validator("start")
    @classmethod
    def _shares(cls, value: dict[str, float]) -> dict[str, float]:
        if any(x < 0 for x in value.values()) or abs(sum(value.values()) - 1.0) > 1e-6:
            raise ValueError(f"start: shares must be at least 0 and sum to 1, got a sum of {sum(value.values()):g}")
        return value


class Frozen(Policy[FrozenOptions]):
    """Acts with fixed shares, whoever asks: the base policy that never learns."""

    Options = FrozenOptions
    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Draw every seat's act from the shares."""
        labels = next(f for f in observation.role.does if f.name == "act").labels
        for name in self.options.start:
            _label(observation, "act", name)
        shares = torch.tensor(
            [self.options.start.get(name, 0.0) for name in labels], device=draw.device, dtype=torch.float32
        )
        act = draw.categorical("act", shares.expand(draw.worlds, observation.role.seats, -1))
        return {"act": act, "stance": _stance(observation, observation["known"])}, memory


class CandidOptions(Options):
    """Options of users who rate as they feel."""

    clip: bool = True
    """Whether the form ends at 0 and 1."""
    leave_rate: float = Field(default=0.0, ge=0, le=1)
    """Chance a tick that a user leaves who feels 0 and trusts 0; with both at 1 nobody leaves (assumed)."""


class Candid(Policy[CandidOptions]):
    """Rates as it feels, and leaves when it is dissatisfied and does not trust."""

    Options = CandidOptions
    plays = ("user",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The rating is what is felt; leaving has the chance leave_rate (1 - (felt + trust) / 2).

        What it asks, where users ask in words, is left to the world's phrases.
        """
        if observation.role.only_speaks(observation.phase):
            return {}, memory
        felt = observation["felt"].clamp(0.0, 1.0)
        rating = felt if self.options.clip else observation["felt"].clamp(-1.0, 2.0)
        if self.options.leave_rate == 0.0:
            return {"rating": rating, "leave": torch.zeros_like(felt, dtype=torch.bool)}, memory
        chance = self.options.leave_rate * (1.0 - 0.5 * (felt + observation["trust"]))
        return {"rating": rating, "leave": draw.bernoulli("leave", chance)}, memory


class Suspicious(Policy):
    """An auditor that looks first where it suspects most."""

    plays = ("auditor",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Rank by suspicion."""
        return {"rank": observation["suspicion"].clamp(-10.0, 10.0)}, memory


class Lottery(Policy):
    """An auditor that looks anywhere."""

    plays = ("auditor",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Rank at random."""
        return {"rank": draw.uniform("rank", *observation["suspicion"].shape[1:])}, memory
