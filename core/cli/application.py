"""The application that commands register with, the options they share, and how they answer."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from populace import trust
from populace.cli import completing
from populace.errors import PopulaceError, ScenarioError, Stopped
from populace.files import SETTING
from populace.names import visible

if TYPE_CHECKING:
    from populace.scenarios import Scenario

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Simulate societies of heterogeneous users living with AI assistants.",
    epilog="Exit codes: 0 done, 1 a mistake in what was given, 2 wrong usage, 70 a fault in populace, "
    "130 interrupted (resumable). Start with: populace run value-lock-in",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key, for example population.size=5000.",
        autocompletion=completing.sets,
    ),
]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1, ...")]
Arithmetic = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="kernels (default on the CPU where numba runs) or torch; results differ in their last bits.",
    ),
]
Batch = Annotated[int | None, typer.Option(min=1, help="Worlds at a time; results do not depend on it.")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="Processor threads; default 1 for small runs, else all. Results do not change."),
]
ExecutorName = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="Who plays: serial (default), processes (with --workers), or ray. Results do not depend on it.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Batches of worlds played at a time, one processor each.")
]
Address = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="With --executor ray: the cluster, or auto for one on this machine."),
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Allow the file to run the code that it names, and to read files outside its folder."),
]
Allow = Annotated[
    list[Path] | None,
    typer.Option("--allow", metavar="DIR", help="A folder outside the scenario's own in which it may read and write."),
]
NoBar = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


_MOST_QUESTIONS = 20


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    most: Annotated[
        float | None,
        typer.Option(
            "--max-file-mb",
            min=0.001,
            help=f"Largest file to read, in MB, before and after decompression; also {SETTING}.",
        ),
    ] = None,
) -> None:
    if version:
        from populace import __version__

        say(f"populace {__version__}")
        raise typer.Exit
    if most is not None:
        os.environ[SETTING] = repr(most)  # where processes that are started find it, too
    # Whatever a command opens may be a stranger's.
    context.with_resource(trust.speaking(trust.guarded()))


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print text; control characters that could change the terminal are written as escapes."""
    typer.echo(visible(text), err=err, nl=nl)


def opened(
    source: str | Path,
    sets: list[str] | None,
    trusted: bool,
    allow: list[Path] | None,
    read: "Callable[[], Scenario] | None" = None,
) -> "Scenario":
    """A scenario that may be a stranger's; on a terminal the user is asked for what it needs, once for its content.

    Args:
        source: Its name or file.
        sets: Overrides of the command line.
        trusted: Whether `--trust` was given.
        allow: Folders of `--allow`.
        read: What reads it; `scenarios.load` when not given.

    Raises:
        ScenarioError: It holds a mistake.
        NeedsWord: It needs the user's word, and they did not give it or cannot be asked.
    """
    from populace.scenarios import load

    asked = 0
    while True:
        try:
            with trust.speaking(trust.guarded(trust=trusted, allow=allow or ())):
                return load(source, sets or []) if read is None else read()
        except trust.NeedsWord as error:
            # What a world or policy needs may show only when another one was allowed.
            if asked == _MOST_QUESTIONS or not (error.word and error.content and _terminal()):
                raise
            if any(need.kind == "key" for need in error.needs):
                raise  # which key goes where is not a question to be answered in passing
            if not typer.confirm(trust.question(error.needs, str(source)), err=True):
                raise
            trust.remember(error.content, trust.Given(frozenset(error.needs), (), error.word.folders))
            asked += 1


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_error(error: PopulaceError, as_json: bool) -> None:
    """Print a mistake to standard error, as one plain line or as a JSON object with its place."""
    if not as_json:
        say(f"{'stopped' if isinstance(error, Stopped) else 'error'}: {error}", err=True)
        return
    found: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, ScenarioError):
        found.update(file=error.file, line=error.line, column=error.column)
    say(json.dumps({"error": found}, ensure_ascii=False), err=True)


def tell_reach(loaded: "Scenario") -> None:
    """Say which arms an override did not reach, as they set the same key themselves."""
    for key, missed in loaded.missed.items():
        reached = listed([cell.arm for cell in loaded.cells if cell.arm not in missed])
        say(f"note: --set {key} reaches {reached}; the other arms set it themselves: {listed(missed)}", err=True)


def listed(names: Sequence[str], most: int = 20) -> str:
    """The names, or the first of them and how many there are besides."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def tell(as_json: bool, text: str, **facts: object) -> None:
    """Print a command's result: the text, or its facts as one JSON object."""
    if as_json:
        print_json(facts)
    else:
        say(text)


def print_json(facts: Mapping[str, object]) -> None:
    """Print one JSON object."""
    say(json.dumps(facts, indent=1, ensure_ascii=False))
