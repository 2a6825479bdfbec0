"""What a world adds to the report: one module a world, named in `SECTIONS`."""

from collections.abc import Sequence
from dataclasses import dataclass

from populace.analysis.frames import RunData
from populace.registry import load


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: Its heading.
        html: Its body, put into the page as it is: escape what comes from data (`html.escape`). Figures come from
            `populace.analysis.style.svg`, tables from `<table>`.
        text: A sentence or two above the body, plain text.
        first: Whether it stands before the findings that every world has, as the answer to the scenario's question.
    """

    title: str
    html: str
    text: str = ""
    first: bool = False


SECTIONS: dict[str, str] = {
    "populace/coevolution": "populace.analysis.sections.coevolution:sections",
    "populace/culture": "populace.analysis.sections.culture:sections",
    "populace/shopping": "populace.analysis.sections.shopping:sections",
    "populace/agency": "populace.analysis.sections.shopping:sections",
    "populace/payoff": "populace.analysis.sections.payoff:sections",
    "populace/matrix": "populace.analysis.sections.payoff:sections",
    "populace/drift": "populace.analysis.sections.drift:sections",
}
"""Prefix of a world's id -> `module:function`, a function of `RunData` that returns a list of `Section`.

The longest prefix that fits is used: `"populace/shopping": "populace.analysis.sections.shopping:sections"`.
"""

ABOUT: dict[str, str] = {
    "populace/coevolution": "populace.analysis.sections.coevolution:ABOUT",
    "populace/lockin": "populace.analysis.sections.coevolution:ABOUT_BAYES",
}
"""Prefix of a world's id -> `module:attribute`, a dict from its measures to a line on each (`about_measures`)."""


def sections_of(run: RunData) -> Sequence[Section]:
    """The sections that the run's world adds to its report, if any."""
    target = _fitting(run, SECTIONS)
    if target is None:
        return []
    found: Sequence[Section] = load(target, "report section")(run)
    return found


def about_measures(run: RunData) -> dict[str, str]:
    """What the world's measures mean, a line each, plain text: those of `ABOUT`, then `measures` of `run.json`."""
    target = _fitting(run, ABOUT)
    known: dict[str, str] = {} if target is None else load(target, "explanation of measures")
    given = run.info.get("measures")
    return {**known, **({str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {})}


def _fitting(run: RunData, table: dict[str, str]) -> str | None:
    """The entry of the longest prefix of the run's world."""
    world = run.world
    fitting = [prefix for prefix in table if world.startswith(prefix)]
    return table[max(fitting, key=len)] if fitting else None
