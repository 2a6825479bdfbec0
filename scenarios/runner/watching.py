"""What a caller may watch and ask for while a scenario runs."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Progress:
    """What a caller may watch and ask for while a scenario runs; the defaults watch nothing."""

    begun: Callable[[str, int, int], None] = lambda arm, done, total: None
    """Called with an arm's name, its agent-ticks done before, and in total; with several workers, once for all arms."""
    moved: Callable[[int], None] = lambda agent_ticks: None
    """Called with the agent-ticks played since the last call."""
    stop: Callable[[], bool] = lambda: False
    """Asked about twice a second; True saves the run and ends it, to be resumed. Where a tick takes long, the
    caller may raise KeyboardInterrupt too: what was played before this tick is saved."""
    playing: bool = False
    """Set while ticks are played in this process, when nothing is written."""
    told: Callable[[str], None] = lambda note: None
    """Called before anything is played with each thing that is no mistake and should be known."""
    counted: Callable[[int, int, int], None] = lambda done, total, failed: None
    """Called when a unit ends with the units that are finished, that there are, and that failed (several workers)."""
