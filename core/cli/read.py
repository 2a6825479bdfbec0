"""Commands that read run folders."""

import json
from pathlib import Path
from typing import Annotated

import typer

from populace.cli.application import AsJson, app, print_json, tell


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[Path | None, typer.Option(help="Default: report.html in the folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page about a run."""
    from populace import analysis

    path = analysis.report(folder, out)
    tell(as_json, f"report: {path}", report=str(path))


@app.command()
def audit(
    what: Annotated[str, typer.Argument(help="What to audit: culture.")],
    folder: Annotated[Path, typer.Argument(help="A run folder of the culture world.")],
    as_json: AsJson = False,
) -> None:
    """Audit a run: are its agents' answers stable, do they extrapolate, can they be steered?"""
    from populace import analysis
    from populace.analysis.audit import audit_culture
    from populace.errors import UnknownName

    if what != "culture":
        raise UnknownName("audit", what, ["culture"])
    frame = audit_culture(analysis.load_run(folder))
    if as_json:
        print_json({"audit": json.loads(frame.to_json(orient="records", double_precision=15))})
    else:
        typer.echo(frame.to_string(index=False))


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A run folder.")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    as_json: AsJson = False,
) -> None:
    """Compare two runs at their end, measure by measure, paired by world where seed and worlds are the same."""
    from populace import analysis

    frame = analysis.compare(analysis.load_run(a), analysis.load_run(b))
    if as_json:
        print_json({"differences": json.loads(frame.to_json(orient="records", double_precision=15))})
    else:
        typer.echo(frame.to_string(index=False))
