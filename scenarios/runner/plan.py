"""What a run is made of: its arms built and tried, its batches of worlds, its threads."""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from populace import memory, tree, trust
from populace.agents.llm.backends.model import ModelOptions
from populace.builder import Built
from populace.errors import PopulaceError, RunError
from populace.options import Options
from populace.policy import Learner
from populace.recording import check
from populace.rollout import rollout
from populace.run import start
from populace.scenarios.building import build
from populace.scenarios.schema import Cell, Scenario

BATCH_BYTES = 2 << 30
"""Memory that a batch of worlds may need at its peak; more worlds than fit are run one batch after another."""
PEAK = 12
"""Peak memory of a rollout over the bytes of its worlds as they begin: observations and temporaries come on top.
Measured for the library's scenarios: 2 to 12, except for payoff's policies that look ahead, which take up to 82."""
LESSON = 8
"""Peak memory of a lesson over the bytes of the trajectory that a learner learns from; measured: 3 to 6."""
TRIED = 1 << 14
"""Users in the larger of the two batches that are timed to find out below which size worlds cost much more."""
DEARER = 1.5
"""What a world in the smallest batch may cost, relative to its cost among very many."""
SMALL = 1 << 21
"""Numbers (worlds x users x values) up to which one thread is faster: more would wait for one another."""


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Within this block torch uses `count` threads (None: as many as before). Results do not depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(scenario: Scenario, built: Mapping[str, Built]) -> int | None:
    """1 for a scenario that is small in every arm, else None: all there are."""
    most = 0
    for cell in scenario.cells:
        census = built[cell.arm].population.census
        most = max(most, cell.worlds * census.size * max(1, len(census.values)))
    return 1 if most <= SMALL else None


@dataclass(frozen=True)
class Ready:
    """One arm, built and tried.

    Attributes:
        cell: The arm.
        built: Its world, policies and population.
        world_bytes: Bytes of one world as it begins: people, state and the policies' memories.
        lesson_bytes: Bytes that its learners remember of one world between two lessons.
    """

    cell: Cell
    built: Built
    world_bytes: int
    lesson_bytes: int

    @property
    def peak_bytes(self) -> int:
        """Bytes that one world of a batch may need at its peak, as estimated."""
        return PEAK * self.world_bytes + LESSON * self.lesson_bytes


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


def preflight(scenario: Scenario, device: str = "cpu") -> dict[str, Ready]:
    """Build every arm and begin one world of it, so that faults at the start are reported before anything runs.

    Raises:
        PopulaceError: An arm cannot be built or begun; the text names it.
    """
    check_device(device)
    ready, shapes = {}, {}
    for cell in scenario.cells:
        built = build(cell)
        try:
            with trust.speaking(scenario.word):
                for role, policy in built.policies.items():
                    policy.check_role(built.world.role(role), built.world.dialogue())
                    ticks = scenario.learn_every or cell.horizon
                    if isinstance(policy, Learner) and ticks <= cell.horizon * cell.episodes:
                        policy.check_lesson(built.world.role(role), ticks)
                _check_room(built, device)
                with memory.told(f"a world of {built.population.census.size:,} users"):
                    begun = start(
                        built.world, built.policies, built.population, seed=cell.seed, worlds=1, device=device
                    )
                check(scenario.own, built.world, begun)
        except (trust.NeedsWord, RunError):
            raise
        except PopulaceError as error:
            place = f"{scenario.file}: " if scenario.file else ""
            raise PopulaceError(f"{place}arm {cell.arm!r} cannot begin: {error}") from error
        shapes[cell.arm] = [(tuple(x.shape), x.dtype) for x in tree.tensors((begun.people, begun.state))]
        lesson = _tick_bytes(built) * (scenario.learn_every or cell.horizon)
        ready[cell.arm] = Ready(cell, built, tree.nbytes(begun, shared=False), lesson)
    for cell in scenario.cells:
        if cell.branch is not None and shapes[cell.arm] != shapes[cell.branch.cell.arm]:
            raise PopulaceError(
                f"arm {cell.arm!r} cannot branch off {cell.branch.cell.arm!r}: its options of the world give people or "
                "state other fields or sizes, so that it cannot go on from there"
            )
    return ready


def check_repeatable(scenario: Scenario, serial: bool) -> None:
    """Refuse arms that branch off one whose models would reply otherwise when they are asked again.

    Raises:
        RunError: A server is asked without a tape, or by several workers that do not share one.
    """
    for cell in scenario.cells:
        for options in models_of(cell.branch.cell) if cell.branch is not None else ():
            what = (
                f"arm {cell.arm!r} plays {cell.branch.cell.arm!r} up to tick {cell.branch.at:,}" if cell.branch else ""
            )
            if not options.repeats and options.tape is None:
                raise RunError(
                    f"{what}, and a server need not give the same replies again: give its policy a `tape`, the file in "
                    "which they are kept"
                )
            if not options.repeats and not serial:
                raise RunError(
                    f"{what} from the tape of its server's replies, which workers do not share: play serially"
                )


