"""Actions from a caller: gathered from dicts or arrays, checked against the fields, as tensors for the world."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from populace.envs.views.lazy import Array
from populace.envs.views.stage import LazyObservation
from populace.errors import ActionError
from populace.fields import Field, Role

INVALID = 1
"""`kind` of an act that the mask forbids: the seat forfeits, and the act is counted."""


def allowed(f: Field) -> str:
    """The legal values in words."""
    if f.kind == "choice":
        words = ", ".join(f.labels[:6]) + (", ..." if len(f.labels) > 6 else "")
        return f"a whole number from 0 to {len(f.labels) - 1} ({words})"
    if f.kind == "flag":
        return "0 or 1"
    kind = "a number" if f.kind == "real" else "a whole number"
    return f"{kind} from {f.low:g} to {f.high:g}" + (f", shape {f.shape}" if f.shape else "")


def column(f: Field, values: Sequence[object], names: Sequence[str]) -> Array:
    """One field's values of n agents, [n, *shape]; the quick way first, the search for the culprit after it failed."""
    if not values:
        return fitted(f, np.zeros((0, *f.shape), np.bool_ if f.kind == "flag" else f.space().dtype))
    try:
        return fitted(f, np.array(values).reshape(len(values), *f.shape))
    except (ValueError, TypeError, OverflowError):
        pass
    rows = []
    for name, value in zip(names, values, strict=True):
        try:
            rows.append(fitted(f, np.asarray(value).reshape(1, *f.shape)))
        except (ValueError, TypeError, OverflowError) as error:
            raise ActionError(f"{name}'s {f.name!r} is {value!r}; expected {allowed(f)}") from error
    return np.concatenate(rows)


def fitted(f: Field, array: Array) -> Array:
    """The array in the field's dtype.

    Raises:
        TypeError: It holds something other than numbers of that kind.
    """
    kind = array.dtype.kind
    if f.kind == "real" and kind in "fiub":
        return array.astype(np.float32, copy=False)
    if f.kind == "flag" and kind in "biu":
        if kind != "b" and array.size and (array.min() < 0 or array.max() > 1):
            raise ValueError("a flag is 0 or 1")
        return array.astype(np.bool_, copy=False)
    if f.kind in ("choice", "count") and kind in "iu":
        return array.astype(np.int64, copy=False)
    raise TypeError(f"{array.dtype} for a {f.kind}")


def in_range(f: Field, array: Array, names: Sequence[str]) -> None:
    """Raise ActionError naming the first agent whose value lies outside the field's range; [n, *shape]."""
    if f.kind == "flag" or not array.size:
        return
    low, high = (0, len(f.labels) - 1) if f.kind == "choice" else (f.low, f.high)
    if low <= array.min() and array.max() <= high:  # false also for NaN
        return
    wrong = ~((array >= low) & (array <= high)).reshape(len(array), -1).all(-1)
    first = int(wrong.argmax())
    raise ActionError(f"{names[first]}'s {f.name!r} is {array[first]!r}; expected {allowed(f)}")


def from_array(f: Field, value: object, names: Sequence[str]) -> Array:
    """A caller's array or tensor for all seats of a role, [seats, *shape], or flat for each seat, [seats, numbers]."""
    array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    shape = (len(names), *f.shape)
    if array.shape not in (shape, (len(names), math.prod(f.shape))):
        raise ActionError(
            f"{f.name!r} has shape {array.shape}; expected {shape} [seats, ...], one row for each of "
            f"{names[0]} ... {names[-1]}"
        )
    try:
        return fitted(f, array.reshape(shape))
    except (TypeError, ValueError) as error:
        raise ActionError(f"{f.name!r} is {array.dtype}; expected for each seat {allowed(f)}") from error


def forbidden(f: Field, action: Tensor, mask: Tensor | None) -> Tensor | None:
    """Which seats chose what the mask forbids, [worlds, seats] bool; None without a mask."""
    if mask is None:
        return None
    legal = mask.gather(-1, action.unsqueeze(-1)).squeeze(-1).bool()
    return ~legal.reshape(*legal.shape[:2], -1).all(-1)


def needs_look(f: Field) -> bool:
    """Whether what a seat does that leaves the field out depends on what it sees."""
    return f.masked or isinstance(f.default, str)


def complete(
    role: Role, phase: str, chosen: Mapping[str, Tensor], sight: LazyObservation, worlds: int, device: str
) -> dict[str, Tensor]:
    """Actions for every field of the phase: defaults where nothing was chosen, and `kind` where a mask forbids."""
    actions: dict[str, Tensor] = {}
    invalid: Tensor | None = None
    for f in role.done_in(phase):
        if f.name not in chosen:
            actions[f.name] = f.omitted(worlds, role.seats, device, sight.seen if needs_look(f) else None)
            continue
        actions[f.name] = action = chosen[f.name]
        if f.masked and (seen := sight.seen) is not None:
            wrong = forbidden(f, action, seen.get(f"{f.name}_mask"))
            if wrong is not None:
                wrong = wrong if seen.present is None else wrong & seen.present
                invalid = wrong if invalid is None else invalid | wrong
    if invalid is not None:
        actions["kind"] = invalid.to(torch.int8) * INVALID
    return actions
