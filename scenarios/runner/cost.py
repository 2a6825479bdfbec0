"""What a run would cost, measured on a few of its ticks."""

import time
from dataclasses import dataclass

from populace import trust
from populace.agents.llm.backends.tape import unwritten
from populace.rollout import rollout
from populace.run import start
from populace.scenarios.runner.plan import batches, preflight, threads_for, torch_threads, units
from populace.scenarios.schema import Scenario


@dataclass(frozen=True)
class Estimate:
    """What a run would cost, measured on a few ticks of a few worlds.

    Attributes:
        arms: Arms, sweep cells included.
        worlds: Worlds an arm.
        users: Users a world.
        ticks: Ticks an arm's world lives.
        state_bytes: Bytes of state a world.
        peak_bytes: Estimated peak of the largest batch: what batches are sized by, more than most worlds need.
        seconds: Estimated time for all arms.
    """

    arms: int
    worlds: int
    users: int
    ticks: int
    state_bytes: int
    peak_bytes: int
    seconds: float


def estimate(scenario: Scenario, device: str = "cpu", batch: int | None = None, threads: int | None = None) -> Estimate:
    """Build and begin every arm, play a few ticks of a few worlds of the first, and extrapolate; writes nothing.

    Args:
        scenario: What `load` returned.
        device: `cpu`, `cuda`, ...
        batch: Worlds at a time; default as many as `plan.BATCH_BYTES` holds.
        threads: Processor threads, as for a run.

    Raises:
        PopulaceError: The device is not there, or an arm cannot be built or begun.
    """
    with unwritten(), trust.speaking(scenario.word):
        return _played(scenario, device, batch, threads)


def _played(scenario: Scenario, device: str, batch: int | None, threads: int | None) -> Estimate:
    ready = preflight(scenario, device)
    plan = units(scenario, batches(ready, batch))
    cell = scenario.cells[0]
    built = ready[cell.arm].built
    users = built.population.census.size
    few = max(1, min(plan[0].worlds, 100_000 // max(users, 1)))
    with torch_threads(threads or threads_for(scenario, {arm: one.built for arm, one in ready.items()})):
        state = start(built.world, built.policies, built.population, seed=cell.seed, worlds=few, device=device)
        state = rollout(built.world, built.policies, state, 1)
        ticks, began = 0, time.perf_counter()
        while time.perf_counter() - began < 1.0 and ticks < max(1, plan[0].ticks - 1):
            state = rollout(built.world, built.policies, state, 1)
            ticks += 1
        a_world_tick = (time.perf_counter() - began) / (ticks * few)
    return Estimate(
        arms=len(scenario.cells),
        worlds=cell.worlds,
        users=users,
        ticks=plan[0].ticks,
        state_bytes=ready[cell.arm].world_bytes,
        peak_bytes=max(unit.worlds * ready[unit.cell.arm].peak_bytes for unit in plan),
        seconds=a_world_tick * sum(unit.agent_ticks for unit in plan),
    )
