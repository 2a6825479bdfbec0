"""`populace compare`: its text, its page, its errors in the words of the command line."""

import json
import re

import pytest
from make_run import make_run
from test_pairing import cells
from typer.testing import CliRunner

from populace.cli import app
from populace.errors import PopulaceError


def cli(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, (SystemExit, PopulaceError)):
        raise done.exception
    return done


@pytest.fixture
def runs(tmp_path):
    """A's users move up by .02 of `care` a step (young) more than B's, so that A is higher."""
    more = {"worlds": 8, "steps": 10, "tracked": 0, "noise": 0.01}
    about = {"measure 0": {"about": "A thing < & counted."}}
    a = make_run(tmp_path / "a", strength={"mirror": 5.0}, about_measures=about, **more)
    return a, make_run(tmp_path / "b", strength={"mirror": 1.0}, **(more | {"noise": 0.02}))


def test_the_text_says_which_way_differences_go(runs):
    out = cli("compare", *runs).stdout
    assert "A minus B: above 0 where A is higher, below 0 where B is" in out
    assert "A mirror minus B mirror" in out
    mirror = out.partition("A mirror minus B mirror")[2]
    row = next(line for line in mirror.splitlines() if line.startswith("value/care "))
    assert re.search(r"\+0\.\d+ \[0\.\d+, 0\.\d+\]", row), row
    assert "the same world and seed" in out


def test_the_page_is_written_and_says_so_too(runs, tmp_path):
    out = tmp_path / "compare.html"
    done = cli("compare", *runs, "--out", out)
    assert f"page: {out}" in done.stdout
    page = out.read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "A minus B" in page
    assert "higher in A" in page
    assert "A thing &lt; &amp; counted." in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert cli("compare", *runs, "--out", out).exit_code == 0  # a page takes the place of a page
    assert out.read_text() == page


@pytest.mark.parametrize("name", ["a/steps.parquet", "a/run.json", "a/scenario.yaml", "a/steps.html", "link.html"])
def test_the_page_takes_the_place_of_no_run_data(runs, tmp_path, name):
    (tmp_path / "a" / "steps.html").write_bytes((tmp_path / "a" / "steps.parquet").read_bytes())
    (tmp_path / "link.html").symlink_to(tmp_path / "a" / "run.json")
    before = {path: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    done = cli("compare", *runs, "--out", tmp_path / name)
    assert isinstance(done.exception, PopulaceError)
    assert {path: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before


def test_json_has_the_direction_and_the_page(runs, tmp_path):
    found = json.loads(cli("compare", *runs, "--json", "--out", tmp_path / "c.html").stdout)
    assert "A minus B" in found["direction"]
    assert found["page"] == str(tmp_path / "c.html")
    assert {"arm", "other", "measure", "a", "b", "difference"} <= set(found["differences"][0])


def test_errors_speak_the_language_of_the_command_line(runs, tmp_path):
    alone = {name: {"base": name, "coordinates": {}, "reference": None} for name in ("x", "y")}
    other = make_run(tmp_path / "other", worlds=2, steps=2, tracked=0, arms=alone)
    said = str(cli("compare", runs[0], other).exception)
    assert "--arm NAME --other NAME" in said
    assert "arm=" not in said
    assert "did you mean 'mirror'" in str(cli("compare", *runs, "--arm", "miror").exception)
    assert cli("compare", runs[0], other, "--arm", "mirror", "--other", "x").exit_code == 0


def test_a_base_name_compares_a_sweep_and_tells_what_has_no_partner(tmp_path):
    a = make_run(tmp_path / "a", worlds=3, steps=2, tracked=0, arms=cells("honest", [{"w.x": x} for x in (1, 2)]))
    b = make_run(tmp_path / "b", worlds=3, steps=2, tracked=0, arms=cells("honest", [{"w.x": x} for x in (2, 3)]))
    out = cli("compare", a, b, "--arm", "honest").stdout
    assert "A honest[w.x=2] minus B honest[w.x=2]" in out
    assert "Only in A, with nothing in B to compare: honest[w.x=1]." in out
    assert "Only in B, with nothing in A to compare: honest[w.x=3]." in out


def test_an_incomplete_run_is_told_and_equal_runs_are_the_same(runs, tmp_path):
    cut = make_run(tmp_path / "cut", worlds=3, steps=6, tracked=0, parts=True, upto=4, status="interrupted")
    done = cli("compare", runs[0], cut, "--out", tmp_path / "c.html")
    assert "note: B: This run is incomplete" in done.stderr
    assert "B: This run is incomplete" in (tmp_path / "c.html").read_text()
    same = cli("compare", runs[0], runs[0]).stdout
    assert "the same in every world: measure 0, " in same


def test_what_differs_is_told_before_what_came_out(runs, tmp_path):
    a, b = runs
    same = cli("compare", a, a).stdout
    assert "A and B have the same scenario, seed, input files and versions." in same
    for folder, value, digest in ((a, "1", "aa" * 32), (b, "2", "bb" * 32)):
        info = json.loads((folder / "run.json").read_text())
        info["scenario"] = {
            "keys": {"name": value, "world.noise": value, "worlds": "8", **({"seed": "1"} if value == "2" else {})}
        }
        info["inputs"] = {"people.csv": {"sha256": digest, "bytes": 3}}
        info["versions"]["torch"] = f"2.1{value}.0"
        (folder / "run.json").write_text(json.dumps(info))
    out = cli("compare", a, b, "--out", tmp_path / "c.html").stdout
    assert "  keys of the scenario: world.noise, seed\n" in out
    assert "  torch: A 2.11.0, B 2.12.0\n" in out
    assert f"  file people.csv: A SHA-256 {'a' * 12}, B SHA-256 {'b' * 12}\n" in out
    assert out.index("What differs between A and B:") < out.index("A mirror minus B mirror")
    page = (tmp_path / "c.html").read_text()
    assert page.index("What differs between the runs") < page.index("What came out differently")
    assert "file people.csv" in page
