"""Runs a scenario into a folder, arm by arm and batch by batch; what is cut off can be resumed to the same bits."""

from populace.folder import read_info
from populace.scenarios.runner.cost import Estimate, estimate
from populace.scenarios.runner.executors import Choice
from populace.scenarios.runner.plan import check_device, preflight
from populace.scenarios.runner.play import resume, run
from populace.scenarios.runner.remote import resume_at, run_at
from populace.scenarios.runner.watching import Progress

__all__ = [
    "Choice",
    "Estimate",
    "Progress",
    "check_device",
    "estimate",
    "preflight",
    "read_info",
    "resume",
    "resume_at",
    "run",
    "run_at",
]
