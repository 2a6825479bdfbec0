"""Who plays the units of a run: this process, several processes of this machine, or a Ray cluster.

A unit's bits depend on its world ids alone, so all executors write the same tables, to the byte. They get the units
that are still to be played and give back how each of them ended, in any order.
"""

import os
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from populace.builder import Built
from populace.errors import PopulaceError, did_you_mean
from populace.scenarios.runner.plan import Unit
from populace.scenarios.runner.unit import Job, Outcome
from populace.scenarios.runner.watching import Progress

NAMES = ("serial", "processes", "ray")
Name = Literal["serial", "processes", "ray"]


class Executor(Protocol):
    """Plays units."""

    def __call__(
        self, job: Job, built: dict[str, Built], todo: Sequence[Unit], progress: Progress
    ) -> Generator[Outcome, None, None]:
        """Play units until all have ended or `progress.stop()`; closing the iterator ends what still plays.

        Args:
            job: What they have in common.
            built: Arm -> what was built for it in this process.
            todo: The units, in the order of the run.
            progress: Who watches.
        """
        ...


@dataclass(frozen=True)
class Choice:
    """What was asked for.

    Attributes:
        name: `serial`, `processes`, `ray`, or None: `processes` where workers are asked for, else `serial`.
        workers: How many units are played at a time; None for as many as there are processors.
        address: A Ray cluster's address, `auto` for one that runs on this machine; None starts one for this run.
    """

    name: str | None = None
    workers: int | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None and self.name not in NAMES:
            raise PopulaceError(f"unknown executor {self.name!r}{did_you_mean(self.name, NAMES)}")
        if self.workers is not None and self.workers < 1:
            raise PopulaceError(f"workers must be 1 or more, not {self.workers}")
        if self.address is not None and self.name != "ray":
            raise PopulaceError("an address is that of a Ray cluster: add --executor ray, or leave the address out")
        if self.name == "serial" and (self.workers or 1) > 1:
            raise PopulaceError(f"the executor serial plays one unit at a time, not {self.workers}: use processes")

    @property
    def executor(self) -> Name:
        """The executor's name."""
        name = self.name or ("processes" if (self.workers or 1) > 1 else "serial")
        assert name in NAMES
        return name  # type: ignore[return-value]  # just asserted

    @property
    def size(self) -> int:
        """Units that are played at a time on this machine, as far as is known before."""
        return 1 if self.executor == "serial" else self.workers or os.cpu_count() or 1

    def made(self) -> Executor:
        """The executor; nothing that another one needs is imported."""
        if self.executor == "processes":
            from populace.scenarios.runner.executors.processes import Processes

            return Processes(self.workers)
        if self.executor == "ray":
            from populace.scenarios.runner.executors.on_ray import OnRay

            return OnRay(self.workers, self.address)
        from populace.scenarios.runner.executors.serial import serial

        return serial


SERIAL = Choice()


def check_guarded() -> None:
    """Raise PopulaceError in a worker that imports the script which started it, and so is about to run it again."""
    if "multiprocessing" in sys.modules:
        import multiprocessing

        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise PopulaceError(
                "a script that runs a scenario in several processes must guard that call, because every worker imports "
                'the script: put it under `if __name__ == "__main__":`'
            )
