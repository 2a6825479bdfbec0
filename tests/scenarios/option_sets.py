"""Draws options from an options model: each field left at its default, or some value of its kind within its bounds."""

import math
import random
import types
import typing

import annotated_types
from pydantic import BaseModel

LEAVE = object()
"""Stands for a field that is not given."""
MOST = 6
"""Whole numbers without an upper bound end here, so that worlds stay small; bounds themselves are tried up to 64."""


def draw(model: type[BaseModel], rng: random.Random, given: float = 0.3, depth: int = 0) -> dict:
    """Some options of a model as a plain mapping; each field is given with this chance, required ones always."""
    found = {}
    for name, field in model.model_fields.items():
        if field.is_required() or rng.random() < given:
            value = of(field.annotation, list(field.metadata), rng, depth)
            if value is not LEAVE:
                found[field.alias or name] = value
    return found


def of(kind, bounds, rng, depth):
    """A value of an annotation, or LEAVE for kinds that name things outside (files, free text)."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, typing.TypeAliasType) if hasattr(typing, "TypeAliasType") else False:
        return of(kind.__value__, bounds, rng, depth)
    if origin is typing.Annotated:
        return of(inner[0], [*bounds, *inner[1:]], rng, depth)
    if origin in (typing.Union, types.UnionType):
        tried = rng.sample(inner, len(inner))
        values = (of(branch, bounds, rng, depth) for branch in tried)
        return next((value for value in values if value is not LEAVE), LEAVE)
    if origin is typing.Literal:
        return rng.choice(inner)
    if kind is type(None):
        return None
    if kind is bool:
        return rng.random() < 0.5
    if kind is int:
        return _int(*_span(bounds), rng)
    if kind is float:
        return _float(*_span(bounds), rng)
    if origin in (tuple, list, frozenset, set):
        return _sequence(inner, bounds, rng, depth, whole=origin is tuple and Ellipsis not in inner)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return draw(kind, rng, 0.4, depth + 1) if depth < 3 else LEAVE
    return LEAVE  # str, Path, Any, dict: names and files are the scenario's own


def _span(bounds):
    low, high, open_low, open_high = -math.inf, math.inf, False, False
    for bound in _flat(bounds):
        if isinstance(bound, annotated_types.Ge):
            low = max(low, bound.ge)
        elif isinstance(bound, annotated_types.Gt):
            low, open_low = max(low, bound.gt), True
        elif isinstance(bound, annotated_types.Le):
            high = min(high, bound.le)
        elif isinstance(bound, annotated_types.Lt):
            high, open_high = min(high, bound.lt), True
    return low, high, open_low, open_high


def _flat(bounds):
    for bound in bounds:
        yield from _flat(getattr(bound, "metadata", ())) if hasattr(bound, "metadata") else (bound,)


def _int(low, high, open_low, open_high, rng):
    first = -MOST if low == -math.inf else int(low) + open_low
    last = max(first, MOST) if high == math.inf else int(high) - open_high
    if rng.random() < 0.3:
        return first if rng.random() < 0.5 or last > 64 else last
    return rng.randint(first, max(first, min(last, first + 2 * MOST)))


def _float(low, high, open_low, open_high, rng):
    first, last = max(low, -10.0), min(high, max(10.0, low + 1))
    tiny = 1e-9
    picks = [first + tiny if open_low or low == -math.inf else first, last - tiny if open_high else last]
    picks += [first + (last - first) * rng.random() for _ in range(4)]
    if first <= 0 <= last and not (open_low and low == 0) and not (open_high and high == 0):
        picks.append(0.0)
    if high == math.inf and rng.random() < 0.2:
        picks.append(1e9)
    return rng.choice(picks)


def _sequence(inner, bounds, rng, depth, whole):
    if whole:
        values = [of(kind, [], rng, depth) for kind in inner]
        return LEAVE if LEAVE in values else values
    least = next((b.min_length for b in _flat(bounds) if isinstance(b, annotated_types.MinLen)), 0)
    values = [of(inner[0], [], rng, depth) for _ in range(least + rng.randint(0, 2))]
    return LEAVE if any(value is LEAVE for value in values) else values
