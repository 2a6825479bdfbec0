"""Plays units one after the other in this process, arm by arm."""

from collections.abc import Generator, Sequence
from itertools import groupby

from populace.builder import Built
from populace.errors import Stopped
from populace.scenarios.runner.plan import Unit
from populace.scenarios.runner.unit import Failed, Job, Outcome, Player
from populace.scenarios.runner.watching import Progress
from populace.store import Mirror, Store


def serial(
    job: Job, built: dict[str, Built], todo: Sequence[Unit], progress: Progress
) -> Generator[Outcome, None, None]:
    """See `Executor`. All errors but limits are raised as they are: there is nobody else whose units could go on."""
    mirror = None if job.address is None else Mirror(job.folder, Store(job.address))
    player = Player(job, built, mirror)
    last = todo[-1].name if todo else ""
    for arm, group in groupby(todo, key=lambda unit: unit.cell.arm):
        mine = list(group)
        users = built[arm].population.census.size
        total = mine[0].cell.worlds * mine[0].ticks * users
        progress.begun(arm, total - sum(unit.agent_ticks for unit in mine) * users, total)
        for unit in mine:
            try:
                done = player.play(unit, progress, more=unit.name != last)
            except Stopped as error:
                yield Failed(unit.name, arm, "limit", str(error), type(error).__name__, error.option, cause=error)
                return
            yield done
            if not done.whole:
                return
