"""What a run is made of: its arms built and tried, its batches of worlds, its threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from populace import trust
from populace.errors import PopulaceError
from populace.run import start
from populace.scenarios.build import Built, build
from populace.scenarios.schema import Cell, Scenario

BATCH_BYTES = 2 << 30
"""Memory a batch of worlds may need at its peak; more worlds than fit are run one batch after another."""
PEAK = 6
"""Peak over state, assumed when batches are sized: observations and temporaries come on top of the state."""

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
            with trust.speaking(scenario.word):
                for role, policy in made.policies.items():
                    policy.fit(made.world.role(role), made.world.dialogue())
                start(made.world, made.policies, made.population, seed=cell.seed, worlds=1, device=device)
        except trust.NeedsWord:
            raise
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
