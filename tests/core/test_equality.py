"""Results that hold NaN equal themselves and their like, on every Python."""

import pkgutil
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import torch

import populace.analysis
from populace.analysis import stats
from populace.equality import Result, same


def nan():
    """A NaN of its own: until Python 3.12 tuples took two mentions of one NaN object for equal."""
    return float("nan") * 1.0


@dataclass(frozen=True, eq=False)
class Held(Result):
    a: object
    b: object = 1.0


def test_undefined_numbers_are_equal_whichever_object_they_are():
    assert nan() is not nan()
    assert Held(nan()) == Held(nan())
    assert hash(Held(nan())) == hash(Held(nan()))
    assert Held(nan()) != Held(0.0)
    assert Held(0.0) != Held(nan())
    assert Held(1.0) != (1.0, 1.0)
    assert {Held(nan()): 1}[Held(nan())] == 1


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), True),
        (np.array([1.0, np.nan]), np.array([np.nan, 1.0]), False),
        (np.array([1.0]), np.array([1.0, 1.0]), False),
        (np.array([1, 2]), np.array([1, 2]), True),
        (torch.tensor([1.0, torch.nan]), torch.tensor([1.0, torch.nan]), True),
        (torch.tensor([1.0, torch.nan]), torch.tensor([1.0, 7.5]), False),
        (torch.tensor([torch.inf]), torch.tensor([torch.finfo(torch.float32).max]), False),
        (torch.tensor([1.0]), torch.tensor([1.0], dtype=torch.float64), False),
        (torch.tensor([True]), torch.tensor([True]), True),
        ((1, nan()), (1, nan()), True),
        ([nan()], [nan(), nan()], False),
        ({"x": nan()}, {"x": nan()}, True),
        ({"x": nan()}, {"y": nan()}, False),
        (Held(nan(), (nan(),)), Held(nan(), (nan(),)), True),
        (np.float32("nan"), np.float32("nan"), True),
        ("a", "b", False),
        (1, 1.0, True),
        (None, nan(), False),
    ],
)
def test_values_are_compared_entry_by_entry(a, b, equal):
    assert same(a, b) is equal
    assert same(b, a) is equal


@pytest.mark.parametrize(
    "make",
    [
        lambda: stats.bootstrap(np.arange(15.0)),
        lambda: stats.estimate([nan(), 0.4]),
        lambda: stats.estimate([]),
        lambda: stats.paired(pd.Series([1.0]), pd.Series([0.6])),
        lambda: stats.welch([1.0], [2.0, 3.0]),
        lambda: stats.ratio([1.0, 2.0], [-1.0, 1.0]),
        lambda: stats.wilson(0, 0),
        lambda: stats.median([1.0, 2.0]),
    ],
)
def test_estimates_of_the_same_values_are_equal(make):
    one, two = make(), make()
    assert one is not two
    assert one == two
    assert hash(one) == hash(two)


def test_every_result_of_the_analysis_that_may_hold_nan_is_compared_so():
    """Dataclasses with numbers, arrays or estimates among their fields; those compared by identity say eq=False."""
    found = {}
    for module in pkgutil.walk_packages(populace.analysis.__path__, "populace.analysis."):
        for name, kind in vars(import_module(module.name)).items():
            if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.name:
                found[name] = kind
    for name in ("coevolution.report", "drift.threshold", "shopping.choice_logit", "culture.audit"):
        module = import_module(f"populace.envs.{name}")
        kinds = {n: k for n, k in vars(module).items() if isinstance(k, type) and k.__module__ == module.__name__}
        found |= {n: k for n, k in kinds.items() if is_dataclass(k)}
    assert {"Estimate", "Threshold", "LockIn", "LogitFit", "Strengths"} <= set(found)
    numbers = ("float", "Floats", "Tensor", "Estimate", "ndarray")
    for name, kind in found.items():
        held = [f.name for f in fields(kind) if any(word in str(f.type) for word in numbers)]
        plain = kind.__eq__ is object.__eq__ or issubclass(kind, Result) or name == "Declared"
        assert plain or not held, f"{name} holds {held}: make it a Result"
