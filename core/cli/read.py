"""Commands that read run folders."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from populace import trust
from populace.cli import completing
from populace.cli.application import Allow, AsJson, Trust, app, print_json, say, tell
from populace.errors import PopulaceError, RunError, UnknownName
from populace.registry import load
from populace.store import local

if TYPE_CHECKING:
    import pandas as pd

Individuals = Annotated[
    bool,
    typer.Option(
        "--individuals", help="Show single users and small segments even if they come from a survey of real people."
    ),
]


class Width(StrEnum):
    """Widths of a figure."""

    column = "column"
    page = "page"


@app.command()
def report(
    folder: Annotated[str, typer.Argument(help="A run folder, or its address.", autocompletion=completing.runs)],
    out: Annotated[Path | None, typer.Option(help="Default: report.html in the folder.")] = None,
    individuals: Individuals = False,
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page about a run."""
    from populace import analysis

    path = analysis.report(folder, out, individuals=individuals)
    tell(as_json, f"report: {path}", report=str(path))


@app.command()
def verify(
    folder: Annotated[str, typer.Argument(help="A run folder, or its address.")],
    trusted: Trust = False,
    allow: Allow = None,
    as_json: AsJson = False,
) -> None:
    """Check that a run folder is what it claims: its checksums, row counts, scenario and input files.

    Exit code 1 where something was changed, damaged or lost. Input files that are not found are told, not counted.
    """
    from dataclasses import asdict

    from populace.scenarios.verifying import verify as verified

    with trust.speaking(trust.guarded(trust=trusted, allow=allow or ())):
        found = verified(local(folder))
    wrong = [one for one in found if one.verdict == "wrong"]
    width = max(len(one.what) for one in found)
    lines = [f"{one.verdict:<7}  {one.what:<{width}}  {one.told}" for one in found]
    what = f"{folder}: {len(wrong)} of {len(found)} checks failed" if wrong else f"{folder} is what it claims"
    tell(as_json, "\n".join([*lines, what]), run=str(folder), valid=not wrong, checks=[asdict(one) for one in found])
    if wrong:
        raise typer.Exit(1)


@app.command()
def audit(
    what: Annotated[str | None, typer.Argument(help="The audit; without it, list what each world offers.")] = None,
    folder: Annotated[
        str | None, typer.Argument(help="A run folder of that world.", autocompletion=completing.runs)
    ] = None,
    individuals: Individuals = False,
    as_json: AsJson = False,
) -> None:
    """Audit a run with an instrument of its world; `populace audit` lists what each world offers."""
    from populace import analysis
    from populace.analysis.privacy import PublicRun, public
    from populace.analysis.sections import audits

    offered = audits()
    if what is None:
        lines = [f"{name}  ({world})" for world, known in offered.items() for name in known]
        tell(as_json, "audits (populace audit NAME RUN)\n  " + "\n  ".join(lines), audits=offered)
        return
    if folder is None:
        raise PopulaceError(f"name the run folder too: populace audit {what} RUN")
    run = analysis.load_run(folder)
    run = run if individuals else public(run)
    known = offered.get(run.world, {})
    if what not in known:
        raise UnknownName(f"audit of {run.world}", what, known)
    withheld = run.withheld if isinstance(run, PublicRun) else ""
    try:
        frame = load(known[what], "audit")(run)
    except RunError as error:
        raise RunError(f"{error}. {withheld}" if withheld else str(error)) from None
    if withheld:
        say(f"note: {withheld}", err=True)
    if as_json:
        print_json({"audit": json.loads(frame.to_json(orient="records", double_precision=15))})
    else:
        say(_as_text(frame))


def _as_text(frame: "pd.DataFrame") -> str:
    """A table for a terminal: four significant digits, `-` for undefined numbers, each remark once, below the table."""
    remarks: list[str] = []
    if "note" in frame:
        remarks = [str(note) for note in frame["note"].unique() if isinstance(note, str) and note]
        marks = frame["note"].map({note: f"[{k}]" for k, note in enumerate(remarks, 1)})
        frame = frame.assign(note=marks.astype(object).where(marks.notna(), ""))
    table = frame.to_string(index=False, na_rep="-", float_format="{:.4g}".format)
    return "\n".join([table, *(f"[{k}] {note}" for k, note in enumerate(remarks, 1))])


@app.command()
def compare(
    a: Annotated[str, typer.Argument(help="Run folder A, or its address.", autocompletion=completing.runs)],
    b: Annotated[str, typer.Argument(help="Run folder B, or its address.", autocompletion=completing.runs)],
    arm: Annotated[
        str | None,
        typer.Option(
            "--arm",
            metavar="NAME",
            help="Compare this arm only; in a sweep, all its cells point by point.",
            autocompletion=completing.arms,
        ),
    ] = None,
    other: Annotated[
        str | None, typer.Option("--other", metavar="NAME", help="The arm of B, if its name differs from that in A.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a page too, e.g. compare.html.")] = None,
    individuals: Individuals = False,
    as_json: AsJson = False,
) -> None:
    """Compare two runs at their end, measure by measure: A minus B, paired by world where seed and world agree."""
    from populace import analysis
    from populace.analysis.pairing import NoPairs
    from populace.analysis.privacy import public
    from populace.analysis.versus import DIRECTION, Versus
    from populace.analysis.writing import PAGE, check_target

    if out is not None:
        check_target(out, "a comparison", PAGE)
    first, second = (run if individuals else public(run) for run in map(analysis.load_run, (a, b)))
    try:
        found = Versus.of(first, second, arm, other)
    except NoPairs as error:
        raise PopulaceError(f"{error}; name them: populace compare A B --arm NAME --other NAME") from None
    for notice in found.notices:
        say(f"note: {notice}", err=True)
    page = None if out is None else str(found.write(out))
    if as_json:
        print_json(
            {
                "direction": DIRECTION,
                "a": str(a),
                "b": str(b),
                "only_a": list(found.pairing.only_a),
                "only_b": list(found.pairing.only_b),
                "page": page,
                "differences": json.loads(found.frame.to_json(orient="records", double_precision=15)),
            }
        )
    else:
        say(found.text() + (f"\n\npage: {page}" if page else "\n\nfor a page: --out compare.html"))


