"""One self-contained HTML page about a run: no scripts, no network, the same bytes for the same run."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from populace.analysis import answer, answer_table, forests, large, pictures, spreads, tables, verdicts
from populace.analysis.cautions import cautions
from populace.analysis.frames import RunData, load_run
from populace.analysis.learners import before_and_after
from populace.analysis.markup import accessible, unique
from populace.analysis.players import players
from populace.analysis.privacy import PublicRun, public
from populace.analysis.results import LARGE, Results
from populace.analysis.sections import sections_of
from populace.analysis.writing import PAGE, check_target, write
from populace.errors import RunError
from populace.files import FileError, text
from populace.folder import told_of
from populace.names import pathless
from populace.store import Store, is_address

PROVENANCES = 12
"""Different sources of people that are printed at most."""
SHORT = 3
"""Arms of a sweep whose sentences leave room for pictures on the first screen."""


@dataclass(frozen=True)
class Part:
    """A part of the page: heading, anchor, an explanation in plain words, and its HTML."""

    title: str
    anchor: str
    text: str
    html: str


def report(path: str | Path, out: str | Path | None = None, *, individuals: bool = False) -> Path | str:
    """Write the page about a run folder.

    Args:
        path: A run folder, complete or not, or its address.
        out: The file to write, which ends in `.html`; default `report.html` in the folder.
        individuals: Whether single users and small segments are shown where users are rows of a file of people.

    Returns:
        The file written, or its address.

    Raises:
        RunError: The folder is no run, or the file cannot be written, or it is a link or something else than a page.
    """
    run = load_run(path)
    target = Path(out) if out is not None else run.path / "report.html"
    check_target(target, "a report", PAGE)
    page = render(run if individuals else public(run))
    written = write(target, page.encode(), "the report")
    if out is None and is_address(path):
        store = Store(str(path))
        store.put_file(written.name, written)
        return f"{store.address}/{written.name}"
    return written


def render(run: RunData) -> str:
    """The page as text."""
    from jinja2 import Environment, StrictUndefined

    withheld = run.withheld if isinstance(run, PublicRun) else ""
    run = type(run)(run.path, {**run.info, **told_of(run.info)})
    room = files("populace.analysis")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((room / "report.html").read_text(encoding="utf-8"))
    results = Results(run)
    parts = [replace(part, html=accessible(part.html, part.title)) for part in _parts(results, withheld) if part.html]
    page = template.render(
        run=run,
        css=(room / "report.css").read_text(encoding="utf-8"),
        facts=_facts(run, results),
        parts=parts,
        few=[] if results.outcomes.empty else results.few,
        scenario=_scenario(run),
        provenance=_provenance(run),
        machine=_machine(run),
        cautions=cautions(run),
        notes=[*([withheld] if withheld else []), *_notes(run)],
    )
    return unique(page)


def _parts(results: Results, withheld: str) -> list[Part]:
    if results.outcomes.empty and results.asking.rows.empty:
        return [Part("Nothing recorded yet", "nothing", "", "<p>Nothing has been recorded in this run so far.</p>")]
    sections = list(sections_of(results.excerpt if results.large else results.run))
    some = _some(results)
    parts = [
        Part(section.title, f"own-{k}", f"{section.text}{some}".strip(), section.html)
        for k, section in enumerate(sections)
    ]
    first, own = ([part for part, s in zip(parts, sections, strict=True) if s.first is at] for at in (True, False))
    has = results.has_values
    return [
        Part("The hypotheses", "hypotheses", "", verdicts.part(results)),
        Part("The answer", "answer", "", _answer(results, [s.answer for s in sections if s.answer])),
        Part("What the arms are", "arms", "", tables.arms(results)),
        *first,
        Part("How to read this page", "reading", "", answer.how_to_read(results)),
        Part("What the measures mean", "meaning", "", tables.glossary(results)),
        Part(
            "The answer over time",
            "courses",
            "The outcomes that the scenario asks about: means over worlds with 95 % bands.",
            pictures.courses(results),
        ),
        Part(
            "How worlds and users differ",
            "spreads",
            "Intervals show how certain a mean is; these figures show how much single worlds and single users "
            "differ. Each point is a world or user, the bar is the middle half, and the line is the median.",
            _grid([*spreads.worlds(results), *spreads.users(results)]),
        ),
        Part(
            "Who played",
            "players",
            "Language models and scripts play the same mechanism. Invalid acts are the share of acts that could not "
            "be used, so that the seat forfeited. Closed is the share of acts whose labelled line a model left out, "
            "so that the allowed values were scored behind its words. Mean reward is per seat and recorded step, and "
            "shown where players share a role. Prompts (including repeated ones), tokens read and written (as if each "
            "seat had asked alone), cost and failed requests by kind are totals per world.",
            players(results.run),
        ),
        *own,
        Part(
            "What learners replied, before and after",
            "learners",
            "Replies of language models whose weights learn, in the first and in the last step, in the worlds whose "
            "words are recorded. In worlds without words of their own, replies of some seats are recorded.",
            before_and_after(results),
        ),
        Part(
            "Drift over time",
            "drift",
            "Distance of each segment's mean values from their start (Euclidean). Bands are 95 % intervals over "
            "worlds.",
            pictures.drift(results) if has else "",
        ),
        Part(
            "Values before and after",
            "map",
            "The first world, projected on the plane in which values differ most, which is the same for all arms. "
            "Hollow marks are the start, filled marks the end; "
            + ("" if withheld else "thin lines are single users, ")
            + "bold arrows are the means of segments.",
            pictures.value_maps(results) if has else "",
        ),
        Part(
            "All contrasts between arms",
            "contrasts",
            large.ABOUT_CONTRASTS
            if results.large
            else "Each arm minus its reference at the last step that both recorded, paired by world. Bold rows are "
            "clear after Holm's correction over all rows of all arms; grey rows are not. Rows of values have a common "
            "scale; every other row has a scale of its own.",
            large.contrasts(results) if results.large else tables.forest(results),
        ),
        Part(
            "All measures at the end",
            "end",
            large.ABOUT_ENDS if results.large else "Mean over worlds [95 % interval].",
            large.ends(results) if results.large else tables.ends(results),
        ),
        Part("Everything over time", "time", "Mean over worlds with 95 % bands.", pictures.small_multiples(results)),
    ]


def _answer(results: Results, own: Sequence[str]) -> str:
    """What comes first: the world's own words, a sentence per outcome, a picture of each, and the numbers."""
    world = "".join(f"<div class='answer-of-world'>{said}</div>" for said in own)
    drawn, asked = forests.pictures(results), results.asking.asked
    if results.run.swept and len(results.bases) > SHORT:
        # Many arms take many lines: the pictures follow the first outcome, so that they are on the first screen, too.
        told = answer.headline(results, asked[:1]) + drawn + answer.headline(results, asked[1:])
    else:
        told = answer.headline(results) + drawn
    return world + told + answer_table.table(results)


