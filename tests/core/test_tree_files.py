"""A saved state is a stranger's: it may name the dataclasses of populace and of plug-ins, and no others."""

import json
import sys
from dataclasses import dataclass

import pytest
import torch
from core_toy import Mood

from populace import tree
from populace.errors import RunError
from populace.run import Run


def forge(path, skeleton, tensors=()):
    torch.save({"format": 1, "skeleton": json.dumps(skeleton), "tensors": list(tensors)}, path)
    return path


def named(kind, **fields):
    return {"class": kind, "fields": fields}


@dataclass(frozen=True)
class Own:
    """A state of the caller's own."""

    x: int = 0


@pytest.mark.parametrize(
    "kind",
    [
        "antigravity:x",  # of the standard library; opens a web browser when imported
        "this:s",
        "transformers.training_args:TrainingArguments",  # makes folders when made
        "torch.distributed.elastic.agent.server.api:WorkerSpec",
        "nobody_imported_this:X",
        "populace.__main__:X",
        "populace.nothing_here:X",
        "os:system",
        "builtins:exec",
        "populace.tree:importlib.import_module",
        "populace.tree:Path",
        ":",
        "",
        ".:x",
    ],
)
def test_classes_that_are_not_allowed_are_refused_and_not_imported(kind, tmp_path):
    module = kind.partition(":")[0]
    before = module in sys.modules
    with pytest.raises(RunError):
        tree.load(forge(tmp_path / "run.pt", named(kind)))
    if module != "populace.tree":
        assert (module in sys.modules) == before


def test_a_module_beside_the_run_is_not_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "lurking_state.py").write_text("raise RuntimeError('imported')")
    with pytest.raises(RunError, match="lurking_state"):
        tree.load(forge(tmp_path / "run.pt", named("lurking_state:X")))


def test_populace_s_the_caller_s_own_and_those_of_named_packages_are_read(tmp_path):
    value = {"own": Own(3), "mood": Mood(torch.ones(2, 3, 2), torch.zeros(2))}
    tree.save(value, tmp_path / "a.pt")
    back = tree.load(tmp_path / "a.pt")
    assert back["own"] == Own(3)
    assert tree.packages_of(value) == {Own.__module__.split(".")[0], "core_toy"}


def test_a_plug_in_s_classes_are_read_when_its_package_is_named(tmp_path):
    path = forge(tmp_path / "a.pt", named("pydantic.fields:FieldInfo"))  # any installed package
    with pytest.raises(RunError, match="nor of a plug-in that the scenario names"):
        tree.load(path)
    with pytest.raises(RunError, match="not a dataclass"):
        tree.load(path, packages=["pydantic"])


@pytest.mark.parametrize(
    "skeleton",
    [[], 3, {}, {"tensor": 5}, {"class": 3, "fields": {}}, {"class": "populace.run:Run", "fields": 3}, {"dict": [1]}],
)
def test_a_damaged_skeleton_is_a_run_error(skeleton, tmp_path):
    with pytest.raises(RunError):
        tree.load(forge(tmp_path / "a.pt", skeleton))


def test_a_skeleton_nested_without_end_is_a_run_error(tmp_path):
    deep = '{"list": [' * 20_000 + '{"plain": 1}' + "]}" * 20_000
    torch.save({"format": 1, "skeleton": deep, "tensors": []}, tmp_path / "a.pt")
    with pytest.raises(RunError):
        tree.load(tmp_path / "a.pt")


def test_a_file_that_holds_something_else_is_no_run(tmp_path):
    with pytest.raises(RunError, match="holds no run"):
        Run.load(forge(tmp_path / "a.pt", {"plain": 1}))
