"""A measure of one's own: named in the scenario, declared, recorded, reported; a stranger's code is refused."""

import json
import sys
from importlib.metadata import EntryPoint

import pandas as pd
import pytest
import torch
from test_hostile_code import cli
from test_runner import assert_same, trial

from populace import imports, load_run, registry, trust
from populace.errors import PopulaceError, ScenarioError
from populace.measures import Measure
from populace.scenarios import load, runner

CODE = """
from pathlib import Path
from populace.measures import Measure
Path({mark!r}).open("a").write("ran ")

def apart(world, state):
    return {{"apart": state.values.var((1, 2), correction=0), "people/all": state.values[..., 0].sum(1) * 0 + 30}}

apart.measures = (
    Measure(name="apart", about="How far apart <all> values are.", unit="squared points", low=0.0),
    Measure(name="people/*", about="Users counted.", kind="stock"),
)

def undeclared(world, state):
    return {{}}
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POPULACE_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a scenario and the code it names, which leaves a mark when it runs; the working folder is empty."""
    folder, elsewhere = tmp_path / "given", tmp_path / "here"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (folder / "odd_measures.py").write_text(CODE.format(mark=str(tmp_path / "mark")))
    yield folder
    sys.modules.pop("odd_measures", None)
    imports._beside.code.clear()


def write(place, measures=("odd_measures:apart",), **more):
    record = {"every": 3, "users": 30, "worlds": 5, "measures": list(measures)}
    (place / "own.yaml").write_text(json.dumps(trial(record=record, **more)))
    return place / "own.yaml"


def ran(place):
    return (place.parent / "mark").exists()


def function(**measures):
    """A measure that gives these, [worlds] of whatever is asked, and declares nothing else."""

    def measure(world, state):
        return {name: value(state) for name, value in measures.items()}

    measure.measures = tuple(Measure(name=name, about="x") for name in measures)
    return measure


@pytest.fixture
def own(monkeypatch):
    """Names a function as a registered measure of this process."""

    def name(function, called="mine"):
        monkeypatch.setitem(registry.recorded._added, called, function)
        return trial(record={"every": 6, "measures": [called]})

    return name


