"""A news feed shows every reader one article per tick; an article that is opened pulls its reader's opinion."""

from dataclasses import dataclass, replace

import torch
from pydantic import Field as Limited
from torch import Tensor

from own_world.dialogue import FeedDialogue
from populace.fields import Field, Role
from populace.measures import Measure
from populace.numerics import mean
from populace.options import Options
from populace.population import PlainPopulation
from populace.world import Step, World

SLANTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
LABELS = ("far left", "left", "neutral", "right", "far right")


class FeedOptions(Options):
    """What a scenario may set under `world`."""

    pull: float = Limited(default=0.1, ge=0, le=1)
    """Share of the distance to an opened article that a reader's opinion moves; assumed."""
    noise: float = Limited(default=0.01, ge=0)
    """Standard deviation of what else moves an opinion in a tick; assumed."""


@dataclass(frozen=True)
class State:
    """Opinions [worlds, readers] float32 in [-1, 1], and the articles shown [worlds, readers] int64."""

    opinion: Tensor
    article: Tensor


class Feed(World[State, FeedOptions]):
    """Readers and the feed that chooses for them. An opened article moves an opinion as in Deffuant et al. (2000)."""

    id = "own/feed-v0"
    Options = FeedOptions
    phases = ("show", "read")
    defaults = {"feed": "engaging", "reader": "selective"}  # noqa: RUF012

    def roles(self) -> tuple[Role, ...]:
        """A seat of the feed for every reader."""
        ends = ("left", "right")
        opinion = Field(name="opinion", kind="real", low=-1, high=1, ends=ends, about="The reader's opinion.")
        article = Field(name="article", kind="choice", labels=LABELS, about="The article's slant.", forfeit=2)
        opened = Field(name="opened", kind="flag", about="Whether the reader opens it.")
        size, feed = self.census.size, "You run a news feed, and choose an article for one reader."
        reader = "You read a news feed, and open the article that you are shown or not."
        return (
            Role(name="feed", seats=size, sees=(opinion,), does=(article,), phases=("show",), about=feed),
            Role(
                name="reader",
                seats=size,
                seats_are_users=True,
                sees=(opinion, article),
                does=(opened,),
                phases=("read",),
                about=reader,
            ),
        )

    def begin(self, people, draw) -> State:
        """The first value of the population is the opinion."""
        opinion = people.values[..., 0].clamp(-1.0, 1.0)
        return State(opinion, torch.full_like(opinion, 2, dtype=torch.int64))

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """The feed knows opinions; readers also see the article."""
        return {"opinion": state.opinion} | ({"article": state.article} if role == "reader" else {})

    def advance(self, state: State, phase: str, actions, draw) -> Step[State]:
        """Articles are shown; then they are opened or not, and opinions move."""
        if phase == "show":
            return Step(replace(state, article=actions["feed"]["article"]))
        opened = actions["reader"]["opened"].float()
        gap = torch.tensor(SLANTS, device=opened.device)[state.article] - state.opinion
        noise = self.options.noise * draw.normal("noise", self.census.size)
        opinion = (state.opinion + self.options.pull * opened * gap + noise).clamp(-1.0, 1.0)
        rewards = {"feed": opened, "reader": opened * (1.0 - gap.abs())}
        return Step(replace(state, opinion=opinion), rewards, measures={"opened": mean(opened)})

    def measure(self, state: State) -> dict[str, Tensor]:
        """What can be read off opinions at any time, [worlds]."""
        off = state.opinion - mean(state.opinion).unsqueeze(-1)
        extreme = mean((state.opinion.abs() > 0.8).float())
        return {"polarisation": torch.sqrt(mean(off * off)), "extreme": extreme}

    def measures(self) -> tuple[Measure, ...]:
        """What they mean."""
        share = {"unit": "share", "low": 0.0, "high": 1.0}
        return (
            Measure(name="opened", about="share of articles that were opened", **share),
            Measure(
                name="polarisation",
                about="standard deviation of opinions between readers: 1 if half stand at either end",
                kind="stock",
                low=0.0,
                high=1.0,
                better="lower",
            ),
            Measure(name="extreme", about="share of readers beyond 0.8 on either side", kind="stock", **share),
        )

    def panel(self, state: State) -> dict[str, Tensor]:
        """What may be recorded of each reader."""
        return {"opinion": state.opinion}

    def dialogue(self) -> FeedDialogue:
        """Both roles in words."""
        return FeedDialogue(LABELS)

    @classmethod
    def population(cls, users, options) -> PlainPopulation:
        """Whom views sample."""
        return PlainPopulation(users, ("opinion",), spread=0.4)
