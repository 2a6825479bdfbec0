"""The part of `check_world` that looks at states, measures, panels, rewards and ends."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from populace import tree
from populace.errors import did_you_mean
from populace.measures import find
from populace.run import Run
from populace.testing.tools import CheckFailed
from populace.world import AnyWorld, Step

_KEYS = ("arm", "world", "step", "user", "segment")
"""Columns of a table of users beside its panel variables."""


def check_state(world: AnyWorld, run: Run) -> None:
    """Check a state and what can be read off it: shapes, presence, measures, panel."""
    state, worlds = run.state, len(run.worlds)
    parameters = getattr(type(state), "__dataclass_params__", None)
    if not dataclasses.is_dataclass(state) or not getattr(parameters, "frozen", False):
        raise CheckFailed(f"the state is a {type(state).__name__}; expected a frozen dataclass of tensors")
    for tensor in tree.tensors(state, shared=False):
        if tensor.dim() == 0 or tensor.shape[0] != worlds:
            raise CheckFailed(
                f"the state holds a tensor of shape {tuple(tensor.shape)} with {worlds} worlds: its first dimension "
                "must be the world, or its field be declared shared()"
            )
    for role in world.cast.values():
        present = world.present(state, role.name)
        if present is not None and (tuple(present.shape) != (worlds, role.seats) or present.dtype != torch.bool):
            raise CheckFailed(f"present({role.name!r}) must be bool [{worlds}, {role.seats}]")
    stocks = world.measure(state)
    for name, value in stocks.items():
        _measure(world, name, value, worlds, stock=True)
    _panel(world, world.panel(state), {*world.declared, *stocks}, worlds)


def _panel(world: AnyWorld, panel: Mapping[str, Tensor], measured: Collection[str], worlds: int) -> None:
    """Panel variables fit the population, and every column of the tables that they become has a name of its own."""
    users, values = world.census.size, world.census.values
    owner = dict.fromkeys(_KEYS, "a column of every table of users")
    for name, value in panel.items():
        if value.dim() not in (2, 3) or tuple(value.shape[:2]) != (worlds, users) or value.dtype != torch.float32:
            raise CheckFailed(
                f"panel {name!r} must be float32 [{worlds}, {users}] or [{worlds}, {users}, values], got {value.dtype} "
                f"{tuple(value.shape)}"
            )
        if value.dim() == 3 and value.shape[2] != len(values):
            raise CheckFailed(
                f"panel {name!r} is {value.shape[2]} wide, and the population has {len(values)} values "
                f"({', '.join(values)}), which name its columns: give one number per value, or each number as a "
                "variable [worlds, users] with a name of its own"
            )
        if name in measured:
            raise CheckFailed(
                f"{name!r} is both a measure and a panel variable, and the report could not tell them apart: rename one"
            )
        for column in [name] if value.dim() == 2 else [f"{name}/{dim}" for dim in values]:
            if column in owner:
                raise CheckFailed(f"panel {name!r} becomes the column {column!r}, which is {owner[column]}: rename it")
            owner[column] = f"panel {name!r} too"


def _measure(world: AnyWorld, name: str, value: Tensor, worlds: int, *, stock: bool) -> None:
    """A measure has its shape, and is what the world declares of it."""
    if tuple(value.shape) != (worlds,) or value.dtype != torch.float32:
        raise CheckFailed(f"the measure {name!r} must be float32 [{worlds}], got {value.dtype} {tuple(value.shape)}")
    declared = find(world.declared, name)
    if declared is None:
        raise CheckFailed(
            f"the measure {name!r} is not declared{did_you_mean(name, world.declared)}: let {type(world).__name__}."
            f"measures() return a populace.measures.Measure(name={name!r}, about=...), which reports explain it by"
        )
    if stock != (declared.kind == "stock"):
        where = "measure(), which reads stocks off a state" if stock else "advance(), where flows and counts come from"
        raise CheckFailed(f"the measure {name!r} is declared as a {declared.kind}, but comes from {where}: change one")
    known = value[~value.isnan()]
    slack = 1e-5 * max([1.0, *(abs(end) for end in (declared.low, declared.high) if math.isfinite(end))])
    wrong = known[(known < declared.low - slack) | (known > declared.high + slack)]
    if wrong.numel():
        raise CheckFailed(
            f"the measure {name!r} is {wrong[0].item():g}, outside its declared bounds [{declared.low:g}, "
            f"{declared.high:g}]: mend the measure or its bounds"
        )


def check_step(world: AnyWorld, run: Run, step: Step[Any], phase: str) -> None:
    """Check what a phase gave: rewards, measures, ends."""
    worlds = len(run.worlds)
    for name, reward in step.rewards.items():
        if name not in world.cast:
            raise CheckFailed(f"phase {phase!r} rewards {name!r}, who is no role: {sorted(world.cast)}")
        shape = (worlds, world.cast[name].seats)
        if tuple(reward.shape) != shape or reward.dtype != torch.float32 or not bool(reward.isfinite().all()):
            raise CheckFailed(
                f"{name}'s reward in phase {phase!r} must be finite float32 of shape {shape} [worlds, seats], got "
                f"{reward.dtype} of shape {tuple(reward.shape)}"
            )
    for key, value in step.measures.items():
        if isinstance(key, str):  # those of seats are declared by the library, by policies and by learners
            _measure(world, key, value, worlds, stock=False)
    if step.ended is None:
        return
    if not world.ends:
        raise CheckFailed(f"phase {phase!r} gives ended, but {type(world).__name__}.ends is False: set ends = True")
    if tuple(step.ended.shape) != (worlds,) or step.ended.dtype != torch.bool:
        raise CheckFailed(f"ended must be bool [{worlds}], got {step.ended.dtype} {tuple(step.ended.shape)}")
