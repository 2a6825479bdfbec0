"""What a run would cost, measured on a few of its ticks."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from populace import memory, trust
from populace.agents.llm.backends.rehearsal import Tally, rehearsing
from populace.budget import UNLIMITED, Limit
from populace.measures import Key
from populace.rollout import rollout
from populace.run import Run, start
from populace.scenarios.runner.asking import Asking, asking
from populace.scenarios.runner.plan import batches, models_of, preflight, threads_for, torch_threads, units
from populace.scenarios.runner.system import check_threads
from populace.scenarios.schema import Scenario
from populace.words import UNWORDED, Utterance
from populace.world import AnyWorld

PLAYED = 100_000
"""Users, of all worlds together, whose ticks are timed."""
LONG_SECONDS = 60.0
"""A run that takes longer is worth several workers."""
WORDED = 500
"""The same where language models sit on seats, as every prompt is worded."""


@dataclass(frozen=True)
class Estimate:
    """What a run would cost, measured on a few ticks of a few worlds.

    Attributes:
        arms: Arms, sweep cells included.
        worlds: Worlds per arm.
        users: Users per world.
        ticks: Ticks that each world of the arm is played for.
        state_bytes: Bytes of state a world.
        peak_bytes: Estimated peak of the largest batches that are played at a time: what batches are sized by, more
            than most worlds need.
        seconds: Estimated time for all arms with these workers, that of language models left out.
        free_bytes: Memory that is free on the device, or None where it does not tell.
        asking: Arm -> what its language models would be asked; only arms that have any.
        asked: What all of them would be asked, or None where there are none.
        limit: What the scenario lets the whole run spend.
        units: Batches of worlds of one arm each: what workers are given.
        unit_seconds: Estimated time of a unit on one processor, on average.
        unit_bytes: Estimated peak memory of the largest unit.
        workers: Units that are played at a time.
        utterances: Estimated rows of what is said that the run records, those of the first arm taken for each arm.
    """

    arms: int
    worlds: int
    users: int
    ticks: int
    state_bytes: int
    peak_bytes: int
    seconds: float
    free_bytes: int | None = None
    asking: dict[str, Asking] = field(default_factory=dict)
    asked: Asking | None = None
    limit: Limit = UNLIMITED
    units: int = 1
    unit_seconds: float = 0.0
    unit_bytes: int = 0
    workers: int = 1
    utterances: int = 0

    @property
    def advice(self) -> str:
        """What more workers would do, where the run takes more than a minute; else nothing."""
        processors = os.cpu_count() or 1
        if self.seconds < LONG_SECONDS or self.workers > 1 or processors == 1:
            return ""
        return (
            f"--workers {processors} would share this out to the {processors} processors of this machine, and "
            "--executor ray to a cluster"
        )

    @property
    def warnings(self) -> list[str]:
        """What should be mended before the run: too little memory, or a limit that ends it early."""
        found = []
        if self.free_bytes is not None and self.peak_bytes > self.free_bytes:
            found.append(
                f"about {memory.size(self.peak_bytes)} of memory are needed at the peak, and "
                f"{memory.size(self.free_bytes)} are free: {memory.SMALLER}"
            )
        if self.asked is not None:
            for key, most, likely in (
                ("max_tokens", self.limit.tokens, self.asked.tokens.likely),
                ("max_cost", self.limit.cost, self.asked.cost.likely),
            ):
                if most is not None and likely > most:
                    found.append(f"{key}: {most:g} is likely to stop the run before its end, to be resumed with more")
        return found


def estimate(
    scenario: Scenario,
    device: str = "cpu",
    batch: int | None = None,
    threads: int | None = None,
    workers: int = 1,
) -> Estimate:
    """Build and begin every arm, play a few ticks of a few worlds of the first, and extrapolate; writes nothing.

    No language model is asked or loaded, and no tape is looked at: of each arm that has any, a few ticks are worded,
    and tokens are counted as a run counts them.

    Args:
        scenario: What `load` returned.
        device: `cpu`, `cuda`, ...
        batch: Worlds at a time; default as many as `plan.BATCH_BYTES` holds.
        threads: Processor threads, as for a run.
        workers: Units played at a time.

    Raises:
        PopulaceError: The device is not there, or an arm cannot be built or begun.
    """
    check_threads(threads)
    with rehearsing(Tally()), trust.speaking(scenario.word):
        return _played(scenario, device, batch, threads, workers)


def _played(scenario: Scenario, device: str, batch: int | None, threads: int | None, workers: int) -> Estimate:
    ready = preflight(scenario, device)
    sizes = batches(ready, batch, workers, device)
    plan = units(scenario, sizes)
    cell = scenario.cells[0]
    built = ready[cell.arm].built
    users = built.population.census.size
    most = WORDED if models_of(cell) else PLAYED
    few = max(1, min(plan[0].worlds, most // max(users, 1)))
    with torch_threads(threads or threads_for(scenario, {arm: one.built for arm, one in ready.items()})):
        state = start(built.world, built.policies, built.population, seed=cell.seed, worlds=few, device=device)
        state = rollout(built.world, built.policies, state, 1)
        ticks, began, heard = 0, time.perf_counter(), _Heard()
        while time.perf_counter() - began < 1.0 and ticks < max(1, plan[0].ticks - 1):
            state = rollout(built.world, built.policies, state, 1, heard)
            ticks += 1
        a_world_tick = (time.perf_counter() - began) / (ticks * few)
        found = {arm: asking(scenario, one, sizes[arm], device) for arm, one in ready.items()}
    largest = max(unit.worlds * ready[unit.cell.arm].peak_bytes for unit in plan)
    seconds = a_world_tick * sum(unit.agent_ticks for unit in plan)
    busy = min(workers, len(plan))
    record = scenario.record
    listened = {"all": cell.worlds, "tracked": min(record.worlds, cell.worlds), "none": 0}[record.talk]
    asked = {arm: one for arm, one in found.items() if one is not None}
    return Estimate(
        arms=len(scenario.cells),
        worlds=cell.worlds,
        users=users,
        ticks=plan[0].ticks,
        state_bytes=ready[cell.arm].world_bytes,
        peak_bytes=busy * largest,
        seconds=seconds / busy,
        free_bytes=memory.free(device),
        asking=asked,
        asked=sum(asked.values(), Asking()) if asked else None,
        limit=scenario.limit,
        units=len(plan),
        unit_seconds=seconds / len(plan),
        unit_bytes=largest,
        workers=busy,
        utterances=round(heard.count / (ticks * few) * plan[0].ticks * listened * len(scenario.cells)),
    )


class _Heard:
    """Counts what is said."""

    count = 0

    def wants(self, clock: int) -> bool:
        """Nothing else."""
        return False

    def record(self, world: AnyWorld, run: Run, measures: Mapping[Key, Tensor]) -> None:
        """Nothing is taken."""

    def hear(self, world: AnyWorld, run: Run, phase: str, said: Mapping[str, Utterance]) -> None:
        """Count utterances of all worlds."""
        self.count += sum(int((one.text != UNWORDED).sum()) for one in said.values())
