"""Scenario files: schema, loader, arms and sweeps, runner."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
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

# Lazily, because shells ask for the names of scenarios while one types.
__getattr__, __dir__ = lazily(
    __name__,
    {
        "Built": "populace.builder",
        "Cell": "populace.scenarios.schema",
        "RecordOptions": "populace.scenarios.schema",
        "Scenario": "populace.scenarios.schema",
        "build": "populace.scenarios.building",
        "dump": "populace.scenarios.source",
        "json_schema": "populace.scenarios.jsonschema",
        "library": "populace.scenarios.loader",
        "load": "populace.scenarios.loader",
    },
)
