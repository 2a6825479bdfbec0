"""Runs a scenario into a folder, arm by arm and batch by batch; what is cut off can be resumed to the same bits."""

from populace.folder import read_info
from populace.scenarios.runner.cost import Estimate, estimate
from populace.scenarios.runner.plan import check_device, preflight
from populace.scenarios.runner.play import Progress, resume, run

__all__ = [
    "Estimate",
    "Progress",
    "check_device",
    "estimate",
    "preflight",
    "read_info",
    "resume",
    "run",
]
