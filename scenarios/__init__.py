"""Scenario files: schema, loader, arms and sweeps, runner."""

import populace.scenarios.library  # first, as the function of that name is to take its place here  # noqa: F401
from populace.scenarios.build import Built, build
from populace.scenarios.jsonschema import json_schema
from populace.scenarios.loader import library, load
from populace.scenarios.schema import Cell, RecordOptions, Scenario
from populace.scenarios.source import dump
from populace.scenarios.trial import check_scenario

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
