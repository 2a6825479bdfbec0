"""From a run folder to frames, measures with intervals, comparisons and a report; it reads only what was recorded."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.analysis.comparison import compare
    from populace.analysis.frames import RunData, load_run
    from populace.analysis.moments import Moments
    from populace.analysis.page import report
    from populace.analysis.sections import Section

__all__ = ["MEASURES", "Moments", "RunData", "Section", "compare", "load_run", "report"]

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

__getattr__, __dir__ = lazily(
    __name__,
    {
        "load_run": "populace.analysis.frames",
        "RunData": "populace.analysis.frames",
        "Moments": "populace.analysis.moments",
        "compare": "populace.analysis.comparison",
        "report": "populace.analysis.page",
        "Section": "populace.analysis.sections",
    },
)
