"""What is known of a measure before a run: its range, and whether it is the same in all worlds by construction."""

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase

from populace.analysis.frames import RunData

Range = tuple[float, float]
ANY: Range = (-math.inf, math.inf)
SHARE: Range = (0.0, 1.0)
SIZE: Range = (0.0, math.inf)


def _all(known: Range, names: str) -> dict[str, Range]:
    return dict.fromkeys(names.split(), known)


KNOWN: dict[str, dict[str, Range]] = {
    "populace/coevolution": _all(SIZE, "history_error drift velocity diversity assistant_error")
    | {"held_out": SHARE, "cosine": (-1.0, 1.0)},
    "populace/lockin": _all(SIZE, "assistant_error claimed_sd diversity human_error") | {"overconfident": SHARE},
    "populace/drift": _all(
        SHARE,
        "act/* dishonest/* lie/* mask/* biased_share deception_rate hiding honesty prudence over_conservative",
    ),
    "populace/culture": _all(
        SHARE,
        "perspective/* alignment_shares no_reference *sentiment people_between largest_region social_value",
    )
    | _all(SIZE, "entropy_pooled entropy_question")
    | {"alignment": (0.0, 100.0)},
    "populace/shopping": _all(
        SHARE,
        "override* disclosure/* disclosed* persuasion* false_claim violation/* protocol_failure* best_bought pass^* "
        "hhi/* regret",
    )
    | {"concealment_gap": (-1.0, 1.0)},
    "populace/agency": _all(SHARE, "traded separated badge/*"),
    "populace/payoff": _all(
        SHARE,
        "right clear ended void act_* unsafe overrefusal games_* shift_agrees stated_copied stated_hit",
    ),
    "populace/matrix": _all(SHARE, "nash_play pareto_play share_*"),
}
"""Prefix of a world's id -> pattern of measures -> range, for runs that declare none."""

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
    """

    about: str = ""
    low: float = -math.inf
    high: float = math.inf
    deterministic: bool = False


def declared(run: RunData, measure: str) -> Declared | None:
    """What was declared of a measure of the world, or under `<role>/<measure>` of one of seats."""
    said = run.declared.get(measure)
    if said is None:
        return None
    return Declared(
        str(said.get("about", "")),
        float(said.get("low", -math.inf)),
        float(said.get("high", math.inf)),
        said.get("deterministic") is True,
    )


def is_deterministic(run: RunData, measure: str) -> bool:
    """Whether the run declares that a measure is the same in all worlds by construction."""
    found = declared(run, measure)
    return found is not None and found.deterministic


def range_of(run: RunData, measure: str) -> Range:
    """Least and greatest value of a measure: as declared by the run, else as `KNOWN`; infinite where unknown."""
    found = declared(run, measure)
    if found is not None and (found.low, found.high) != ANY:
        return found.low, found.high
    world = run.world
    for prefix, table in KNOWN.items():
        if world.startswith(prefix):
            for pattern, known in table.items():
                if fnmatchcase(measure, pattern):
                    return known
    return DERIVED.get(measure, ANY)
