"""A tick of every library scenario: how many tensor operations, and how many milliseconds of processor time.

`python -m benchmarks ops` prints one world of each, by torch and by kernels in turns;
`python -m benchmarks.ops NAME ...` only the named ones. Processor time, not wall time: the machine may be shared.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import timing
from populace.arithmetic import NAMES, using
from populace.errors import PopulaceError
from populace.rollout import rollout
from populace.run import Run, start
from populace.scenarios import load
from populace.scenarios.building import build
from populace.scenarios.loader import library
from populace.scenarios.schema import Cell

SECONDS = 1.0
"""Processor time spent on each scenario and arithmetic."""


class Counted(TorchDispatchMode):
    """Counts the operations that reach torch's dispatcher."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one, and do it."""
        self.count += 1
        return function(*args, **(kwargs or {}))


class Stage:
    """One world of an arm, by one arithmetic."""

    def __init__(self, cell: Cell, name: str) -> None:
        with using(name):
            self.cell, self.built = cell, build(cell)
            built = self.built
            self.run: Run = start(built.world, built.policies, built.population, seed=cell.seed, worlds=1)
        self.spent: list[float] = []
        self.tick()
        self.tick()

    def tick(self) -> float:
        """Play one; return its processor time in seconds."""
        built, began = self.built, time.process_time()
        horizon = self.cell.horizon
        self.run = rollout(built.world, built.policies, self.run, 1, horizon=horizon, at_end="autoreset")
        return time.process_time() - began

    def operations(self, ticks: int = 3) -> float:
        """Operations a tick."""
        with Counted() as counted:
            for _ in range(ticks):
                self.tick()
        return counted.count / ticks


def arm(cell_of: list[Cell]) -> Cell:
    """The first arm that is not the one others are compared with."""
    return next((cell for cell in cell_of if not cell.reference), cell_of[0])


def measured(scenario: str) -> tuple[Cell, dict[str, tuple[float, float]]]:
    """The arm, and arithmetic -> (operations per tick, milliseconds per tick), the median tick of each."""
    cell = arm(list(load(scenario).cells))
    return cell, ticks(cell)


def ticks(cell: Cell) -> dict[str, tuple[float, float]]:
    """Arithmetic -> (operations per tick, milliseconds per tick), the median tick of each."""
    stages = {name: Stage(cell, name) for name in NAMES}
    while min(sum(stage.spent) for stage in stages.values()) < SECONDS:
        for stage in stages.values():  # in turns, so that other work on the machine meets both
            stage.spent.append(stage.tick())
    return {name: (s.operations(), 1e3 * statistics.median(s.spent)) for name, s in stages.items()}


def rows(scenarios: list[str] | None = None) -> Iterator[timing.Row]:
    """A row per scenario, and the median of what kernels leave of torch's time."""
    torch.set_num_threads(1)  # as the command line does for small runs
    left = []
    for name in scenarios or library():
        try:
            cell, found = measured(name)
        except PopulaceError as error:
            yield name, "failed", "", str(error)
            continue
        (before, slow), (after, fast) = found["torch"], found["kernels"]
        left.append(fast / slow)
        users = "" if cell.population is None else f"{cell.population.size} users, "
        yield (
            name,
            fast,
            "ms a tick",
            f"{fast / slow:.2f} of {slow:.2f}; {before:,.0f} -> {after:,.0f} operations; {users}arm {cell.arm}",
        )
    yield "median of what is left", statistics.median(left), "of torch's time", ""


def main() -> None:
    """Print the rows."""
    for what, amount, unit, remark in rows(sys.argv[1:]):
        print(f"{what:<26} {amount if isinstance(amount, str) else f'{amount:.3f}':>8} {unit:<16} {remark}", flush=True)


if __name__ == "__main__":
    main()
