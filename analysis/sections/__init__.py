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
    """

    title: str
    html: str
    text: str = ""


SECTIONS: dict[str, str] = {
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


def sections_of(run: RunData) -> Sequence[Section]:
    """The sections that the run's world adds to its report, if any."""
    world = str(run.info.get("world", ""))
    fitting = [prefix for prefix in SECTIONS if world.startswith(prefix)]
    if not fitting:
        return []
    found: Sequence[Section] = load(SECTIONS[max(fitting, key=len)], "report section")(run)
    return found
