"""Plays a scenario into its folder: plans its units, has them played by an executor, joins what they wrote."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path

from populace import arithmetic as arithmetics
from populace import memory, trust
from populace.budget import NOTHING
from populace.builder import Built
from populace.errors import PopulaceError, RunError, Stopped
from populace.folder import faulty, read_info, write_info
from populace.json_types import JsonObject
from populace.scenarios.building import build
from populace.scenarios.inputs import (
    check_inputs,
    check_models,
    check_scenario,
    input_claims,
    model_claims,
    scenario_claim,
)
from populace.scenarios.limits import reopened
from populace.scenarios.merging import tidy
from populace.scenarios.runner.completing import complete
from populace.scenarios.runner.executors import SERIAL, Choice, check_guarded
from populace.scenarios.runner.failures import forget, raise_limit, told_of, write_failures
from populace.scenarios.runner.folder import (
    check_plain,
    check_sendable,
    check_sizes,
    describe,
    fresh,
    held,
    packages,
    what_to_do,
    write_scenario,
)
from populace.scenarios.runner.plan import (
    batches,
    check_device,
    check_repeatable,
    preflight,
    threads_for,
    torch_threads,
    units,
)
from populace.scenarios.runner.spending import FolderAccount, check_spent
from populace.scenarios.runner.system import check_threads, last_words, refused, reserve
from populace.scenarios.runner.unit import Failed, Job, Outcome
from populace.scenarios.runner.watching import Progress
from populace.scenarios.schema import Scenario
from populace.store import Mirror, StoreError

_DOUBT = (
    "the last tries at a server in arm {arm!r} failed ({roles}): it may have been gone when the run ended, and seats "
    "have forfeited for it (measures failed and timed_out)"
)


def run(
    scenario: Scenario,
    out: Path | None = None,
    *,
    device: str = "cpu",
    batch: int | None = None,
    threads: int | None = None,
    arithmetic: str | None = None,
    progress: Progress | None = None,
    executor: Choice = SERIAL,
    mirror: Mirror | None = None,
) -> Path:
    """Run every arm of a scenario and return the run folder.

    Args:
        scenario: What `load` returned.
        out: The folder to write; default `runs/<name>-<time>`.
        device: `cpu`, `cuda`, ...
        batch: Worlds at a time; default as many as `plan.BATCH_BYTES` holds. Results do not depend on it.
        threads: Processor threads; default 1 for small runs, else as many as torch uses. Results do not depend on it.
            Workers have one each.
        arithmetic: `kernels` or `torch`; default what is in force (`populace.arithmetic`).
        progress: Who watches.
        executor: Who plays the units. Results do not depend on it.
        mirror: Where `out` is mirrored, for a run folder at an address.

    Raises:
        RunError: The folder exists and holds something.
        PopulaceError: The device or the arithmetic is not there, or a world, policy or population cannot be built.
    """
    check_device(device)
    check_threads(threads)
    if executor.executor != "serial":
        check_guarded()
        check_sendable(scenario)
    with trust.speaking(scenario.word), arithmetics.using(arithmetics.chosen(device, arithmetic)):
        return _run(scenario, out, device, batch, threads, progress or Progress(), executor, mirror)


def _run(
    scenario: Scenario,
    out: Path | None,
    device: str,
    batch: int | None,
    threads: int | None,
    progress: Progress,
    executor: Choice,
    mirror: Mirror | None,
) -> Path:
    check_repeatable(scenario, executor.executor == "serial")
    ready = preflight(scenario, device)
    built = {arm: one.built for arm, one in ready.items()}
    folder = out if out is not None else fresh(scenario.name)
    sizes = batches(ready, batch, executor.size, device)
    info = describe(scenario, built, device, batch) | {"batches": sizes}
    info["unit_bytes"] = max(size * ready[arm].peak_bytes for arm, size in sizes.items())
    info["inputs"] = input_claims(scenario.word)
    if models := model_claims(scenario):
        info["models"] = models
    for note in info["notes"]:
        progress.told(note)
    peak = executor.size * info["unit_bytes"]
    if executor.address is None and (left := memory.free(device)) is not None and peak > left:
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
            if mirror is not None:
                mirror.push_last()
        except StoreError as error:
            raise RunError(str(error)) from None
        except OSError as error:
            for name in ("scenario.yaml", "run.json"):
                (folder / name).unlink(missing_ok=True)
            raise RunError(f"cannot write to {folder}: {error.strerror}; name another --out") from None
        return _play(folder, scenario, built, info, progress, executor, mirror)


def resume(
    folder: Path,
    *,
    sets: Sequence[str] = (),
    device: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Choice = SERIAL,
    only: Sequence[str] = (),
    mirror: Mirror | None = None,
) -> Path:
    """Go on with a run that was interrupted; the result is bit-identical to one that was not.

    Args:
        folder: The run folder.
        sets: Overrides `dotted.key=value` of options that change a run's time, memory or cost and not its results
            (`Options.changeable`): a raised budget of a language model.
        device: Where to compute; default where it ran.
        threads: Processor threads, as for `run`.
        progress: Who watches.
        executor: Who plays the units that are left; it need not be the one that the run began with.
        only: Names of units to be played alone; none for all that are left.
        mirror: Where the folder is mirrored, for a run folder at an address.

    Raises:
        RunError: The folder is no run, it is complete, or it holds a link; or an override, a device, a machine without
            the run's arithmetic, a changed scenario or a changed input file would make another run of it; or what it
            has spent cannot be told.
    """
    read_info(folder)
    check_threads(threads)
    with held(folder):
        check_plain(folder)
        info = read_info(folder)
        if info["status"] == "complete":
            raise RunError(f"{folder} is complete: there is nothing to resume; see `populace report {folder}`")
        check_scenario(folder, info)
        check_spent(folder, info)
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
            check_repeatable(scenario, executor.executor == "serial")
            if executor.executor != "serial":
                check_sendable(scenario)
            with torch_threads(threads or threads_for(scenario, built)):
                return _play(folder, scenario, built, info, progress or Progress(), executor, mirror, only)


def _its_arithmetic(folder: Path, info: JsonObject, device: str) -> str:
    """What the run was computed by, if it can go on so; runs of before there was a choice were computed by torch."""
    try:
        if info.get("compiled", False):
            raise PopulaceError("compiled torch (--compile), which computed it, is no more: begin a new run")
        return arithmetics.chosen(device, info.get("arithmetic", "torch"))
    except PopulaceError as error:
        raise RunError(f"{folder} cannot be resumed here, for its results would change: {error}") from None


def _play(
    folder: Path,
    scenario: Scenario,
    built: dict[str, Built],
    info: JsonObject,
    progress: Progress,
    executor: Choice,
    mirror: Mirror | None,
    only: Sequence[str] = (),
) -> Path:
    info["status"] = "running"
    info.pop("error", None)
    info.pop("warnings", None)
    account = FolderAccount(folder, scenario.limit, mirror)
    for one in built.values():
        for policy in one.policies.values():
            policy.spend_from(account)
    todo = units(scenario, info["batches"])
    if unknown := sorted(set(only) - {unit.name for unit in todo}):
        raise RunError(f"{folder} has no unit {unknown[0]!r}; units are named {todo[0].name} to {todo[-1].name}")
    try:
        reserve(folder, info)
        write_info(folder, info)
    except OSError as error:
        raise refused(error, folder) or error from error
    # A unit whose parts were lost or damaged since is played again, to the same bits.
    missing = [unit for unit in todo if faulty(folder, unit.name)]
    wanted = [unit for unit in missing if not only or unit.name in only]
    job = Job(
        folder,
        scenario,
        info["device"],
        arithmetics.current(),
        account,
        packages(scenario),
        unit_bytes=info.get("unit_bytes", 0),
        address=None if mirror is None else mirror.store.address,
    )
    left, failures, doubtful = {unit.name: unit for unit in missing}, list[Failed](), dict[str, tuple[str, ...]]()
    try:
        with ExitStack() as stack:
            outcomes = executor.made()(job, built, wanted, progress) if wanted else _nothing()
            for outcome in stack.enter_context(closing(outcomes)):
                if isinstance(outcome, Failed):
                    raise_limit(folder, scenario, outcome)
                    failures.append(outcome)
                elif outcome.whole:
                    arm = left.pop(outcome.unit).cell.arm
                    forget(folder, outcome.unit)
                    doubtful[arm] = outcome.doubtful
        if failures:
            write_failures(folder, failures)
            raise told_of(folder, failures, len(todo))
        if left:
            info["status"] = "interrupted"
            return folder
        if roles := [(arm, roles) for arm, roles in doubtful.items() if roles]:
            arm, names = roles[-1]
            info["warnings"] = [_DOUBT.format(arm=arm, roles=", ".join(names))]
        if mirror is not None:
            mirror.pull_finished()
        complete(folder, scenario, todo, info)
    except Stopped as error:
        info["status"], info["error"] = "interrupted", f"{type(error).__name__}: {error}"
        raise
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
        last_words(folder, info, mirror)
    if read_info(folder)["status"] != "complete":
        raise RunError(f"{folder}/run.json could not be written at the end; go on with: populace resume {folder}")
    tidy(folder)
    if mirror is not None:
        mirror.tidy()
    return folder


def _nothing() -> Generator[Outcome, None, None]:
    """What comes of units where none is left to be played."""
    yield from ()
