"""Plays one unit (a batch of worlds of one arm) into a folder, in this process or in a worker."""

import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch

from populace import arithmetic as arithmetics
from populace import memory, taping, trust
from populace.budget import Budget
from populace.builder import Built
from populace.errors import PopulaceError, Stopped
from populace.rollout import rollout
from populace.run import Run, branch, start
from populace.scenarios.branching import fresh_roles
from populace.scenarios.building import build
from populace.scenarios.recorder import FolderRecorder
from populace.scenarios.runner.folder import players
from populace.scenarios.runner.plan import Unit, torch_threads
from populace.scenarios.runner.system import refused
from populace.scenarios.runner.watching import Progress
from populace.scenarios.schema import Cell, Scenario
from populace.store import Mirror

SAVE_SECONDS = 20.0
"""Time between two saves of a unit in progress."""
LOOK_SECONDS = 0.5
"""Time between two looks at whether the user wants to stop."""


@dataclass(frozen=True)
class Job:
    """What all units of a run have in common; a worker is sent it once.

    Attributes:
        folder: The run folder, or this process's copy of what it needs of one at an address.
        scenario: The scenario; what workers are sent has no cells, as units bring their own.
        device: Where to compute.
        arithmetic: `kernels` or `torch`.
        budget: What language models may spend, shared by all units.
        packages: Plug-ins whose classes the run's saved states may name.
        unit_bytes: Estimated peak memory of the largest unit, or 0 where it is not known.
        save_seconds: Time between two saves of a unit in progress.
        address: The run folder's address in an object store, or None for a folder on a disk.
    """

    folder: Path
    scenario: Scenario
    device: str
    arithmetic: str
    budget: Budget
    packages: frozenset[str]
    unit_bytes: int = 0
    save_seconds: float = field(default_factory=lambda: SAVE_SECONDS)
    address: str | None = None

    def for_workers(self, budget: Budget) -> "Job":
        """The same without what units bring themselves, with a budget that can be reached from other processes."""
        return replace(self, scenario=replace(self.scenario, cells=(), resolved={}), budget=budget)


@dataclass(frozen=True)
class Done:
    """How a unit ended.

    Attributes:
        unit: Its name.
        whole: Whether it is finished; else it was asked to stop, and what was played is saved.
        doubtful: Roles whose servers may have been gone when it ended.
    """

    unit: str
    whole: bool = True
    doubtful: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """How a unit failed, as plain data: an error that cannot be pickled would look like a worker that died.

    Attributes:
        unit: Its name.
        arm: Its arm.
        kind: A `limit` was reached; `storage` refused to take what was played; a `mistake` that its text explains; a
            `fault` of this library or of other code; or the worker `died`.
        message: What is said of it.
        error: Name of the error's class.
        option: The option that holds the limit.
        trace: Where it was raised.
        cause: The error itself, in the process that raised it.
    """

    unit: str
    arm: str
    kind: Literal["limit", "storage", "mistake", "fault", "died"]
    message: str
    error: str = ""
    option: str = ""
    trace: str = ""
    cause: BaseException | None = field(default=None, compare=False)


Outcome = Done | Failed


