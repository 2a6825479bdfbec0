"""Runs a scenario into a folder, arm by arm and batch by batch; what is cut off can be resumed to the same bits."""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from populace import tree
from populace.compiling import is_compiled
from populace.errors import PopulaceError, RunError, Stopped
from populace.rollout import rollout
from populace.run import Run, start
from populace.scenarios.build import Built, build
from populace.scenarios.raising import how_to_go_on, reopened
from populace.scenarios.recorder import FolderRecorder, merge, tidy
from populace.scenarios.schema import Cell, Scenario
from populace.scenarios.source import dump

BATCH_BYTES = 2 << 30
"""Memory a batch of worlds may need at its peak; more worlds than fit are run one batch after another."""
PEAK = 6
"""Peak over state, assumed when batches are sized: observations and temporaries come on top of the state."""
SAVE_SECONDS = 20.0
"""Time between two saves of a run in progress."""
LOOK_SECONDS = 0.5
"""Time between two looks at whether the user wants to stop."""


SMALL = 1 << 21
"""Numbers (worlds x users x values) up to which one thread is faster: more would wait for one another."""


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Within this block torch uses `count` threads (None: as many as before). Results do not depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(scenario: Scenario) -> int | None:
    """1 for a scenario that is small in every arm, else None: all there are."""
    most = 0
    for cell in scenario.cells:
        census = build(cell).population.census
        most = max(most, cell.worlds * census.size * max(1, len(census.values)))
    return 1 if most <= SMALL else None


@dataclass
class Progress:
    """What a caller may watch and ask for while a scenario runs; the defaults watch nothing."""

    begun: Callable[[str, int, int], None] = lambda arm, done, total: None
    """Called with an arm's name, its agent-ticks done before, and in total."""
    moved: Callable[[int], None] = lambda agent_ticks: None
    """Called with the agent-ticks played since the last call."""
    stop: Callable[[], bool] = lambda: False
    """Asked about twice a second; True saves the run and ends it, to be resumed. Where a tick takes long, whoever
    watches may raise KeyboardInterrupt too: what was played before this tick is saved."""
    playing: bool = False
    """Set while ticks are played, when nothing is written."""


@dataclass(frozen=True)
class Unit:
    """One arm's batch of worlds: what is run, saved and resumed as a whole."""

    name: str
    cell: Cell
    first: int
    worlds: int
    ticks: int = field(default=0)

    @property
    def agent_ticks(self) -> int:
        """Users times worlds times ticks."""
        return self.worlds * self.ticks


def run(
    scenario: Scenario,
    out: Path | None = None,
    *,
    device: str = "cpu",
    batch: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Run every arm of a scenario and return the run folder.

    Args:
        scenario: What `load` returned.
        out: The folder to write; default `runs/<name>-<time>`.
        device: `cpu`, `cuda`, ...
        batch: Worlds at a time; default what `BATCH_BYTES` holds. Results do not depend on it.
        progress: Who watches.

    Raises:
        RunError: The folder exists and holds something.
        PopulaceError: The device is not there, or a world, policy or population cannot be built.
    """
    built = preflight(scenario, device)
    folder = out if out is not None else _fresh(scenario.name)
    info = _describe(scenario, built, device, batch)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make the run folder {folder}: {error.strerror}; name another --out") from None
    with _held(folder):
        if any(folder.iterdir()):
            raise RunError(f"{folder} holds something already: name another --out{_what_to_do(folder)}")
        try:
            (folder / "scenario.yaml").write_text(dump(scenario.resolved), encoding="utf-8")
        except OSError as error:
            raise RunError(f"cannot write to {folder}: {error.strerror}; name another --out") from None
        _write_info(folder, info)
        return _play(folder, scenario, built, info, progress or Progress())


@contextmanager
def _held(folder: Path) -> Iterator[None]:
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


def _what_to_do(folder: Path) -> str:
    if not (folder / "run.json").exists():
        return ""
    status = read_info(folder).get("status")
    if status == "complete":
        return f", or look at what is there: populace report {folder}"
    return f", or go on with what is there: populace resume {folder}"


def resume(
    folder: Path, *, sets: Sequence[str] = (), device: str | None = None, progress: Progress | None = None
) -> Path:
    """Go on with a run that was interrupted; the result is bit-identical to one that was not.

    Args:
        folder: The run folder.
        sets: Overrides `dotted.key=value` of options that bear on what the run takes and not on what comes out of it
            (`Options.free`): a raised budget of a language model.
        device: Where to compute; default where it ran.
        progress: Who watches.

    Raises:
        RunError: The folder is no run, or it is complete, or an override would make another run of it.
    """
    read_info(folder)
    with _held(folder):
        info = read_info(folder)
        if info["status"] == "complete":
            raise RunError(f"{folder} is complete: there is nothing to resume; see `populace report {folder}`")
        scenario = reopened(folder / "scenario.yaml", sets)
        device = device or info["device"]
        check_device(device)
        built = {cell.arm: build(cell) for cell in scenario.cells}
        if sets:
            info["set"] = [*info.get("set", []), *sets]
            (folder / "scenario.yaml").write_text(dump(scenario.resolved), encoding="utf-8")
        return _play(folder, scenario, built, {**info, "device": device}, progress or Progress())


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


def preflight(scenario: Scenario, device: str = "cpu") -> dict[str, Built]:
    """Build every arm and begin one world of it, so that what cannot begin is told before anything runs.

    Raises:
        PopulaceError: An arm cannot be built or begun; the text names it.
    """
    check_device(device)
    built = {}
    for cell in scenario.cells:
        made = built[cell.arm] = build(cell)
        try:
            for role, policy in made.policies.items():
                policy.fit(made.world.role(role), made.world.dialogue())
            start(made.world, made.policies, made.population, seed=cell.seed, worlds=1, device=device)
        except PopulaceError as error:
            place = f"{scenario.file}: " if scenario.file else ""
            raise PopulaceError(f"{place}arm {cell.arm!r} cannot begin: {error}") from error
    return built


def check_device(device: str) -> None:
    """Raise PopulaceError when torch has no such device."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise PopulaceError(
            f"device {device!r} is not available here ({str(error).splitlines()[0]}); try cpu"
        ) from None


