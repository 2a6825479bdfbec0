"""What a shell is offered to complete; it must answer at once, so nothing here imports torch, numpy or pandas."""

import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import typer

from populace.shelf import shelf

MOST = 200
"""Folders that are looked at, at most."""
_ID = re.compile(r"""^\s*(?:id|world)\s*:.*?([A-Za-z0-9_-]+/[A-Za-z0-9_-]+-v\d+)""", re.M)
_KEYS = ("world", "worlds", "horizon", "episodes", "seed", "population", "agents", "arms", "record", "learn_every")
_DEEP = ("world", "population", "agents", "arms", "record")
_WHOLE = ("seed", "arms", "record", "learn_every")
"""Keys that arms do not change."""


def names(incomplete: str) -> list[str]:
    """Library scenarios."""
    return sorted(name for name in shelf() if name.startswith(incomplete))


def scenarios(incomplete: str) -> list[str]:
    """Library scenarios, and scenario files below the folder that is being typed."""
    return names(incomplete) + [path for path in _entries(incomplete) if path.endswith(("/", ".yaml", ".yml"))]


def runs(incomplete: str) -> list[str]:
    """Run folders below the folder that is being typed, those of `runs` too, and folders that lead on."""
    found = [path for path in _entries(incomplete) if path.endswith("/")]
    if not incomplete:
        found += _entries("runs/")
    whole = [path.rstrip("/") for path in found if _is_run(path)]
    return whole + [path for path in found if path.rstrip("/") not in whole and path != "runs/"]


def sets(context: typer.Context, incomplete: str) -> list[str]:
    """Keys of `--set`, each with its `=`: those of the scenario's world, population and roles, one level at a time."""
    if "=" in incomplete:
        return []
    *path, last = incomplete.split(".")
    keys = _keys_at(_before(context, "scenario"), path)
    prefix = "".join(f"{part}." for part in path)
    return [f"{prefix}{key}{'.' if deeper else '='}" for key, deeper in keys.items() if key.startswith(last)]


def arms(context: typer.Context, incomplete: str) -> list[str]:
    """Arms of the run folder that was named before, and of a sweep the names that stand for all cells of an arm."""
    folder = _before(context, "folder", "a")
    try:
        with open(os.path.join(str(folder), "run.json"), encoding="utf-8") as file:
            found = json.load(file)["arms"]
        names = [*(str(about.get("base", arm)) for arm, about in found.items()), *found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)][:MOST]


def things(incomplete: str) -> list[str]:
    """What `populace show` knows without importing it: scenarios and worlds."""
    from populace.registry import manifests

    return [name for name in (*shelf(), *manifests.ids()) if name.startswith(incomplete)]


def _before(context: typer.Context, *names: str) -> str | None:
    """The first argument before what is typed; click does not sort it in while an option lacks its value."""
    given = next((context.params[name] for name in names if context.params.get(name)), None)
    return str(given) if given else next(iter(context.args), None)


def _entries(incomplete: str) -> list[str]:
    """Files and folders whose path begins so, folders with a slash at the end."""
    head, slash, tail = incomplete.rpartition("/")
    try:
        with os.scandir((head or "/") if slash else ".") as found:
            entries = [entry for entry, _ in zip(found, range(MOST), strict=False)]
    except OSError:
        return []
    hidden = tail.startswith(".")
    kept = sorted(
        (e for e in entries if e.name.startswith(tail) and (hidden or e.name[0] != ".")), key=lambda e: e.name
    )
    return [f"{head}{slash}{entry.name}{'/' if entry.is_dir() else ''}" for entry in kept]


def _is_run(path: str) -> bool:
    return os.path.isfile(os.path.join(path, "run.json"))


# ---------------------------------------------------------------------- keys of scenarios


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    """The library's JSON schema of scenario files; worlds of plug-ins are not in it."""
    text = files("populace.scenarios").joinpath("library/scenario.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _keys_at(scenario: str | None, path: list[str]) -> dict[str, bool]:
    """Key -> whether there are keys below it."""
    if not path:
        return {key: key in _DEEP for key in _KEYS}
    text = _text(scenario)
    if path[0] == "arms":
        if len(path) == 1:
            return dict.fromkeys(_arms(text), True)
        return {key: deep for key, deep in _keys_at(scenario, path[2:]).items() if key not in _WHOLE or len(path) > 2}
    if path[0] == "agents" and len(path) == 2:
        return {"policy": False}
    world = next(iter(_ID.findall(text)), None)
    named = {"population": "PopulationSpec", "record": "RecordOptions"}
    here = _definition(named.get(path[0], f"{path[0]} {world}"))
    for part in path[1:]:
        here = _properties(here).get(part, {})
    return {k: path == ["agents"] or bool(_properties(inner)) for k, inner in _properties(here).items() if k != "id"}


def _definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = _schema()["$defs"].get(name, {})
    return found


def _properties(part: dict[str, Any]) -> dict[str, Any]:
    """The keys of a mapping, references followed."""
    for one in (part, *part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())):
        name = one.get("$ref", "").rpartition("/")[2].replace("%20", " ").replace("~1", "/")
        whole = _definition(name) if name else one
        if isinstance(whole.get("properties"), dict):
            found: dict[str, Any] = whole["properties"]
            return found
    return {}


def _text(scenario: str | None) -> str:
    """The text of a scenario and of what it extends, as far as that is found."""
    text, todo, seen = "", [scenario], set[str]()
    while todo and len(seen) < 8:
        name = todo.pop()
        if not name or name in seen:
            continue
        seen.add(name)
        path = shelf().get(name) or Path(name)
        try:
            if path.is_file() and path.stat().st_size < 1 << 20:
                more = path.read_text(encoding="utf-8", errors="replace")
                text += more
                for parent in re.findall(r"^extends\s*:\s*(\S+)", more, re.M):
                    todo.append(parent if parent in shelf() else str(path.parent / parent))
        except OSError:
            continue
    return text


def _arms(text: str) -> Iterator[str]:
    """Names of arms, as far as the lines tell: the keys that stand least deep below `arms:`."""
    _, _, below = text.partition("\narms:")
    depth = None
    for line in below.splitlines()[1:]:
        if line.strip() and not line.lstrip().startswith("#"):
            inset = len(line) - len(line.lstrip())
            if inset == 0:
                return
            depth = inset if depth is None else depth
            if inset == depth and (name := re.match(r"\s*['\"]?([^'\":#]+)['\"]?\s*:", line)):
                yield name[1].strip()
