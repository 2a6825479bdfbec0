"""Batches of worlds that stand in the same phase: what a vector environment is when episodes begin apart.

All worlds of a run share their phase. An environment whose seat acts several times per tick may have to begin anew
while its neighbours are in mid-tick; it then goes on in a run of its own until both stand in the same phase, and is
joined to them. Worlds do not notice: their bits do not depend on the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from populace import tree
from populace.envs.views.lazy import Array
from populace.run import Run


@dataclass(frozen=True)
class Lane:
    """Worlds in the same phase.

    Attributes:
        run: Their run.
        envs: [worlds] int64, ascending: the environments they are.
    """

    run: Run
    envs: Array

    def take(self, which: Array) -> "Lane":
        """The worlds `which` [worlds] bool."""
        if which.all():
            return self
        rows = torch.from_numpy(np.flatnonzero(which)).to(self.run.done.device)
        return Lane(tree.take(self.run, rows), self.envs[which])


def split(lanes: Sequence[Lane], which: Array, begin: Callable[[Run], Run]) -> tuple[list[Lane], list[Lane]]:
    """The lanes without the environments `which` [envs] bool, and those environments after `begin`."""
    kept, begun = [], []
    for lane in lanes:
        mine = which[lane.envs]
        if not mine.all():
            kept.append(lane.take(~mine))
        if mine.any():
            fresh = lane.take(mine)
            begun.append(Lane(begin(fresh.run), fresh.envs))
    return kept, begun


def joined(lanes: Sequence[Lane]) -> list[Lane]:
    """As few lanes as can be: those in the same phase of the same seed are put together, in the environments' order.

    What a learner has not yet learned from is a list of steps shared by its worlds, so lanes that hold such stay apart.
    """
    out: list[Lane] = []
    for lane in lanes:
        for place, other in enumerate(out):
            a, b = other.run, lane.run
            if (a.phase, a.seed) == (b.phase, b.seed) and not a.trajectory and not b.trajectory:
                envs = np.concatenate((other.envs, lane.envs))
                order = np.argsort(envs)
                rows = torch.from_numpy(order).to(a.done.device)
                out[place] = Lane(tree.join(replace(a, counts={}), replace(b, counts={}), rows), envs[order])
                break
        else:
            out.append(lane)
    return out
