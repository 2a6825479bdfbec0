"""The application that commands register with, the options they share, and how they answer."""

import json
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from populace.errors import OldName, PopulaceError, ScenarioError, Stopped
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


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    most: Annotated[
        float | None,
        typer.Option(
            "--max-file-mb",
            min=0.001,
            help=f"Largest file to read, in MB, packed and unpacked; also {SETTING}.",
        ),
    ] = None,
) -> None:
    if version:
        from populace import __version__

        say(f"populace {__version__}")
        raise typer.Exit
    if most is not None:
        os.environ[SETTING] = repr(most)  # where processes that are started find it, too


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print text, whatever it holds: what could steer a terminal is written out."""
    typer.echo(visible(text), err=err, nl=nl)


def tell_old_names() -> None:
    """From now on, warn of former names in one plain line each on stderr; other warnings stay as they are."""
    usual, told = warnings.showwarning, set[str]()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, OldName):
            usual(message, category, *rest, **more)
        elif str(message) not in told:
            told.add(str(message))
            say(f"warning: {message}", err=True)

    warnings.simplefilter("always", OldName)
    warnings.showwarning = show


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


def tell(as_json: bool, text: str, **facts: Any) -> None:
    """Print a command's result: the text, or its facts as one JSON object."""
    if as_json:
        print_json(facts)
    else:
        say(text)


def print_json(facts: dict[str, Any]) -> None:
    """Print one JSON object."""
    say(json.dumps(facts, indent=1, ensure_ascii=False))
