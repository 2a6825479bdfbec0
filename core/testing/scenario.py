"""The check of a scenario; see populace.testing."""

from pathlib import Path

from populace.rollout import Keep, rollout
from populace.run import start
from populace.testing.tools import blame


def check_scenario(path: str | Path) -> None:
    """Check a scenario file: it loads, and every arm is built and plays two ticks of two worlds, drawing nothing twice.

    Raises:
        CheckFailed: It does not; the text says where and why.
    """
    from populace.scenarios import build, load  # not with the module: worlds and policies are checked without it

    with blame(f"the scenario {path}"):
        for cell in load(path).cells:
            built = build(cell)
            run = start(built.world, built.policies, built.population, seed=cell.seed, worlds=min(2, cell.worlds))
            rollout(built.world, built.policies, run, min(2, cell.horizon), Keep(), check=True)
