"""What is shown while a scenario runs, and what Ctrl-C does."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from populace.cli.application import say
from populace.names import short_keys

if TYPE_CHECKING:
    from populace.scenarios import Scenario
    from populace.scenarios.runner import Progress

GRACE = 2.0
"""Seconds after Ctrl-C in which a tick may end; then it is cut short, and played again when the run is resumed."""

HANGUP = getattr(signal, "SIGHUP", None)
"""The signal that a terminal sends when it is closed; systems without it have None."""


SHOWN = 6
"""Bars that are shown: of a sweep, those of the cells that were played last."""


def names(scenario: "Scenario") -> dict[str, str]:
    """Arm -> what its bar is called: in a sweep its number among the cells, the arm and the swept values."""
    short = short_keys(dict.fromkeys(key for cell in scenario.cells for key in cell.coordinates))
    if not short:
        return {}
    found = {}
    for number, cell in enumerate(scenario.cells, start=1):
        point = cell.arm.removeprefix(cell.base_arm)[1:-1]
        for key in cell.coordinates:
            point = point.replace(f"{key}=", f"{short[key]}=", 1)
        found[cell.arm] = f"{number}/{len(scenario.cells)} {cell.base_arm} {point}"
    return found


@contextmanager
def watched(quiet: bool, scenario: "Scenario | None" = None) -> Iterator["Progress"]:
    """A progress bar on a terminal, and Ctrl-C turned into a request to save and stop (a second one stops at once).

    Args:
        quiet: No bar.
        scenario: What is run.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    from populace.scenarios.runner import Progress

    console = Console(stderr=True)
    asked = False

    def stop(signum: int, frame: object) -> None:
        nonlocal asked
        if signum == HANGUP:
            console.quiet = True  # the terminal is gone
        if asked:
            raise KeyboardInterrupt
        asked = True
        console.print("saving; press Ctrl-C again to stop at once")
        hurry.start()

    def cut_short() -> None:
        if progress.playing and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    hurry = threading.Timer(GRACE, cut_short)
    hurry.daemon = True
    # A process that was started so as to ignore SIGHUP (nohup) goes on ignoring it.
    heard = [number for number in (signal.SIGINT, signal.SIGTERM, HANGUP) if number is not None]
    heard = [number for number in heard if number != HANGUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    bars = Bars(
        # Names are data, not markup. They are folded where there is no room: their ends, the swept values, matter most.
        TextColumn("{task.description}", markup=False, table_column=Column(overflow="fold", min_width=12)),
        BarColumn(bar_width=16),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=False,
    )

    called = {} if scenario is None else names(scenario)

    def begun(arm: str, done: int, total: int) -> None:
        for task in bars.tasks[: max(0, len(bars.tasks) - SHOWN + 1)]:
            bars.remove_task(task.id)
        bars.add_task(called.get(arm, arm), total=total, completed=done, rate="")

    def moved(agent_ticks: int) -> None:
        task = bars.tasks[-1]
        speed = f"{task.speed / 1e6:.2f} M agent-steps/s" if task.speed else ""
        bars.update(task.id, advance=agent_ticks, rate=speed)

    def counted(done: int, total: int, failed: int) -> None:
        if bars.tasks:
            also = f", {failed:,} failed" if failed else ""
            bars.update(bars.tasks[-1].id, description=f"{done:,} of {total:,} units{also}")

    progress = Progress(begun, moved, lambda: asked, counted=counted, told=lambda note: say(f"note: {note}", err=True))
    try:
        with bars:
            yield progress
    finally:
        hurry.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
