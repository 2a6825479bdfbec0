"""Kernels by several threads: a kernel of blocks [first, last) releases the interpreter's lock while it runs.

The pool is made when there is first enough work for it, has as many threads as torch, and is made anew in a process
that was forked, which has none of its parent's threads.
"""

import os
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Any

import torch

from populace.kernels.building import Kernel

WORTH = 1 << 18
"""Numbers below which threads cost more than they save."""

PARTS = 4
"""Parts for each thread: a thread that is kept waiting by other programs leaves the rest to the others."""

_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool
    if _pool is None or _pool[:2] != (os.getpid(), count):
        if _pool is not None and _pool[0] == os.getpid():
            _pool[2].shutdown(wait=False)
        _pool = (os.getpid(), count, ThreadPoolExecutor(count, "populace-kernels"))
    return _pool[2]


def spread(kernel: Kernel, blocks: int, numbers: int, *given: Any) -> None:
    """Run a kernel, whose last two parameters are `first` and `last`, over all `blocks`.

    Args:
        kernel: What to run. What it writes for a block must not depend on other blocks.
        blocks: How many there are.
        numbers: How much work it is in all, in numbers made.
        *given: Its other arguments.
    """
    threads = torch.get_num_threads()
    if threads == 1 or blocks == 1 or numbers < WORTH:
        kernel(*given, 0, blocks)
        return
    compiled, arguments = kernel.compiled, kernel.handed(*given, 0, blocks)[:-2]
    parts = min(blocks, PARTS * threads)
    edges = [part * blocks // parts for part in range(parts + 1)]
    pool = _threads(threads)
    running = [pool.submit(compiled, *arguments, a, b) for a, b in pairwise(edges)]
    try:
        for part in running:
            part.result()
    finally:
        wait(running)  # `given` holds the tensors until all have returned, also where Ctrl-C ends the wait
