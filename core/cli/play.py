"""Commands that run scenarios."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from populace import trust
from populace.cli import completing
from populace.cli.application import (
    Address,
    Allow,
    Arithmetic,
    AsJson,
    Batch,
    Device,
    ExecutorName,
    NoBar,
    Sets,
    Threads,
    Trust,
    Workers,
    app,
    opened,
    tell,
    tell_reach,
)
from populace.cli.progress import watched
from populace.store import fetched, is_address

if TYPE_CHECKING:
    from populace.agents.llm.backends.rehearsal import Range
    from populace.scenarios import Scenario
    from populace.scenarios.runner import Estimate
    from populace.scenarios.runner.asking import Asking


@app.command()
def run(
    scenario: Annotated[
        str, typer.Argument(help="A library scenario's name or a file.", autocompletion=completing.scenarios)
    ],
    out: Annotated[
        str | None,
        typer.Option(
            help="The run folder to write, or its address, such as s3://BUCKET/RUN; default runs/<name>-<time>."
        ),
    ] = None,
    sets: Sets = None,
    device: Device = "cpu",
    batch: Batch = None,
    arithmetic: Arithmetic = None,
    threads: Threads = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    address: Address = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print size, memory, time, tokens and cost; ask and run nothing.")
    ] = False,
    report: Annotated[bool, typer.Option(help="Write report.html when done.")] = True,
    trusted: Trust = False,
    allow: Allow = None,
    quiet: NoBar = False,
    as_json: AsJson = False,
) -> None:
    """Run a scenario into a folder and report on it. Ctrl-C leaves a run that can be resumed."""
    from populace import arithmetic as arithmetics
    from populace.scenarios import runner

    choice = runner.Choice(executor, workers, address)
    loaded = opened(scenario, sets, trusted, allow)
    tell_reach(loaded)
    if dry_run:
        with arithmetics.using(arithmetics.chosen(device, arithmetic)):
            _tell_estimate(runner.estimate(loaded, device, batch, threads, choice.size), as_json)
        return
    with watched(quiet or as_json, loaded) as progress:
        folder = _played(
            loaded,
            out,
            device=device,
            batch=batch,
            threads=threads,
            arithmetic=arithmetic,
            progress=progress,
            executor=choice,
        )
    _finish(folder, report, as_json)


@app.command()
def branch(
    folder: Annotated[str, typer.Argument(help="A run folder, or its address.", autocompletion=completing.runs)],
    arm: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The arm to branch off; in a sweep, a cell by its full name.",
            autocompletion=completing.arms,
        ),
    ],
    at: Annotated[int, typer.Option(min=1, metavar="TICK", help="The last tick that both share.")],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="What is other from then on, for example agents.assistant.policy=NAME (may be repeated).",
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="The run folder to write, or its address; default runs/<name>-<time>.")
    ] = None,
    device: Device = "cpu",
    batch: Batch = None,
    threads: Threads = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    address: Address = None,
    report: Annotated[bool, typer.Option(help="Write report.html when done.")] = True,
    trusted: Trust = False,
    allow: Allow = None,
    quiet: NoBar = False,
    as_json: AsJson = False,
) -> None:
    """Ask what would have happened otherwise: play an arm of a run again, and beside it what it becomes if changed.

    Both have the same people and the same luck and are equal up to the tick, so the difference is the effect of the
    change, world by world. What was played is played again from the seed; replies of servers come from their tape.
    """
    from populace.scenarios import runner
    from populace.scenarios.loader import load_branch

    here = fetched(folder) if is_address(folder) else Path(folder)
    info = runner.read_info(here)
    source = here / "scenario.yaml"
    loaded = opened(source, None, trusted, allow, lambda: load_branch(source, arm, at, sets or []))
    with watched(quiet or as_json, loaded) as progress:
        written = _played(
            loaded,
            out,
            device=device,
            batch=batch,
            threads=threads,
            arithmetic=info.get("arithmetic"),
            progress=progress,
            executor=runner.Choice(executor, workers, address),
        )
    _finish(written, report, as_json)


@app.command()
def resume(
    folder: Annotated[
        str, typer.Argument(help="The folder of an interrupted run, or its address.", autocompletion=completing.runs)
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Raise a limit, e.g. agents.assistant.max_tokens=500000."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="Default: the device it ran on.")] = None,
    threads: Threads = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    address: Address = None,
    units: Annotated[
        list[str] | None, typer.Option("--unit", metavar="NAME", help="Play this unit alone; may be repeated.")
    ] = None,
    report: Annotated[bool, typer.Option(help="Write report.html when done.")] = True,
    trusted: Trust = False,
    allow: Allow = None,
    quiet: NoBar = False,
    as_json: AsJson = False,
) -> None:
    """Go on with an interrupted run, to the same bits as if it had never stopped.

    It goes on in the batches that it began with: what was finished and what was saved holds those worlds together. To
    play fewer worlds at a time, begin a new run with --batch; the results are the same.
    """
    from populace.scenarios import runner

    choice = runner.Choice(executor, workers, address)
    here = fetched(folder) if is_address(folder) else Path(folder)
    runner.read_info(here)  # says what is wrong with the folder
    loaded = opened(here / "scenario.yaml", sets, trusted, allow)
    with (
        trust.speaking(trust.guarded(trust=trusted, allow=allow or ())),
        watched(quiet or as_json, loaded) as progress,
    ):
        given: dict[str, Any] = {"sets": sets or [], "device": device, "threads": threads, "progress": progress}
        given |= {"executor": choice, "only": units or []}
        if is_address(folder):
            runner.resume_at(folder, **given)
        else:
            runner.resume(Path(folder), **given)
    _finish(folder, report, as_json)


def _played(loaded: "Scenario", out: str | None, **given: Any) -> str:
    """Run a scenario into a folder or to an address; which, is returned."""
    from populace.scenarios import runner

    if out is not None and is_address(out):
        return runner.run_at(out, loaded, **given)
    return str(runner.run(loaded, None if out is None else Path(out), **given))


def _finish(folder: str, report: bool, as_json: bool) -> None:
    from populace.scenarios.runner import read_info

    info = read_info(fetched(folder) if is_address(folder) else Path(folder))
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

    from populace.memory import size

    free = "" if found.free_bytes is None else f" ({size(found.free_bytes)} are free here)"
    lines = [
        f"{found.arms} arm(s) x {found.worlds:,} worlds x {found.users:,} users x {found.ticks:,} ticks",
        f"state: {found.state_bytes / max(found.users, 1):,.0f} bytes per user, {size(found.state_bytes)} per world",
        f"memory: up to about {size(found.peak_bytes)} at the peak{free}",
        f"time: about {_time(found.seconds)}, measured on a few ticks (recording comes on top)",
        f"units: {found.units:,}, each about {_time(found.unit_seconds)} and up to {size(found.unit_bytes)}; "
        f"{found.workers:,} at a time, and more than {found.units:,} workers would find nothing to do",
        *([found.advice] if found.advice else []),
    ]
    if found.utterances:
        lines.append(f"words: about {found.utterances:,} utterances are recorded (record.talk, record.worlds)")
    if found.asked is not None:
        lines.append("language models, if each prompt is asked once and nothing is on a tape:")
        shown = list(found.asking.items())[:_MOST_ARMS]
        lines += [f"  {arm}: {_asking(one)}" for arm, one in shown]
        if len(found.asking) > len(shown):
            lines.append(f"  and {len(found.asking) - len(shown):,} more arms")
        lines.append(f"  in all: {_asking(found.asked)}")
        lines.append(
            "  each number is an estimate, with its range from the shortest readable replies to the longest; hours "
            "of models are by rates that are assumptions"
        )
    for warning in found.warnings:
        lines.append(f"warning: {warning}")
    tell(as_json, "\n".join(lines), **asdict(found), warnings=list(found.warnings))


_MOST_ARMS = 20


def _asking(found: "Asking") -> str:
    cost = f", cost {_range(found.cost, '.2f')}" if found.cost.high else ""
    hours = f", {_range(found.hours, '.3g')} hours" if found.hours.high else ""
    return f"{found.asks.likely:,.0f} prompts, tokens {_range(found.tokens, ',.0f')}{cost}{hours}"


def _range(found: "Range", how: str) -> str:
    return f"{found.likely:{how}} ({found.low:{how}} to {found.high:{how}})"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