def units(scenario: Scenario, built: dict[str, Built], batch: int | None) -> list[Unit]:
    """The batches of every arm, in the order they are run."""
    found = []
    for index, cell in enumerate(scenario.cells):
        census = built[cell.arm].population.census
        a_world = census.size * (4 * max(len(census.values), 1) + 64) * PEAK
        size = batch or max(1, min(cell.worlds, BATCH_BYTES // a_world))
        for number, first in enumerate(range(0, cell.worlds, size)):
            worlds = min(size, cell.worlds - first)
            found.append(Unit(f"{index:04d}_{number:05d}", cell, first, worlds, cell.horizon * cell.episodes))
    return found


def _play(folder: Path, scenario: Scenario, built: dict[str, Built], info: dict[str, Any], progress: Progress) -> Path:
    info["status"] = "running"
    info.pop("error", None)
    todo = units(scenario, built, info["batch"])
    # A batch whose parts were lost since is run again, to the same bits.
    kept = {unit.name for unit in todo if _recorder(folder, unit, built, scenario).whole(unit.ticks)}
    finished: dict[str, int] = {name: ticks for name, ticks in info["finished"].items() if name in kept}
    info["finished"] = finished
    _write_info(folder, info)
    arms = list(built)
    try:
        for arm in arms:
            mine = [unit for unit in todo if unit.cell.arm == arm]
            users = built[arm].population.census.size
            done = sum(unit.agent_ticks for unit in mine if unit.name in finished)
            progress.begun(arm, done * users, sum(unit.agent_ticks for unit in mine) * users)
            for unit in mine:
                if unit.name in finished:
                    continue
                began = time.perf_counter()
                whole = _play_unit(folder, unit, built[arm], scenario, info["device"], progress)
                seconds = info["timings"].setdefault(arm, 0.0) + time.perf_counter() - began
                info["timings"][arm] = round(seconds, 3)
                if not whole:
                    info["status"] = "interrupted"
                    return folder
                finished[unit.name] = unit.ticks
                info.setdefault("players", {})[arm] = _players(unit.cell, built[arm])
                _write_info(folder, info)
        merge(folder)
        info["status"] = "complete"
    except Stopped as error:
        info["status"], info["error"] = "interrupted", f"{type(error).__name__}: {error}"
        raise type(error)(f"{error}; {how_to_go_on(folder, scenario, arm, error.option)}", error.option) from error
    except BaseException as error:
        info["status"] = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        info["error"] = f"{type(error).__name__}: {error}"
        if isinstance(error, KeyboardInterrupt) and progress.stop():
            return folder  # as it was asked to
        raise
    finally:
        _write_info(folder, info)
    tidy(folder)
    return folder


def _play_unit(folder: Path, unit: Unit, built: Built, scenario: Scenario, device: str, progress: Progress) -> bool:
    """Play one unit to its end (True) or until asked to stop (False)."""
    cell, census = unit.cell, built.population.census
    recorder = _recorder(folder, unit, {cell.arm: built}, scenario)
    state = recorder.restore(device)
    if state is None:
        ids = torch.arange(unit.first, unit.first + unit.worlds)
        state = start(built.world, built.policies, built.population, seed=cell.seed, worlds=ids, device=device)
    progress.moved(state.clock * unit.worlds * census.size)
    chunk, saved = 1, time.perf_counter()
    try:
        while state.clock < unit.ticks:
            if progress.stop():
                recorder.flush(state)
                return False
            began, before = time.perf_counter(), state.clock
            progress.playing = True
            state = _some(built, state, min(chunk, unit.ticks - state.clock), recorder, scenario, cell)
            progress.playing = False
            seconds = time.perf_counter() - began
            progress.moved((state.clock - before) * unit.worlds * census.size)
            chunk = max(1, min(2 * chunk, int(chunk * LOOK_SECONDS / max(seconds, 1e-6))))
            if recorder.full or time.perf_counter() - saved > SAVE_SECONDS:
                recorder.flush(state)
                saved = time.perf_counter()
        recorder.flush(state)
    except (KeyboardInterrupt, PopulaceError):
        progress.playing = False
        if state.clock:
            recorder.flush(state)
        raise
    return True


def _recorder(folder: Path, unit: Unit, built: dict[str, Built], scenario: Scenario) -> FolderRecorder:
    record, arm = scenario.record, unit.cell.arm
    return FolderRecorder(
        folder,
        unit.name,
        arm,
        built[arm].population.census,
        every=record.every,
        users=record.users,
        worlds=record.worlds,
        groups=record.groups,
        last=unit.ticks,
    )


def _some(built: Built, state: Run, ticks: int, recorder: FolderRecorder, scenario: Scenario, cell: Cell) -> Run:
    return rollout(
        built.world,
        built.policies,
        state,
        ticks,
        recorder,
        horizon=cell.horizon if cell.episodes > 1 else None,
        at_end=scenario.at_end,
        learn_every=scenario.learn_every or cell.horizon,
    )


@dataclass(frozen=True)
class Estimate:
    """What a run would cost, measured on a few ticks of a few worlds.

    Attributes:
        arms: Arms, sweep cells included.
        worlds: Worlds an arm.
        users: Users a world.
        ticks: Ticks an arm's world lives.
        state_bytes: Bytes of state a world.
        peak_bytes: Estimated peak of one batch.
        seconds: Estimated time for all arms.
    """

    arms: int
    worlds: int
    users: int
    ticks: int
    state_bytes: int
    peak_bytes: int
    seconds: float


def estimate(scenario: Scenario, device: str = "cpu", batch: int | None = None) -> Estimate:
    """Play a few ticks of a few worlds of the first arm and extrapolate; writes nothing."""
    check_device(device)
    cell = scenario.cells[0]
    built = build(cell)
    plan = units(scenario, {c.arm: built for c in scenario.cells}, batch)
    few = max(1, min(plan[0].worlds, 100_000 // max(built.population.census.size, 1)))
    state = start(built.world, built.policies, built.population, seed=cell.seed, worlds=few, device=device)
    per_world = tree.nbytes(state) // few
    state = rollout(built.world, built.policies, state, 1)
    ticks, began = 0, time.perf_counter()
    while time.perf_counter() - began < 1.0 and ticks < max(1, plan[0].ticks - 1):
        state = rollout(built.world, built.policies, state, 1)
        ticks += 1
    a_world_tick = (time.perf_counter() - began) / (ticks * few)
    seconds = a_world_tick * sum(unit.agent_ticks for unit in plan)
    peak = per_world * max(unit.worlds for unit in plan) * 3
    users = built.population.census.size
    return Estimate(len(scenario.cells), cell.worlds, users, plan[0].ticks, per_world, peak, seconds)


def _describe(scenario: Scenario, built: dict[str, Built], device: str, batch: int | None) -> dict[str, Any]:
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


def _players(cell: Cell, built: Built) -> dict[str, Any]:
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


def _fresh(name: str) -> Path:
    stem = Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    folder, number = stem, 1
    while folder.exists():
        number += 1
        folder = stem.with_name(f"{stem.name}-{number}")
    return folder


def _write_info(folder: Path, info: dict[str, Any]) -> None:
    partial = folder / "run.json.part"
    partial.write_text(json.dumps(info, indent=1, ensure_ascii=False), encoding="utf-8")
    partial.replace(folder / "run.json")
