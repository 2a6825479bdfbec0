"""Commands that make and take data for training language models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from populace.cli import completing
from populace.cli.application import Allow, AsJson, Sets, Trust, app, opened, tell
from populace.cli.read import Individuals
from populace.errors import PopulaceError, RunError, UnknownName

if TYPE_CHECKING:
    from populace.agents.llm.learning.examples import Example

Roles = Annotated[list[str] | None, typer.Option("--role", metavar="NAME", help="This role (may be repeated).")]


@app.command()
def demonstrate(
    scenario: Annotated[
        str, typer.Argument(help="A library scenario's name or a file.", autocompletion=completing.scenarios)
    ],
    out: Annotated[Path, typer.Option(help="The file to write, e.g. chats.jsonl.")],
    arm: Annotated[str | None, typer.Option(metavar="NAME", help="Which arm; default the first.")] = None,
    roles: Roles = None,
    worlds: Annotated[int | None, typer.Option(min=1, help="How many worlds; default the scenario's.")] = None,
    ticks: Annotated[int | None, typer.Option(min=1, help="How many ticks; default the scenario's horizon.")] = None,
    face: Annotated[
        Literal["world", "fields"], typer.Option(help="Asked in the world's own words, or field by field.")
    ] = "world",
    lead: Annotated[
        bool, typer.Option(help="Begin a choice with its lead (act: ), as models are scored; pocket is scored without.")
    ] = True,
    sets: Sets = None,
    trusted: Trust = False,
    allow: Allow = None,
    as_json: AsJson = False,
) -> None:
    """Write what each seat of a scenario is asked and what its script would reply, as chats to train a model on."""
    from populace import trust
    from populace.agents.llm.seats.demonstrations import demonstrate as told
    from populace.agents.llm.seats.demonstrations import save
    from populace.analysis.writing import check_target
    from populace.scenarios import build

    check_target(out, "the list of chats", (".jsonl",))
    loaded = opened(scenario, sets, trusted, allow)
    cells = {cell.arm: cell for cell in loaded.cells}
    if arm is not None and arm not in cells:
        raise UnknownName("arm", arm, cells)
    cell = loaded.cells[0] if arm is None else cells[arm]
    with trust.speaking(cell.word):
        built = build(cell)
        found = told(
            built.world,
            built.policies,
            built.population,
            seed=cell.seed,
            worlds=worlds or cell.worlds,
            ticks=ticks or cell.horizon,
            roles=roles,
            face=face,
        )
        count = save(out, found, lead)
    tell(as_json, f"chats: {out} ({count:,}, arm {cell.arm})", chats=str(out), count=count, arm=cell.arm)


@app.command()
def train(
    source: Annotated[
        str, typer.Argument(help="Chats (a .jsonl file of demonstrate or chats), or a run folder with conversations.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write the adapter to.")],
    model: Annotated[str, typer.Option(help="pocket, or a folder with a model of transformers.")] = "pocket",
    method: Annotated[Literal["sft", "dpo", "kto"], typer.Option(help="How it is trained.")] = "sft",
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Of a run: the number said of each reply that scores it, e.g. rating.")
    ] = "",
    arms: Annotated[
        list[str] | None, typer.Option("--arm", metavar="NAME", help="Of a run: this arm (may be repeated).")
    ] = None,
    roles: Roles = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the optimiser.")] = 100,
    batch: Annotated[int, typer.Option(min=1, help="Examples per step.")] = 16,
    rate: Annotated[float, typer.Option(min=0.0, help="Step size (AdamW).")] = 2e-3,
    rank: Annotated[int, typer.Option(min=1, help="Rank of the adapter (LoRA).")] = 8,
    beta: Annotated[float, typer.Option(min=0.0, help="Strength of the implicit KL of dpo and kto.")] = 0.1,
    kept: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share kept as the best, and as the worst.")] = 0.5,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    individuals: Individuals = False,
    as_json: AsJson = False,
) -> None:
    """Train a language model on chats with TRL, into an adapter that plays by `model: FOLDER`."""
    from populace.agents.llm.backends import pocket
    from populace.agents.llm.learning import examples

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PopulaceError(f"{out} is there already; name a new folder")
    folder = pocket.folder() if model == "pocket" else Path(model)
    if not (folder / "config.json").is_file():
        raise PopulaceError(f"--model {model}: expected pocket, or a folder with a model of transformers (config.json)")
    if Path(source).is_file():
        if by or arms:
            raise PopulaceError("--by and --arm are for run folders; a file of chats holds its scores as `score`")
        found = examples.read(Path(source), roles or ())
    else:
        found = _said(source, arms or [], roles or [], by, individuals)
    from populace.agents.llm.learning.trl_training import Settings
    from populace.agents.llm.learning.trl_training import train as trained

    losses = trained(found, folder, out, Settings(method, steps, batch, rate, rank, beta, kept, seed))
    text = (
        f"adapter: {out} ({method}, {len(found):,} chats, {steps:,} steps, loss {losses[0]:.3f} to {losses[-1]:.3f})\n"
        f"play it: populace run SCENARIO --set agents.ROLE.policy=llm/transformers --set agents.ROLE.model={out}"
    )
    tell(as_json, text, adapter=str(out), chats=len(found), losses=losses)


def _said(source: str, arms: list[str], roles: list[str], by: str, individuals: bool) -> "list[Example]":
    from populace import analysis
    from populace.agents.llm.learning import examples
    from populace.analysis.chats import chats
    from populace.analysis.privacy import PublicRun, public

    run = analysis.load_run(source)
    shown = run if individuals else public(run)
    if isinstance(shown, PublicRun):
        raise RunError(f"{source}: {shown.withheld}")
    made = [examples.example_of(chat) for chat in chats(run, arms=arms, roles=roles, by=by)]
    return [one for one in made if isinstance(one, examples.Example)]
