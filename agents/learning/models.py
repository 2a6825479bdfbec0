"""Policies with parameters of their own in every world, [worlds, ...], and the gradients of their log-probabilities.

Each model knows two gradients: of a weighted sum of log-probabilities of acts (`push`), and of a weighted sum of KL
divergences from a reference (`pull`). Every learning rule is made of these. Arithmetic is batch-safe: no matmul.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.fields import Field, Role
from populace.numerics import apply_linear, sigmoid, total

Params = dict[str, Tensor]


@dataclass(frozen=True)
class Seen:
    """What a policy makes of its observations.

    Attributes:
        code: [worlds, n] int64 context (tabular), else None.
        features: [worlds, n, features] (linear, network), else None.
        base: [worlds, n] int64 row of the base policy's logits.
        mask: [worlds, n, acts] bool, legal acts, or None for all.
    """

    code: Tensor | None
    features: Tensor | None
    base: Tensor
    mask: Tensor | None


class Model(Protocol):
    """A family of policies."""

    def begin(self, draw: Draw) -> Params:
        """Parameters of the base policy."""
        ...

    def see(self, observation: Mapping[str, Tensor]) -> Seen:
        """What the policy looks at."""
        ...

    def log_probs(self, params: Params, seen: Seen) -> Tensor:
        """[worlds, n, acts]."""
        ...

    def push(self, params: Params, seen: Seen, act: Tensor, weight: Tensor) -> Params:
        """Gradient of sum_n weight log pi(act | seen)."""
        ...

    def pull(self, params: Params, reference: Params, seen: Seen, weight: Tensor) -> Params:
        """Gradient of sum_n weight KL(pi || reference)."""
        ...


class Layout:
    """The fields a policy looks at and the act it chooses, found in its role.

    Args:
        role: Whose seats it plays.
        field: The choice it learns, or None for the first.
        context: Fields it looks at, or None for all that suit the model.
        kinds: Kinds of fields that suit the model.
        leave: Names never taken by default.

    Raises:
        UnknownName: The role neither sees nor does a field of that name.
        PopulaceError: It does not suit: a learner chooses one scalar choice, and looks at scalars.
    """

    def __init__(
        self, role: Role, field: str | None, context: tuple[str, ...] | None, kinds: tuple[str, ...], leave: str
    ) -> None:
        does = {f.name: f for f in role.does}
        choices = [f for f in role.does if f.kind == "choice" and f.shape == ()]
        if field is not None and field not in does:
            raise UnknownName(f"field that {role.name} does", field, does)
        fit = [f for f in choices if field in (None, f.name)]
        if not fit:
            raise PopulaceError(
                f"a learner chooses one of several acts, and {role.name} does none such"
                + (f" called {field!r}" if field else "")
                + f": it does {', '.join(f'{f.name} ({f.kind}{list(f.shape) or str()})' for f in role.does)}"
            )
        self.role, self.act = role, fit[0]
        phases = set(role.phases if self.act.phases is None else self.act.phases)
        seen = {f.name: f for f in role.sees if not f.private and any(f.in_phase(p) for p in phases)}
        if context is None:
            self.fields = tuple(f for f in seen.values() if f.kind in kinds and f.shape == () and f.name != leave)
        else:
            self.fields = tuple(self._find(name, seen, kinds) for name in context)
        self.seen = seen

    def _find(self, name: str, seen: Mapping[str, Field], kinds: tuple[str, ...]) -> Field:
        if name not in seen:
            raise UnknownName(f"field that {self.role.name} sees", name, seen)
        if seen[name].kind not in kinds or seen[name].shape != ():
            raise PopulaceError(
                f"context: this model looks at fields of kind {', '.join(kinds)} without a shape, "
                f"and {name!r} is a {seen[name].kind}{list(seen[name].shape) or ''}"
            )
        return seen[name]

    def options(self, f: Field) -> int:
        """How many values a choice or flag takes."""
        return len(f.labels) if f.kind == "choice" else 2


@dataclass(frozen=True)
class Base:
    """The base policy: logits [rows, acts], and which choice seen picks the row (None for one row)."""

    logits: tuple[tuple[float, ...], ...]
    field: str | None

    def table(self, device: torch.device) -> Tensor:
        """The logits as a tensor."""
        return torch.tensor(self.logits, device=device, dtype=torch.float32)

    def row(self, observation: Mapping[str, Tensor], like: Tensor) -> Tensor:
        """The row of every seat, [worlds, n]."""
        return torch.zeros_like(like) if self.field is None else observation[self.field]


def _masked(logits: Tensor, mask: Tensor | None) -> Tensor:
    return logits if mask is None else torch.where(mask, logits, -torch.inf)


def _slope(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Gradient of KL(p || q) with respect to p's logits, over the last dimension."""
    p = torch.exp(log_p)
    gap = torch.where(p > 0, log_p - log_q, 0.0)
    return p * (gap - (p * gap).sum(-1, keepdim=True))


