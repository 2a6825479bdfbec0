"""Scenario files: schema, loader, arms and sweeps, runner."""

from populace.builder import Built
from populace.scenarios.building import build
from populace.scenarios.jsonschema import json_schema
from populace.scenarios.loader import library, load
from populace.scenarios.schema import Cell, RecordOptions, Scenario
from populace.scenarios.source import dump

__all__ = [
    "Built",
    "Cell",
    "RecordOptions",
    "Scenario",
    "build",
    "dump",
    "json_schema",
    "library",
    "load",
]
