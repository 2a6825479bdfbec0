"""Scenario files: schema, loader, arms and sweeps, runner."""

import populace.scenarios.library  # first, as the function of that name is to take its place here  # noqa: F401
from populace.builder import Built
from populace.scenarios.building import build
from populace.scenarios.jsonschema import json_schema
from populace.scenarios.loader import library, load
from populace.scenarios.playable import check_scenario
from populace.scenarios.schema import Cell, RecordOptions, Scenario
from populace.scenarios.source import dump

__all__ = [
    "Built",
    "Cell",
    "RecordOptions",
    "Scenario",
    "build",
    "check_scenario",
    "dump",
    "json_schema",
    "library",
    "load",
]
