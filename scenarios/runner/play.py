"""Plays a scenario into its folder, arm by arm and batch by batch."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from populace import arithmetic as arithmetics
from populace import memory, trust
from populace.budget import NOTHING
from populace.builder import Built
from populace.errors import PopulaceError, RunError, Stopped
from populace.folder import faulty, mark_path, read_info, read_json, write_info
from populace.rollout import rollout
from populace.run import Run, start
from populace.scenarios.building import build
from populace.scenarios.inputs import (
    check_inputs,
    check_models,
    check_scenario,
    input_claims,
    model_claims,
    scenario_claim,
)
from populace.scenarios.limits import how_to_go_on, reopened
from populace.scenarios.merging import merge, tidy, undefined, write_timings
from populace.scenarios.recorder import FolderRecorder
from populace.scenarios.runner.folder import (
    describe,
    fresh,
    held,
    packages,
    players,
    what_to_do,
    write_scenario,
)
from populace.scenarios.runner.plan import (
    Unit,
    batches,
    check_device,
    preflight,
    threads_for,
    torch_threads,
    units,
)
from populace.scenarios.runner.spending import FolderAccount
from populace.scenarios.runner.system import check_threads, last_words, refused, reserve
from populace.scenarios.schema import Cell, Scenario

SAVE_SECONDS = 20.0
"""Time between two saves of a run in progress."""
LOOK_SECONDS = 0.5
"""Time between two looks at whether the user wants to stop."""
_DOUBT = (
    "the last tries at a server in arm {arm!r} failed ({roles}): it may have been gone when the run ended, and seats "
    "have forfeited for it (measures failed and timed_out)"
)


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
    told: Callable[[str], None] = lambda note: None
    """Called before anything is played with each thing that is no mistake and should be known."""


def run(
    scenario: Scenario,
    out: Path | None = None,
    *,
    device: str = "cpu",
    batch: int | None = None,
    threads: int | None = None,
    arithmetic: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Run every arm of a scenario and return the run folder.

    Args:
        scenario: What `load` returned.
        out: The folder to write; default `runs/<name>-<time>`.
        device: `cpu`, `cuda`, ...
        batch: Worlds at a time; default as many as `plan.BATCH_BYTES` holds. Results do not depend on it.
        threads: Processor threads; default 1 for small runs, else as many as torch uses. Results do not depend on it.
        arithmetic: `kernels` or `torch`; default what is in force (`populace.arithmetic`).
        progress: Who watches.

    Raises:
        RunError: The folder exists and holds something.
        PopulaceError: The device or the arithmetic is not there, or a world, policy or population cannot be built.
    """
    check_device(device)
    check_threads(threads)
    with trust.speaking(scenario.word), arithmetics.using(arithmetics.chosen(device, arithmetic)):
        return _run(scenario, out, device, batch, threads, progress or Progress())