def test_it_is_recorded_each_record_step_and_explained_on_the_page(place, tmp_path):
    done = cli("run", write(place), "--trust", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.exception
    run = load_run(tmp_path / "out")
    rows = run.steps[run.steps["measure"] == "apart"].set_index(["arm", "world", "step"])["value"]
    assert len(rows) == 2 * 5 * 5  # arms, worlds, records
    # All users are tracked here, so that the variance can be computed from what was recorded of each.
    values = [column for column in run.users if column.startswith("value/")]
    tracked = run.users.groupby(["arm", "world", "step"], observed=True)[values]
    expected = tracked.apply(lambda frame: frame.to_numpy(dtype=float).var())
    pd.testing.assert_series_equal(rows.sort_index(), expected.sort_index(), check_names=False, check_index_type=False,
                                   rtol=1e-4)  # fmt: skip
    assert (run.steps.loc[run.steps["measure"] == "people/all", "value"] == 30).all()
    assert run.declared["apart"] == {
        "about": "How far apart <all> values are.", "kind": "stock", "unit": "squared points", "low": 0.0,
    }  # fmt: skip
    page = (tmp_path / "out" / "report.html").read_text()
    assert "How far apart &lt;all&gt; values are." in page
    assert "Users counted." in page


def test_nothing_else_changes_and_a_cut_off_run_has_the_same_bits(place, tmp_path):
    with trust.speaking(trust.guarded(trust=True)):
        scenario = load(write(place))
    whole = runner.run(scenario, tmp_path / "whole")
    looks = []
    stop = runner.Progress(stop=lambda: looks.append(1) or len(looks) > 1)
    cut = runner.run(scenario, tmp_path / "cut", batch=2, progress=stop)
    assert runner.read_info(cut)["status"] == "interrupted"
    assert_same(whole, runner.resume(cut))
    plain = runner.run(load(trial(record={"every": 3, "users": 30, "worlds": 5})), tmp_path / "plain")
    mine = load_run(whole).steps
    mine = mine[~mine["measure"].isin(["apart", "people/all"])].astype({"measure": str})
    theirs = load_run(plain).steps.astype({"measure": str})
    pd.testing.assert_frame_equal(mine.reset_index(drop=True), theirs.reset_index(drop=True), check_categorical=False)


@pytest.mark.parametrize("words", [("run",), ("run", "--dry-run"), ("validate",)])
def test_a_stranger_s_measure_runs_with_the_word_only(place, words):
    path = write(place)
    done = cli(words[0], path, *words[1:])
    assert not ran(place)
    assert "odd_measures" not in sys.modules
    if words[0] == "run":
        assert isinstance(done.exception, trust.NeedsWord)
        assert "odd_measures.py" in str(done.exception)
        assert "--trust" in str(done.exception)
    else:
        assert "not checked: it asks to run the code of 'odd_measures:apart'" in done.stdout
    assert not list(place.parent.glob("here/runs"))
    assert cli("validate", path, "--trust").exit_code == 0
    assert ran(place)


def test_mistakes_elsewhere_are_told_though_the_measure_is_not_imported(place):
    assert "horizont" in str(cli("validate", write(place, horizont=3)).exception)
    assert not ran(place)


def test_it_can_be_an_outcome_that_the_report_speaks_of(place, tmp_path):
    path = write(place, outcomes=["apart"])
    assert "not checked: it asks to run the code" in cli("validate", path).stdout
    done = cli("run", path, "--trust", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.exception
    assert "did you mean 'apart'" in str(cli("validate", write(place, outcomes=["appart"]), "--trust").exception)


def test_a_measure_that_the_user_names_is_the_user_s_word(place, monkeypatch):
    path = write(place, measures=())
    monkeypatch.chdir(place)
    done = cli("run", path, "--set", "record.measures=[odd_measures:apart]", "--dry-run")
    assert done.exit_code == 0, done.exception
    assert ran(place)


def test_a_run_is_resumed_under_the_word_it_began_with_and_read_without_code(place, tmp_path):
    with trust.speaking(trust.guarded(trust=True)):
        runner.run(load(write(place)), tmp_path / "out", progress=runner.Progress(stop=lambda: True))
    sys.modules.pop("odd_measures")
    assert cli("resume", tmp_path / "out", "--no-report").exit_code == 0
    sys.modules.pop("odd_measures")
    (tmp_path / "mark").unlink()
    for words in (("report", tmp_path / "out"), ("compare", tmp_path / "out", tmp_path / "out")):
        assert cli(*words).exit_code == 0
    assert not ran(place)


def test_a_plug_in_announces_measures(place, monkeypatch):
    monkeypatch.setattr(registry.recorded, "announced", {"spread-of-mine": "odd_measures:apart"}, raising=False)
    monkeypatch.setattr(imports, "installed", lambda module: True)
    monkeypatch.syspath_prepend(str(place))
    scenario = load(trial(record={"measures": ["spread-of-mine"]}))
    assert scenario.own[0].declared["apart"].low == 0
    assert EntryPoint("a", "b:c", registry.recorded.group).group == "populace.recorded"
    assert "spread-of-mine" in json.loads(cli("list", "--json").stdout)["recorded"]


def test_names_and_functions_that_are_no_measures_are_refused_with_their_place(place, own):
    own(function(x=lambda state: state.values[:, 0, 0]), "gap")
    with pytest.raises(ScenarioError, match=r"record\.measures\.0: unknown recorded measure 'gpa'; did you mean 'gap'"):
        load(trial(record={"measures": ["gpa"]}))
    path = write(place, measures=("odd_measures:undeclared",))
    error = cli("validate", path, "--trust").exception
    assert "'odd_measures:undeclared' is no recorded measure: that is a function (world, state)" in str(error)
    assert error.line == 1
    bad = function(x=lambda state: state.values[:, 0, 0])
    bad.measures = (Measure(name="x", about="x", kind="count"),)
    given = own(bad)
    with pytest.raises(ScenarioError, match="declared a count, but a measure of a state is a stock"):
        load(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda state: state.values[:, 0, 0].mean(), r"gives 'x' as torch.float32 \[\]; expected one number for each"),
        (lambda state: state.values[:, 0], r"gives 'x' as torch.float32 \[1, 5\]; expected one number for each"),
        (lambda state: 3.0, "gives 'x' as float; expected one number for each"),
        (lambda state: state.valeus, "'mine' failed: AttributeError: .*valeus.*test_own_measures.py"),
    ],
)
def test_what_it_gives_is_checked_before_anything_is_played(own, tmp_path, given, said):
    with pytest.raises(PopulaceError, match=said):
        runner.run(load(own(function(x=given))), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_it_gives_is_checked_for_all_worlds(own, tmp_path):
    """One value for all worlds looks right where there is one world."""
    with pytest.raises(PopulaceError, match=r"gives 'x' as torch.float32 \[1\]; expected one number for each"):
        runner.run(load(own(function(x=lambda state: state.values.mean().reshape(1)))), tmp_path / "out")


def test_it_must_declare_what_it_gives_and_hide_no_measure_of_the_world(own, tmp_path):
    some = function(x=lambda state: state.values[:, 0, 0], y=lambda state: state.values[:, 0, 0])
    some.measures = some.measures[:1]
    with pytest.raises(PopulaceError, match="gives 'y', which it does not declare"):
        runner.run(load(own(some)), tmp_path / "out")
    world = load_run(runner.run(load(trial()), tmp_path / "plain")).steps["measure"].cat.categories[0]
    with pytest.raises(PopulaceError, match="the world populace/coevolution-v0 measures too: choose another name"):
        runner.run(load(own(function(**{world: lambda state: state.values[:, 0, 0]}))), tmp_path / "out")


def test_numbers_of_other_kinds_are_recorded(own, tmp_path):
    given = function(
        flag=lambda state: state.values[:, 0, 0] > 1e9,
        number=lambda state: torch.full((len(state.values),), 7),
        gone=lambda state: state.values[:, 0, 0] / 0,
    )
    steps = load_run(runner.run(load(own(given)), tmp_path / "out")).steps
    means = steps.groupby("measure", observed=True)["value"].mean()
    assert (means["flag"], means["number"]) == (0, 7)
    assert pd.isna(means["gone"])  # infinite, and counted in run.json
