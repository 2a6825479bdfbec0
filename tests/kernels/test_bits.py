"""Kernels give the same bits under SSE2, AVX2 and AVX-512, by one thread or two, forked or spawned."""

import json
import multiprocessing
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kernels_stage import digests, everything, worlds

HERE = Path(__file__).parent


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of x86-64 processors")
def test_the_same_bits_under_sse2_avx2_and_avx512():
    """Of kernels, and of whole worlds, while torch too is told to use the instructions of such a processor."""
    here = set(Path("/proc/cpuinfo").read_text().split()) if Path("/proc/cpuinfo").exists() else set()
    names = {"x86-64": set(), "haswell": {"avx2", "fma"}, "skylake-avx512": {"avx512f", "avx512bw", "avx512vl"}}
    torchs = {"x86-64": "default", "haswell": "avx2", "skylake-avx512": "avx512"}
    running = {
        name: subprocess.Popen(
            [sys.executable, str(HERE / "kernels_stage.py")],
            env={**os.environ, "NUMBA_CPU_NAME": name, "ATEN_CPU_CAPABILITY": torchs[name]},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, needs in names.items()
        if needs <= here
    }
    assert "x86-64" in running
    expected = digests(everything, worlds)
    for name, process in running.items():
        out, _ = process.communicate(timeout=240)
        assert process.returncode == 0, name
        assert json.loads(out) == expected, name


def test_the_same_bits_by_one_thread_or_two():
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(digests(everything, worlds))
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def _tell(connection):
    connection.send(digests())


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_and_spawned_processes_go_on(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    expected = digests()
    context = multiprocessing.get_context(method)
    mine, theirs = context.Pipe()
    child = context.Process(target=_tell, args=(theirs,))
    child.start()
    try:
        assert mine.poll(120)
        assert mine.recv() == expected
        child.join(60)
        assert child.exitcode == 0
    finally:
        child.kill()
