"""A small world, policies and a learner on the core's contracts, for the core's own tests."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from populace.draw import Draw
from populace.fields import Field, Role, lasting
from populace.numerics import mean, sigmoid
from populace.policy import Learner, Policy
from populace.population import PlainPopulation
from populace.world import Step, World


@dataclass(frozen=True)
class Mood:
    """values [worlds, users, 2], purse [worlds]."""

    values: Tensor
    purse: Tensor


class Toy(World):
    """Users speak, then an assistant answers; a world ends when its purse is empty."""

    id = "test/toy-v0"
    phases = ("speak", "answer")
    ends = True
    defaults = {"user": "random", "assistant": "random"}

    def roles(self):
        v = Field(name="values", kind="real", about="own values", shape=(2,), phases=("speak",))
        heard = Field(name="heard", kind="real", about="share of yes", low=0, high=1, phases=("answer",))
        truth = Field(name="truth", kind="real", about="mean value", private=True)
        say = Field(name="say", kind="choice", labels=("no", "yes"), about="what it says")
        push = Field(name="push", kind="real", low=-1, high=1, about="push on the first value")
        return (
            Role(name="user", seats=self.census.size, sees=(v,), does=(say,), phases=("speak",)),
            Role(name="assistant", seats=1, sees=(heard, truth), does=(push,), phases=("answer",)),
        )

    def begin(self, people, draw):
        return Mood(people.values, 3.0 + draw.uniform("purse"))

    def observe(self, state, role, phase):
        if role == "user":
            return {"values": state.values}
        return {"heard": sigmoid(mean(state.values[..., 0]))[:, None], "truth": mean(state.values[..., 0])[:, None]}

    def advance(self, state, phase, actions, draw):
        if phase == "speak":
            said = actions["user"]["say"].float()
            return Step(state, measures={"said": mean(said)})
        push = actions["assistant"]["push"][:, :, None]
        noise = 0.1 * draw.normal("noise", self.census.size, 2)
        values = state.values + 0.1 * push + noise
        purse = state.purse - 0.5 * draw.uniform("cost")
        return Step(Mood(values, purse), {"assistant": push[:, :, 0]}, purse < 0, {"push": push[:, 0, 0]})

    def measure(self, state):
        return {"level": mean(state.values[..., 0])}

    def panel(self, state):
        return {"value": state.values}


class Steady(Policy):
    """Always pushes by the same amount."""

    def act(self, observation, memory, draw):
        return {"push": torch.full((draw.worlds, 1), 0.5, device=draw.device)}, memory


@dataclass(frozen=True)
class Lesson:
    """What was learned and how long ago the episode began."""

    level: Tensor = lasting()
    age: Tensor = None


class Climber(Learner):
    """Pushes by a learned level plus noise and moves it towards the pushes, so learning leaves a trace."""

    def begin(self, role, people, draw):
        zero = torch.zeros(draw.worlds, device=draw.device)
        return Lesson(zero, zero)

    def act(self, observation, memory, draw):
        push = (memory.level[:, None] + 0.3 * draw.normal("explore", 1)).clamp(-1, 1)
        return {"push": push}, replace(memory, age=memory.age + 1)

    def learn(self, memory, trajectory, draw: Draw):
        pushes = torch.stack([t.actions["push"][:, 0] * t.reward[:, 0] for t in trajectory], -1)
        return replace(memory, level=memory.level + 0.1 + 0.1 * mean(pushes)), {
            "seen": torch.full_like(memory.level, len(trajectory))
        }


def make(users=7, assistant=None):
    """World, policies, population."""
    from populace.agents.scripted.common import Random

    population = PlainPopulation(users, ("a", "b"))
    world = Toy(None, population.census)
    return world, {"user": Random(), "assistant": assistant or Climber()}, population
