"""How much memory there is, and what is said when there is too little."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from populace.errors import RunError

_GROUP = Path("/sys/fs/cgroup")
_WORDS = ("not enough memory", "can't allocate memory", "cannot allocate", "out of memory", "DefaultCPUAllocator")
"""How torch says that memory has run out."""
SMALLER = "take a smaller population, or fewer worlds at a time (--batch, in a new run)"


def free(device: str = "cpu") -> int | None:
    """Bytes that may still be allocated on a device; None where the system does not report it."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    if device != "cpu":
        return None
    known = [amount for amount in (_available(), _of_group()) if amount is not None]
    return min(known, default=None)


def _available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _of_group() -> int | None:
    """What a container leaves, where this is one."""
    try:
        most, used = ((_GROUP / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        return max(0, int(most) - int(used))
    except (OSError, ValueError):
        return None


def size(number: float) -> str:
    """Bytes in words, by powers of 1000."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


@contextmanager
def told(what: str) -> Iterator[None]:
    """Within this block, memory that runs out is a RunError that says for what, and how to need less."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_short(error):
            raise
        raise RunError(f"{_lacking(what)} [{_asked(str(error))}]") from error


def is_short(error: BaseException) -> bool:
    """Whether an error says that memory has run out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)


def check(needed: float, what: str, device: str = "cpu", remedy: str = SMALLER) -> None:
    """Raise RunError where `what` needs more memory than is free."""
    left = free(device)
    if left is not None and needed > left:
        raise RunError(_lacking(f"{what}: at least {size(needed)} are needed", device, remedy))


def _lacking(what: str, device: str = "cpu", remedy: str = SMALLER) -> str:
    left = free(device)
    have = "" if left is None else f" ({size(left)} are free here)"
    return f"there is not enough memory for {what}{have}: {remedy}"


def _asked(said: str) -> str:
    """How much was asked for at last, as torch or numpy say it."""
    found = re.search(r"you tried to allocate (\d+) bytes", said)
    return (
        f"{size(int(found[1]))} were asked for at last"
        if found
        else said.splitlines()[0][:160]
        if said
        else "none left"
    )
