"""Commands that run scenarios."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from populace import trust
from populace.cli import completing
from populace.cli.application import (
    Allow,
    Arithmetic,
    AsJson,
    Batch,
    Device,
    NoBar,
    Sets,
    Threads,
    Trust,
    app,
    opened,
    tell,
    tell_reach,
)
from populace.cli.progress import watched

if TYPE_CHECKING:
    from populace.scenarios.runner import Estimate


@app.command()
def run(
    scenario: Annotated[
        str, typer.Argument(help="A library scenario's name or a file.", autocompletion=completing.scenarios)
    ],
    out: Annotated[Path | None, typer.Option(help="The run folder to write; default runs/<name>-<time>.")] = None,
    sets: Sets = None,
    device: Device = "cpu",
    batch: Batch = None,
    arithmetic: Arithmetic = None,
    fast: Annotated[bool, typer.Option("--compile", help="Compile the arithmetic (needs a C++ compiler).")] = False,
    threads: Threads = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print size, memory and time; run nothing.")] = False,
    report: Annotated[bool, typer.Option(help="Write report.html when done.")] = True,
    trusted: Trust = False,
    allow: Allow = None,
    quiet: NoBar = False,
    as_json: AsJson = False,
) -> None:
    """Run a scenario into a folder and report on it. Ctrl-C leaves a run that can be resumed."""
    from populace import arithmetic as arithmetics
    from populace.compiling import compiled
    from populace.scenarios import runner

    loaded = opened(scenario, sets, trusted, allow)
    tell_reach(loaded)
    with compiled(fast):
        if dry_run:
            with arithmetics.using(arithmetics.chosen(device, arithmetic)):
                _tell_estimate(runner.estimate(loaded, device, batch, threads), as_json)
            return
        with watched(quiet or as_json) as progress:
            folder = runner.run(
                loaded, out, device=device, batch=batch, threads=threads, arithmetic=arithmetic, progress=progress
            )
    _finish(folder, report, as_json)


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(help="The folder of an interrupted run.", autocompletion=completing.runs)],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Raise a limit, e.g. agents.assistant.max_tokens=500000."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="Default: the device it ran on.")] = None,
    threads: Threads = None,
    report: Annotated[bool, typer.Option(help="Write report.html when done.")] = True,
    trusted: Trust = False,
    allow: Allow = None,
    quiet: NoBar = False,
    as_json: AsJson = False,
) -> None:
    """Go on with an interrupted run, to the same bits as if it had never stopped."""
    from populace.compiling import compiled
    from populace.scenarios import runner

    info = runner.read_info(folder)
    opened(folder / "scenario.yaml", sets, trusted, allow)
    with (
        trust.speaking(trust.guarded(trust=trusted, allow=allow or ())),
        compiled(info.get("compiled", False)),
        watched(quiet or as_json) as progress,
    ):
        runner.resume(folder, sets=sets or [], device=device, threads=threads, progress=progress)
    _finish(folder, report, as_json)


def _finish(folder: Path, report: bool, as_json: bool) -> None:
    from populace.scenarios.runner import read_info

    info = read_info(folder)
    status, warnings = info["status"], info.get("warnings", [])
    facts: dict[str, Any] = {"run": str(folder), "status": status, **({"warnings": warnings} if warnings else {})}
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    if status == "interrupted":
        tell(as_json, f"interrupted; go on with: populace resume {folder}", **facts)
        raise typer.Exit(130)
    text = f"run: {folder}"
    if report:
        from populace import analysis

        facts["report"] = str(analysis.report(folder))
        text += f"\nreport: {facts['report']}"
    tell(as_json, text, **facts)


def _tell_estimate(found: "Estimate", as_json: bool) -> None:
    from dataclasses import asdict

    text = (
        f"{found.arms} arm(s) x {found.worlds:,} worlds x {found.users:,} users x {found.ticks:,} ticks\n"
        f"state: {found.state_bytes / max(found.users, 1):,.0f} bytes per user, {_size(found.state_bytes)} per world\n"
        f"memory: up to about {_size(found.peak_bytes)} at the peak\n"
        f"time: about {_time(found.seconds)}, measured on a few ticks (recording comes on top)"
    )
    tell(as_json, text, **asdict(found))


def _size(number: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
