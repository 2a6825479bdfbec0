"""Checks for your own worlds, policies and scenarios, to be called from your own tests.

    from populace.testing import check_policy, check_world
    check_world(MyWorld)
    check_policy(MyPolicy(), "populace/coevolution-v0")

Each raises CheckFailed with a plain sentence about the first fault it finds.
"""

from populace.testing.policy import check_policy
from populace.testing.scenario import check_scenario
from populace.testing.tools import CheckFailed
from populace.testing.world import check_world

__all__ = ["CheckFailed", "check_policy", "check_scenario", "check_world"]
