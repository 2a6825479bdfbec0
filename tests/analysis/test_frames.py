import json

import pandas as pd
import pytest
from make_run import make_run, two_arms

from populace.analysis import load_run
from populace.analysis.frames import COLUMNS
from populace.errors import RunError, UnknownName


def test_frames_have_the_documented_columns_and_types(tmp_path):
    run = load_run(make_run(tmp_path / "run", worlds=3, steps=5))
    for table, columns in COLUMNS.items():
        frame = getattr(run, table)
        assert {c: str(frame[c].dtype) for c in columns} == columns, table
    assert list(run.steps.columns) == list(COLUMNS["steps"])
    assert len(run.steps) == 2 * 3 * 6 * 3  # arms, worlds, steps with step 0, measures
    assert str(run.users["value/care"].dtype) == "float32"
    assert list(run.groups["arm"].cat.categories) == ["no-assistant", "mirror"]  # the scenario's order
    assert run.complete
    assert run.notice == ""


def test_arms_hold_coordinates_and_the_reference(tmp_path):
    arms = {
        "off": {"base": "off", "coordinates": {}, "reference": None},
        "on[k=1]": {"base": "on", "coordinates": {"k": 1}, "reference": "off"},
        "on[k=2]": {"base": "on", "coordinates": {"k": 2}, "reference": "off"},
    }
    run = load_run(make_run(tmp_path / "run", worlds=2, steps=2, arms=arms, reference="off"))
    assert list(run.arms.columns) == ["arm", "base", "k", "reference"]
    assert run.swept == ["k"]
    assert run.contrasts == [("on[k=1]", "off"), ("on[k=2]", "off")]


@pytest.mark.parametrize("reference", ["no-assistant", False])
def test_a_reference_named_once_for_all_arms_counts_too(tmp_path, reference):
    arms = two_arms()
    arms["mirror"]["reference"] = reference
    run = load_run(make_run(tmp_path / "run", worlds=2, steps=2, arms=arms))
    assert run.contrasts == [("mirror", "no-assistant")]


def test_a_killed_run_is_read_from_its_parts_and_says_so(tmp_path):
    whole = load_run(make_run(tmp_path / "whole", worlds=3, steps=8))
    cut = load_run(make_run(tmp_path / "cut", worlds=3, steps=8, parts=True, upto=6, status="interrupted"))
    assert not cut.complete
    assert "incomplete" in cut.notice
    assert "interrupted" in cut.notice
    for table in ("steps", "users", "groups"):
        expected = getattr(whole, table)
        expected = expected[expected["step"] <= 6]
        keys = [c for c in ("arm", "world", "step", "segment", "user", "variable", "measure") if c in expected]
        found = getattr(cut, table).sort_values(keys, ignore_index=True)
        pd.testing.assert_frame_equal(found, expected.sort_values(keys, ignore_index=True), check_categorical=False)


def test_a_run_that_has_just_begun_has_empty_frames(tmp_path):
    folder = make_run(tmp_path / "run", worlds=1, steps=1, status="running")
    for table in ("steps", "users", "groups"):
        (folder / f"{table}.parquet").unlink()
    run = load_run(folder)
    assert run.steps.empty
    assert list(run.groups.columns) == list(COLUMNS["groups"])
    with pytest.raises(RunError, match=r"record\.groups"):
        run.values  # noqa: B018


def test_what_is_no_run_is_refused_in_words(tmp_path):
    with pytest.raises(RunError, match="no folder"):
        load_run(tmp_path / "absent")
    with pytest.raises(RunError, match=r"no run\.json"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"status": "complete"}))
    with pytest.raises(RunError, match="names no arms"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"status": "complete", "arms": {}, "societies": []}))
    with pytest.raises(RunError, match="holds no table"):
        load_run(tmp_path)


def test_a_damaged_table_is_an_error_and_not_an_empty_frame(tmp_path):
    folder = make_run(tmp_path / "run", worlds=1, steps=1)
    (folder / "steps.parquet").write_bytes(b"PAR1 nothing else")
    with pytest.raises(RunError, match="steps cannot be read"):
        load_run(folder).steps  # noqa: B018


def test_values_of_another_family_stand_in(tmp_path):
    folder = make_run(tmp_path / "run", worlds=2, steps=2)
    frame = pd.read_parquet(folder / "groups.parquet")
    frame["variable"] = frame["variable"].astype(str).str.replace("value/", "belief/")
    frame.to_parquet(folder / "groups.parquet")
    run = load_run(folder)
    assert run.value_variables == ("belief/care", "belief/liberty", "belief/tradition")


def test_measures_by_name(tmp_path):
    from populace.analysis import MEASURES

    run = load_run(make_run(tmp_path / "run", worlds=2, steps=10))
    for name in MEASURES:
        frame = run.measure(name)
        assert list(frame.columns)[:6] == ["arm", "world", "step", "segment", "measure", "value"], name
        assert len(frame) > 0, name
    with pytest.raises(UnknownName, match="polarisation"):
        run.measure("polarization")
