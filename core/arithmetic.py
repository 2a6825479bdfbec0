"""Which arithmetic computes a run: the kernels of `populace.kernels`, or torch.

Both make the same keys, uniform numbers, whole numbers and choices to the bit; normal numbers and products differ in
the last bits, and after many ticks so do the worlds. Hence the arithmetic is part of a run: it is fixed at the start,
saved with the run, and used again when the run is resumed. Kernels are the default on the CPU where numba runs; the
variable POPULACE_ARITHMETIC (read once) or an argument asks for one by name. Other devices are torch's.
"""

import functools
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, ParamSpec, TypeVar, cast

from torch import Tensor

from populace.errors import Notice, PopulaceError, UnknownName

P = ParamSpec("P")
R = TypeVar("R")

Name = Literal["torch", "kernels"]

NAMES: tuple[Name, ...] = ("torch", "kernels")

VARIABLE = "POPULACE_ARITHMETIC"

_now: ContextVar[Name | None] = ContextVar("populace_arithmetic", default=None)


def current() -> Name:
    """The arithmetic in force here, for tensors on the CPU."""
    return _now.get() or default()


def by_kernels(tensor: Tensor) -> bool:
    """Whether kernels compute with this tensor: not where it lies elsewhere, or stands in for another."""
    return tensor.is_cpu and type(tensor) is Tensor and current() == "kernels"


def using(name: str) -> AbstractContextManager[None]:
    """Within this block tensors on the CPU are computed by this arithmetic.

    Raises:
        PopulaceError: There is no such arithmetic, or numba, which kernels need, cannot run here.
    """
    return _SAME if _now.get() == name else _switched(checked(name))


_SAME = nullcontext()
"""What does nothing, where this arithmetic is in force already."""


@contextmanager
def _switched(name: Name) -> Iterator[None]:
    token = _now.set(name)
    try:
        yield
    finally:
        _now.reset(token)


def checked(name: str) -> Name:
    """The name, if that arithmetic is available here.

    Raises:
        PopulaceError: There is no such arithmetic, or numba, which kernels need, cannot run here.
    """
    if name not in NAMES:
        raise UnknownName("arithmetic", name, NAMES)
    if name == "kernels" and (reason := why_not()):
        raise PopulaceError(
            f"numba cannot run here ({reason}), and the arithmetic 'kernels' needs it; repair numba, or use the "
            "arithmetic 'torch' for a new run, whose results differ in their last bits"
        )
    return name


def chosen(device: object, asked: str | None = None) -> Name:
    """The arithmetic of a new run on a device: what is asked for, else what is in force here; torch off the CPU.

    Raises:
        PopulaceError: The requested arithmetic is not available.
    """
    elsewhere = str(device).partition(":")[0] != "cpu"
    if asked is None:
        return "torch" if elsewhere else current()
    if checked(asked) == "kernels" and elsewhere:
        raise PopulaceError(
            f"the arithmetic 'kernels' runs on the CPU only, and the device is {device}: use the arithmetic 'torch'"
        )
    return cast(Name, asked)


def cached(maxsize: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Like `functools.lru_cache`, for results that hold drawn numbers: one for each arithmetic."""

    def keep(function: Callable[P, R]) -> Callable[P, R]:
        @functools.cache
        def of(name: Name) -> Callable[P, R]:
            return cast(Callable[P, R], functools.lru_cache(maxsize)(function))

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return of(current())(*args, **kwargs)

        return call

    return keep


@functools.cache
def default() -> Name:
    """The arithmetic by default; a fallback to torch gives one warning.

    Raises:
        PopulaceError: The variable asks for what cannot be had.
    """
    if asked := os.environ.get(VARIABLE):
        try:
            return checked(asked)
        except PopulaceError as error:
            raise PopulaceError(f"{VARIABLE}={asked}: {error}") from None
    reason = why_not()
    if reason is None:
        return "kernels"
    warnings.warn(
        f"numba cannot run here ({reason}), so that torch is used, which is several times slower; set {VARIABLE}=torch "
        "to silence this warning",
        Notice,
        stacklevel=2,
    )
    return "torch"


@functools.cache
def why_not() -> str | None:
    """Why numba cannot run here, or None if it can; the first call imports it."""
    try:
        from populace.kernels import draws

        draws.prove()
    except Exception as error:
        return (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
    return None


@functools.cache
def machine() -> str:
    """The instruction set that torch computes by: results of two of them differ in their last bits."""
    import platform

    import torch

    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