def _run(
    scenario: Scenario, out: Path | None, device: str, batch: int | None, threads: int | None, progress: Progress
) -> Path:
    ready = preflight(scenario, device)
    built = {arm: one.built for arm, one in ready.items()}
    folder = out if out is not None else fresh(scenario.name)
    info = describe(scenario, built, device, batch) | {"batches": batches(ready, batch)}
    info["inputs"] = input_claims(scenario.word)
    if models := model_claims(scenario):
        info["models"] = models
    for note in info["notes"] if progress is not None else ():
        progress.told(note)
    peak = max(size * ready[arm].peak_bytes for arm, size in info["batches"].items())
    if (left := memory.free(device)) is not None and peak > left:
        progress.told(
            f"about {memory.size(peak)} of memory are needed at the peak, and {memory.size(left)} are free: "
            f"{memory.SMALLER}"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make the run folder {folder}: {error.strerror}; name another --out") from None
    with held(folder), torch_threads(threads or threads_for(scenario, built)):
        if any(folder.iterdir()):
            raise RunError(f"{folder} holds something already: name another --out{what_to_do(folder)}")
        try:
            write_scenario(folder, scenario)
            info["scenario"] = scenario_claim(folder / "scenario.yaml", scenario)
            write_info(folder, info)
        except OSError as error:
            for name in ("scenario.yaml", "run.json"):
                (folder / name).unlink(missing_ok=True)
            raise RunError(f"cannot write to {folder}: {error.strerror}; name another --out") from None
        return _play(folder, scenario, built, info, progress)


def resume(
    folder: Path,
    *,
    sets: Sequence[str] = (),
    device: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Go on with a run that was interrupted; the result is bit-identical to one that was not.

    Args:
        folder: The run folder.
        sets: Overrides `dotted.key=value` of options that bear on what the run takes and not on what comes out of it
            (`Options.changeable`): a raised budget of a language model.
        device: Where to compute; default where it ran.
        threads: Processor threads, as for `run`.
        progress: Who watches.

    Raises:
        RunError: The folder is no run, or it is complete, or an override, a device, a machine without the run's
            arithmetic, a changed scenario or a changed input file would make another run of it.
    """
    read_info(folder)
    check_threads(threads)
    with held(folder):
        info = read_info(folder)
        if info["status"] == "complete":
            raise RunError(f"{folder} is complete: there is nothing to resume; see `populace report {folder}`")
        check_scenario(folder, info)
        scenario = reopened(folder / "scenario.yaml", sets)
        device = device or info["device"]
        check_device(device)
        with trust.speaking(scenario.word), arithmetics.using(_its_arithmetic(folder, info, device)):
            built = {cell.arm: build(cell) for cell in scenario.cells}
            check_inputs(folder, info, scenario.word)
            check_models(folder, info, scenario)
            if sets:
                info["set"] = [*info.get("set", []), *sets]
                write_scenario(folder, scenario)
            info = {**info, "device": device}
            check_sizes(folder, info, [cell.arm for cell in scenario.cells])
            with torch_threads(threads or threads_for(scenario, built)):
                return _play(folder, scenario, built, info, progress or Progress())


def check_sizes(folder: Path, info: dict[str, Any], arms: Sequence[str]) -> None:
    """Raise RunError where run.json does not say in which batches each arm was begun."""
    sizes = info.get("batches")
    if not isinstance(sizes, dict) or any(type(sizes.get(arm)) is not int or sizes[arm] < 1 for arm in arms):
        raise RunError(f"{folder}/run.json does not say how many worlds of each arm are played at a time (`batches`)")


def _its_arithmetic(folder: Path, info: dict[str, Any], device: str) -> str:
    """What the run was computed by, if it can go on so; runs of before there was a choice were computed by torch."""
    try:
        return arithmetics.chosen(device, info.get("arithmetic", "torch"))
    except PopulaceError as error:
        raise RunError(f"{folder} cannot be resumed here, for its results would change: {error}") from None


def _play(folder: Path, scenario: Scenario, built: dict[str, Built], info: dict[str, Any], progress: Progress) -> Path:
    info["status"] = "running"
    info.pop("error", None)
    info.pop("warnings", None)
    account = FolderAccount(folder, scenario.limit)
    for one in built.values():
        for policy in one.policies.values():
            policy.spend_from(account)
    todo = units(scenario, info["batches"])
    try:
        reserve(folder, info)
        write_info(folder, info)
    except OSError as error:
        raise refused(error, folder) or error from error
    # A unit whose parts were lost or damaged since is played again, to the same bits.
    missing = {unit.name for unit in todo if faulty(folder, unit.name)}
    try:
        for arm in built:
            mine = [unit for unit in todo if unit.cell.arm == arm]
            users = built[arm].population.census.size
            done = sum(unit.agent_ticks for unit in mine if unit.name not in missing)
            progress.begun(arm, done * users, sum(unit.agent_ticks for unit in mine) * users)
            for unit in mine:
                if unit.name not in missing:
                    continue
                missing.remove(unit.name)
                if not _play_unit(folder, unit, built[arm], scenario, info["device"], progress, bool(missing)):
                    info["status"] = "interrupted"
                    return folder
        doubtful = [role for role, policy in built[arm].policies.items() if policy.in_doubt()]
        if doubtful:
            info["warnings"] = [_DOUBT.format(arm=arm, roles=", ".join(doubtful))]
        _complete(folder, todo, info)
    except Stopped as error:
        info["status"], info["error"] = "interrupted", f"{type(error).__name__}: {error}"
        raise type(error)(f"{error}; {how_to_go_on(folder, scenario, arm, error.option)}", error.option) from error
    except BaseException as error:
        short = refused(error, folder)
        resumable = isinstance(error, KeyboardInterrupt) or short is not None
        info["status"] = "interrupted" if resumable else "failed"
        info["error"] = f"{type(short or error).__name__}: {short or error}"
        if isinstance(error, KeyboardInterrupt) and progress.stop():
            return folder  # as it was asked to
        if short is not None:
            raise short from error
        raise
    finally:
        if account.spent != NOTHING:
            info["spent"] = asdict(account.spent)
        last_words(folder, info)
    if read_info(folder)["status"] != "complete":
        raise RunError(f"{folder}/run.json could not be written at the end; go on with: populace resume {folder}")
    tidy(folder)
    return folder


def _complete(folder: Path, todo: Sequence[Unit], info: dict[str, Any]) -> None:
    """Join the parts of all units, and take over into `info` what their marks say.

    Raises:
        RunError: A unit is damaged.
    """
    for unit in todo:
        if fault := faulty(folder, unit.name):
            raise RunError(f"{folder}: {fault}; play it again with: populace resume {folder}")
    marks = [read_json(mark_path(folder, unit.name)) or {} for unit in todo]
    info["tables"] = merge(folder, [unit.name for unit in todo])
    write_timings(folder, marks)
    info["players"] = {mark["arm"]: mark["players"] for mark in marks}
    info["undefined"] = undefined(marks)
    info["status"] = "complete"


def _play_unit(
    folder: Path, unit: Unit, built: Built, scenario: Scenario, device: str, progress: Progress, more: bool
) -> bool:
    """Play one unit to its end (True) or until asked to stop (False).

    While a policy doubts whether a server that it asks is still there, nothing is saved: should it be gone, the run
    goes on later from before the doubt. A unit that others follow (`more`) ends when there is none.
    """
    cell, census = unit.cell, built.population.census
    recorder, began_unit = _recorder(folder, unit, built, scenario), time.perf_counter()
    state = recorder.restore(device, packages(scenario))
    if state is None:
        ids = torch.arange(unit.first, unit.first + unit.worlds)
        with memory.told(f"{unit.worlds:,} worlds of {census.size:,} users"):
            state = start(built.world, built.policies, built.population, seed=cell.seed, worlds=ids, device=device)
    progress.moved(state.clock * unit.worlds * census.size)
    sure, chunk, saved = state, 1, time.perf_counter()
    try:
        while state.clock < unit.ticks:
            if progress.stop():
                recorder.flush(sure)
                return False
            began, before = time.perf_counter(), state.clock
            progress.playing = True
            with memory.told(f"{unit.worlds:,} worlds of {census.size:,} users"):
                state = _some(built, state, min(chunk, unit.ticks - state.clock), recorder, scenario, cell)
            progress.playing = False
            seconds = time.perf_counter() - began
            progress.moved((state.clock - before) * unit.worlds * census.size)
            chunk = max(1, min(2 * chunk, int(chunk * LOOK_SECONDS / max(seconds, 1e-6))))
            if any(policy.in_doubt() for policy in built.policies.values()):
                continue
            sure = state
            if recorder.full or time.perf_counter() - saved > SAVE_SECONDS:
                recorder.flush(state)
                saved = time.perf_counter()
        for policy in built.policies.values() if more else ():
            policy.settle()
        recorder.finish(
            state,
            first=unit.first,
            worlds=unit.worlds,
            ticks=unit.ticks,
            seconds=round(time.perf_counter() - began_unit, 3),
            players=players(cell, built),
        )
    except (KeyboardInterrupt, PopulaceError):
        progress.playing = False
        if sure.clock:
            recorder.flush(sure)
        raise
    return True


def _recorder(folder: Path, unit: Unit, built: Built, scenario: Scenario) -> FolderRecorder:
    record = scenario.record
    return FolderRecorder(
        folder,
        unit.name,
        unit.cell.arm,
        built.population.census,
        every=record.every,
        users=record.users,
        worlds=record.worlds,
        groups=record.groups,
        own=scenario.own,
        talk=record.talk,
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