class Player:
    """Plays units of one run after each other, and keeps what was built for the last arm.

    Args:
        job: What they have in common.
        built: Arm -> what was built for it already.
        mirror: Where what is written goes, if the run folder is at an address.
    """

    def __init__(self, job: Job, built: dict[str, Built] | None = None, mirror: Mirror | None = None) -> None:
        self.job, self.mirror = job, mirror
        self._given = built
        self._last: dict[str, Built] = {}

    def built(self, cell: Cell) -> Built:
        """World, population and policies of an arm."""
        if self._given is not None:
            return self._given[cell.arm]
        if cell.arm not in self._last:
            made = build(cell)
            for policy in made.policies.values():
                policy.spend_from(self.job.budget)
            # An arm that branches off is played beside the one that it is at first.
            self._last = {**dict(list(self._last.items())[-1:]), cell.arm: made}
        return self._last[cell.arm]

    def play(self, unit: Unit, progress: Progress, *, more: bool = True) -> Done:
        """Play one unit to its end, or until asked to stop.

        Args:
            unit: Which.
            progress: Who watches.
            more: Whether others follow that rely on the same servers: then it ends only when none is in doubt.

        Raises:
            KeyboardInterrupt: Raised by who watches; what was played is saved.
            OSError: The system refuses to take what was played.
            PopulaceError: The unit cannot be played, or a limit is reached; what was played before is saved.
        """
        point = unit.cell.branch
        first = None if point is None else self.built(point.cell)
        built = self.built(unit.cell)
        apart = None if self._given is not None else self.job.folder
        with taping.playing(taping.Unit(unit.name, apart)):
            whole = self._play(unit, built, first or built, progress, more)
        doubtful = tuple(role for role, policy in built.policies.items() if policy.in_doubt()) if whole else ()
        return Done(unit.name, whole, doubtful)

    def attempt(self, unit: Unit, progress: Progress) -> Outcome:
        """Play one unit; what goes wrong comes back as data."""
        job = self.job
        try:
            with ExitStack() as stack:
                stack.enter_context(trust.speaking(job.scenario.word))
                stack.enter_context(arithmetics.using(job.arithmetic))
                stack.enter_context(torch_threads(1))
                return self.play(unit, progress)
        except KeyboardInterrupt:
            return Done(unit.name, whole=False)
        except Stopped as error:
            return Failed(unit.name, unit.cell.arm, "limit", str(error), type(error).__name__, error.option)
        except PopulaceError as error:
            return Failed(unit.name, unit.cell.arm, "mistake", str(error), type(error).__name__, trace=_trace())
        except OSError as error:
            short = refused(error, job.folder)
            return Failed(unit.name, unit.cell.arm, "storage", str(short or error), type(error).__name__)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            return Failed(unit.name, unit.cell.arm, "fault", said, type(error).__name__, trace=_trace())

    def _play(self, unit: Unit, built: Built, first: Built, progress: Progress, more: bool) -> bool:
        """Play one unit to its end (True) or until asked to stop (False).

        An arm that branches off another one is played as that one (`first`) up to the branch: a save at this very tick
        is from before it.

        While a policy doubts whether a server that it asks is still there, nothing is saved: should it be gone, the
        run goes on later from before the doubt. A unit that others follow (`more`) ends when there is none.
        """
        scenario, device = self.job.scenario, self.job.device
        cell, census = unit.cell, built.population.census
        if self.mirror is not None:
            self.mirror.pull_unit(unit.name)
        recorder, began_unit = self._recorder(unit, built), time.perf_counter()
        state = recorder.restore(device, self.job.packages)
        if state is None:
            ids = torch.arange(unit.first, unit.first + unit.worlds)
            with memory.told(f"{unit.worlds:,} worlds of {census.size:,} users"):
                state = start(first.world, first.policies, first.population, seed=cell.seed, worlds=ids, device=device)
        progress.moved(state.clock * unit.worlds * census.size)
        sure, chunk, saved = state, 1, time.perf_counter()
        try:
            while state.clock < unit.ticks:
                if progress.stop():
                    recorder.flush(sure)
                    return False
                began, before = time.perf_counter(), state.clock
                progress.playing = True
                playing, last = built, unit.ticks
                if cell.branch is not None and before < cell.branch.at:
                    playing, last = first, cell.branch.at
                with memory.told(f"{unit.worlds:,} worlds of {census.size:,} users"):
                    if cell.branch is not None and before == cell.branch.at:
                        state = branch(
                            built.world, built.policies, state, fresh=fresh_roles(cell), before=first.policies
                        )
                    state = _some(playing, state, min(chunk, last - before), recorder, scenario, cell)
                progress.playing = False
                seconds = time.perf_counter() - began
                progress.moved((state.clock - before) * unit.worlds * census.size)
                chunk = max(1, min(2 * chunk, int(chunk * LOOK_SECONDS / max(seconds, 1e-6))))
                if any(policy.in_doubt() for policy in playing.policies.values()):
                    continue
                sure = state
                if recorder.full or time.perf_counter() - saved > self.job.save_seconds:
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
                arithmetic=arithmetics.current(),
                machine=arithmetics.machine(),
            )
        except (KeyboardInterrupt, PopulaceError):
            progress.playing = False
            if sure.clock:
                recorder.flush(sure)
            raise
        return True

    def _recorder(self, unit: Unit, built: Built) -> FolderRecorder:
        record = self.job.scenario.record
        return FolderRecorder(
            self.job.folder,
            unit.name,
            unit.cell.arm,
            built.population.census,
            every=record.every,
            users=record.users,
            worlds=record.worlds,
            groups=record.groups,
            own=self.job.scenario.own,
            talk=record.talk,
            last=unit.ticks,
            saved=None if self.mirror is None else self.mirror.push_unit,
        )


def _trace() -> str:
    return traceback.format_exc(limit=-20)


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
