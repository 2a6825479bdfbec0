"""What a caller may do: a role's action fields as one Gymnasium space, and actions of that space as fields again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from torch import Tensor

from populace.envs.views import actions as acts
from populace.envs.views.lazy import Array
from populace.errors import ActionError
from populace.fields import Field

BINS = 11
"""Levels of a number where real and discrete fields are put into one discrete space."""

WHOLE = 256
"""A count of at most so many values keeps them all as levels."""


class Choices(spaces.MultiDiscrete):
    """A MultiDiscrete that also samples with one flat mask, int8 [sum(nvec)].

    PettingZoo's samplers hand the observation's `action_mask`, which is one array, straight to the space.
    """

    def sample(self, mask: Any = None, probability: Any = None) -> Any:
        """One action; `mask` is a flat array or, as in Gymnasium, a tuple of arrays."""
        if isinstance(mask, np.ndarray) and mask.dtype != object:
            mask = tuple(np.split(np.asarray(mask, np.int8), np.cumsum(self.nvec)[:-1]))
        return super().sample(mask) if probability is None else super().sample(mask, probability)


def box_of(f: Field) -> spaces.Space[object]:
    """The field's space as an action: numbers and choices of any shape in one dimension; one choice is Discrete."""
    space = f.space()
    if isinstance(space, spaces.Box):
        dtype: Any = space.dtype
        return spaces.Box(space.low.reshape(-1), space.high.reshape(-1), dtype=dtype)
    return Choices(space.nvec.reshape(-1)) if isinstance(space, spaces.MultiDiscrete) else space


def levels(f: Field) -> Array:
    """The values of a field that one entry of a discrete space stands for, ascending.

    Choices, flags and short counts have all of theirs. Reals have BINS of them, evenly from the lowest to the highest;
    longer counts about as many, evenly in log(1 + value), since lengths and sums matter by their ratios.
    """
    low, high = f.bounds
    if f.kind in ("choice", "flag") or (f.kind == "count" and high - low < WHOLE):
        return np.arange(int(low), int(high) + 1)
    if f.kind == "real":
        return np.linspace(low, high, BINS, dtype=np.float32)
    steps = np.expm1(np.linspace(0.0, np.log1p(high - low), BINS))
    return np.unique(np.rint(low + steps).astype(np.int64).clip(int(low), int(high)))


@dataclass(frozen=True)
class Entry:
    """Where a field stands in a flat action.

    Attributes:
        field: The field.
        place: Its entries.
        values: What the levels of an entry stand for; None where entries are numbers in [-1, 1] or the field's own.
    """

    field: Field
    place: slice
    values: Array | None


