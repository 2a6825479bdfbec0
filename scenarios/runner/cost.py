"""What a run would cost, measured on a few of its ticks."""

import time
from dataclasses import dataclass

from populace import tree, trust
from populace.agents.llm.backends.tape import unwritten
from populace.rollout import rollout
from populace.run import start
from populace.scenarios.build import build
from populace.scenarios.runner.plan import check_device, units
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
        peak_bytes: Estimated peak of one batch.
        seconds: Estimated time for all arms.
    """

    arms: int
    worlds: int
    users: int
    ticks: int
    state_bytes: int
    peak_bytes: int
    seconds: float


def estimate(scenario: Scenario, device: str = "cpu", batch: int | None = None) -> Estimate:
    """Play a few ticks of a few worlds of the first arm and extrapolate; writes nothing."""
    check_device(device)
    with unwritten(), trust.speaking(scenario.word):
        return _played(scenario, device, batch)


def _played(scenario: Scenario, device: str, batch: int | None) -> Estimate:
    cell = scenario.cells[0]
    built = build(cell)
    plan = units(scenario, {c.arm: built for c in scenario.cells}, batch)
    few = max(1, min(plan[0].worlds, 100_000 // max(built.population.census.size, 1)))
    state = start(built.world, built.policies, built.population, seed=cell.seed, worlds=few, device=device)
    per_world = tree.nbytes(state) // few
    state = rollout(built.world, built.policies, state, 1)
    ticks, began = 0, time.perf_counter()
    while time.perf_counter() - began < 1.0 and ticks < max(1, plan[0].ticks - 1):
        state = rollout(built.world, built.policies, state, 1)
        ticks += 1
    a_world_tick = (time.perf_counter() - began) / (ticks * few)
    seconds = a_world_tick * sum(unit.agent_ticks for unit in plan)
    peak = per_world * max(unit.worlds for unit in plan) * 3
    users = built.population.census.size
    return Estimate(len(scenario.cells), cell.worlds, users, plan[0].ticks, per_world, peak, seconds)
