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
    abouts = {manifest.id: manifest.about for manifest in registry.manifests}
    for kind in ("worlds", "policies", "measures", "recorded"):
        if not found[kind]:
            continue
        say(f"\n{headings.get(kind, kind)}")
        width = max(map(len, found[kind]))
        for name in found[kind]:
            about = abouts.get(name, "") if kind == "worlds" else ""
            say(f"  {name:<{width}}  {about}".rstrip())


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A scenario, world, policy or measure: any name that `list` prints.", autocompletion=completing.things
        ),
    ],
    trusted: Annotated[
        bool, typer.Option("--trust", help="Import module:Class from outside installed packages.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a scenario's text, a world's roles, fields and options, a policy's options, or what a measure is."""
    from populace.scenarios.showing import describe

    with trust.speaking(trust.guarded(trust=trusted)), trust.speaking(trust.opening("", Path.cwd())):
        found = describe(name)
    if as_json:
        print_json(found)
    else:
        text = str(found["text"])
        say(text, nl=not text.endswith("\n"))


@app.command()
def prompts(
    world: Annotated[str | None, typer.Argument(help="A world; all of the library when not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder in which to write a page per world.")] = None,
    language: Annotated[
        str | None, typer.Option(help="The tag of a language, or a file with a table of wordings.")
    ] = None,
    only_names: Annotated[
        bool, typer.Option("--names", help="List the names of the prompts instead, with what a template may use.")
    ] = False,
    trusted: Annotated[
        bool, typer.Option("--trust", help="Import module:Class from outside installed packages.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print every prompt of every seat of a world, as a language model sees it, and what a script would reply."""
    from populace.files import whole
    from populace.registry import manifests
    from populace.testing.prompts import names, page, short

    with trust.speaking(trust.guarded(trust=trusted)), trust.speaking(trust.opening("", Path.cwd())):
        ids = list(manifests.shipped()) if world is None else [world]
        show = names if only_names else page
        pages = {short(world_id): show(world_id, language) for world_id in ids}
    if out is None:
        if as_json:
            print_json({"pages": pages})
        else:
            say("\n".join(pages.values()), nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages.items():
        written.append(out / f"{name}.md")
        with whole(written[-1]) as beside:
            beside.write_text(text, encoding="utf-8")
    tell(as_json, f"wrote {listed([str(file) for file in written])}", files=[str(file) for file in written])


@app.command()
def new(
    path: Annotated[
        Path | None,
        typer.Argument(help="The scenario file to write; with the options below, the folder in which to write."),
    ] = None,
    base: Annotated[
        str, typer.Option("--from", help="The library scenario to start from.", autocompletion=completing.names)
    ] = "value-lock-in",
    world: Annotated[str | None, typer.Option(metavar="NAME", help="Write a package with a world instead.")] = None,
    policy: Annotated[str | None, typer.Option(metavar="NAME", help="Write a policy instead.")] = None,
    learner: Annotated[str | None, typer.Option(metavar="NAME", help="Write a learner instead.")] = None,
    backend: Annotated[str | None, typer.Option(metavar="NAME", help="Write a language model instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a scenario, world, policy, learner or backend of your own, ready to run and to edit."""
    from populace.cli.starting import KINDS, write_start
    from populace.scenarios.showing import write_new

    named = {
        kind: name for kind, name in zip(KINDS, (world, policy, learner, backend), strict=True) if name is not None
    }
    if len(named) > 1:
        raise PopulaceError(f"give one of these options only, got {' and '.join(f'--{kind}' for kind in named)}")
    if named:
        ((kind, name),) = named.items()
        folder, *written = write_start(kind, name, path or Path())
        package = folder.name
        run = (
            f"pip install -e {folder} && populace run {package.replace('_', '-')}-first"
            if kind == "world"
            else f"populace run {folder / package}.yaml --trust"
        )
        text = "\n  ".join([f"wrote {folder}", *(str(file.relative_to(folder)) for file in written)])
        tell(as_json, f"{text}\nrun it with: {run}", path=str(folder), files=[str(file) for file in written])
        return
    if path is None:
        raise PopulaceError("name the scenario file to write: populace new my-scenario.yaml")
    scenario = write_new(path, base)
    tell(as_json, f"wrote {scenario}; run it with: populace run {scenario}", path=str(scenario))


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
