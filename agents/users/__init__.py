"""Populations of users: a typed specification, sampled as tensors with known ground truth."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from populace.agents.users.data import Columns, DataSpec
    from populace.agents.users.distributions import Distribution
    from populace.agents.users.hierarchy import HierarchySpec
    from populace.agents.users.networks import NetworkSpec
    from populace.agents.users.population import SpecPopulation
    from populace.agents.users.preferences import (
        Items,
        Preferences,
        PreferenceSpec,
        chance,
        compare,
        respond,
        utility,
    )
    from populace.agents.users.respondents import option_shares
    from populace.agents.users.sampling import from_dataframe, render, sample
    from populace.agents.users.spec import PopulationSpec, SegmentSpec, ValuesSpec
    from populace.agents.users.systems import SYSTEMS

_HOMES = {
    "SYSTEMS": "systems",
    "Columns": "data",
    "DataSpec": "data",
    "Distribution": "distributions",
    "HierarchySpec": "hierarchy",
    "Items": "preferences",
    "NetworkSpec": "networks",
    "PopulationSpec": "spec",
    "PreferenceSpec": "preferences",
    "Preferences": "preferences",
    "SegmentSpec": "spec",
    "SpecPopulation": "population",
    "ValuesSpec": "spec",
    "chance": "preferences",
    "compare": "preferences",
    "from_dataframe": "sampling",
    "option_shares": "respondents",
    "render": "sampling",
    "respond": "preferences",
    "sample": "sampling",
    "utility": "preferences",
}

__all__ = [
    "SYSTEMS",
    "Columns",
    "DataSpec",
    "Distribution",
    "HierarchySpec",
    "Items",
    "NetworkSpec",
    "PopulationSpec",
    "PreferenceSpec",
    "Preferences",
    "SegmentSpec",
    "SpecPopulation",
    "ValuesSpec",
    "chance",
    "compare",
    "from_dataframe",
    "option_shares",
    "render",
    "respond",
    "sample",
    "utility",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"populace.agents.users.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'populace.agents.users' has no attribute {name!r}")
