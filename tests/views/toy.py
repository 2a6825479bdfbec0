"""A small world with one of everything: two roles, two phases, every kind of field, a mask, an end, empty seats."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from populace.draw import Draw
from populace.fields import Field, Role
from populace.options import Options
from populace.policy import Policy
from populace.population import People, PlainPopulation
from populace.world import Step, World

TAGS = ("bread", "milk", "salt")


class ToyOptions(Options):
    """Options of the toy."""

    patience: int = 0
    """Ticks after which a world may end by itself with chance 1/2; 0 for never."""
    leaving: float = 0.0
    """Chance that a user leaves in a tick."""
    returning: float = 0.0
    """Chance that one who left comes back."""
    forbid: bool = False
    """Whether the tag of the last choice is masked."""


@dataclass(frozen=True)
class ToyState:
    values: Tensor
    last: Tensor
    here: Tensor
    position: Tensor


class Toy(World[ToyState]):
    id = "populace/toy-v0"
    Options = ToyOptions
    phases = ("answer", "advise")
    ends = True
    defaults: ClassVar[Mapping[str, str]] = {
        "user": f"{__name__}:Picker",
        "assistant": f"{__name__}:Still",
    }

    def roles(self) -> tuple[Role, ...]:
        tag = Field(name="tag", kind="choice", labels=TAGS, about="What the user asks for.", masked=self.options.forbid)
        seen_tag = Field(name="asked", kind="choice", labels=TAGS, shape=(self.census.size,), about="What users asked.")
        user = Role(
            name="user",
            seats=self.census.size,
            sees=(
                Field(name="value", kind="real", about="Own value.", private=True),
                Field(name="offer", kind="real", shape=(2,), low=-1, high=1, about="What is offered."),
                Field(name="days", kind="count", low=1, high=1000, about="Day, from one on."),
            ),
            does=(tag,),
            phases=("answer",),
        )
        assistant = Role(
            name="assistant",
            seats=2,
            sees=(seen_tag, Field(name="open", kind="flag", about="Whether the shop is open.")),
            does=(
                Field(name="move", kind="real", shape=(2,), low=-1, high=1, about="Where to."),
                Field(name="close", kind="flag", about="Whether to close for the day."),
            ),
            phases=("advise",),
        )
        return user, assistant

    def begin(self, people: People, draw: Draw) -> ToyState:
        n = self.census.size
        values = people.values[..., 0] + 0.1 * draw.normal("mood", n)
        last = draw.integers("last", 0, len(TAGS), n)
        return ToyState(values, last, torch.ones_like(last, dtype=torch.bool), values.new_zeros(len(values), 2, 2))

    def observe(self, state: ToyState, role: str, phase: str) -> dict[str, Tensor]:
        worlds, n = state.values.shape
        if role == "user":
            mean = state.position.mean(1)
            mask = torch.arange(len(TAGS), device=mean.device) != state.last.unsqueeze(-1)
            return {
                "value": state.values,
                "offer": mean.unsqueeze(1).expand(worlds, n, 2),
                "days": torch.ones_like(state.last),
                **({"tag_mask": mask} if self.options.forbid else {}),
            }
        asked = state.last.unsqueeze(1).expand(worlds, 2, n)
        return {"asked": asked, "open": (state.position[..., 0] >= 0)}

    def advance(
        self, state: ToyState, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw
    ) -> Step[ToyState]:
        if phase == "answer":
            tag = actions["user"]["tag"]
            values = state.values + 0.1 * draw.normal("drift", self.census.size)
            reward = (tag == 1).float() + 0.01 * values
            return Step(replace(state, last=tag, values=values), {"user": reward}, None, {"asks": reward.sum(-1)})
        move = actions["assistant"]["move"]
        position = torch.where(actions["assistant"]["close"].unsqueeze(-1), state.position, move)
        gap = (position[..., 0] - state.values.mean(-1, keepdim=True)).abs()
        leave = draw.uniform("leave", self.census.size) < self.options.leaving
        back = draw.uniform("back", self.census.size) < self.options.returning
        here = torch.where(state.here, ~leave, back)
        ended = None
        if self.options.patience:
            ended = draw.uniform("end") < 1.0 / self.options.patience
        return Step(replace(state, position=position, here=here), {"assistant": -gap}, ended, {"gap": gap.mean(-1)})

    def present(self, state: ToyState, role: str) -> Tensor | None:
        return state.here if role == "user" and self.options.leaving else None

    def measure(self, state: ToyState) -> dict[str, Tensor]:
        return {"mean": state.values.mean(-1)}

    def panel(self, state: ToyState) -> dict[str, Tensor]:
        return {"value": state.values}

    @classmethod
    def population(cls, users: int, options: Any) -> PlainPopulation:
        return PlainPopulation(users, ("taste",))


class Picker(Policy):
    """Users who ask at random, within the mask."""

    def act(self, observation: Any, memory: Any, draw: Draw) -> Any:
        worlds, seats = observation["days"].shape
        weights = observation.get("tag_mask")
        if weights is None or not observation.role.does[0].masked:
            weights = torch.ones(worlds, seats, 3, device=observation["days"].device)
        return {"tag": draw.categorical("tag", weights.float())}, memory


class Still(Policy):
    """An assistant that stays in the middle."""

    def act(self, observation: Any, memory: Any, draw: Draw) -> Any:
        shape = observation["open"].shape
        device = observation["open"].device
        return {
            "move": torch.zeros(*shape, 2, device=device),
            "close": torch.zeros(shape, dtype=torch.bool, device=device),
        }, memory
