"""How a role's declared fields look to a learner: fixed spaces, and tensors to arrays and back.

An agent's spaces never change, though it sees and does different things in different phases: what it does not see in a
phase rests (zero, or the nearest legal number), and what it cannot do in a phase is ignored.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from populace.envs.views.action_space import ActionSpace
from populace.envs.views.lazy import Array
from populace.errors import PopulaceError, UnknownName
from populace.fields import Field, Role
from populace.observation import Observation

MASK = "action_mask"
"""Key of the legal options, where the action is one choice or one array of them; the name is PettingZoo's."""


def space_of(f: Field) -> spaces.Space[object]:
    """The field's space; a scalar number gets the shape (1,), which learners digest more easily than ()."""
    space = f.space()
    if isinstance(space, spaces.Box) and f.shape == ():
        dtype: Any = space.dtype
        return spaces.Box(space.low.item(), space.high.item(), (1,), dtype)
    return space


def to_array(f: Field, value: Tensor) -> Array:
    """A field's tensor [n, *shape] as an array of its space's dtype, the caller's own."""
    array = _within(f, value).detach().to("cpu", torch.int64 if f.kind == "flag" else f.dtype, copy=True).numpy()
    return array[:, None] if f.shape == () and f.kind in ("real", "count") else array


def _within(f: Field, value: Tensor) -> Tensor:
    """A real without bounds within its space's; other values are within theirs by declaration."""
    if f.kind == "real" and (f.span is not None or math.isinf(f.low) or math.isinf(f.high)):
        return value.clamp(*f.bounds)
    return value


def rest_of(f: Field) -> float:
    """The value of a field that is not seen: zero, or the nearest legal number."""
    return min(max(0.0, f.low), f.high) if f.kind in ("real", "count") else 0.0


