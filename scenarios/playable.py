"""A scenario tried out: what `populace.testing.check_scenario` runs."""

from pathlib import Path

from populace.rollout import Keep, rollout
from populace.run import start
from populace.scenarios.building import build
from populace.scenarios.loader import load


def check_scenario(path: str | Path) -> None:
    """Load a scenario, build every arm, and play two ticks of two worlds of each, looking for purposes drawn twice.

    Raises:
        ScenarioError: The file holds a mistake.
        PopulaceError: A world, policy or population cannot be built, or does not keep its contract.
    """
    for cell in load(path).cells:
        built = build(cell)
        run = start(built.world, built.policies, built.population, seed=cell.seed, worlds=min(2, cell.worlds))
        rollout(built.world, built.policies, run, min(2, cell.horizon), Keep(), check=True)
