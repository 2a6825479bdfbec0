"""The rooms of `populace.agents.llm` and their modules: who imports whom, function-level imports included."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import populace.agents.llm

ROOT = Path(populace.agents.llm.__file__).parent
PREFIX = "populace.agents.llm"
ORDER = ["decoding", "backends", "interpret", "seats", "policies"]
"""A room may import those before it."""


def imports():
    """Module -> modules of ours that it imports, names relative to `populace.agents.llm`."""
    found = {}
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").removesuffix(".")
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX):
                base = node.module.removeprefix(PREFIX).removeprefix(".")
                for alias in node.names:
                    inner = f"{base}.{alias.name}".removeprefix(".")
                    is_module = (ROOT / f"{inner.replace('.', '/')}.py").exists()
                    found[name].add(inner if is_module else base)
    return found


def test_no_module_imports_one_that_imports_it():
    found = imports()
    assert len(found) > 20
    assert found["seats.text_policy"] >= {"backends.base", "interpret.interpreted", "seats.options"}
    list(TopologicalSorter(found).static_order())  # raises CycleError


def test_rooms_import_only_those_before_them():
    for module, others in imports().items():
        room = module.split(".")[0]
        if room in ORDER:
            seen = {other.split(".")[0] for other in others} - {room}
            assert seen <= set(ORDER[: ORDER.index(room)]), (module, seen)