class Layout:
    """The spaces of one role's agents, and the conversions.

    Args:
        role: The role.
        phases: The phases in which the caller has the turn.
        acts: Names of the fields the caller chooses, or None for all; the others are at their defaults.
        flat: Whether an observation is one vector instead of a dict of fields.
        flat_actions: Whether an action is one array; see `ActionSpace`.
        merge: Whether several real fields are one Box even without `flat_actions`.
        beside: Whether a vector has the legal options beside it, under `action_mask`, or in it.

    Raises:
        UnknownName: A name in `acts` is not a field that the role does.
    """

    def __init__(
        self,
        role: Role,
        phases: Sequence[str],
        acts: Sequence[str] | None = None,
        flat: bool = False,
        flat_actions: bool = False,
        *,
        merge: bool = False,
        beside: bool = True,
    ) -> None:
        self.role, self.phases, self.flat = role, tuple(phases), flat
        own = [phase for phase in phases if phase in role.phases]
        done = {f.name: f for f in role.does if any(f.in_phase(phase) for phase in own)}
        for name in acts or ():
            if name not in done:
                raise UnknownName(f"field that {role.name} does", name, done)
        does = tuple(
            f for f in done.values() if f.kind != "text" and not f.optional and (acts is None or f.name in acts)
        )
        if not does:
            raise PopulaceError(f"the role {role.name!r} does nothing in the phases {tuple(phases)}")
        self.actions = ActionSpace(does, flat_actions, merge)
        self.sees = tuple(
            f for f in role.sees if f.kind != "text" and not f.private and any(f.in_phase(phase) for phase in own)
        )
        # One masked choice has its mask where PettingZoo's samplers look for it, and so has an array of choices.
        single = len(does) == 1 and does[0].shape == ()
        self.options = self.actions.options if self.actions.masked and (flat_actions or single) else 0
        self.masked = self.options > 0 and (beside or not flat)
        shown = () if self.masked else does
        self.masks = {f"{f.name}_mask": f for f in (*self.sees, *shown) if f.masked}

    # ------------------------------------------------------------------ spaces

    @property
    def action_space(self) -> spaces.Space[object]:
        """The space of the actions."""
        return self.actions.space

    @cached_property
    def observation_space(self) -> spaces.Space[object]:
        """A dict of fields, or (`flat`) a vector; with `action_mask` beside it where there is one."""
        mask = {MASK: spaces.Box(0, 1, (self.options,), np.int8)} if self.masked else {}
        if self.flat:
            low, high = self._bounds()
            vector = spaces.Box(low, high, dtype=np.float32)
            return spaces.Dict({"observation": vector, **mask}) if mask else vector
        parts: dict[str, spaces.Space[object]] = {f.name: space_of(f) for f in self.sees}
        for name, f in self.masks.items():
            parts[name] = spaces.Box(0, 1, (*f.shape, len(f.labels)), np.int8)
        if len(self.phases) > 1:
            parts["phase"] = spaces.Discrete(len(self.phases))
        return spaces.Dict({**parts, **mask})

    def _bounds(self) -> tuple[Array, Array]:
        low, high = [], []
        for f in self.sees:
            least, most = f.bounds if f.kind in ("real", "count") else (0.0, 1.0)
            low.append(np.full(self._width(f), least, np.float32))
            high.append(np.full(self._width(f), most, np.float32))
        flags = sum(int(np.prod((*f.shape, len(f.labels)))) for f in self.masks.values())
        flags += len(self.phases) if len(self.phases) > 1 else 0
        low.append(np.zeros(flags, np.float32))
        high.append(np.ones(flags, np.float32))
        return np.concatenate(low), np.concatenate(high)

    @staticmethod
    def _width(f: Field) -> int:
        return int(np.prod(f.shape, dtype=np.int64)) * (len(f.labels) if f.kind == "choice" else 1)

    # ------------------------------------------------------------------ observations

    def vector(self, seen: Observation) -> Tensor:
        """What is seen as numbers: [worlds, seats, *] -> [worlds, seats, width] float32.

        Reals, counts and flags as they are, choices as one-hot (all zero for an index outside the labels), then masks,
        then the phase as one-hot where there are several.
        """
        some = next(iter(seen.values()))
        head = worlds, seats = some.shape[:2]
        out = some.new_empty((*head, self._size), dtype=torch.float32)
        at = 0
        for f, width in self._widths:
            value = seen.get(f.name)
            part = out[..., at : at + width]
            at += width
            if value is None:
                part.fill_(rest_of(f))
                continue
            if seats > 1 and value.stride(1) == 0:
                value = value[:, :1]  # all seats see the same: it is converted once
            if f.kind == "choice":
                options = torch.arange(len(f.labels), device=value.device)
                value = value.unsqueeze(-1) == options
            else:
                value = _within(f, value)
            part.copy_(value.reshape(worlds, value.shape[1], width))
        for name, f in self.masks.items():
            mask, width = seen.get(name), int(np.prod((*f.shape, len(f.labels))))
            out[..., at : at + width] = 1.0 if mask is None else mask.reshape(*head, width)
            at += width
        if len(self.phases) > 1:
            out[..., at:] = 0.0
            out[..., at + self.phases.index(seen.phase)] = 1.0
        return out

    @cached_property
    def _widths(self) -> list[tuple[Field, int]]:
        """What is seen, and how many numbers of a vector each field takes."""
        return [(f, self._width(f)) for f in self.sees]

    @cached_property
    def _size(self) -> int:
        """Numbers of a vector."""
        masks = sum(int(np.prod((*f.shape, len(f.labels)))) for f in self.masks.values())
        return sum(width for _, width in self._widths) + masks + (len(self.phases) if len(self.phases) > 1 else 0)

    def arrays(self, seen: Observation | None, phase: str, seats: int) -> dict[str, Array]:
        """What is seen by n seats as arrays, the keys of the observation space: name -> [n, *shape].

        Args:
            seen: Fields [1, n, *shape]; None when the role does not act in this phase.
            phase: The phase.
            seats: n.
        """
        found: Mapping[str, Tensor] = {} if seen is None else seen
        out: dict[str, Array] = {}
        if self.flat:
            if seen is None:
                out["observation"] = self._resting(phase, seats)
            else:
                out["observation"] = self.vector(seen)[0].cpu().numpy()
        else:
            for f in self.sees:
                value = found.get(f.name)
                if value is None:
                    space = space_of(f)
                    out[f.name] = np.full((seats, *(space.shape or ())), rest_of(f), space.dtype)
                else:
                    out[f.name] = to_array(f, value[0])
            for name, f in self.masks.items():
                out[name] = self._legal(f, found.get(name), seats)
            if len(self.phases) > 1:
                out["phase"] = np.full(seats, self.phases.index(phase), np.int64)
        if self.masked:
            out[MASK] = self.legal(seen, seats)
        return out

    def legal(self, seen: Observation | None, seats: int) -> Array:
        """Legal options of every entry of the action side by side, int8 [n, options]; fields [1, n, *shape]."""
        found = {} if seen is None else {name: mask[0] for name, mask in seen.items() if name.endswith("_mask")}
        return self.actions.mask(found, seats)

    def _resting(self, phase: str, seats: int) -> Array:
        widths = [np.full(self._width(f), rest_of(f), np.float32) for f in self.sees]
        widths += [np.ones(int(np.prod((*f.shape, len(f.labels)))), np.float32) for f in self.masks.values()]
        if len(self.phases) > 1:
            widths.append(np.eye(len(self.phases), dtype=np.float32)[self.phases.index(phase)])
        return np.tile(np.concatenate(widths), (seats, 1))

    @staticmethod
    def _legal(f: Field, mask: Tensor | None, seats: int) -> Array:
        """Flags int8 [seats, *shape, options]; all ones where nothing is forbidden."""
        if mask is None:
            return np.ones((seats, *f.shape, len(f.labels)), np.int8)
        return mask[0].to("cpu", torch.int8, copy=True).numpy()
