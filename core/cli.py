"""The command line.

Exit codes: 0 done, 1 a mistake in what was given, 2 wrong usage, 70 a fault of ours, 130 interrupted (resumable).

Commands import what they need when they run, so that `--help` and completion answer at once.
"""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from populace.errors import PopulaceError, ScenarioError, Stopped

if TYPE_CHECKING:
    from populace.scenarios import Scenario
    from populace.scenarios.runner import Estimate, Progress

GRACE = 2.0
"""Seconds after Ctrl-C in which a tick may end; then it is cut short, and played again when the run is resumed."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Simulate societies of heterogeneous users living with AI assistants.",
    epilog="Exit codes: 0 done, 1 a mistake in what was given, 2 wrong usage, 70 a fault of ours, "
    "130 interrupted (resumable). Start with: populace run value-lock-in",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. population.size=5000.")
]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1, ...")]
Batch = Annotated[int | None, typer.Option(min=1, help="Worlds at a time; results do not depend on it.")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="Processor threads; default 1 for small runs, else all. Results do not change."),
]
NoBar = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List scenarios, worlds, policies and measures."""
    from populace import registry
    from populace.scenarios import library

    found: dict[str, Any] = {
        "scenarios": library(),
        "worlds": registry.worlds.names(),
        "policies": registry.policies.names(),
        "measures": registry.measures.names(),
    }
    if as_json:
        _print_json(found)
        return
    typer.echo("scenarios (populace run NAME)")
    width = max((len(name) for name in found["scenarios"]), default=0)
    for name, about in found["scenarios"].items():
        typer.echo(f"  {name:<{width}}  {about}")
    for kind in ("worlds", "policies", "measures"):
        typer.echo(f"\n{kind}")
        for name in found[kind]:
            typer.echo(f"  {name}")


@app.command()
def show(name: Annotated[str, typer.Argument(help="A scenario, world or policy.")], as_json: AsJson = False) -> None:
    """Show a scenario's text, or a world's roles, fields and options, or a policy's options."""
    from populace.scenarios.showing import describe

    found = describe(name)
    if as_json:
        _print_json(found)
    else:
        typer.echo(found["text"], nl=not found["text"].endswith("\n"))


@app.command()
def new(
    path: Annotated[Path, typer.Argument(help="The scenario file to write.")],
    base: Annotated[str, typer.Option("--from", help="The library scenario to start from.")] = "value-lock-in",
    as_json: AsJson = False,
) -> None:
    """Write a scenario file of your own, ready to run and to edit."""
    from populace.scenarios.showing import write_new

    written = write_new(path, base)
    _tell(as_json, f"wrote {written}; run it with: populace run {written}", path=str(written))


