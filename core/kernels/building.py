"""How a kernel is made, kept on disk and called: `@helper` for a scalar function, `@kernel` for one of whole arrays.

A kernel is a function of flat arrays, written in the subset of Python that numba compiles. It is compiled when it is
first called, or read from the cache on disk if an earlier process compiled it. Tensors are handed over by address,
which costs a tenth of a view; `Kernel.__call__` is the only place where that happens, because it is easy to get wrong:
it checks what each tensor is, passes its length beside its address, and holds it until the kernel has returned.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import numba
import torch
from numba import types
from numba.core import config
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic
from torch import Tensor

F = TypeVar("F", bound=Callable[..., Any])

Kind = torch.dtype | type
"""What a kernel takes: a dtype for a tensor of it (or None), `int` or `float` for a number."""

BESIDE = Path(__file__).parent / "__pycache__"

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""How kernels are compiled: never `fastmath`, or their bits would depend on the processor."""


def helper(function: F) -> F:
    """Make a scalar function that kernels may call."""
    return cast(F, numba.njit(function, error_model="numpy"))


def kernel(*kinds: Kind) -> Callable[[Callable[..., None]], "Kernel"]:
    """Make a kernel of a function whose parameters are of these kinds.

    A tensor becomes two parameters, its address and its length (both 0 for None), from which `flat` makes an array.
    """
    return lambda function: Kernel(cast(FunctionType, function), kinds)


class Kernel:
    """A function of flat arrays, compiled when it is first called.

    Args:
        function: What to compile; it returns nothing and writes into the arrays it is given.
        kinds: Of its parameters.
    """

    def __init__(self, function: FunctionType, kinds: tuple[Kind, ...]) -> None:
        self.function, self.kinds = function, kinds
        self.__doc__ = function.__doc__

    def __call__(self, *given: Tensor | float | None) -> None:
        """Run it; tensors must be contiguous, on the CPU and of the declared dtype.

        Raises:
            TypeError: They are not, or there are too many or too few: a fault of the caller, not of a user.
        """
        self.compiled(*self.handed(*given))  # `given` holds the tensors until it returns

    @cached_property
    def handed(self) -> Callable[..., tuple[Any, ...]]:
        """A function from what a caller gives to what the compiled function takes.

        The caller must hold the tensors until that has returned. It raises TypeError as a call does. As small ticks
        spend most of their time here, it is written out for the parameters, without a loop.
        """
        names = [f"x{i}" for i in range(len(self.kinds))]
        lines, handed = [], []
        for name, kind in zip(names, self.kinds, strict=True):
            if kind is int or kind is float:
                handed.append(name)
                continue
            lines += [
                f" if {name} is None: {name}_at = {name}_n = 0",
                f" elif isinstance({name}, Tensor) and {name}.dtype is {_name(kind)} and {name}.is_cpu and"
                f" {name}.is_contiguous(): {name}_at, {name}_n = {name}.data_ptr(), {name}.numel()",
                f" else: wrong({_name(kind)}, {name})",
            ]
            handed += [f"{name}_at", f"{name}_n"]
        text = "\n".join([f"def hand({', '.join(names)}):", *lines, f" return ({', '.join(handed)},)"])
        space = {"Tensor": Tensor, "wrong": self._wrong, **{_name(kind): kind for kind in self.kinds}}
        exec(text, space)  # only names made above
        return cast(Callable[..., tuple[Any, ...]], space["hand"])

    def _wrong(self, kind: Kind, item: object) -> None:
        raise TypeError(f"{self.function.__name__} takes a contiguous {kind} on the CPU, not {_kind_of(item)}")

    @cached_property
    def compiled(self) -> Callable[..., None]:
        """The compiled function of addresses, lengths and numbers."""
        parameters: list[Any] = []
        for kind in self.kinds:
            parameters += [types.float64] if kind is float else [types.int64] * (1 if kind is int else 2)
        compile_ = numba.njit(types.void(*parameters), **OPTIONS)
        folder = cache_folder(sources(self.function))
        if folder is None:
            return cast(Callable[..., None], compile_(self.function))
        compile_ = numba.njit(types.void(*parameters), cache=True, **OPTIONS)
        before = config.CACHE_DIR
        config.CACHE_DIR = str(folder)  # where this kernel is kept; the user's own functions stay where they were
        try:
            return cast(Callable[..., None], compile_(self.function))
        finally:
            config.CACHE_DIR = before


def _name(kind: Kind) -> str:
    return str(kind).removeprefix("torch.")


def _kind_of(item: object) -> str:
    if not isinstance(item, Tensor):
        return f"a {type(item).__name__}"
    return f"a {'' if item.is_contiguous() else 'not contiguous '}{item.dtype} on {item.device}"


def sources(function: FunctionType) -> tuple[Path, ...]:
    """The files that a kernel is made from: its own, and those of the helpers it calls, directly or not.

    Numba looks at the first of these only: changing a helper in another file would leave the old code in use.
    """
    found: dict[FunctionType, None] = {}
    todo = [function]
    while todo:
        one = todo.pop()
        if one in found:
            continue
        found[one] = None
        named = (one.__globals__.get(name) for name in one.__code__.co_names)
        todo += [item.py_func for item in named if isinstance(item, Dispatcher)]
    return tuple(sorted({Path(one.__code__.co_filename) for one in found}))


@cache
def cache_folder(files: tuple[Path, ...]) -> Path | None:
    """Where kernels made from `files` are kept: named by a digest of them; None where nothing can be written.

    It lies beside the package, like Python's own compiled files, or where that is read-only in the user's cache.
    """
    digest = hashlib.blake2b(digest_size=10)
    for file in (Path(__file__), *files):
        try:
            digest.update(file.read_bytes())
        except OSError:
            return None  # typed at a prompt: nothing to name it by
    name = f"populace-kernels-{digest.hexdigest()}"
    for parent in (BESIDE, _users_cache() / "populace"):
        folder = parent / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return folder
    return None


def _users_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@intrinsic  # type: ignore[untyped-decorator]  # numba's
def pointer(typingctx: Any, address: Any, kind: Any) -> Any:
    """An address as a pointer to numbers of a kind."""
    signature = types.CPointer(kind.dtype)(address, kind)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

    return signature, generate


@helper
def flat(address: int, length: int, kind: Any) -> Any:
    """The array [length] at an address: `flat(keys_at, keys_n, numba.uint64)`."""
    return numba.carray(pointer(address, kind), length)
