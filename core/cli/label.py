"""The command by which people label texts of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from populace.cli import completing
from populace.cli.application import app, say
from populace.cli.read import Individuals
from populace.errors import PopulaceError, RunError, UnknownName

if TYPE_CHECKING:
    from populace.dialogue import Coding


@app.command()
def label(
    folder: Annotated[str, typer.Argument(help="A run folder, or its address.", autocompletion=completing.runs)],
    role: Annotated[str, typer.Option(metavar="NAME", help="Whose texts.")],
    out: Annotated[Path, typer.Option(help="The file of labels, e.g. anna.jsonl; one that exists is continued.")],
    texts: Annotated[int, typer.Option(min=1, help="How many different texts.")] = 40,
    other: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help="Labels of another person, to tell kappa with.")
    ] = None,
    individuals: Individuals = False,
) -> None:
    """Label texts of a run by hand, and tell how far the library's readers agree with you.

    Texts are shown without arm, world and what a reader made of them. Every label is saved at once.
    """
    from populace import analysis
    from populace.agents.llm.interpret import labelling
    from populace.analysis.privacy import PublicRun, public
    from populace.analysis.writing import check_target

    check_target(out, "the list of labels", (".jsonl",))
    if other is not None and not other.is_file():
        raise PopulaceError(f"there is no file {other}; --compare names the labels that another person made")
    run = analysis.load_run(folder)
    shown = run if individuals else public(run)
    if isinstance(shown, PublicRun):
        raise RunError(f"{folder}: {shown.withheld}")
    coding = _coding(run.path, role)
    said = run.talk[run.talk["role"] == role]["text"]
    chosen = labelling.sample(said, texts)
    if not chosen:
        raise RunError(f"{folder} holds no words of {role!r}: words are recorded in worlds with conversations")
    done = {one.text for one in labelling.labels_in(coding, out)}
    left = [text for text in chosen if text not in done]
    if left:
        _ask(coding, left, len(chosen), out)
    mine = labelling.labels_in(coding, out)
    if not mine:
        return
    for name, found in labelling.readers(coding, mine).items():
        kappa = "undefined" if found.kappa is None else f"{found.kappa:.2f}"
        say(f"{name}: {found.agree:.2f} [{found.low:.2f}, {found.high:.2f}] of {found.n} texts agree, kappa {kappa}")
    if other is not None:
        both = labelling.between(coding, mine, labelling.labels_in(coding, other))
        kappa = "undefined" if both.kappa is None else f"{both.kappa:.2f}"
        say(f"{out.name} and {other.name}: {both.agree:.2f} of {both.n} texts agree, kappa {kappa}")
    say(f"labels: {out} ({len(mine)}); in a scenario: interpreter: {{rules: {{}}, labelled: {out}}}")


def _ask(coding: "Coding", left: list[str], total: int, out: Path) -> None:
    from populace.agents.llm.interpret import labelling

    say(f"{coding.name}: {coding.about}")
    for k, (code, about) in enumerate(coding.codes.items(), 1):
        say(f"  {k}  {code}: {about}")
    how = "numbers of all that hold, or nothing for none" if coding.several else "the number of the one that holds"
    say(f"Give the {how}; s skips a text, q stops (what you did is kept).")
    for number, text in enumerate(left, total - len(left) + 1):
        say(f"\n[{number} of {total}]\n{text}")
        while True:
            answer = typer.prompt(">", default="", show_default=False, prompt_suffix=" ").strip().lower()
            if answer in ("s", "q"):
                break
            try:
                labelling.keep(out, text, labelling.parse(answer, coding))
                break
            except PopulaceError as error:
                say(str(error))
        if answer == "q":
            return


def _coding(folder: Path, role: str) -> "Coding":
    """What a role's free text is read for in the world that a run folder names.

    Raises:
        UnknownName: The world has no such role.
        PopulaceError: The role has no free text.
    """
    from populace.dialogue import FreeFace, Speaks
    from populace.scenarios import load
    from populace.scenarios.building import build

    world = build(load(folder / "scenario.yaml").cells[0]).world
    if role not in world.cast:
        raise UnknownName("role", role, world.cast)
    dialogue: object = world.dialogue()
    faces: dict[str, FreeFace | None] = {}
    if isinstance(dialogue, Speaks):
        faces = {name: dialogue.free(name) for name in world.cast}
    if (face := faces.get(role)) is None:
        coded = ", ".join(name for name, one in faces.items() if one is not None)
        raise PopulaceError(
            f"the words of {role!r} are not coded in this world with these options, so there is nothing to label; "
            + (f"those of {coded} are" if coded else "nor are those of any other role")
        )
    return face.coding
