"""Equality of results: an undefined number (NaN) equals another, and tensors are compared entry by entry."""

from dataclasses import fields, is_dataclass

import numpy as np
import torch
from torch import Tensor


def same_tensor(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have the same shape, dtype and entries; NaN equals NaN."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not (a.is_floating_point() or a.is_complex()):
        return torch.equal(a, b)
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


def same(a: object, b: object) -> bool:
    """Whether two values of results are equal; NaN equals NaN, at any depth of tuples, lists, dicts and dataclasses."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return same_tensor(a, b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, (float, np.floating)) and isinstance(b, (float, np.floating)):
        return bool(a == b or (a != a and b != b))
    if type(a) is not type(b):
        return bool(a == b)
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if is_dataclass(a) and not isinstance(a, type):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a) if f.compare)
    return bool(a == b)


class Result:
    """Base of frozen dataclasses of results, whose numbers may be undefined: `@dataclass(frozen=True, eq=False)`.

    The equality that `dataclass` writes says from Python 3.13 on that a result with a NaN differs from itself, and
    fails on tensors of more than one entry.
    """

    def __eq__(self, other: object) -> bool:
        return same(self, other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        values = [getattr(self, f.name) for f in fields(self)]  # type: ignore[arg-type]  # heirs are dataclasses
        plain = [None if v != v else v for v in values if isinstance(v, (int, float, np.floating, str))]
        return hash((type(self), *plain))
