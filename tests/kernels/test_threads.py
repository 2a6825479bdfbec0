"""Work that is spread over threads: every block once, whatever their number, after fork, and when it is interrupted."""

import multiprocessing
import threading

import pytest
import torch
from numba import float32 as f32

from populace.kernels import threads
from populace.kernels.building import flat, kernel
from populace.kernels.threads import spread


@kernel(torch.float32, int, int, int)
def counted(out_at, out_n, more, first, last):
    out = flat(out_at, out_n, f32)
    for i in range(first, last):
        out[i] += f32(more)


@pytest.fixture
def two():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("blocks", [1, 2, 3, 7, 1000])
def test_every_block_is_worked_on_once(two, blocks):
    for numbers in (1, threads.WORTH):
        out = torch.zeros(blocks)
        spread(counted, blocks, numbers, out, 3)
        assert torch.equal(out, torch.full((blocks,), 3.0))


def test_small_work_starts_no_threads(two, monkeypatch):
    monkeypatch.setattr(threads, "_threads", lambda count: pytest.fail("threads were started"))
    spread(counted, 8, threads.WORTH - 1, torch.zeros(8), 1)


def test_wrong_tensors_are_refused(two):
    with pytest.raises(TypeError, match="counted takes a contiguous"):
        spread(counted, 8, threads.WORTH, torch.zeros(8, dtype=torch.float64), 1)


def test_several_callers_at_once(two):
    outs = [torch.zeros(100) for _ in range(6)]
    callers = [threading.Thread(target=spread, args=(counted, 100, threads.WORTH, out, 2)) for out in outs]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert all(torch.equal(out, torch.full((100,), 2.0)) for out in outs)


def test_tensors_are_held_until_all_parts_have_ended(two, monkeypatch):
    """One part fails at once while another still runs: the call returns only after both."""
    running, ended = threading.Event(), []

    def part(*handed):
        if handed[-2] == 0:
            raise KeyboardInterrupt
        running.wait(0.05)
        ended.append(handed[-1])

    monkeypatch.setitem(counted.__dict__, "compiled", part)
    with pytest.raises(KeyboardInterrupt):
        spread(counted, 8, threads.WORTH, torch.zeros(8), 1)
    assert sorted(ended)[-1] == 8


def _child(connection):
    out = torch.zeros(1000)
    spread(counted, 1000, threads.WORTH, out, 1)
    connection.send(out.sum().item())


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(two):
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    spread(counted, 8, threads.WORTH, torch.zeros(8), 1)  # the parent's threads are running
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    child = context.Process(target=_child, args=(theirs,))
    child.start()
    try:
        assert mine.poll(60)
        assert mine.recv() == 1000.0
        child.join(30)
        assert child.exitcode == 0
    finally:
        child.kill()
