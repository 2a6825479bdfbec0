"""What a scenario's language models would be asked: a few ticks of each arm worded without asking, and extrapolated."""

import math
import time
from dataclasses import dataclass, replace

from populace.agents.llm.backends.rehearsal import NONE, Range, Tally, rehearsing
from populace.rollout import rollout
from populace.run import start
from populace.scenarios.runner.plan import Ready, models_of
from populace.scenarios.schema import Scenario

TICKS = 4
"""Ticks that are worded, if they are worded within `SECONDS`; the first one always is."""
SECONDS = 2.0
"""Time for the wording of an arm after its first tick."""
SEATS = 64
"""Users whose wording is enough for an average: worlds are taken until there are so many."""
_FOLLOWED = 100_000
"""Ticks of an episode that are followed one by one; those after them are like the last."""


@dataclass(frozen=True)
class Asking:
    """What the language models of an arm, or of all, would be asked.

    Attributes:
        asks: Prompts.
        tokens: Tokens read and written.
        cost: Money, by the policies' prices.
        hours: Time that models take, by rates that are assumptions.
    """

    asks: Range = NONE
    tokens: Range = NONE
    cost: Range = NONE
    hours: Range = NONE

    def __add__(self, other: "Asking") -> "Asking":
        return Asking(
            self.asks + other.asks,
            self.tokens + other.tokens,
            self.cost + other.cost,
            self.hours + other.hours,
        )


def asking(scenario: Scenario, arm: Ready, batch: int, device: str) -> Asking | None:
    """What an arm would ask; None where nobody in it is a language model.

    Replies that are asked for again come on top, and whatever is on a tape already comes off.

    Args:
        scenario: The scenario.
        arm: The arm, built within `rehearsing` or not asked yet.
        batch: Worlds at a time.
        device: Where worlds are computed.
    """
    cell = arm.cell
    models = models_of(cell)
    if not models:
        return None
    users = arm.built.population.census.size
    worlds = min(cell.worlds, batch, max(1, SEATS // max(users, 1)))
    ticks, began = list[Tally](), time.perf_counter()
    with rehearsing(Tally(share=batch / worlds)) as tally:
        built = arm.built
        run = start(built.world, built.policies, built.population, seed=cell.seed, worlds=worlds, device=device)
        while len(ticks) < min(TICKS, cell.horizon) and (not ticks or time.perf_counter() - began < SECONDS):
            before = replace(tally)
            run = rollout(built.world, built.policies, run, 1, at_end=scenario.at_end)
            ticks.append(_since(before, tally))
    memory = max((getattr(options, "memory", 0) for options in models), default=0)
    episode = _episode(ticks, cell.horizon, memory)
    # Batches of worlds are played one after another, and time is a batch's.
    batches = cell.worlds / batch
    return Asking(
        episode.asks.times(cell.episodes * cell.worlds / worlds),
        episode.tokens.times(cell.episodes * cell.worlds / worlds),
        episode.cost.times(cell.episodes * cell.worlds / worlds),
        episode.hours.times(cell.episodes * batches),
    )


def _since(before: Tally, now: Tally) -> Tally:
    def less(a: Range, b: Range) -> Range:
        return a + b.times(-1)

    return Tally(
        now.share,
        now.asks - before.asks,
        now.read - before.read,
        less(now.written, before.written),
        less(now.cost, before.cost),
        less(now.seconds, before.seconds),
        now.read_cost - before.read_cost,
    )


def _episode(ticks: list[Tally], horizon: int, memory: int) -> Asking:
    """Ticks that were worded, and those after them.

    Where seats fell silent from tick to tick, they go on doing so in the low and the likely case, and no more do in the
    high one. Where seats remember, prompts go on growing as they did, up to what a memory holds, and do not grow in the
    low case.
    """
    total, once = Asking(), Range(1.0, 1.0, 1.0)
    least = ticks[0].read / max(ticks[0].asks, 1) if memory else math.inf
    for tick in ticks:
        total = total + _of(tick, once, NONE, least)
    left, last = horizon - len(ticks), ticks[-1]
    if left <= 0 or not last.asks:
        return total
    stays = min(1.0, (last.asks / max(ticks[0].asks, 1)) ** (1 / max(len(ticks) - 1, 1)))
    each = [tick.read / tick.asks for tick in ticks if tick.asks]
    room = max(0.0, each[0] + memory - each[-1]) if memory else 0.0
    grows = max(0.0, each[-1] - each[0]) / max(len(each) - 1, 1) if len(each) > 1 else room
    followed = min(left, _FOLLOWED)
    sums, longer = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    share, after = 1.0, Range(0.0, 0.0, 0.0)
    for k in range(1, followed + 1):
        share *= stays
        after = Range(0.0, min(room, grows * k), room)
        for i, present in enumerate((share, share, 1.0)):
            sums[i] += present
            longer[i] += present * after[i]
    for i, present in enumerate((share, share, 1.0)):
        sums[i] += present * (left - followed)
        longer[i] += present * after[i] * (left - followed)
    return total + _of(last, Range(*sums), Range(*(extra * last.asks for extra in longer)), least)


def _of(tick: Tally, times: Range, longer: Range, least: float) -> Asking:
    """A tick so many times, with so many more tokens read in all; `least` is a prompt without any memory."""
    read = Range(*(tick.read * n + more for n, more in zip(times, longer, strict=True)))
    read = read._replace(low=min(read.low, least * tick.asks * times.low))
    price = tick.read_cost / max(tick.read, 1)

    def product(amounts: Range) -> Range:
        return Range(*(amount * n for amount, n in zip(amounts, times, strict=True)))

    return Asking(
        Range(*(tick.asks * n for n in times)),
        read + product(tick.written),
        product(tick.cost) + longer.times(price),
        product(tick.seconds).times(1 / 3600),
    )
