"""A stranger's scenario or run folder that names code: nothing runs without the user's word, and with it all does."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from populace import imports, trust
from populace.cli import app, application
from populace.errors import PopulaceError, RunError, ScenarioError
from populace.folder import digest
from populace.scenarios import load, runner

HEAD = {"schema": 1, "name": "odd", "worlds": 2, "horizon": 4, "population": {"size": 3}}
PAYOFF = {**HEAD, "world": {"id": "populace/payoff-v0"}}
CODE = """
from pathlib import Path
from populace import registry
Path({mark!r}).open("a").write("ran ")
from populace.agents.llm.policies import RandomTalker
class Talker(RandomTalker): pass
class Town(registry.worlds.get("populace/payoff-v0")): defaults = {{"user": "random", "assistant": "random"}}
def measure(run): return run
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POPULACE_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a scenario's code that leaves a mark when it runs; the working folder is another one."""
    before = set(sys.modules)
    folder, elsewhere = tmp_path / "given", tmp_path / "here"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (folder / "odd_code.py").write_text(CODE.format(mark=str(tmp_path / "mark")))
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("odd_"):
            del sys.modules[name]
    imports._beside.code.clear()


def ran(place):
    return (place.parent / "mark").exists()


def write(place, **keys):
    path = place / "odd.yaml"
    path.write_text(json.dumps({**PAYOFF, **keys}))
    return path


def cli(*words, **more):
    done = CliRunner().invoke(app, [str(word) for word in words], **more)
    if done.exception is not None and not isinstance(done.exception, (SystemExit, PopulaceError)):
        raise done.exception
    return done


def seat(policy, **options):
    return {"agents": {"assistant": {"policy": policy, **options}}}


JUDGED = {"judge": {"policy": "odd_code:Talker"}}
NAMED = {
    "policy": seat("odd_code:Talker"),
    "world": {"world": {"id": "odd_code:Town"}},
    "mixed": seat("mix", players=[{"policy": "odd_code:Talker", "share": 1}]),
    "in an arm": {"arms": {"a": {}, "b": {"agents.assistant": "odd_code:Talker"}}},
    "in a sweep": {"sweep": {"grid": {"agents.assistant": ["always", "odd_code:Talker"]}}},
}


@pytest.mark.parametrize("where", NAMED)
def test_code_that_a_file_names_runs_with_the_word_only(where, place):
    path = write(place, **NAMED[where])
    for words in (("run", path), ("run", path, "--dry-run"), ("validate", path), ("show", path)):
        done = cli(*words)
        assert not ran(place), words
        assert "odd_code" not in sys.modules
        if words[0] == "run":
            assert isinstance(done.exception, trust.NeedsWord)
            assert "--trust" in str(done.exception)
            assert "odd_code.py" in str(done.exception)
    assert not list(place.parent.glob("here/runs"))
    done = cli("run", path, "--trust", "--no-report", "--out", place / "out")
    assert done.exit_code == 0, done.exception
    assert ran(place)


def test_the_judge_of_an_interpreter_is_code_too(place):
    drift = {**HEAD, "world": {"id": "populace/drift-v0"}}
    path = place / "judge.yaml"
    path.write_text(json.dumps(drift | {"agents": {"assistant": {"policy": "llm/random", "interpreter": JUDGED}}}))
    assert isinstance(cli("run", path).exception, trust.NeedsWord)
    assert not ran(place)
    assert "not checked" in cli("validate", path).output
    assert cli("validate", path, "--trust").exit_code == 0
    assert ran(place)


