"""Commands that look at what there is, check it, or write a scenario to start from."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from populace import trust
from populace.cli import completing
from populace.cli.application import Allow, AsJson, Sets, Trust, app, listed, print_json, say, tell, tell_reach
from populace.errors import PopulaceError


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
        "recorded": registry.recorded.names(),
    }
    if as_json:
        print_json(found)
        return
    say("scenarios (populace run NAME)")
    width = max((len(name) for name in found["scenarios"]), default=0)
    for name, about in found["scenarios"].items():
        say(f"  {name:<{width}}  {about}")
    headings = {
        "measures": "measures (run.measure(NAME))",
        "recorded": "measures to record (record.measures)",
    }
    for kind in ("worlds", "policies", "measures", "recorded"):
        if not found[kind]:
            continue
        say(f"\n{headings.get(kind, kind)}")
        for name in found[kind]:
            say(f"  {name}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A scenario, world or policy.", autocompletion=completing.things)],
    trusted: Annotated[
        bool, typer.Option("--trust", help="Import module:Class from outside installed packages.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a scenario's text, or a world's roles, fields and options, or a policy's options."""
    from populace.scenarios.showing import describe

    with trust.speaking(trust.guarded(trust=trusted)), trust.speaking(trust.opening("", Path.cwd())):
        found = describe(name)
    if as_json:
        print_json(found)
    else:
        say(found["text"], nl=not found["text"].endswith("\n"))


@app.command()
def new(
    path: Annotated[Path, typer.Argument(help="The scenario file to write.")],
    base: Annotated[
        str, typer.Option("--from", help="The library scenario to start from.", autocompletion=completing.names)
    ] = "value-lock-in",
    as_json: AsJson = False,
) -> None:
    """Write a scenario file of your own, ready to run and to edit."""
    from populace.scenarios.showing import write_new

    written = write_new(path, base)
    tell(as_json, f"wrote {written}; run it with: populace run {written}", path=str(written))


@app.command()
def validate(
    scenario: Annotated[
        str, typer.Argument(help="A library scenario's name or a file.", autocompletion=completing.scenarios)
    ],
    sets: Sets = None,
    trusted: Trust = False,
    allow: Allow = None,
    as_json: AsJson = False,
) -> None:
    """Check a scenario and everything it names, without running it.

    Code outside installed packages is not imported, and files outside the scenario's folder are not read, without
    --trust: what could not be checked because of that is listed.
    """
    from populace.scenarios import load, runner
    from populace.scenarios.telling import told

    try:
        with trust.speaking(trust.guarded(trust=trusted, allow=allow or ())):
            loaded = load(scenario, sets or [])
    except trust.NeedsWord as error:
        missing = "".join(f"\n  not checked: it asks to {need}" for need in error.needs)
        text = f"{scenario} is valid as far as it was checked{missing}\n{error.remedy}"
        tell(as_json, text, valid=True, unchecked=[str(need) for need in error.needs])
        return
    tell_reach(loaded)
    notes = told(loaded, {arm: ready.built for arm, ready in runner.preflight(loaded).items()})
    arms = [cell.arm for cell in loaded.cells]
    text = f"{scenario} is valid: {len(arms)} arm(s): {listed(arms)}" + "".join(f"\nnote: {note}" for note in notes)
    tell(as_json, text, valid=True, arms=arms, unchecked=[], notes=notes)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="Write it to this file instead of the terminal.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the JSON Schema of scenario files, for editors to complete and check them."""
    from populace.scenarios import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if out is None:
        say(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise PopulaceError(f"cannot write {out}: {error.strerror}") from None
    tell(as_json, f"wrote {out}", path=str(out))
