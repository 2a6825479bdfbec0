"""The run folder: who may write to it, and what its run.json says."""

import os
import platform
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from populace import registry, trust
from populace.arithmetic import current
from populace.builder import Built
from populace.errors import RunError
from populace.files import kind_of
from populace.folder import read_info
from populace.json_types import JsonObject
from populace.measures import SEAT_MEASURES
from populace.recording import OwnMeasure
from populace.scenarios.branching import fresh_roles
from populace.scenarios.schema import Cell, Scenario
from populace.scenarios.source import dump
from populace.scenarios.telling import told


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


def check_plain(folder: Path) -> None:
    """Refuse a run folder that holds anything but files and folders, before anything is written to it.

    Resuming writes, replaces and deletes files by their names. Through a link in a stranger's folder it would do so
    elsewhere, and a pipe would block it. The folder itself may be named by a link: that is the user's word.

    Raises:
        RunError: There is a link, a pipe, a device or a socket in it.
    """
    for path in sorted(folder.rglob("*")):  # does not follow links to folders
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise RunError(
                f"{path} is {kind_of(mode)}, and a run is resumed in a folder of files and folders only, so that "
                "nothing outside of it is written: delete it, or put a copy of what it leads to in its place"
            )


def what_to_do(folder: Path) -> str:
    """What can be done with a folder that holds something already: the end of an error's sentence."""
    if not (folder / "run.json").exists():
        return ""
    status = read_info(folder).get("status")
    if status == "complete":
        return f", or look at what is there: populace report {folder}"
    return f", or go on with what is there: populace resume {folder}"


def check_sizes(folder: Path, info: JsonObject, arms: Sequence[str]) -> None:
    """Raise RunError where run.json does not say in which batches each arm was begun."""
    sizes = info.get("batches")
    if not isinstance(sizes, dict) or any(type(sizes.get(arm)) is not int or sizes[arm] < 1 for arm in arms):
        raise RunError(f"{folder}/run.json does not say how many worlds of each arm are played at a time (`batches`)")


def describe(scenario: Scenario, built: dict[str, Built], device: str, batch: int | None) -> JsonObject:
    """What run.json says of a run that begins."""
    societies: list[JsonObject] = []
    arms = {}
    for cell in scenario.cells:
        society = _society(cell, built[cell.arm], scenario.own)
        if society not in societies:
            societies.append(society)
        arms[cell.arm] = {
            "base": cell.base_arm,
            "coordinates": cell.coordinates,
            "reference": cell.reference,
            "society": societies.index(society),
            "about": scenario.about_arms.get(cell.base_arm) or _about_branch(cell),
            **({} if cell.branch is None else {"branch": {"from": cell.branch.cell.arm, "at": cell.branch.at}}),
        }
    return {
        "name": scenario.name,
        "about": scenario.about,
        "outcomes": [outcome.model_dump() for outcome in scenario.outcomes],
        **({} if scenario.design is None else {"design": scenario.design.record()}),
        "status": "running",
        "seed": scenario.seed,
        "worlds": scenario.worlds,
        "horizon": scenario.horizon,
        "episodes": scenario.episodes,
        "societies": societies,
        "arms": arms,
        "reference": scenario.reference,
        "device": device,
        "batch": batch,
        "arithmetic": current(),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": versions(),
        "notes": told(scenario, built),
    }


def _about_branch(cell: Cell) -> str:
    """What an arm is that branches off another one and does not say so itself."""
    if cell.branch is None:
        return ""
    first, roles = cell.branch.cell, fresh_roles(cell)
    other = [f"another policy for {' and '.join(roles)}"] if roles else []
    other += ["other options of the world"] if first.world_options != cell.world_options else []
    return f"The same as {first.arm} up to step {cell.branch.at:,}, then {' and '.join(other)}."


def _society(cell: Cell, built: Built, own: Sequence[OwnMeasure]) -> JsonObject:
    """The world and people of an arm, and what its measures mean; arms that share it share one entry in run.json."""
    census = built.population.census
    seats: dict[str, JsonObject] = {}
    for role, policy in built.policies.items():
        declared = {measure.name: measure for measure in (*SEAT_MEASURES, *policy.measures())}
        seats[role] = {name: measure.plain() for name, measure in declared.items()}
    measures = built.world.declared | {name: measure for one in own for name, measure in one.declared.items()}
    return {
        "world": cell.world_id,
        "users": census.size,
        "values": list(census.values),
        "segments": list(census.segments),
        "measures": {name: measure.plain() for name, measure in measures.items()},
        "seat_measures": seats,
        "provenance": getattr(built.population, "provenance", {}),
    }


def players(cell: Cell, built: Built) -> JsonObject:
    """Role -> its policy's name, and what it says of itself."""
    return {role: {"policy": name, **built.policies[role].describe()} for role, (name, _) in cell.agents.items()}


def versions() -> dict[str, str]:
    """Versions of what results may depend on."""
    found = {"python": platform.python_version()}
    for package in ("populace", "torch", "numpy", "numba", "pandas", "pettingzoo", "gymnasium"):
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
    announced = {**{m.id: m.world for m in registry.manifests}, **registry.policies.announced}
    announced |= {f"{m.short}/{name}": target for m in registry.manifests for name, target in m.policies.items()}
    found = set()
    for text in _texts(scenario.resolved):
        # A world's own policies are named by their last part.
        targets = [target for name, target in announced.items() if text in (name, name.rpartition("/")[2])]
        targets += [text] if ":" in text else []
        found |= {target.partition(":")[0].partition(".")[0] for target in targets}
    return frozenset(found - {"populace"})


def check_sendable(scenario: Scenario) -> None:
    """Raise RunError where other processes would not know a name that the scenario uses."""
    known = registry.registered()
    texts = {*_texts(scenario.resolved)}
    for name in sorted(known):
        if name in texts or name.rpartition("/")[2] in texts:
            raise RunError(
                f"{name!r} was registered in this process only, and workers would not know it: name it "
                "`module:attribute`, or announce it by an entry point of an installed package, or play serially"
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
