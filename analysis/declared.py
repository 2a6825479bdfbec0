"""What is known of a measure before a run: its range, and whether it is the same in all worlds by construction."""

import math
from dataclasses import dataclass

from populace.analysis.frames import RunData
from populace.measures import find

Range = tuple[float, float]
ANY: Range = (-math.inf, math.inf)
SHARE: Range = (0.0, 1.0)
SIZE: Range = (0.0, math.inf)


DERIVED: dict[str, Range] = {
    "drift of mean values": SIZE,
    "spread of values": SIZE,
    "effective number of values": (1.0, math.inf),
    "polarisation of segments": SHARE,
}
"""Outcomes that are derived from values."""


@dataclass(frozen=True)
class Declared:
    """What a run's file says of a measure.

    Attributes:
        about: One sentence for people.
        low: Least value it can have.
        high: Greatest value it can have.
        deterministic: Whether it is the same in all worlds by construction.
        unit: Its unit, "" for a plain number.
        undefined: When it has no value, "" where that was not said.
    """

    about: str = ""
    low: float = -math.inf
    high: float = math.inf
    deterministic: bool = False
    unit: str = ""
    undefined: str = ""


def declared(run: RunData, measure: str) -> Declared | None:
    """What was declared of a measure of the world, or under `<role>/<measure>` of one of seats."""
    said = find(run.declared, measure)
    if said is None:
        return None
    return Declared(
        str(said.get("about", "")),
        float(said.get("low", -math.inf)),
        float(said.get("high", math.inf)),
        said.get("deterministic") is True,
        str(said.get("unit", "")),
        str(said.get("undefined", "")),
    )


def is_deterministic(run: RunData, measure: str) -> bool:
    """Whether the run declares that a measure is the same in all worlds by construction."""
    found = declared(run, measure)
    return found is not None and found.deterministic


def range_of(run: RunData, measure: str) -> Range:
    """Least and greatest value of a measure: as declared; infinite where unknown."""
    found = declared(run, measure)
    if found is not None and (found.low, found.high) != ANY:
        return found.low, found.high
    return DERIVED.get(measure, ANY)