def _some(results: Results) -> str:
    """Of which arms a world's own section speaks, where it does not speak of all."""
    if not results.large:
        return ""
    few, all_ = len(results.excerpt.info["arms"]), len(results.recorded_arms)
    return f" Arms shown: {few} of {all_:,}, at evenly spaced points of the sweep, unless all arms are named."


def _grid(figures: list[str]) -> str:
    return pictures.grid(figures) if figures else ""


def _facts(run: RunData, results: Results) -> list[tuple[str, str]]:
    info = run.info
    episodes = int(info.get("episodes", 1))
    horizon = f"{int(info['horizon']):,}" if "horizon" in info else "?"
    if not results.outcomes.empty and not run.complete:
        horizon = f"{int(results.outcomes['step'].max()):,} of {horizon}"
    facts = [
        ("world", run.world),
        ("arms", _arms(info["arms"])),
        ("worlds per arm", f"{info.get('worlds', 0):,}"),
        ("users per world", _span(society["users"] for society in info["societies"])),
        ("steps", horizon + (f", {episodes:,} episodes" if episodes > 1 else "")),
        ("seed", str(info.get("seed", "?"))),
    ]
    return [(name, value) for name, value in facts if value]


def _arms(arms: dict[str, Any]) -> str:
    """How many, and at how many points of a sweep."""
    bases = {str(about.get("base", arm)) for arm, about in arms.items()}
    points = {json.dumps(about["coordinates"]) for about in arms.values() if about.get("coordinates")}
    return f"{len(bases):,} at {len(points):,} points" if points else f"{len(bases):,}"


def _span(numbers: Iterable[int]) -> str:
    """A number, or the least and the greatest of several."""
    found = sorted(set(numbers))
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"


def _provenance(run: RunData) -> str:
    """Where people come from, in every arm whose people come from elsewhere than the first arm's."""
    found: dict[str, Any] = {}
    for arm in run.info["arms"]:
        provenance = run.provenance(arm)
        if provenance not in found.values():
            if len(found) == PROVENANCES:
                found["and more arms"] = "see run.json"
                break
            found[arm] = provenance
    shown = found if len(found) > 1 else next(iter(found.values()), {})
    return json.dumps(pathless(shown), indent=1, ensure_ascii=False, sort_keys=True)


def _machine(run: RunData) -> list[tuple[str, Any]]:
    versions = [(name, value) for name, value in (run.info.get("versions") or {}).items()]
    by_arm = run.timings.groupby("arm", sort=False, observed=True)["seconds"].sum()
    if run.swept and len(by_arm) > LARGE:
        arms = run.info["arms"]
        by_arm = by_arm.groupby([str(arms.get(arm, {}).get("base", arm)) for arm in by_arm.index], sort=False).sum()
    seconds = [(f"seconds, {arm}", round(float(value), 3)) for arm, value in by_arm.items()]
    started = ("started", str(run.info.get("started", "?")).replace("T", " "))
    return [started, ("device", run.info.get("device", "?")), *versions, *seconds]


def _scenario(run: RunData) -> str:
    path = run.path / "scenario.yaml"
    if not path.exists():
        return "(the folder holds no scenario.yaml)"
    try:
        return str(pathless(text(path, within=run.path)))
    except FileError as error:
        raise RunError(str(error)) from None


def _notes(run: RunData) -> list[str]:
    """What the scenario's worlds say should be known."""
    given = run.info.get("notes")
    return [str(note) for note in given] if isinstance(given, list) else []
