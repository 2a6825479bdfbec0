"""What docs/architecture.md says of rooms and worlds, held against the code: imports, file names, signatures."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from populace.fields import Role
from populace.registry import manifests, worlds
from populace.testing import fit_table

ROOT = Path(__file__).resolve().parents[2]
MAY = {"core": (), "games": ("core",), "envs": ("core", "games"), "agents": ("core",), "analysis": ("core",)}
"""Room -> rooms that it may import; the front door may import everything."""
FRONT_DOOR = ("__init__.py", "__main__.py", "cli", "testing")
ROOMS = {
    "populace.games": "games",
    "populace.envs": "envs",
    "populace.agents": "agents",
    "populace.analysis": "analysis",
}
READS_RUNS = ("report.py", "audit.py", "threshold.py", "choice_logit.py", "conversations.py", "overrides.py")
"""Files of a world that read runs: they may use `populace.analysis`, and are loaded by name only."""
SHORT = [name.removeprefix("populace/").removesuffix("-v0") for name in manifests.shipped()]


def room_of(module: str) -> str:
    """The room a module lies in."""
    if module.startswith("populace.scenarios"):
        return "scenarios"
    return next((room for name, room in ROOMS.items() if module == name or module.startswith(f"{name}.")), "core")


def imported(file: Path) -> list[tuple[str, list[str], bool]]:
    """What a file imports of ours: module, names, and whether only type checkers do."""
    found = []

    def walk(node: ast.AST, typing: bool) -> None:
        for child in ast.iter_child_nodes(node):
            checked = typing or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
            if isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == "populace":
                found.append((str(child.module), [name.name for name in child.names], checked))
            elif isinstance(child, ast.Import):
                found.extend((n.name, [], checked) for n in child.names if n.name.split(".")[0] == "populace")
            walk(child, checked)

    walk(ast.parse(file.read_text(encoding="utf-8")), False)
    return found


@pytest.mark.parametrize("room", MAY)
def test_rooms_import_only_what_they_may(room):
    wrong = [
        f"{file.relative_to(ROOT)}: {module}"
        for file in (ROOT / room).rglob("*.py")
        if not (room == "core" and file.relative_to(ROOT / room).parts[0] in FRONT_DOOR)
        for module, _, typing in imported(file)
        if not typing and room_of(module) not in (room, *MAY[room])
        if not (room == "envs" and file.name in READS_RUNS and room_of(module) == "analysis")
    ]
    assert not wrong


@pytest.mark.parametrize("folder", ["games", "agents/learning", *(f"envs/{name}" for name in SHORT)])
def test_no_two_modules_import_each_other_even_in_functions(folder):
    modules = {}
    for file in (ROOT / folder).glob("*.py"):
        name = ".".join(("populace", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        modules[name] = file
    reaches = {
        name: {
            inner
            for module, names, typing in imported(file)
            if not typing
            for inner in ([f"{module}.{n}" for n in names if f"{module}.{n}" in modules] or [module])
            if inner in modules
        }
        for name, file in modules.items()
    }
    for _ in modules:  # the transitive closure
        reaches = {name: near.union(*(reaches[other] for other in near)) for name, near in reaches.items()}
    assert not [name for name, far in reaches.items() if name in far]


@pytest.mark.parametrize("name", SHORT)
def test_every_world_calls_the_same_things_by_the_same_names(name):
    package = f"populace.envs.{name}"
    for part in ("world", "roles", "state", "options", "begin"):
        importlib.import_module(f"{package}.{part}")
    roles = importlib.import_module(f"{package}.roles").roles
    signature = inspect.signature(roles)
    assert list(signature.parameters) == ["options", "census"]
    assert signature.return_annotation == tuple[Role, ...]
    state = importlib.import_module(f"{package}.state").State
    world = worlds.get(f"populace/{name}-v0")
    assert inspect.signature(world.begin).return_annotation is state
    users = world.population(12, world.Options())
    assert roles(world.Options(), users.census) == world(world.Options(), users.census).roles()


def test_the_tables_of_worlds_in_the_architecture_page_are_of_this_code():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert fit_table.BEGIN in page
    assert page == fit_table.rewritten(page), (
        "the worlds have changed: run `python -m populace.testing.fit_table docs/architecture.md`"
    )
    for world_id in manifests.shipped():
        for role in worlds.get(world_id).optional:
            short = world_id.removeprefix("populace/").removesuffix("-v0")
            assert f"| {short} | {role} (with some options) |" in page


def test_every_place_that_the_architecture_page_names_exists():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page[page.index("## Where does it go?") : page.index("## Rooms")]
    named = re.findall(r"`((?:core|games|envs|agents|scenarios|analysis|tests|examples)/[\w./]*)`", table)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


LONGEST = 400
"""Lines of a file of the library at most: what is longer is two things."""


def test_no_file_of_the_library_is_long():
    files = [file for room in (*MAY, "scenarios", "examples") for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {file: lines for file, lines in lengths.items() if lines > LONGEST} == {}


def test_every_silenced_type_error_has_its_reason_beside_it():
    files = [file for room in (*MAY, "scenarios") for file in (ROOT / room).rglob("*.py")]
    silent = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"# type: ignore(\[[\w, -]+\])?\s*$", line)
    ]
    assert silent == []