class Tabular:
    """A row of logits for every combination of the choices and flags seen; `params["logits"]` [worlds, C, acts]."""

    kinds = ("choice", "flag")

    def __init__(self, layout: Layout, base: Base) -> None:
        self.layout, self.base = layout, base
        self.sizes = tuple(layout.options(f) for f in layout.fields)
        self.contexts = 1
        for size in self.sizes:
            self.contexts *= size

    def begin(self, draw: Draw) -> Params:
        """The base policy's logits in every context."""
        rows = torch.zeros(self.contexts, dtype=torch.int64, device=draw.device)
        stride = self.contexts
        for f, size in zip(self.layout.fields, self.sizes, strict=True):
            stride //= size
            if f.name == self.base.field:
                rows = torch.arange(self.contexts, device=draw.device) // stride % size
        return {"logits": self.base.table(draw.device)[rows].repeat(draw.worlds, 1, 1)}

    def see(self, observation: Mapping[str, Tensor]) -> Seen:
        """The context's number."""
        code: Tensor | None = None
        for f, size in zip(self.layout.fields, self.sizes, strict=True):
            value = observation[f.name].to(torch.int64)
            code = value if code is None else code * size + value
        some = next(iter(observation.values()))
        if code is None:
            code = torch.zeros(some.shape[:2], dtype=torch.int64, device=some.device)
        return Seen(code, None, code, observation.get(f"{self.layout.act.name}_mask"))

    def log_probs(self, params: Params, seen: Seen) -> Tensor:
        """Each seat's row."""
        assert seen.code is not None
        logits = params["logits"]
        index = seen.code.unsqueeze(-1).expand(-1, -1, logits.shape[-1])
        if seen.mask is None:
            return torch.log_softmax(logits, -1).gather(1, index)
        return torch.log_softmax(_masked(logits.gather(1, index), seen.mask), -1)

    def sums(self, seen: Seen, act: Tensor, weight: Tensor, acts: int) -> Tensor:
        """Weight by context and act, [worlds, C, acts]."""
        assert seen.code is not None
        flat = torch.zeros((len(act), self.contexts * acts), device=act.device, dtype=torch.float32)
        return flat.scatter_add(-1, seen.code * acts + act, weight).unflatten(-1, (self.contexts, acts))

    def push(self, params: Params, seen: Seen, act: Tensor, weight: Tensor) -> Params:
        """Sums of weights, less what the policy expects of them."""
        acts = params["logits"].shape[-1]
        sums = self.sums(seen, act, weight, acts)
        if seen.mask is None:
            expected = torch.softmax(params["logits"], -1) * sums.sum(-1, keepdim=True)
            return {"logits": sums - expected}
        p = torch.exp(self.log_probs(params, seen))
        return {"logits": sums - self._spread(seen, weight.unsqueeze(-1) * p)}

    def pull(self, params: Params, reference: Params, seen: Seen, weight: Tensor) -> Params:
        """KL by context, times the weight there."""
        assert seen.code is not None
        if seen.mask is None:
            held = torch.zeros((len(weight), self.contexts), device=weight.device, dtype=torch.float32)
            held = held.scatter_add(-1, seen.code, weight)
            slope = _slope(torch.log_softmax(params["logits"], -1), torch.log_softmax(reference["logits"], -1))
            return {"logits": held.unsqueeze(-1) * slope}
        slope = _slope(self.log_probs(params, seen), self.log_probs(reference, seen))
        return {"logits": self._spread(seen, weight.unsqueeze(-1) * slope)}

    def _spread(self, seen: Seen, value: Tensor) -> Tensor:
        """[worlds, n, acts] summed by context."""
        assert seen.code is not None
        out = value.new_zeros((len(value), self.contexts, value.shape[-1]))
        return out.scatter_add(1, seen.code.unsqueeze(-1).expand_as(value), value)


