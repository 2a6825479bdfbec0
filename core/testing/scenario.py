"""The check of a scenario; see populace.testing."""

from pathlib import Path

from populace import registry
from populace.testing.tools import blame


def check_scenario(path: str | Path) -> None:
    """Check a scenario file: it loads, is built, and runs two ticks of two worlds.

    Raises:
        CheckFailed: It does not; the text says where and why.
    """
    check = registry.load("populace.scenarios:check_scenario", "check")
    with blame(f"the scenario {path}"):
        check(path)
