"""Commands that read run folders."""

import json
from pathlib import Path
from typing import Annotated

import typer

from populace import trust
from populace.cli.application import Allow, AsJson, Trust, app, print_json, say, tell
from populace.errors import PopulaceError, UnknownName
from populace.registry import load

Individuals = Annotated[
    bool,
    typer.Option("--individuals", help="Show single users and small segments, though they are people of a survey."),
]


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A run folder.")],
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
    folder: Annotated[Path, typer.Argument(help="A run folder.")],
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
        found = verified(folder)
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
    folder: Annotated[Path | None, typer.Argument(help="A run folder of that world.")] = None,
    as_json: AsJson = False,
) -> None:
    """Audit a run with an instrument of its world; `populace audit` lists what each world offers."""
    from populace import analysis
    from populace.analysis.sections import audits

    offered = audits()
    if what is None:
        lines = [f"{name}  ({world})" for world, known in offered.items() for name in known]
        tell(as_json, "audits (populace audit NAME RUN)\n  " + "\n  ".join(lines), audits=offered)
        return
    if folder is None:
        raise PopulaceError(f"name the run folder too: populace audit {what} RUN")
    run = analysis.load_run(folder)
    known = offered.get(run.world, {})
    if what not in known:
        raise UnknownName(f"audit of {run.world}", what, known)
    frame = load(known[what], "audit")(run)
    if as_json:
        print_json({"audit": json.loads(frame.to_json(orient="records", double_precision=15))})
    else:
        say(frame.to_string(index=False))


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A run folder.")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    individuals: Individuals = False,
    as_json: AsJson = False,
) -> None:
    """Compare two runs at their end, measure by measure, paired by world where seed and worlds are the same."""
    from populace import analysis
    from populace.analysis.privacy import public

    runs = [analysis.load_run(folder) for folder in (a, b)]
    frame = analysis.compare(*(runs if individuals else map(public, runs)))
    if as_json:
        print_json({"differences": json.loads(frame.to_json(orient="records", double_precision=15))})
    else:
        say(frame.to_string(index=False))
