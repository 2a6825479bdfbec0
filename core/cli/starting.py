"""What `populace new` writes for a new world, policy, learner or backend: a folder that can be run as it is."""

import re
import shutil
import sys
import tempfile
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from populace.errors import PopulaceError

KINDS = ("world", "policy", "learner", "backend")
_NAME = re.compile(r"(?:([A-Za-z][A-Za-z0-9-]*)/)?([a-z][a-z0-9]*(?:[-_][a-z0-9]+)*)")


def write_start(kind: str, name: str, place: Path) -> list[Path]:
    """Write a folder from the templates of `kind`, complete or not at all.

    Args:
        kind: One of `KINDS`.
        name: What it is called: `island`, or `acme/island` for the world `acme/island-v0`.
        place: The folder in which the new folder is made.

    Returns:
        The files that were written, the folder first.

    Raises:
        PopulaceError: The name cannot be one, something of that name is there, or the folder cannot be written.
    """
    found = _NAME.fullmatch(name)
    if found is None or (found[1] and kind != "world"):
        form = "'island', or 'acme/island' with a namespace of your own" if kind == "world" else "'my-policy'"
        raise PopulaceError(
            f"{name!r} cannot be the name of a {kind}: expected lower-case letters, digits and single dashes, such as "
            f"{form}"
        )
    short = found[2].replace("_", "-")
    package = short.replace("-", "_")
    folder = place / package
    if folder.exists():
        raise PopulaceError(f"{folder} exists already: choose another name")
    if not place.is_dir():
        raise PopulaceError(f"there is no folder {place}: make it first")
    if iskeyword(package) or package in sys.stdlib_module_names or find_spec(package) is not None:
        raise PopulaceError(f"Python has a module {package!r} already, which yours would hide: choose another name")
    if (namespace := found[1] or "own") == "populace":
        raise PopulaceError("the namespace 'populace' is the library's own: choose another one, such as 'own'")
    words = {
        "package": package,
        "name": short,
        "id": f"{namespace}/{short}-v0",
        "kind": "".join(part.capitalize() for part in short.split("-")),
    }
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".new-") as beside:
            made = Path(beside) / package
            _fill(files("populace.cli").joinpath("templates", kind), made, words)
            shutil.move(made, folder)
    except OSError as error:
        raise PopulaceError(f"cannot write {folder}: {error.strerror}") from None
    return [folder, *sorted(path for path in folder.rglob("*") if path.is_file())]


def _fill(source: Traversable, target: Path, words: dict[str, str]) -> None:
    """Write a folder of templates, with `words` in their text and in their names."""
    from jinja2 import Environment, StrictUndefined

    make = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    target.mkdir()
    for item in source.iterdir():
        name = item.name.replace("PACKAGE", words["package"]).replace("NAME", words["name"])
        if item.is_dir():
            _fill(item, target / name, words)
        elif name.endswith(".jinja"):
            text = make.from_string(item.read_text(encoding="utf-8")).render(words)
            (target / name.removesuffix(".jinja")).write_text(text, encoding="utf-8")
