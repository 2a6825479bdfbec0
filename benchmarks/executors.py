"""The same run by one process, by two, and on Ray: what each costs beside the others, start-up told apart."""

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.timing import Row
from populace.scenarios import load, runner

SCENARIO: dict[str, Any] = {
    "schema": 1,
    "name": "executors",
    "extends": "value-lock-in",
    "horizon": 2000,
    "worlds": 24,
    "record": {"every": 500, "users": 0, "groups": False},
}


def _cpu() -> float:
    """Seconds of processor time of this process and of those it has waited for."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


def _played(choice: runner.Choice, ticks: int = SCENARIO["horizon"]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds of the driver and of workers it waited for, and seconds of all units' marks."""
    scenario = load({**SCENARIO, "horizon": ticks})
    with tempfile.TemporaryDirectory() as folder:
        began, cpu = time.perf_counter(), _cpu()
        out = runner.run(scenario, Path(folder) / "r", batch=24, executor=choice)
        wall, cpu = time.perf_counter() - began, _cpu() - cpu
        import populace

        return wall, cpu, float(populace.load_run(out).timings["seconds"].sum())


def rows() -> Iterator[Row]:
    """Wall-clock time, with and without start-up (the time of a run of one tick), and time of the units themselves."""
    began, _, _ = _played(runner.Choice(), 1)
    one, cpu, units = _played(runner.Choice())
    yield "serial, wall", one, "s", f"{len(load(SCENARIO).cells)} units of {units / len(load(SCENARIO).cells):.1f} s"
    yield "serial, start-up", began, "s", ""
    yield "serial, processor time", cpu, "s", ""
    for choice in (runner.Choice(workers=1, name="processes"), runner.Choice(workers=2), runner.Choice("ray", 2)):
        start, _, _ = _played(choice, 1)
        wall, cpu, mine = _played(choice)
        name, faster = f"{choice.executor}, {choice.workers} workers", (one - began) / (wall - start)
        yield f"{name}, wall", wall, "s", f"{one / wall:.2f} times serial; {os.cpu_count()} processors"
        yield f"{name}, start-up", start, "s", f"without start-up {faster:.2f} times serial"
        yield f"{name}, time of units", mine, "s", f"{mine / units:.3f} of serial's"