@app.command()
def validate(scenario: str, sets: Sets = None, as_json: AsJson = False) -> None:
    """Check a scenario and everything it names, without running it."""
    from populace.scenarios import load, runner

    loaded = load(scenario, sets or [])
    _tell_reach(scenario, loaded, sets)
    runner.preflight(loaded)
    arms = [cell.arm for cell in loaded.cells]
    _tell(as_json, f"{scenario} is valid: {len(arms)} arm(s): {', '.join(arms[:8])}", valid=True, arms=arms)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="Write it to this file instead of the terminal.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the JSON Schema of scenario files, for editors to complete and check them."""
    from populace.scenarios import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise PopulaceError(f"cannot write {out}: {error.strerror}") from None
    _tell(as_json, f"wrote {out}", path=str(out))


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="A library scenario's name or a file.")],
    out: Annotated[Path | None, typer.Option(help="The run folder to write; default runs/<name>-<time>.")] = None,
    sets: Sets = None,
    device: Device = "cpu",
    batch: Batch = None,
    fast: Annotated[bool, typer.Option("--compile", help="Compile the arithmetic (needs a C++ compiler).")] = False,
    threads: Threads = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print size, memory and time; run nothing.")] = False,
    report: Annotated[bool, typer.Option(help="Write report.html when done.")] = True,
    quiet: NoBar = False,
    as_json: AsJson = False,
) -> None:
    """Run a scenario into a folder and report on it. Ctrl-C leaves a run that can be resumed."""
    from populace.compiling import compiled
    from populace.scenarios import load, runner

    loaded = load(scenario, sets or [])
    _tell_reach(scenario, loaded, sets)
    with compiled(fast), runner.threads(threads or runner.threads_for(loaded)):
        if dry_run:
            _tell_estimate(runner.estimate(loaded, device, batch), as_json)
            return
        with _watched(quiet or as_json) as progress:
            folder = runner.run(loaded, out, device=device, batch=batch, progress=progress)
    _finish(folder, report, as_json)


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(help="The folder of an interrupted run.")],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Raise a limit, e.g. agents.assistant.max_tokens=500000."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="Default: the device it ran on.")] = None,
    threads: Threads = None,
    report: Annotated[bool, typer.Option(help="Write report.html when done.")] = True,
    quiet: NoBar = False,
    as_json: AsJson = False,
) -> None:
    """Go on with an interrupted run, to the same bits as if it had never stopped."""
    from populace.compiling import compiled
    from populace.scenarios import load, runner

    info = runner.read_info(folder)
    count = threads or runner.threads_for(load(folder / "scenario.yaml"))
    with compiled(info.get("compiled", False)), runner.threads(count), _watched(quiet or as_json) as progress:
        runner.resume(folder, sets=sets or [], device=device, progress=progress)
    _finish(folder, report, as_json)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[Path | None, typer.Option(help="Default: report.html in the folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write one self-contained HTML page about a run."""
    from populace import analysis

    path = analysis.report(folder, out)
    _tell(as_json, f"report: {path}", report=str(path))


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
        _print_json({"audit": json.loads(frame.to_json(orient="records", double_precision=15))})
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
        _print_json({"differences": json.loads(frame.to_json(orient="records", double_precision=15))})
    else:
        typer.echo(frame.to_string(index=False))


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        from populace import __version__

        typer.echo(f"populace {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line and turn mistakes into one plain line and an exit code."""
    as_json = "--json" in sys.argv
    # `module:Class` names a file of the working directory too, as with `python -m`.
    sys.path.insert(0, "")
    try:
        app()
    except PopulaceError as error:
        _print_error(error, as_json)
        sys.exit(130 if isinstance(error, Stopped) else 1)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception:
        import traceback

        traceback.print_exc()
        typer.echo("This is a fault of populace, not of your input; please report it.", err=True)
        sys.exit(70)


def _print_error(error: PopulaceError, as_json: bool) -> None:
    if not as_json:
        typer.echo(f"{'stopped' if isinstance(error, Stopped) else 'error'}: {error}", err=True)
        return
    found: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, ScenarioError):
        found.update(file=error.file, line=error.line, column=error.column)
    typer.echo(json.dumps({"error": found}, ensure_ascii=False), err=True)


def _tell_reach(name: str, loaded: "Scenario", sets: list[str] | None) -> None:
    """Say which arms an override did not reach, as they set the same key themselves."""
    from populace.scenarios import load

    if not sets:
        return
    try:
        before = {cell.arm: cell for cell in load(name).cells}
    except PopulaceError:
        return  # what `sets` mended
    if before.keys() != {cell.arm for cell in loaded.cells}:
        return
    for key, field in (("agents", "agents"), ("world", "world_options"), ("population", "population")):
        if not any(text.partition("=")[0].split(".")[0].strip() == key for text in sets):
            continue
        same = [cell.arm for cell in loaded.cells if getattr(cell, field) == getattr(before[cell.arm], field)]
        reached = ", ".join(cell.arm for cell in loaded.cells if cell.arm not in same)
        if same and reached:
            typer.echo(
                f"note: --set {key} reaches {reached}; the other arms set it themselves: {', '.join(same)}", err=True
            )


def _finish(folder: Path, report: bool, as_json: bool) -> None:
    from populace.scenarios.runner import read_info

    status = read_info(folder)["status"]
    facts: dict[str, Any] = {"run": str(folder), "status": status}
    if status == "interrupted":
        _tell(as_json, f"interrupted; go on with: populace resume {folder}", **facts)
        raise typer.Exit(130)
    text = f"run: {folder}"
    if report:
        from populace import analysis

        facts["report"] = str(analysis.report(folder))
        text += f"\nreport: {facts['report']}"
    _tell(as_json, text, **facts)


def _tell(as_json: bool, text: str, **facts: Any) -> None:
    if as_json:
        _print_json(facts)
    else:
        typer.echo(text)


def _print_json(facts: dict[str, Any]) -> None:
    typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))


def _tell_estimate(found: "Estimate", as_json: bool) -> None:
    from dataclasses import asdict

    text = (
        f"{found.arms} arm(s) x {found.worlds:,} worlds x {found.users:,} users x {found.ticks:,} ticks\n"
        f"state: {found.state_bytes / max(found.users, 1):,.0f} bytes a user, {_size(found.state_bytes)} a world\n"
        f"memory: about {_size(found.peak_bytes)} at the peak\n"
        f"time: about {_time(found.seconds)}, measured on a few ticks (recording comes on top)"
    )
    _tell(as_json, text, **asdict(found))


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


@contextmanager
def _watched(quiet: bool) -> Iterator["Progress"]:
    """A progress bar on a terminal, and Ctrl-C turned into a request to save and stop (a second one stops at once)."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    from populace.scenarios.runner import Progress

    console = Console(stderr=True)
    asked = False

    def stop(signum: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        console.print("saving; press Ctrl-C again to stop at once")
        hurry.start()

    def cut_short() -> None:
        if progress.playing and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    hurry = threading.Timer(GRACE, cut_short)
    hurry.daemon = True
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=False,
    )

    def begun(arm: str, done: int, total: int) -> None:
        bars.add_task(arm, total=total, completed=done, rate="")

    def moved(agent_ticks: int) -> None:
        task = bars.tasks[-1]
        speed = f"{task.speed / 1e6:.2f} M agent-steps/s" if task.speed else ""
        bars.update(task.id, advance=agent_ticks, rate=speed)

    progress = Progress(begun, moved, lambda: asked)
    try:
        with bars:
            yield progress
    finally:
        hurry.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    main()
