"""The run folder: who may write to it, and what its run.json says."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from populace import registry, trust
from populace.compiling import is_compiled
from populace.errors import RunError
from populace.scenarios.build import Built
from populace.scenarios.schema import Cell, Scenario
from populace.scenarios.source import dump


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder: no other process may write to it meanwhile (where the system can lock folders)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise RunError(f"{folder} is being written by another process; wait for it, or stop it") from None
    try:
        yield
    finally:
        os.close(handle)


def what_to_do(folder: Path) -> str:
    """What can be done with a folder that holds something already: the end of an error's sentence."""
    if not (folder / "run.json").exists():
        return ""
    status = read_info(folder).get("status")
    if status == "complete":
        return f", or look at what is there: populace report {folder}"
    return f", or go on with what is there: populace resume {folder}"


def read_info(folder: Path) -> dict[str, Any]:
    """The folder's run.json.

    Raises:
        RunError: There is none, or it cannot be read.
    """
    try:
        info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{folder} is no run folder: it holds no run.json") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{folder}/run.json cannot be read: {error}") from error
    assert isinstance(info, dict)
    return info


def describe(scenario: Scenario, built: dict[str, Built], device: str, batch: int | None) -> dict[str, Any]:
    """What run.json says of a run that begins."""
    first = next(iter(built.values()))
    census = first.population.census
    return {
        "name": scenario.name,
        "about": scenario.about,
        "status": "running",
        "world": scenario.cells[0].world_id,
        "seed": scenario.seed,
        "worlds": scenario.worlds,
        "horizon": scenario.horizon,
        "episodes": scenario.episodes,
        "users": census.size,
        "values": list(census.values),
        "segments": list(census.segments),
        "arms": {
            cell.arm: {"base": cell.base_arm, "coordinates": cell.coordinates, "reference": cell.reference}
            for cell in scenario.cells
        },
        "reference": scenario.reference,
        "device": device,
        "batch": batch,
        "compiled": is_compiled(),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": versions(),
        "provenance": getattr(first.population, "provenance", {}),
        "timings": {},
        "finished": {},
    }


def players(cell: Cell, built: Built) -> dict[str, Any]:
    """Role -> its policy's name, and what it says of itself."""
    return {role: {"policy": name, **built.policies[role].describe()} for role, (name, _) in cell.agents.items()}


def versions() -> dict[str, str]:
    """Versions of what results may depend on."""
    found = {"python": platform.python_version()}
    for package in ("populace", "torch", "numpy", "pandas", "pettingzoo", "gymnasium"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def fresh(name: str) -> Path:
    """A folder `runs/<name>-<time>` that is not there yet."""
    stem = Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    folder, number = stem, 1
    while folder.exists():
        number += 1
        folder = stem.with_name(f"{stem.name}-{number}")
    return folder


def write_info(folder: Path, info: dict[str, Any]) -> None:
    """Write run.json, whole or not at all."""
    partial = folder / "run.json.part"
    partial.write_text(json.dumps(info, indent=1, ensure_ascii=False), encoding="utf-8")
    partial.replace(folder / "run.json")


def write_scenario(folder: Path, scenario: Scenario) -> None:
    """Write scenario.yaml, and keep what it needs in the user's configuration, so that resuming it asks nothing anew.

    Raises:
        OSError: The folder cannot be written.
    """
    content = dump(scenario.resolved).encode()
    (folder / "scenario.yaml").write_bytes(content)
    trust.record(trust.digest(content), scenario.word)


def packages(scenario: Scenario) -> frozenset[str]:
    """Top-level packages of the plug-ins that a scenario names: those whose classes its saved states may name."""
    announced = {**registry.worlds.announced, **registry.policies.announced}
    found = set()
    for text in _texts(scenario.resolved):
        # A world's own policies are named by their last part.
        targets = [target for name, target in announced.items() if text in (name, name.rpartition("/")[2])]
        targets += [text] if ":" in text else []
        found |= {target.partition(":")[0].partition(".")[0] for target in targets}
    return frozenset(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
