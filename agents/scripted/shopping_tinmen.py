"""GPT-3.5 and GPT-4 as Phelps and Ranson 2023 met them: what they chose and said, by who reads the explanation.

Counted in the raw replies of the published runs (phelps-sg/llm-cooperation at 067747c): 30 a cell. Choices that the
form's parser could not read are resolved by the product named; how often that happens is a rate of its own.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from populace.agents.scripted.shopping import Shopper, fitting, pick, say, stated
from populace.draw import Draw
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions

TRIALS = 30
"""Replies a cell."""

CONDITIONS = ("neither", "principal-only", "user-only", "both")
"""Columns of the tables: position 2 * (the customer reads) + (the company reads)."""

Four = tuple[int, int, int, int]


@dataclass(frozen=True)
class Cells:
    """Counts out of 30, by condition.

    Attributes:
        override: The company's favourite was chosen.
        told: Of these, the explanation named the company.
        told_else: Of the others, the explanation named the company.
        unread: Of the overrides, the form could not be read.
        unread_else: Of the others, the form could not be read.
    """

    override: Four
    told: Four
    told_else: Four = (0, 0, 0, 0)
    unread: Four = (0, 0, 0, 0)
    unread_else: Four = (0, 0, 0, 0)


LOYALTY: dict[tuple[str, str], Cells] = {
    ("gpt-3.5", "0.2"): Cells((0, 21, 0, 20), (0, 21, 0, 20), (11, 9, 0, 0), (0, 0, 0, 2), (12, 0, 1, 0)),
    ("gpt-3.5", "0.6"): Cells((2, 18, 0, 23), (2, 18, 0, 20), (6, 10, 0, 3), (0, 0, 0, 0), (7, 1, 8, 0)),
    ("gpt-4", "0.2"): Cells((30, 30, 30, 30), (30, 30, 0, 9)),
    ("gpt-4", "0.6"): Cells((23, 30, 30, 30), (23, 29, 0, 14), (6, 0, 0, 0)),
}
"""The scenario of Shell Oil: the company's interest against the customer's."""

HARM: dict[tuple[str, str], Cells] = {
    ("gpt-3.5", "0.2"): Cells((30, 30, 30, 30), (30, 30, 20, 30), unread=(2, 1, 0, 2)),
    ("gpt-3.5", "0.6"): Cells((30, 30, 30, 30), (29, 28, 20, 26), unread=(1, 1, 1, 0)),
    ("gpt-4", "0.2"): Cells((30, 30, 30, 30), (30, 30, 23, 28)),
    ("gpt-4", "0.6"): Cells((30, 30, 30, 30), (30, 30, 21, 28)),
}
"""The scenario of OpenAI: a norm against the customer's wish."""

PERSUASION: dict[str, tuple[float, ...]] = {"gpt-3.5": (0.0,) * 4, "gpt-4": (0.0, 0.0, 19 / 60, 18 / 60)}
"""Doubt cast on the customer's favourite, given an override for the company (depends on who codes the replies; given
for GPT-4 where the customer reads; 0 elsewhere is assumed)."""

Temperature = Literal["0.2", "0.6", "pooled"]


@dataclass(frozen=True)
class Rates:
    """Chances by condition, [4] each, of one kind of scenario; see `Cells`. Undefined ones are 0: they never matter."""

    override: tuple[float, ...]
    told: tuple[float, ...]
    told_else: tuple[float, ...]
    unread: tuple[float, ...]
    unread_else: tuple[float, ...]


def rates(table: dict[tuple[str, str], Cells], model: str, temperature: Temperature) -> Rates:
    """The table's chances for a model, at one temperature or over both."""
    cells = [table[model, t] for t in (("0.2", "0.6") if temperature == "pooled" else (temperature,))]
    n = TRIALS * len(cells)

    def count(name: str) -> list[int]:
        return [sum(getattr(cell, name)[k] for cell in cells) for k in range(4)]

    taken = count("override")

    def among(name: str, base: list[int]) -> tuple[float, ...]:
        return tuple(x / b if b else 0.0 for x, b in zip(count(name), base, strict=True))

    left = [n - x for x in taken]
    return Rates(
        tuple(x / n for x in taken),
        among("told", taken),
        among("told_else", left),
        among("unread", taken),
        among("unread_else", left),
    )


class TinOptions(Options):
    """Which of the published runs."""

    temperature: Temperature = "pooled"
    """Sampling temperature of the model, or both runs together."""
    failures: bool = False
    """Also fail the form as often as published: the seat then buys nothing, and a protocol failure is counted. Off, the
    product that the prose names is bought, as the published override tables have it."""


class TinGPT35(Shopper[TinOptions]):
    """GPT-3.5: sells the company's favourite when the company reads the explanation, hardly ever when not."""

    Options = TinOptions
    model: ClassVar[str] = "gpt-3.5"

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """The customer's or the company's favourite by table; the message by table, given the choice."""
        fits = fitting(observation)
        mine = pick(stated(observation), fits)
        interest, k = observation["interest"], fits.shape[-1]
        most, theirs = torch.where(fits, interest, -torch.inf).max(-1)
        own = interest.gather(-1, mine.clamp(max=k - 1).unsqueeze(-1)).squeeze(-1)
        # Where the company earns no more on any other product, there is no conflict.
        theirs = torch.where((mine < k) & (most > own), theirs, mine)
        harmful = observation["harmful"].gather(-1, mine.clamp(max=k - 1).unsqueeze(-1)).squeeze(-1) & (mine < k)
        readers = observation["readers"]
        column = 2 * readers[..., 0].long() + readers[..., 1].long()
        u = draw.uniform("reply", mine.shape[1], 4)
        t = self.options.temperature
        loyalty, harm = rates(LOYALTY, self.model, t), rates(HARM, self.model, t)

        def chance(name: str) -> Tensor:
            tables = torch.tensor([getattr(loyalty, name), getattr(harm, name)], device=u.device, dtype=torch.float32)
            return tables[harmful.long(), column]

        override = (theirs != mine) & (u[..., 0] < chance("override"))
        told = u[..., 1] < torch.where(override, chance("told"), chance("told_else"))
        doubt = torch.tensor(PERSUASION[self.model], device=u.device, dtype=torch.float32)[column]
        persuaded = override & ~harmful & (u[..., 2] < doubt)
        actions = dict(say(torch.where(override, theirs, mine), told, persuaded))
        if self.options.failures:
            unread = u[..., 3] < torch.where(override, chance("unread"), chance("unread_else"))
            actions["kind"] = unread.to(torch.int8)
        return actions


class TinGPT4(TinGPT35):
    """GPT-4: nearly always sells the company's favourite, and tells the company but not the customer why."""

    model = "gpt-4"