def _check_room(built: Built, device: str) -> None:
    """Refuse a world whose people and first state cannot be held, before the system ends the process for it."""
    census = built.population.census
    numbers = len(census.values) + len(census.traits) + 2  # and the segment, of eight bytes
    memory.check(2 * 4 * numbers * census.size, f"a world of {census.size:,} users", device)


def _tick_bytes(built: Built) -> int:
    """Bytes of one world's `Transition`s of one tick, for all learners."""
    total = 0
    for name, policy in built.policies.items():
        role = built.world.role(name)
        for phase in role.phases if isinstance(policy, Learner) else ():
            seen, done = role.seen_in(phase, policy.privileged), role.done_in(phase)
            masks = sum(math.prod(f.shape) * len(f.labels) for f in {*seen, *done} if f.masked)
            fields = sum(math.prod(f.shape) * f.dtype.itemsize for f in (*seen, *done))
            total += role.seats * (fields + masks + torch.float32.itemsize)  # and the reward
    return total


def check_device(device: str) -> None:
    """Raise PopulaceError when torch has no such device."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise PopulaceError(
            f"device {device!r} is not available here ({str(error).splitlines()[0]}); try cpu"
        ) from None


def batches(ready: Mapping[str, Ready], batch: int | None, workers: int = 1, device: str = "cpu") -> dict[str, int]:
    """Arm -> worlds at a time: `batch`, or as many as `BATCH_BYTES` holds at their peak.

    Where several workers have fewer arms than there are workers, worlds are shared out too, but not in batches so small
    that a world costs much more than it does among many (`knee`).
    """
    sizes = {
        arm: min(one.cell.worlds, batch or max(1, BATCH_BYTES // max(1, one.peak_bytes))) for arm, one in ready.items()
    }
    each = -(-workers // len(sizes))  # units of an arm, so that every worker has one
    if batch is None and each > 1:
        shares = {arm: -(-one.cell.worlds // each) for arm, one in ready.items()}
        sizes = {
            arm: size if size <= shares[arm] else min(size, max(shares[arm], knee(ready[arm], device)))
            for arm, size in sizes.items()
        }
    return sizes


def knee(one: Ready, device: str = "cpu") -> int:
    """Worlds at a time from which on a world costs at most `DEARER` times what it costs among very many.

    The time of a tick is taken to be a + b worlds, and a and b are measured by playing a few ticks of a small and of a
    larger batch. An arm with language models is not tried, as nothing is asked before a run; there it is the number of
    worlds that hold `TRIED` users, as if it had been tried and found dear.
    """
    users = max(1, one.built.population.census.size)
    few, many = max(1, TRIED // (16 * users)), max(2, TRIED // users)
    if models_of(one.cell):
        return min(one.cell.worlds, many)
    small, large = (_tick_seconds(one, worlds, device) for worlds in (few, many))
    slope = (large - small) / (many - few)
    if slope <= 0:
        return min(one.cell.worlds, many)
    return max(1, min(one.cell.worlds, round((small - slope * few) / ((DEARER - 1) * slope))))


def _tick_seconds(one: Ready, worlds: int, device: str) -> float:
    """Seconds of a tick of so many worlds: the fastest of three, after one that is not counted."""
    built = one.built
    state = start(built.world, built.policies, built.population, seed=one.cell.seed, worlds=worlds, device=device)
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        state = rollout(built.world, built.policies, state, 1)
        bool(state.done.any())  # waits for the device
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def models_of(cell: Cell) -> list[ModelOptions]:
    """Options of all language models of an arm."""
    return [found for _, options in cell.agents.values() for found in _models(options)]


def _models(options: Options) -> list[ModelOptions]:
    """Options of language models among and inside these."""
    own = [options] if isinstance(options, ModelOptions) else []
    return own + [found for inner in options.inner().values() for found in _models(inner)]


def units(scenario: Scenario, sizes: Mapping[str, int]) -> list[Unit]:
    """The batches of every arm, in the order they are run; `sizes` are arm -> worlds at a time."""
    found = []
    for index, cell in enumerate(scenario.cells):
        for number, first in enumerate(range(0, cell.worlds, sizes[cell.arm])):
            worlds = min(sizes[cell.arm], cell.worlds - first)
            found.append(Unit(f"{index:04d}_{number:05d}", cell, first, worlds, cell.horizon * cell.episodes))
    return found