class ActionSpace:
    """The fields a caller chooses, as one space.

    Without `flat`: the space of the only field, or a Dict of the fields' spaces (with `merge`, one Box in the fields'
    own units where all are real). With `flat`, one space that every learner knows: a MultiDiscrete where all fields
    are choices, flags or short counts; a Box in [-1, 1] where all are real, lowest to highest; and where they are
    mixed a MultiDiscrete again, in which numbers have `levels`.

    Args:
        fields: The fields.
        flat: Whether all are put into one array.
        merge: Whether several real fields are, in their own units.
    """

    def __init__(self, fields: Sequence[Field], flat: bool = False, merge: bool = False) -> None:
        self.fields, self.flat = tuple(fields), flat
        real = all(f.kind == "real" for f in fields)
        self._units = flat and real
        merged = flat or (merge and real and len(fields) > 1)
        self._entries: tuple[Entry, ...] = ()
        self.parts = {f.name: f for f in self.fields}
        """What a caller gives, by name: the fields themselves, or one flat array."""
        if merged:
            self._entries = _entries(self.fields, None if real else levels)
            width = self._entries[-1].place.stop
            kind: Any = "real" if real else "count"
            low, high = (-1.0, 1.0) if flat else (-float("inf"), float("inf"))
            if not real:
                low, high = 0, max(len(e.values) for e in self._entries if e.values is not None) - 1
            whole = Field(name="action", kind=kind, shape=(width,), low=low, high=high, about="All fields in one.")
            self.parts = {"action": whole}
        self.space = self._space()
        self._counts = {f.name: _width(f) * len(levels(f)) for f in self.fields} if self.options else {}

    def _space(self) -> spaces.Space[object]:
        if not self._entries:
            if len(self.fields) == 1:
                return box_of(self.fields[0])
            return spaces.Dict({f.name: box_of(f) for f in self.fields})
        if self._entries[0].values is not None:
            counts = [len(e.values) for e in self._entries if e.values is not None]
            return Choices(np.repeat(counts, [_width(f) for f in self.fields]))
        if self._units:
            return spaces.Box(-1.0, 1.0, (self._entries[-1].place.stop,), np.float32)
        boxes = [box_of(e.field) for e in self._entries]
        low = np.concatenate([box.low for box in boxes if isinstance(box, spaces.Box)])
        high = np.concatenate([box.high for box in boxes if isinstance(box, spaces.Box)])
        return spaces.Box(low, high, dtype=np.float32)

    @property
    def masked(self) -> bool:
        """Whether some options may be forbidden."""
        return any(f.masked for f in self.fields)

    @property
    def options(self) -> int:
        """Options of all entries together, the width of `mask`; 0 where the space is not discrete."""
        if isinstance(self.space, spaces.Discrete):
            return int(self.space.n)
        return int(self.space.nvec.sum()) if isinstance(self.space, spaces.MultiDiscrete) else 0

    # ------------------------------------------------------------------ actions

    def of_agents(self, values: Sequence[object], names: Sequence[str], phase: str) -> dict[str, Array]:
        """Each agent's action -> the fields done in `phase`, name -> [n, *shape].

        Raises:
            ActionError: One is missing or outside its range; the text names the agent.
        """
        parts = self._parts(phase)
        if len(self.parts) == 1:
            found = {name: acts.column(f, values, names) for name, f in parts.items()}
        else:
            found = {
                key: acts.column(f, [_item(v, key, name) for name, v in zip(names, values, strict=True)], names)
                for key, f in parts.items()
            }
        return self._fields(found, names, phase)

    def of_arrays(self, batch: object, names: Sequence[str], phase: str, whose: str) -> dict[str, Array]:
        """An array or tensor for all, [n, ...], or a dict of them -> the fields done in `phase`, name -> [n, *shape].

        Raises:
            ActionError: One is missing, has another shape or dtype, or is outside its range.
        """
        parts = self._parts(phase)
        found = {}
        for key, f in parts.items():
            found[key] = acts.from_array(f, batch if len(self.parts) == 1 else _item(batch, key, whose), names)
        return self._fields(found, names, phase)

    def _parts(self, phase: str) -> dict[str, Field]:
        return {name: f for name, f in self.parts.items() if f.in_phase(phase)}

    def _fields(self, found: dict[str, Array], names: Sequence[str], phase: str) -> dict[str, Array]:
        if self.flat or not self._entries:
            for name, array in found.items():
                acts.in_range(self.parts[name], array, names)
        if not self._entries:
            return found
        whole = found["action"]
        out = {}
        for entry in self._entries:
            f = entry.field
            if not f.in_phase(phase):
                continue
            part = whole[:, entry.place]
            if entry.values is not None:
                _within(part, len(entry.values), f, names)
                part = entry.values[part]
            elif self._units:
                low, high = f.bounds
                part = np.clip(low + (part.astype(np.float64) + 1.0) * 0.5 * (high - low), low, high)
            out[f.name] = acts.fitted(f, part.reshape(len(names), *f.shape))
            acts.in_range(f, out[f.name], names)
        return out

    # ------------------------------------------------------------------ masks

    def mask(self, seen: Mapping[str, Tensor], count: int) -> Array:
        """Legal options of all entries side by side, int8 [n, options]; ones where nothing is forbidden.

        Args:
            seen: `<field>_mask` -> [n, *shape, options], of the masked fields that are done now.
            count: n.
        """
        parts = []
        for f in self.fields:
            mask = seen.get(f"{f.name}_mask") if f.masked else None
            if mask is None:
                parts.append(np.ones((count, self._counts[f.name]), np.int8))
            else:
                parts.append(mask.reshape(count, -1).to("cpu").numpy().astype(np.int8))
        return np.concatenate(parts, -1)


def _width(f: Field) -> int:
    return int(np.prod(f.shape, dtype=np.int64))


def _entries(fields: Sequence[Field], values: Any) -> tuple[Entry, ...]:
    out, first = [], 0
    for f in fields:
        last = first + _width(f)
        out.append(Entry(f, slice(first, last), None if values is None else values(f)))
        first = last
    return tuple(out)


def _within(part: Array, count: int, f: Field, names: Sequence[str]) -> None:
    wrong = (part >= count).any(-1)
    if wrong.any():
        first = int(wrong.argmax())
        raise ActionError(
            f"{names[first]}'s {f.name!r} is level {part[first].tolist()}; expected whole numbers from 0 to {count - 1}"
        )


def _item(given: object, key: str, whose: str) -> object:
    if not isinstance(given, Mapping):
        raise ActionError(f"{whose} does several things: its action must be a dict of fields, got {given!r}")
    if key not in given:
        raise ActionError(f"{whose}'s action lacks {key!r}; given were {sorted(given)}")
    return given[key]