@app.command()
def power(
    folder: Annotated[str, typer.Argument(help="A pilot: the folder of a small run.", autocompletion=completing.runs)],
    individuals: Individuals = False,
    as_json: AsJson = False,
) -> None:
    """Say how many worlds the hypotheses of a scenario's design need, from a pilot run of a few worlds."""
    from populace import analysis
    from populace.analysis.power import power as needed
    from populace.analysis.privacy import PublicRun, public

    run = analysis.load_run(folder)
    shown = run if individuals else public(run)
    if isinstance(shown, PublicRun) and shown.steps.empty:
        raise RunError(shown.withheld)
    frame = needed(shown)
    if as_json:
        print_json({"power": json.loads(frame.to_json(orient="records", double_precision=15))})
        return
    say(_as_text(frame.drop(columns=["measure", "direction"])))
    if frame["worlds_safe"].notna().all():
        most, safe, apart = (frame[key].max() for key in ("worlds", "worlds_safe", "worlds_unpaired"))
        other = f"; {apart:,.0f} without common random numbers" if frame["worlds_unpaired"].notna().any() else ""
        say(f"all hypotheses: {most:,.0f} worlds per arm, {safe:,.0f} to be safe from a small pilot{other}")


@app.command()
def figure(
    folder: Annotated[str, typer.Argument(help="A run folder, or its address.", autocompletion=completing.runs)],
    measure: Annotated[
        str, typer.Option(metavar="NAME", help="The measure to draw; for an unknown name, the known ones are listed.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write: .pdf, .svg or .png.")],
    arms: Annotated[
        list[str] | None,
        typer.Option(
            "--arm",
            metavar="NAME",
            help="Draw this arm (may be repeated); in a sweep, all its cells.",
            autocompletion=completing.arms,
        ),
    ] = None,
    role: Annotated[str | None, typer.Option(metavar="NAME", help="The role, for a measure of seats.")] = None,
    over: Annotated[
        str, typer.Option(metavar="KEY", help="A swept key: draw the last values against it instead of all steps.")
    ] = "step",
    width: Annotated[Width, typer.Option(help="One column (89 mm) or the page (183 mm).")] = Width.column,
    individuals: Individuals = False,
    as_json: AsJson = False,
) -> None:
    """Draw one measure for a paper: mean and 95 % interval over worlds, one line per arm, with embedded fonts."""
    from populace import analysis
    from populace.analysis.paper import write_figure
    from populace.analysis.privacy import PublicRun, public

    run = analysis.load_run(folder)
    shown = run if individuals else public(run)
    try:
        drawn = write_figure(shown, out, measure, arms=arms or (), role=role, over=over, width=width.value)
    except UnknownName as error:
        if isinstance(shown, PublicRun) and shown.steps.empty:
            raise RunError(shown.withheld) from None
        raise error
    for note in [*([run.notice] if run.notice else []), *drawn.notes]:
        say(f"note: {note}", err=True)
    tell(as_json, f"figure: {drawn.path}", figure=str(drawn.path), notes=list(drawn.notes))


@app.command()
def chats(
    folder: Annotated[str, typer.Argument(help="A run folder, or its address.", autocompletion=completing.runs)],
    out: Annotated[Path, typer.Option(help="The file to write, e.g. chats.jsonl.")],
    arms: Annotated[
        list[str] | None,
        typer.Option("--arm", metavar="NAME", help="This arm (may be repeated).", autocompletion=completing.arms),
    ] = None,
    roles: Annotated[
        list[str] | None, typer.Option("--role", metavar="NAME", help="This role (may be repeated).")
    ] = None,
    individuals: Individuals = False,
    as_json: AsJson = False,
) -> None:
    """Write what language models were asked and replied as JSON lines in chat form, for training."""
    from populace import analysis
    from populace.analysis.chats import write_chats
    from populace.analysis.privacy import PublicRun, public
    from populace.analysis.writing import check_target

    check_target(out, "the list of chats", (".jsonl",))
    run = analysis.load_run(folder)
    shown = run if individuals else public(run)
    if isinstance(shown, PublicRun):
        raise RunError(f"{folder}: {shown.withheld}")
    count = write_chats(run, out, arms=arms or (), roles=roles or ())
    tell(as_json, f"chats: {out} ({count:,})", chats=str(out), count=count)
