"""What `populace new` writes for a world, a policy, a learner and a backend runs as it is."""

import importlib.util
import json
import re
import sys

import pandas as pd
import pytest
from installing import Environment
from typer.testing import CliRunner

from populace.cli import app
from populace.cli.starting import write_start
from populace.errors import PopulaceError

FILES = ("policy", "learner", "backend")


def call(*words):
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def island(tmp_path_factory):
    """A world from its template, installed."""
    folder = tmp_path_factory.mktemp("new")
    told = json.loads(call("new", folder, "--world", "acme/coral-island", "--json"))
    assert told["path"] == str(folder / "coral_island")
    return Environment(folder, folder / "coral_island")


def test_a_world_from_its_template_is_played_and_reported_with_its_own_section(island):
    island.run("-m", "populace", "run", "coral-island-first", "--out", "out", "-q")
    page = (island.folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "Did opinions become alike?" in page
    assert "standard deviation of opinions between users" in page
    steps = pd.read_parquet(island.folder / "out" / "steps.parquet")
    end = steps[(steps["measure"] == "diversity") & (steps["step"] == 40)].groupby("arm", observed=True)["value"].mean()
    assert end["centre"] < 0.1 < end["agree"]


def test_a_world_from_its_template_passes_its_own_tests_and_those_of_pettingzoo(island):
    readme = (island.folder / "coral_island" / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    (.+)$", readme, re.MULTILINE)
    assert commands[0] == 'python -m pip install -e ".[test]"'
    assert commands[-1] == "python -m pytest"
    island.run(*commands[-1].split()[1:], "-p", "no:cacheprovider", cwd=island.folder / "coral_island")
    island.run(
        "-c",
        "from pettingzoo.test import parallel_api_test\nimport gymnasium\nfrom populace.envs import coral_island_v0\n"
        "parallel_api_test(coral_island_v0.parallel_env(users=3), num_cycles=20)\n"
        "gymnasium.make('acme/coral-island-v0', users=3).reset(seed=0)\n",
    )


def test_an_editable_install_is_found_from_its_own_folder_and_from_the_one_above(tmp_path):
    """That folder holds one of the package's name, which Python would take for the package."""
    write_start("world", "acme/reef-island", tmp_path)
    place = Environment(tmp_path)
    place.install_editable(tmp_path / "reef_island")
    place.run("-m", "pytest", "reef_island", "-p", "no:cacheprovider", cwd=tmp_path)
    shown = place.run("-m", "populace", "show", "acme/reef-island-v0", "--json", cwd=tmp_path / "reef_island")
    assert [role["name"] for role in json.loads(shown)["roles"]] == ["assistant"]


@pytest.mark.parametrize("kind", FILES)
def test_a_file_from_its_template_is_played_beside_one_of_ours(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = f"own_{kind}_start"
    told = call("new", f"--{kind}", name)
    command = told.splitlines()[-1].removeprefix("run it with: populace ").split()
    call(*command, "--out", "out", "--no-report", "-q")
    steps = pd.read_parquet("out/steps.parquet")
    reward = steps[steps["measure"] == "reward"]
    assert reward["arm"].nunique() == 2
    assert reward["value"].notna().any()
    invalid = steps[(steps["measure"] == "invalid") & (steps["step"] > 0)]
    assert (invalid["value"].dropna() == 0).all()


@pytest.mark.parametrize("kind", FILES)
def test_a_file_from_its_template_passes_its_own_tests(kind, tmp_path, monkeypatch):
    folder, *_ = write_start(kind, f"tested-{kind}-start", tmp_path)
    monkeypatch.syspath_prepend(str(folder))
    spec = importlib.util.spec_from_file_location("tests_of_start", next(folder.glob("test_*.py")))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [thing for name, thing in vars(module).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


@pytest.mark.parametrize(
    ("kind", "name", "match"),
    [
        ("world", "Island", "lower-case letters"),
        ("world", "../island", "lower-case letters"),
        ("world", "class", "has a module 'class'"),
        ("world", "torch", "has a module 'torch'"),
        ("world", "json", "has a module 'json'"),
        ("world", "populace/island", "the library's own"),
        ("policy", "acme/nice", "such as 'my-policy'"),
        ("policy", "here", "exists already"),
    ],
)
def test_names_that_cannot_be_are_refused_and_nothing_is_written(kind, name, match, tmp_path):
    (tmp_path / "here").mkdir()
    with pytest.raises(PopulaceError, match=match):
        write_start(kind, name, tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["here"]


def test_one_thing_at_a_time_and_a_scenario_needs_its_file(tmp_path):
    for words, said in ((["--world", "a", "--policy", "b"], "one of these options"), ([], "name the scenario file")):
        done = CliRunner().invoke(app, ["new", *words])
        assert done.exit_code != 0
        assert said in str(done.exception)
