"""Limits, such as budgets, that may change when a run is resumed: what may, whether it did, and the command for it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from populace.budget import UNLIMITED
from populace.errors import RunError
from populace.options import Options
from populace.scenarios.arms import join
from populace.scenarios.inputs import changeable
from populace.scenarios.loader import load
from populace.scenarios.schema import Scenario
from populace.scenarios.tree import Node, from_python, plain


def reopened(path: Path, sets: Sequence[str]) -> Scenario:
    """The scenario of a run folder, changed by `sets`.

    Raises:
        RunError: They would make another run of it.
    """
    before = load(path)
    if not sets:
        return before
    after = load(path, sets)
    if _bearing(before) != _bearing(after):
        free = sorted(
            {key for cell in after.cells for _, options in cell.agents.values() for key in changeable(options)}
        )
        can = "only its max_tokens and max_cost" + (f", and {', '.join(free)} of its agents" if free else "")
        raise RunError(
            f"{', '.join(sets)} would change what comes out of a run that has begun; a resumed run can change {can}; "
            "for all else, begin a new one"
        )
    return after


def how_to_go_on(folder: Path, scenario: Scenario, arm: str, option: str) -> str:
    """The command that raises `option`, as the arm that was stopped has it, and resumes the run."""
    cell = next(cell for cell in scenario.cells if cell.arm == arm)
    own = plain(_spelt(scenario.resolved.get("arms", {}).get(cell.base_arm) or {}))
    keys = [option] if scenario.resolved.get(option) is not None and option in ("max_tokens", "max_cost") else []
    for role, (_, options) in cell.agents.items():
        for path in _places(options, option):
            prefix = f"arms.{cell.base_arm}." if role in own.get("agents", {}) else ""
            keys.append(f"{prefix}agents.{role}.{path}")
    raised = "".join(f" --set {key}=..." for key in keys)
    return f"what was played is saved; go on with: populace resume {folder}{raised}"


def _bearing(scenario: Scenario) -> tuple[Scenario, list[Any]]:
    """The scenario without what a resumed run may change."""
    agents: list[Any] = [
        {role: (name, options.bearing()) for role, (name, options) in cell.agents.items()} for cell in scenario.cells
    ]
    # What an arm is before it branches off is another cell, whose agents are compared by themselves.
    cells = tuple(replace(cell, agents={}, branch=None) for cell in scenario.cells)
    agents += [{"branch": cell.branch.cell.arm, "at": cell.branch.at} for cell in scenario.cells if cell.branch]
    return replace(scenario, cells=cells, resolved={}, limit=UNLIMITED), agents


def _spelt(arm: dict[str, Any]) -> Node:
    node = from_python(arm)
    assert isinstance(node.value, dict)
    return join(node.value.items(), node)


def _places(options: Options, option: str) -> list[str]:
    """Where a changeable option is set."""
    own = [option] if option in options.changeable and getattr(options, option) is not None else []
    return own + [f"{place}.{path}" for place, inner in options.inner().items() for path in _places(inner, option)]