class _Featured:
    """What linear and network policies share: features, and gradients through the logits."""

    kinds = ("choice", "flag", "real")

    def __init__(self, layout: Layout, base: Base, bias: bool) -> None:
        self.layout, self.base, self.bias = layout, base, bias
        widths = [layout.options(f) - 1 if f.kind in ("choice", "flag") else 1 for f in layout.fields]
        self.width = sum(widths) + bias
        if self.width == 0:
            raise PopulaceError("this policy looks at nothing: name a field in context, or set bias: true")

    def see(self, observation: Mapping[str, Tensor]) -> Seen:
        """Reals and flags as they are, a choice's options but the first as one-hot, then the constant."""
        columns: list[Tensor] = []
        for f in self.layout.fields:
            value = observation[f.name]
            if f.kind == "choice":
                columns.extend((value == k).float() for k in range(1, len(f.labels)))
            else:
                columns.append(value.float())
        some = next(iter(observation.values()))
        shape = columns[0] if columns else some.new_zeros(some.shape[:2], dtype=torch.float32)
        if self.bias:
            columns.append(torch.ones_like(shape))
        zero = torch.zeros_like(shape, dtype=torch.int64)
        mask = observation.get(f"{self.layout.act.name}_mask")
        return Seen(None, torch.stack(columns, -1), self.base.row(observation, zero), mask)

    def logits(self, params: Params, seen: Seen) -> Tensor:
        """What the parameters add to the base policy's logits, [worlds, n, acts]."""
        raise NotImplementedError

    def back(self, params: Params, seen: Seen, error: Tensor) -> Params:
        """Gradient of sum error . logits."""
        raise NotImplementedError

    def log_probs(self, params: Params, seen: Seen) -> Tensor:
        """Base logits plus the parameters' part, normalised."""
        logits = self.base.table(seen.base.device)[seen.base] + self.logits(params, seen)
        return torch.log_softmax(_masked(logits, seen.mask), -1)

    def push(self, params: Params, seen: Seen, act: Tensor, weight: Tensor) -> Params:
        """Through weight (onehot - pi)."""
        p = torch.exp(self.log_probs(params, seen))
        hit = act.unsqueeze(-1) == torch.arange(p.shape[-1], device=p.device)
        return self.back(params, seen, weight.unsqueeze(-1) * (hit.float() - p))

    def pull(self, params: Params, reference: Params, seen: Seen, weight: Tensor) -> Params:
        """Through the KL's slope."""
        slope = _slope(self.log_probs(params, seen), self.log_probs(reference, seen))
        return self.back(params, seen, weight.unsqueeze(-1) * slope)


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """sum_n left [worlds, n, k] right [worlds, n, d] -> [worlds, k, d], one column of `right` at a time."""
    turned = left.transpose(1, 2).contiguous()
    return torch.stack([total(turned * right[..., d].unsqueeze(1)) for d in range(right.shape[-1])], -1)


class Linear(_Featured):
    """Logits linear in the features; `params["weight"]` [worlds, acts, features]."""

    def begin(self, draw: Draw) -> Params:
        """No weights: the base policy."""
        return {
            "weight": torch.zeros(
                (draw.worlds, len(self.layout.act.labels), self.width), device=draw.device, dtype=torch.float32
            )
        }

    def logits(self, params: Params, seen: Seen) -> Tensor:
        """Features times weights."""
        assert seen.features is not None
        return apply_linear(seen.features, params["weight"].unsqueeze(1))

    def back(self, params: Params, seen: Seen, error: Tensor) -> Params:
        """Errors times features."""
        assert seen.features is not None
        return {"weight": _outer(error, seen.features)}


class Network(_Featured):
    """One hidden layer of tanh units; `in` [worlds, hidden, features], `out` [worlds, acts, hidden]."""

    def __init__(self, layout: Layout, base: Base, bias: bool, hidden: int) -> None:
        super().__init__(layout, base, bias)
        self.hidden = hidden

    def begin(self, draw: Draw) -> Params:
        """Random inner weights of variance 1 / features, outer ones zero: the base policy."""
        inner = draw.normal("inner", self.hidden, self.width) / self.width**0.5
        return {
            "in": inner,
            "out": torch.zeros(
                (draw.worlds, len(self.layout.act.labels), self.hidden), device=inner.device, dtype=torch.float32
            ),
        }

    def _units(self, params: Params, seen: Seen) -> Tensor:
        assert seen.features is not None
        return 2.0 * sigmoid(2.0 * apply_linear(seen.features, params["in"].unsqueeze(1))) - 1.0  # tanh, batch-safe

    def logits(self, params: Params, seen: Seen) -> Tensor:
        """Through the hidden layer."""
        return apply_linear(self._units(params, seen), params["out"].unsqueeze(1))

    def back(self, params: Params, seen: Seen, error: Tensor) -> Params:
        """Back through the hidden layer."""
        assert seen.features is not None
        units = self._units(params, seen)
        hidden_error = apply_linear(error, params["out"].transpose(1, 2).unsqueeze(1)) * (1.0 - units * units)
        return {"in": _outer(hidden_error, seen.features), "out": _outer(error, units)}


def make(kind: Literal["tabular", "linear", "network"], layout: Layout, base: Base, bias: bool, hidden: int) -> Model:
    """The model of that name."""
    if kind == "tabular":
        return Tabular(layout, base)
    return Linear(layout, base, bias) if kind == "linear" else Network(layout, base, bias, hidden)
