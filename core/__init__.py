"""Societies of heterogeneous users living with AI assistants, simulated in batches.

The front door: `populace.simulate("value-lock-in")` runs a scenario and returns its frames, `populace.load_run(path)`
reads a run folder, `populace.build(...)` gives a world with its population and policies for code of your own. The
contracts are in `populace.world`, `populace.policy`, `populace.draw` and their neighbours. Nothing is imported until it
is used.
"""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from populace.analysis import RunData, compare, load_run, report
    from populace.builder import Built, build
    from populace.scenarios.environments import text_env
    from populace.scenarios.loader import load
    from populace.scenarios.schema import Scenario

__version__ = "0.1.0"

_DOORS = {
    "load": "populace.scenarios",
    "build": "populace.builder",
    "Scenario": "populace.scenarios",
    "Built": "populace.builder",
    "load_run": "populace.analysis",
    "report": "populace.analysis",
    "compare": "populace.analysis",
    "text_env": "populace.scenarios.environments",
    "RunData": "populace.analysis",
}

__all__ = [
    "Built",
    "RunData",
    "Scenario",
    "branch",
    "build",
    "compare",
    "load",
    "load_run",
    "report",
    "simulate",
    "text_env",
]


def branch(
    run: str | Path,
    arm: str,
    at: int,
    sets: Sequence[str],
    out: str | Path | None = None,
    *,
    device: str = "cpu",
) -> "RunData":
    """What would have happened otherwise: an arm of a run played again, and beside it what it becomes if changed.

    Both arms have the same people and the same luck and are equal up to the tick, so that their difference is the
    effect of the change, world by world. What was played is played again from the seed, in the run's arithmetic;
    replies of servers come from their tape.

    Args:
        run: A run folder.
        arm: Its arm; in a sweep, a cell by its full name.
        at: The last tick that both share.
        sets: What is other from then on: overrides `dotted.key=value` of `agents` and `world`.
        out: The run folder to write; default `runs/<name>-<time>`.
        device: `cpu`, `cuda`, ...

    Returns:
        The frames of a run of two arms, the first of which is the reference of the other.

    Raises:
        UnknownName: There is no such arm.
        ScenarioError: An override holds a mistake.
        RunError: The folder is no run, a server's replies are on no tape, or the folder to write exists already.
    """
    from populace import analysis
    from populace.scenarios import runner
    from populace.scenarios.loader import load_branch

    arithmetic = runner.read_info(Path(run)).get("arithmetic")
    scenario = load_branch(Path(run) / "scenario.yaml", arm, at, sets)
    target = None if out is None else Path(out)
    return analysis.load_run(runner.run(scenario, target, device=device, arithmetic=arithmetic))


def simulate(
    scenario: str | Path | Mapping[str, object],
    out: str | Path | None = None,
    *,
    sets: Sequence[str] = (),
    device: str = "cpu",
    arithmetic: str | None = None,
    executor: str | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> "RunData":
    """Run a scenario into a folder and return its frames.

    Args:
        scenario: A library scenario's name, a file, or a mapping of the same keys.
        out: The run folder, or an address such as `s3://bucket/run`; default `runs/<name>-<time>`.
        sets: Overrides, `dotted.key=value`.
        device: `cpu`, `cuda`, ...
        arithmetic: `kernels` or `torch`, see `populace.arithmetic`; default kernels on the CPU where numba runs.
        executor: Who plays: `serial`, `processes` or `ray`; default `processes` where `workers` are named, else
            `serial`. Results do not depend on it.
        workers: Batches of worlds played at a time. A script that asks for several guards the call by
            `if __name__ == "__main__":`, as each of them imports it.
        address: Of a Ray cluster, `auto` for one on this machine; default one that is started for this run.

    Raises:
        ScenarioError: The scenario holds a mistake.
        RunError: The folder exists already.
    """
    from populace import analysis
    from populace.scenarios import load, runner
    from populace.store import is_address

    choice = runner.Choice(executor, workers, address)
    loaded = load(scenario, sets)
    if is_address(out):
        place = runner.run_at(str(out), loaded, device=device, arithmetic=arithmetic, executor=choice)
        return analysis.load_run(place)
    folder = runner.run(
        loaded, None if out is None else Path(out), device=device, arithmetic=arithmetic, executor=choice
    )
    return analysis.load_run(folder)


def __getattr__(name: str) -> object:
    if name in _DOORS:
        return getattr(importlib.import_module(_DOORS[name]), name)
    raise AttributeError(f"module 'populace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_DOORS])
