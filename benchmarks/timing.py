"""How everything here is timed, and the limits of the machine it is timed on."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch

Row = tuple[str, float | str, str, str]
"""What, how much, unit, remark."""


def per_second(work: Callable[[], object], amount: float, seconds: float = 1.0, repeats: int = 3) -> float:
    """`amount` over the time of one call: the median of `repeats` windows of at least `seconds / repeats` each."""
    work()
    rates = []
    for _ in range(repeats):
        calls, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds / repeats or calls == 0:
            work()
            calls += 1
        synchronise()
        rates.append(amount * calls / (time.perf_counter() - began))
    return sorted(rates)[len(rates) // 2]


def synchronise() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def copy_bandwidth(device: str = "cpu", megabytes: int = 256) -> float:
    """Bytes read and written a second by a large copy: the memory bound."""
    source = torch.rand(megabytes << 18, device=device)
    target = torch.empty_like(source)
    return per_second(lambda: target.copy_(source), 2 * source.nbytes)


def normals(device: str = "cpu") -> float:
    """Standard normals a second by torch's own generator."""
    out = torch.empty(20_000_000, device=device)
    generator = torch.Generator(device).manual_seed(0)
    return per_second(lambda: out.normal_(generator=generator), out.numel())


def peak_of(code: str) -> tuple[float | None, str]:
    """Peak resident bytes that `code` adds in a fresh process, over what it holds at the line `base()`; and its output.

    None where the system does not tell, as some sandboxes do.

    `code` calls `base()` after its imports; everything it allocates from then on counts.
    """
    # `ru_maxrss` of a new process is at least that of its parent when it was started, so the system's own mark is read.
    prelude = (
        "def _peak():\n    try:\n        with open('/proc/self/status') as file:\n"
        "            return next((int(line.split()[1]) for line in file if line.startswith('VmHWM')), 0)\n"
        "    except OSError:\n        return 0\n"
        "_b = [0]\ndef base():\n    _b[0] = _peak()\n"
    )
    ending = "\nprint('PEAK', (_peak() - _b[0]) * 1024)\n"
    done = subprocess.run([sys.executable, "-c", prelude + code + ending], capture_output=True, text=True, check=True)
    *lines, last = done.stdout.strip().splitlines()
    peak = float(last.split()[1])
    return peak if peak > 0 else None, "\n".join(lines)


def resident() -> int:
    """Peak resident bytes of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
