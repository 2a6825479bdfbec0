"""From a run folder to frames, measures with intervals, comparisons and a report; it reads only what was recorded."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from populace.analysis.comparison import compare
    from populace.analysis.frames import RunData, load_run
    from populace.analysis.moments import Moments
    from populace.analysis.page import report
    from populace.analysis.sections import SECTIONS, Section

__all__ = ["MEASURES", "SECTIONS", "Moments", "RunData", "Section", "compare", "load_run", "report"]

MEASURES: dict[str, str] = {
    "drift-from-start": "populace.analysis.measures:drift_from_start",
    "drift-from-start-by-value": "populace.analysis.measures:drift_from_start_by_value",
    "drift-from-reference": "populace.analysis.measures:drift_from_reference",
    "velocity": "populace.analysis.measures:velocity",
    "polarisation": "populace.analysis.measures:polarisation",
    "bimodality": "populace.analysis.measures:bimodality",
    "spread": "populace.analysis.measures:spread",
    "diversity": "populace.analysis.measures:diversity",
    "participation": "populace.analysis.measures:participation",
    "lock-in-time": "populace.analysis.measures:lock_in_time",
}
"""Name -> `module:function`; a measure is a function RunData -> frame `arm, world, step, segment, measure, value`."""

_DOORS = {
    "load_run": "populace.analysis.frames",
    "RunData": "populace.analysis.frames",
    "Moments": "populace.analysis.moments",
    "compare": "populace.analysis.comparison",
    "report": "populace.analysis.page",
    "SECTIONS": "populace.analysis.sections",
    "Section": "populace.analysis.sections",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that listing the measures needs neither pandas nor matplotlib."""
    if name not in _DOORS:
        raise AttributeError(f"module 'populace.analysis' has no attribute {name!r}")
    found = getattr(importlib.import_module(_DOORS[name]), name)
    globals()[name] = found  # importing `.report` also binds the submodule to that name: the function wins
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_DOORS})
