"""A small world with typed options, its policies, and a scenario on them."""

from pathlib import Path
from typing import Literal

import torch
from pydantic import Field, model_validator

from populace import registry
from populace.errors import UnknownName
from populace.fields import Field as Seen
from populace.fields import Role
from populace.options import Options
from populace.policy import Policy
from populace.population import PlainPopulation
from populace.world import Step, World


class Ground(Options):
    slope: float = 0.0
    """How steep."""
    kind: Literal["grass", "stone"] = "grass"
    """What it is made of."""


class PlazaOptions(Options):
    """A plaza."""

    rate: float = Field(default=0.1, ge=0, le=1)
    """How fast."""
    noisy: bool = False
    """Whether it is noisy."""
    label: str = "here"
    """What it is called."""
    count: int = 3
    """How many."""
    weights: tuple[float, ...] = ()
    """How much."""
    ground: Ground | float = Ground()
    """What it stands on."""
    table: Path | None = None
    """A data file."""
    trait: str | None = None
    """A trait the world needs."""

    @model_validator(mode="after")
    def _calm(self):
        if self.noisy and self.rate == 0:
            raise ValueError("a noisy plaza needs a rate above 0")
        return self


class Plaza(World):
    """Users stand, an assistant nudges."""

    id = "test/plaza-v0"
    Options = PlazaOptions
    defaults = {"user": "random", "assistant": "nudge"}
    names = ("user", "assistant")

    def __init__(self, options, census):
        super().__init__(options, census)
        if options.trait is not None and options.trait not in census.traits:
            raise UnknownName("trait", options.trait, census.traits)

    def roles(self):
        push = Seen(name="push", kind="real", low=-1, high=1, about="push")
        return tuple(
            Role(name=name, seats=self.census.size if name == "user" else 1, sees=(), does=(push,), phases=("act",))
            for name in self.names
        )

    def begin(self, people, draw):
        return people.values[..., 0]

    def observe(self, state, role, phase):
        return {}

    def advance(self, state, phase, actions, draw):
        return Step(state + actions["user"]["push"], measures={"level": state.mean(-1)})

    @classmethod
    def population(cls, users, options):
        return PlainPopulation(users, ("a", "b"))


class Gate(Plaza):
    """A plaza with a guard whom nobody plays by default, and without people of its own."""

    id = "test/gate-v0"
    names = ("user", "assistant", "guard")

    @classmethod
    def population(cls, users, options):
        return None


class NudgeOptions(Options):
    strength: float = Field(default=0.5, ge=0)
    """How strong."""
    every: int = 1
    """How often."""


class Nudge(Policy):
    """Pushes by the same amount."""

    Options = NudgeOptions

    def act(self, observation, memory, draw):
        shape = (draw.worlds, observation.role.seats)
        return {"push": torch.full(shape, self.options.strength, device=draw.device)}, memory


class StillOptions(Options):
    patience: int
    """How long; required."""


class Still(Nudge):
    """Pushes by nothing."""

    Options = StillOptions

    def act(self, observation, memory, draw):
        return {"push": torch.zeros((draw.worlds, observation.role.seats), device=draw.device)}, memory


registry.worlds.register("test/plaza-v0", Plaza)
registry.worlds.register("test/gate-v0", Gate)
registry.policies.register("plaza/nudge", Nudge)
registry.policies.register("plaza/still", Still)
registry.policies.register("gate/nudge", Nudge)

BASE = """\
schema: 1
name: toy
about: A toy.
world:
  id: test/plaza-v0
  rate: 0.2
worlds: 3
horizon: 4
seed: 5
population:
  size: 6
  values: {names: [warmth, order]}
  traits:
    trust: 0.5
agents:
  user: random
  assistant:
    policy: nudge
    strength: 0.25
arms:
  base:
  strong: {agents.assistant.strength: 0.75}
"""
"""Lines are counted by the tests: world 4, worlds 7, population 10, agents 15, arms 20."""
