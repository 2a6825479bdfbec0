"""What went into two runs, side by side: how they were played, their scenarios, the files they were built from."""

import difflib
from typing import Any

from populace.analysis.frames import RunData
from populace.errors import RunError
from populace.files import FileError, text
from populace.names import pathless

KEYS = 12
"""Names in a line at most."""
DIGITS = 12
"""Hexadecimal digits of a file's hash that are shown."""
ALWAYS = ("folder", "started")
"""Facts that differ between any two runs, and mean nothing."""


def facts(a: RunData, b: RunData) -> list[tuple[str, str, str, bool]]:
    """Name, of A, of B, and whether they differ; versions and input files only where they do."""
    left, right = _of(a), _of(b)
    found = [(key, left[key], right[key], left[key] != right[key]) for key in left]
    for title, key in (("", "versions"), ("file ", "inputs")):
        one, other = (dict(run.info.get(key) or {}) for run in (a, b))
        names = [name for name in dict.fromkeys([*one, *other]) if name != "populace"]
        found += [
            (f"{title}{name}", _short(one.get(name)), _short(other.get(name)), True)
            for name in names
            if one.get(name) != other.get(name)
        ]
    return found


def _of(run: RunData) -> dict[str, str]:
    info = run.info
    return {
        "folder": run.path.name,
        "scenario": run.name,
        "status": run.status,
        "world": run.world,
        "arms": f"{len(info['arms']):,}",
        "worlds per arm": f"{info.get('worlds', 0):,}",
        "horizon": f"{info.get('horizon', 0):,}",
        "episodes": f"{info.get('episodes', 1):,}",
        "seed": str(info.get("seed", "?")),
        "device": str(info.get("device", "?")),
        "arithmetic": str(info.get("arithmetic", "?")),
        "populace": str((info.get("versions") or {}).get("populace", "?")),
        "started": str(info.get("started", "")).replace("T", " "),
    }


def _short(claim: Any) -> str:
    """A version, or the beginning of a file's hash; "none" where there is neither."""
    if isinstance(claim, dict):
        return f"SHA-256 {str(claim.get('sha256', '?'))[:DIGITS]}"
    return "none" if claim is None else str(claim)


def keys(a: RunData, b: RunData) -> list[str]:
    """Dotted keys in which the scenarios differ, by the hashes in run.json; limits on what a run may spend are none."""
    left, right = (dict((run.info.get("scenario") or {}).get("keys") or {}) for run in (a, b))
    return [key for key in dict.fromkeys([*left, *right]) if key != "name" and left.get(key) != right.get(key)]


def lines(a: RunData, b: RunData) -> list[str]:
    """What differs, for a terminal."""
    told = [f"{name}: A {x}, B {y}" for name, x, y, differs in facts(a, b) if differs and name not in ALWAYS]
    if found := keys(a, b):
        told.append(f"keys of the scenario: {_some(found)}")
    if not told:
        return ["A and B have the same scenario, seed, input files and versions."]
    return ["What differs between A and B:", *(f"  {line}" for line in told)]


def scenarios(a: RunData, b: RunData) -> str:
    """What differs between the scenarios, as lines of `-` (in A) and `+` (in B); nothing where they are the same."""
    return "\n".join(difflib.unified_diff(_scenario(a), _scenario(b), "A", "B", n=2, lineterm=""))


def _scenario(run: RunData) -> list[str]:
    path = run.path / "scenario.yaml"
    if not path.exists():
        return []
    try:
        return str(pathless(text(path, within=run.path))).splitlines()
    except FileError as error:
        raise RunError(str(error)) from None


def _some(names: list[str]) -> str:
    more = len(names) - KEYS
    return ", ".join(names[:KEYS]) + (f" and {more:,} more" if more > 0 else "")
