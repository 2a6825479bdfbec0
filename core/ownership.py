"""Values that nobody else holds, which may be changed in place.

A run is immutable, and so are the states in it: anybody may keep one. Only who made a state, and shows it to nobody,
may give it away (`World.advance_own`): a rollout does so with the states between its own ticks.
"""

import sys
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


Value = TypeVar("Value", bound=_Dataclass)


def changed(value: Value, **fields: object) -> Value:
    """As `dataclasses.replace`, in a tenth of its time; for dataclasses without slots and `__post_init__`.

    Raises:
        TypeError: There is no such field.
    """
    known = value.__dict__
    new: Value = object.__new__(type(value))
    for name in fields:
        if name not in known:
            raise TypeError(f"{type(value).__name__} has no field {name!r}")
    new.__dict__.update(known)
    new.__dict__.update(fields)
    return new


class _Fresh:
    """Holds a tensor as a dataclass does."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def alone(owner: object, name: str) -> bool:
    """Whether the tensor `owner.name` is held by `owner` only: by no other value, as a view, or as an array.

    The caller must hold it in no variable of its own. Where Python or torch do not count holders the answer is no.
    """
    try:
        return _holders(owner, name) == _holders(_Fresh(torch.empty(1)), "tensor")
    except (AttributeError, RuntimeError):
        return False


def _holders(owner: object, name: str) -> tuple[int, int]:
    """How many hold the tensor itself, and how many tensors share its memory; each with who is counting."""
    storage = vars(owner)[name].untyped_storage()
    return sys.getrefcount(vars(owner)[name]), torch._C._storage_Use_Count(storage._cdata)
