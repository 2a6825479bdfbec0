"""Compiled arithmetic, when asked for: `with compiled(): rollout(...)`, or `populace run --compile`.

Only pure per-step arithmetic is compiled, with keys passed in as tensors; whole ticks are not (that corrupted memory
when tried). Compiled and eager are two machines: each repeats its own bits, which differ from the other's in the last.
"""

import functools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from populace.errors import PopulaceError

P = ParamSpec("P")
R = TypeVar("R")

_on: ContextVar[bool] = ContextVar("populace_compiled", default=False)


def is_compiled() -> bool:
    """Whether kernels are compiled here."""
    return _on.get()


@contextmanager
def compiled(on: bool = True) -> Iterator[None]:
    """Within this block kernels are compiled (or, with `on=False`, are not).

    Raises:
        PopulaceError: There is no C++ compiler.
    """
    if on and not any(shutil.which(name) for name in ("g++", "c++", "clang++", "cl")):
        raise PopulaceError("compiling needs a C++ compiler (g++ or clang++) on the PATH; install one, or run without")
    token = _on.set(on)
    try:
        yield
    finally:
        _on.reset(token)


def kernel(arithmetic: Callable[P, R]) -> Callable[P, R]:
    """Mark a pure function of tensors as one that `compiled()` compiles; eager it is called as it is."""

    @functools.cache
    def build() -> Callable[P, R]:
        import torch

        return torch.compile(arithmetic)

    @functools.wraps(arithmetic)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return (build() if _on.get() else arithmetic)(*args, **kwargs)

    return call
