"""What a world adds to the report: the function that its manifest names (`populace.manifest.Manifest.report`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from populace import registry
from populace.analysis.frames import RunData


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        title: Its heading.
        html: Its body, put into the page as it is: escape what comes from data (`html.escape`). Figures come from
            `populace.analysis.style.svg`, tables from `<table>`.
        text: A sentence or two above the body, plain text.
        first: Whether it stands right after the answer, before what every world has.
        answer: What it adds to the answer at the top of the page: a sentence or two with an interval, as HTML.
    """

    title: str
    html: str
    text: str = ""
    first: bool = False
    answer: str = ""


def sections_of(run: RunData) -> Sequence[Section]:
    """The sections that the run's world adds to its report; none where its package is not installed here."""
    manifest = registry.manifests.get(run.world)
    if manifest is None or not manifest.report:
        return []
    found: Sequence[Section] = registry.load(manifest.report, "report section")(run)
    return found


def audits() -> dict[str, dict[str, str]]:
    """World's id -> name -> `module:function` of the instruments it offers for its runs (`Manifest.audits`)."""
    return {manifest.id: dict(manifest.audits) for manifest in registry.manifests if manifest.audits}


def about_measures(run: RunData) -> dict[str, str]:
    """What the run's measures mean, one line each: those of the world by name, those of seats by `<role>/<measure>`."""
    return {name: str(declared["about"]) for name, declared in run.declared.items()}