def test_validate_lists_what_it_did_not_import_and_checks_it_with_the_word(place):
    path = write(place, **seat("odd_code:Talker", memorry=3))
    done = cli("validate", path, "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["valid"]
    assert "odd_code:Talker" in told["unchecked"][0]
    assert not ran(place)
    assert "did you mean 'memory'" in str(cli("validate", path, "--trust").exception)
    path = write(place, **seat("odd_code:Talker"), horizont=3)
    assert "horizont" in str(cli("validate", path).exception)  # mistakes elsewhere are told


def test_show_imports_no_code_that_is_not_installed(place, monkeypatch):
    monkeypatch.chdir(place)
    assert isinstance(cli("show", "odd_code:Talker").exception, trust.NeedsWord)
    assert not ran(place)
    assert "options" in cli("show", "odd_code:Talker", "--trust").output


def test_the_question_on_a_terminal_is_asked_once_for_this_content(place, monkeypatch, home):
    monkeypatch.setattr(application, "_terminal", lambda: True)
    path = write(place, **seat("odd_code:Talker"))
    done = cli("run", path, "--dry-run", input="n\n")
    assert isinstance(done.exception, trust.NeedsWord)
    assert "odd_code.py" in done.stderr
    assert not ran(place)
    done = cli("run", path, "--dry-run", input="y\n")
    assert done.exit_code == 0, done.exception
    assert "Allow this" in done.stderr
    assert list((home / "given").glob("*.json"))
    again = cli("run", path, "--dry-run")
    assert (again.exit_code, "Allow" in again.stderr) == (0, False)
    # Another file, and other code, are asked about anew.
    path.write_text(path.read_text() + "\n")
    assert isinstance(cli("run", path, "--dry-run", input="n\n").exception, trust.NeedsWord)
    path.write_text(path.read_text()[:-1])
    assert cli("run", path, "--dry-run").exit_code == 0
    (place / "odd_code.py").write_text((place / "odd_code.py").read_text() + "\n")
    assert isinstance(cli("run", path, "--dry-run", input="n\n").exception, trust.NeedsWord)


def test_what_stands_in_set_is_the_user_s_word(place, monkeypatch):
    monkeypatch.chdir(place)
    path = write(place)
    done = cli("run", path, "--set", "agents.assistant=odd_code:Talker", "--dry-run")
    assert done.exit_code == 0, done.exception
    assert ran(place)
    assert cli("run", "prisoners-dilemma", "--set", "worlds=2", "--dry-run").exit_code == 0


def test_code_that_the_user_names_is_theirs_not_one_of_its_name_beside_the_scenario(place, tmp_path):
    (tmp_path / "here" / "odd_code.py").write_text(CODE.format(mark=str(tmp_path / "mine")))
    done = cli("run", write(place), "--set", "agents.assistant=odd_code:Talker", "--dry-run")
    assert done.exit_code == 0, done.exception
    assert (tmp_path / "mine").exists()
    assert not ran(place)


def test_a_parent_is_a_stranger_s_too(place):
    write(place, **seat("odd_code:Talker"))
    child = place / "child.yaml"
    child.write_text("extends: odd.yaml\nworlds: 3\n")
    assert isinstance(cli("run", child).exception, trust.NeedsWord)
    assert not ran(place)


def test_a_parent_outside_the_folder_is_read_with_the_word_only(place, tmp_path):
    """Its keys stood in the messages, and its texts in reports."""
    (place / "inner").mkdir()
    write(place, **seat("always"))
    child = place / "inner" / "child.yaml"
    child.write_text("extends: ../odd.yaml\nworlds: 3\n")
    (place / "inner" / "link.yaml").symlink_to(place / "odd.yaml")
    for parent in ("../odd.yaml", "link.yaml"):
        child.write_text(f"extends: {parent}\nworlds: 3\n")
        for words in (("run", child), ("run", child, "--dry-run")):
            assert isinstance(cli(*words).exception, trust.NeedsWord), words
        assert "not checked" in cli("validate", child).output
    assert "not checked" not in cli("validate", child, "--trust").output
    assert cli("run", child, "--allow", place, "--no-report", "--out", tmp_path / "out").exit_code == 0


def test_a_tape_that_is_a_link_to_itself_is_told(place):
    (place / "loop.jsonl").symlink_to("loop.jsonl")
    path = write(place, agents={"assistant": {"policy": "llm/random", "tape": str(place / "loop.jsonl")}})
    for words in (("validate", path), ("run", path, "--out", place / "out")):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert isinstance(done.exception, PopulaceError), (words, done.exception, done.output)


def interrupted(path, out, word):
    with trust.speaking(word):
        scenario = load(path)
        return runner.run(scenario, out, progress=runner.Progress(stop=lambda: True))


def test_a_run_is_resumed_under_the_word_it_began_with(place, tmp_path):
    path = write(place, **seat("odd_code:Talker"))
    out = interrupted(path, tmp_path / "out", trust.guarded(trust=True))
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    del sys.modules["odd_code"]
    moved = shutil.copytree(out, tmp_path / "moved")
    for folder in (out, moved):
        done = cli("resume", folder, "--no-report")
        assert done.exit_code == 0, done.exception
        assert json.loads((folder / "run.json").read_text())["status"] == "complete"


def test_the_word_of_a_run_is_not_taken_from_its_folder(place, tmp_path, home):
    path = write(place, **seat("odd_code:Talker"))
    out = interrupted(path, tmp_path / "out", trust.guarded(trust=True))
    changed = shutil.copytree(out, tmp_path / "changed")
    text = (changed / "scenario.yaml").read_text().replace("name: odd", "name: even")
    (changed / "scenario.yaml").write_text(text)
    (place / "odd_code.py").write_text((place / "odd_code.py").read_text() + "\n# other code\n")
    for folder in (changed, out):
        sys.modules.pop("odd_code", None)
        mark = tmp_path / "mark"
        mark.unlink(missing_ok=True)
        # Nobody knows where the code of the changed scenario lies; that of the other one is no longer the same.
        kind = trust.NeedsWord if folder == out else ScenarioError
        assert isinstance(cli("resume", folder).exception, kind), folder
        assert not mark.exists()
    shutil.copy(place / "odd_code.py", "odd_code.py")  # the working folder
    assert isinstance(cli("resume", changed).exception, trust.NeedsWord)
    assert not mark.exists()
    shutil.rmtree(home)
    assert isinstance(cli("resume", out).exception, trust.NeedsWord)
    assert not list(out.glob("**/given"))


def test_a_run_of_a_python_caller_is_resumed_without_a_second_word(place, tmp_path):
    path = write(place, **seat("odd_code:Talker"))
    interrupted(path, tmp_path / "out", trust.Word())
    assert cli("resume", tmp_path / "out", "--no-report").exit_code == 0


def test_reading_a_run_imports_nothing(place, tmp_path):
    path = write(place, **seat("odd_code:Talker"))
    assert cli("run", path, "--trust", "--no-report", "--out", tmp_path / "out").exit_code == 0
    del sys.modules["odd_code"]
    (tmp_path / "mark").unlink()
    for words in (("report", tmp_path / "out"), ("compare", tmp_path / "out", tmp_path / "out")):
        assert cli(*words).exit_code == 0
    assert not ran(place)


def test_a_forged_state_is_refused_and_imports_nothing(place, tmp_path):
    out = interrupted(write(place), tmp_path / "out", trust.guarded())
    assert isinstance(out, type(tmp_path))
    state = next((out / "state").glob("*.pt"), None) or out / "state" / "0000_00000.pt"
    state.parent.mkdir(exist_ok=True)
    skeleton = json.dumps({"class": "odd_code:Talker", "fields": {}})
    torch.save({"format": 1, "skeleton": skeleton, "tensors": []}, state)
    for path in state.parent.glob("*.json"):  # a forger makes the note fit
        note = json.loads(path.read_text())
        path.write_text(json.dumps({**note, "state": state.name, "sha256": digest(state)}))
    done = cli("resume", out)
    assert isinstance(done.exception, RunError)
    assert not ran(place)


def test_a_stray_module_in_the_working_folder_is_not_run(tmp_path):
    for name in ("typer", "rich", "pandas", "torch", "yaml", "ast", "tomllib"):
        (tmp_path / f"{name}.py").write_text(f"open('stray-{name}', 'w')\nraise SystemExit(3)\n")
    done = subprocess.run(
        [sys.executable, "-m", "populace", "validate", "value-lock-in"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, list(tmp_path.glob("stray-*"))) == (0, []), done.stderr


def test_the_packages_that_a_state_may_name_are_those_of_the_scenario_s_plug_ins(place, monkeypatch):
    from populace import registry
    from populace.scenarios.runner.folder import packages

    monkeypatch.setitem(registry.policies.__dict__, "announced", {"payoff/keen": "keen_pack.sub:Keen", "x": "other:X"})
    with trust.speaking(trust.guarded(trust=True)):
        assert packages(load(write(place))) == frozenset()
        assert packages(load(write(place, **seat("odd_code:Talker")))) == {"odd_code"}
        mixed = load(write(place, **NAMED["mixed"]))
    assert packages(mixed) == {"odd_code"}
    assert packages(replace(mixed, resolved={"agents": {"assistant": {"policy": "keen"}}})) == {"keen_pack"}


def test_words_of_a_file_do_not_pass_for_a_refusal(place):
    path = write(place, **seat("llm/random", persona=3, tape=f"{trust.UNHEARD}.txt"))
    assert isinstance(cli("run", path).exception, ScenarioError)
    path = write(place, world={"id": trust.UNHEARD})
    assert isinstance(cli("run", path).exception, ScenarioError)
