"""Tables have the same bytes however a run was cut up; what is damaged is noticed and played again."""

import json

import pytest
import torch
from test_runner import trial

from populace.analysis import load_run
from populace.errors import PopulaceError, RunError
from populace.folder import read_info
from populace.population import Census
from populace.scenarios import load, runner
from populace.scenarios.recorder import FolderRecorder
from populace.scenarios.runner import unit

TABLES = ("steps", "users", "groups")
"""The tables of a world without words; tests/runner/test_talk.py has the fourth."""
SCENARIO = trial(seed=0, horizon=6, record={"every": 1, "users": 4, "worlds": 3})


def tables(folder):
    return {table: (folder / f"{table}.parquet").read_bytes() for table in TABLES}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return runner.run(load(SCENARIO), tmp_path_factory.mktemp("runs") / "whole")


def halfway(folder, monkeypatch):
    """A run that was stopped in its second unit, saved at every look."""
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    asked = []
    return runner.run(
        load(SCENARIO), folder, batch=2, progress=runner.Progress(stop=lambda: asked.append(1) or len(asked) > 9)
    )


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_tables_have_the_same_bytes_in_any_batches_and_with_any_saves(whole, tmp_path, monkeypatch, batch):
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    assert tables(runner.run(load(SCENARIO), tmp_path / "run", batch=batch)) == tables(whole)


def test_a_resumed_run_has_the_same_bytes(whole, tmp_path, monkeypatch):
    folder = halfway(tmp_path / "run", monkeypatch)
    assert read_info(folder)["status"] == "interrupted"
    assert list((folder / "done").iterdir())
    assert tables(runner.resume(folder)) == tables(whole)


@pytest.mark.parametrize("kind", ["done/*.json", "parts/*.parquet", "state/*.json", "state/*.pt"])
def test_a_flipped_byte_in_what_is_unfinished_is_played_again(whole, tmp_path, monkeypatch, kind):
    folder = halfway(tmp_path / "run", monkeypatch)
    for path in sorted(folder.glob(kind)):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    assert tables(runner.resume(folder)) == tables(whole)


def test_a_note_that_names_a_file_outside_the_folder_is_not_followed(whole, tmp_path, monkeypatch):
    folder = halfway(tmp_path / "run", monkeypatch)
    (path,) = (folder / "state").glob("*.json")
    note = json.loads(path.read_text())
    part, sha256 = next(iter(note["parts"].items()))
    (folder / "parts" / part).rename(tmp_path / part)
    path.write_text(json.dumps({**note, "parts": {**note["parts"], f"../../{part}": sha256}}))
    assert tables(runner.resume(folder)) == tables(whole)
    assert (tmp_path / part).exists()


@pytest.mark.parametrize("table", TABLES)
def test_a_flipped_byte_in_a_table_is_noticed(tmp_path, table):
    folder = runner.run(load(SCENARIO), tmp_path / "run")
    path = folder / f"{table}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="changed or damaged"):
        getattr(load_run(folder), table)


def test_a_changed_run_json_is_noticed(tmp_path):
    folder = runner.run(load(SCENARIO), tmp_path / "run")
    path = folder / "run.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(RunError, match="changed or damaged"):
        load_run(folder)


@pytest.mark.parametrize("batches", [None, {}, {"alone": 0, "lifelong": 5}, {"alone": "x", "lifelong": 5}])
def test_batches_that_are_none_are_refused_in_words(tmp_path, monkeypatch, batches):
    folder = halfway(tmp_path / "run", monkeypatch)
    info = {key: value for key, value in read_info(folder).items() if key != "checksum"}
    (folder / "run.json").write_text(json.dumps({**info, "batches": batches}))
    with pytest.raises(RunError, match="batches"):
        runner.resume(folder)


def test_a_panel_that_does_not_fit_the_values_is_refused_and_not_cut(tmp_path):
    """Columns beyond the population's values were dropped without a word."""
    recorder = FolderRecorder(
        tmp_path, "unit", "wide", Census(3, ("a", "b")), every=1, users=3, worlds=1, groups=True, talk="none", last=1
    )
    assert list(recorder._columns({"p": torch.zeros(1, 3, 2)})) == ["p/a", "p/b"]
    for width in (1, 3):
        with pytest.raises(PopulaceError, match=f"arm 'wide': .* 'p' is {width} wide, and the population has 2 values"):
            recorder._columns({"p": torch.zeros(1, 3, width)})
