"""Draws and ticks by kernels and by torch, on the same work in the same run, in CPU time; losses are printed too."""

import statistics
import time
from collections.abc import Callable, Iterator

import torch

from benchmarks import timing
from populace.agents.scripted.coevolution_estimate import estimate
from populace.arithmetic import NAMES, using
from populace.draw import Draw
from populace.numerics import apply_linear

SIZES = ((1, 100), (1, 1_000_000), (10_000, 100))
"""Worlds and users."""


def cases(worlds: int, users: int) -> dict[str, Callable[[], object]]:
    """What is drawn, by name."""
    draw, ids = Draw.of(0, torch.arange(worlds)), torch.arange(worlds)
    weights = draw.uniform("weights", users, 6)
    return {
        "keys of a phase": lambda: Draw.of(0, ids).at(ids),
        "uniform, 19 a user": lambda: draw.uniform("x", users, 19),
        "integers, 19 a user": lambda: draw.integers("x", 0, 9, users, 19),
        "normal, 19 a user": lambda: draw.normal("x", users, 19),
        "uniform, 1 a user": lambda: draw.uniform("x", users),
        "normal, 1 a user": lambda: draw.normal("x", users),
        "categorical of 6 a user": lambda: draw.categorical("x", weights),
        "choice of 8 of 48 a world": lambda: draw.choice("x", 48, 8),
    }


def others() -> dict[str, Callable[[], object]]:
    """Products and fits."""
    draw = Draw.of(1, torch.arange(10_000))
    one = Draw.of(1, torch.arange(1))
    x, each, shared = (
        one.normal(name, *shape) for name, shape in (("x", (1000, 6)), ("w", (1000, 8, 6)), ("v", (8, 6)))
    )

    def fit(draw: Draw, asked: int, width: int) -> Callable[[], object]:
        given = (
            draw.uniform("shares", asked),
            torch.ones(draw.worlds, asked),
            draw.normal("questions", asked, width) / width**0.5,
            0.1 * draw.normal("centre", width),
            torch.full((draw.worlds,), 4.0),
            0.1 * draw.normal("around", width),
        )
        return lambda: estimate(*given, 0.05, 40)

    return {
        "estimate, 1 world, 8 items, 10 values": fit(one, 8, 10),
        "estimate, 10,000 worlds, 4 items, 19 values": fit(draw, 4, 19),
        "products, 1,000 users, 8 x 6 each": lambda: apply_linear(x, each),
        "products, 1,000 users, one 8 x 6": lambda: apply_linear(x, shared.unsqueeze(1)),
    }


def microseconds(work: Callable[[], object], seconds: float = 0.5) -> dict[str, float]:
    """Arithmetic -> the median of what a call takes, in batches of calls by turns."""
    calls: dict[str, int] = {}
    for name in NAMES:
        with using(name):
            work()
            began = time.process_time()
            work()
            calls[name] = max(1, int(2e-3 / max(time.process_time() - began, 1e-6)))
    spent: dict[str, list[float]] = {name: [] for name in NAMES}
    ends = time.process_time() + 2 * seconds
    while time.process_time() < ends or len(spent["torch"]) < 3:
        for name in NAMES:
            with using(name):
                began = time.process_time()
                for _ in range(calls[name]):
                    work()
                spent[name].append((time.process_time() - began) / calls[name])
    return {name: 1e6 * statistics.median(found) for name, found in spent.items()}


def rows() -> Iterator[timing.Row]:
    """A row a draw and size, then the others."""
    torch.set_num_threads(1)
    for worlds, users in SIZES:
        for name, work in cases(worlds, users).items():
            yield _row(f"{name}, [{worlds:,}, {users:,}]", work)
    for name, work in others().items():
        yield _row(name, work)


def _row(name: str, work: Callable[[], object]) -> timing.Row:
    found = microseconds(work)
    return name, found["kernels"], "us", f"torch {found['torch']:,.4g}: {found['torch'] / found['kernels']:.1f} times"
