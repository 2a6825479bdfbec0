"""`populace doctor`: what is installed, what works here, and what each missing thing would give."""

import json
from importlib import metadata

import pytest
from typer.testing import CliRunner

from populace import arithmetic
from populace.cli import app, doctor


def told(*words):
    done = CliRunner().invoke(app, ["doctor", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def by_name(done):
    return {one["what"]: one for one in json.loads(done.stdout)["findings"]}


def test_it_names_everything_once():
    found = by_name(told("--json"))
    assert {f"extra {name}" for name in doctor.EXTRAS} <= set(found)
    assert {"version", "devices", "kernels", "machine", "configuration", "model pocket", "model smollm2"} <= set(found)
    assert metadata.version("torch") in found["devices"]["told"]


def test_every_extra_that_a_user_may_want_is_there_and_no_other():
    given = set(metadata.metadata("populace").get_all("Provides-Extra") or [])
    assert given - set(doctor.EXTRAS) == {"test", "dev", "bench", "executors"}  # for work on the library itself
    assert set(doctor.EXTRAS) <= given


def test_a_missing_package_and_another_release_are_told_with_what_they_would_give(monkeypatch):
    def version(name, known=metadata.version):
        if name in ("openai", "populace-nothing"):
            raise metadata.PackageNotFoundError(name)
        return "0.1" if name == "stable-baselines3" else known(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    found = by_name(told("--json"))
    assert found["extra llm"]["verdict"] == "absent"
    assert "openai" in found["extra llm"]["told"]
    assert "pip install 'populace[llm]' gives models behind endpoints" in found["extra llm"]["remedy"]
    assert "stable-baselines3>=2.4 (here is 0.1)" in found["extra sb3"]["told"]


def test_what_does_not_work_ends_with_exit_code_1(monkeypatch):
    monkeypatch.setattr(arithmetic, "why_not", lambda: "no numba")
    done = told()
    assert done.exit_code == 1
    assert "wrong   kernels" in done.stdout
    assert "1 thing(s) do not work here" in done.stdout


def test_a_configuration_that_cannot_be_written_is_told(monkeypatch, tmp_path):
    place = tmp_path / "closed"
    monkeypatch.setenv("POPULACE_CONFIG_HOME", str(place))
    known = doctor.os.access
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: str(path) != str(tmp_path) and known(path, mode))
    assert by_name(told("--json"))["configuration"]["verdict"] == "wrong"


@pytest.mark.parametrize("word", ["populace", "Python"])
def test_the_first_line_says_what_runs(word):
    assert word in told().stdout.splitlines()[0]
