"""The command line: every command, its JSON, its exit codes."""

import io
import json
import re
import subprocess
import sys
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout

import pytest
from test_runner import trial

from populace.cli import main
from populace.scenarios import library


def cli(*words, cwd="."):
    """A command in this process (exit code, stdout, stderr): starting Python and torch takes longer than most."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(), chdir(cwd):
        patch.setattr(sys, "argv", ["populace", *map(str, words)])
        patch.setattr(sys, "path", list(sys.path))
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main()
    return left.value.code or 0, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli")
    (path / "trial.yaml").write_text(json.dumps(trial()))
    code, out, err = cli("run", path / "trial.yaml", "--out", path / "a", "--json")
    assert code == 0, err
    assert json.loads(out)["status"] == "complete"
    return path


def test_help_needs_no_torch():
    code = "import sys, populace.cli\nfrom typer.testing import CliRunner\n"
    code += "print(CliRunner().invoke(populace.cli.app, ['--help']).exit_code, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False"]


def test_list_and_show(folder):
    code, out, _ = cli("list", "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) == {"scenarios", "worlds", "policies", "measures", "recorded"}
    assert "populace/coevolution-v0" in found["worlds"]
    code, out, _ = cli("show", "populace/coevolution-v0")
    assert code == 0
    assert "role assistant" in out
    assert "assistant_rate" in out
    assert cli("show", "random")[0] == 0
    code, out, _ = cli("show", "populace/shopping-v0")
    assert "phases: " in out
    assert "(default [message])" in out
    assert "(default {truth: {customer: false, company: true, public: false}, " in out
    assert "sees offers (real, 8 x 5)" in out
    for word in ("Options(", "None)", "=True", "('", "default ''", "<", "by default None"):
        assert word not in re.sub(r"<attribute>", "", out), word
    code, _, err = cli("show", "populace/coevolutio-v0")
    assert code == 1
    assert "did you mean 'populace/coevolution-v0'?" in err


def test_report_and_compare(folder):
    code, out, err = cli("report", folder / "a", "--json")
    assert code == 0, err
    assert json.loads(out)["report"].endswith("report.html")
    assert cli("run", folder / "trial.yaml", "--out", folder / "b", "--set", "seed=4", "--no-report")[0] == 0
    code, out, err = cli("compare", folder / "a", folder / "b", "--json")
    assert code == 0, err
    assert len(json.loads(out)["differences"]) > 0


def test_validate_and_dry_run(folder):
    assert cli("validate", folder / "trial.yaml") == (
        0,
        f"{folder / 'trial.yaml'} is valid: 2 arm(s): alone, lifelong\n",
        "",
    )
    noises = "sweep={grid: {world.noise: [" + ", ".join(f"0.{number:02d}" for number in range(11)) + "]}}"
    code, out, _ = cli("validate", folder / "trial.yaml", "--set", noises)
    assert code == 0
    assert "22 arm(s): alone[world.noise=0.0], lifelong[world.noise=0.0], " in out
    assert out.endswith("lifelong[world.noise=0.09] and 2 more\n")
    assert len(json.loads(cli("validate", folder / "trial.yaml", "--set", noises, "--json")[1])["arms"]) == 22
    code, out, _ = cli("run", folder / "trial.yaml", "--dry-run", "--json", cwd=folder)
    assert code == 0
    assert json.loads(out)["users"] == 30
    assert not (folder / "runs").exists()


def test_arms_that_an_override_does_not_reach_are_named():
    code, _, err = cli("validate", "tin-men", "--set", "agents.assistant.policy=llm/stubborn", "--set", "worlds=2")
    assert code == 0
    assert err.startswith(
        "note: --set agents.assistant.policy reaches yours; the other arms set it themselves: gpt35-T02, "
    )
    assert cli("validate", "tin-men", "--set", "worlds=2")[2] == ""


def test_mistakes_have_places_suggestions_and_exit_code_1(folder):
    text = (folder / "trial.yaml").read_text().replace('"horizon"', '"horizont"')
    (folder / "typo.yaml").write_text(text)
    code, out, err = cli("run", folder / "typo.yaml", "--out", folder / "never")
    assert code == 1
    assert out == ""
    assert "typo.yaml:1:" in err
    assert "'horizon'" in err
    assert "Traceback" not in err
    assert not (folder / "never").exists()
    for override in ("agents.asistant.policy=honest", "agents.asistant=honest", "arms.candid.agents.asistant=honest"):
        code, _, err = cli("validate", "therapy", "--set", override)
        assert (code, "did you mean 'assistant'?" in err) == (1, True)
    code, out, err = cli("validate", folder / "typo.yaml", "--json")
    assert code == 1
    assert json.loads(err)["error"]["line"] == 1
    assert cli("run")[0] == 2
    code, _, err = cli("resume", folder / "a")
    assert (code, "complete" in err) == (1, True)


def test_new_writes_a_scenario_that_is_valid(folder):
    base = sorted(library())[0]
    code, _, err = cli("new", folder / "mine.yaml", "--from", base)
    assert code == 0, err
    assert cli("validate", folder / "mine.yaml")[0] == 0
    assert cli("new", folder / "mine.yaml")[0] == 1


def test_schema_is_json(folder):
    code, out, _ = cli("schema")
    assert code == 0
    assert "properties" in json.loads(out)


def test_a_policy_in_the_working_directory_is_found_and_its_errors_are_its_own(folder):
    (folder / "mine.py").write_text(
        "from populace.agents.scripted.coevolution import Frozen\n"
        "class Good(Frozen):\n    pass\n"
        "class Bad(Frozen):\n"
        "    def act(self, observation, memory, draw):\n"
        "        raise ValueError('no idea')\n"
    )
    words = ("run", "trial.yaml", "--no-report", "--set", "horizon=2", "--set", "arms={a: {}}", "--set")
    command = [sys.executable, "-c", "import sys; sys.path.remove(''); from populace.cli import main; main()"]

    def run(policy, out):
        given = [*command, *words, f"agents.assistant=mine:{policy}", "--out", out]
        return subprocess.run(given, capture_output=True, text=True, cwd=folder)

    good = run("Good", "good")
    assert good.returncode == 0, good.stderr
    bad = run("Bad", "bad")
    assert bad.returncode == 1
    assert "the policy mine:Bad of role 'assistant' failed in 'advise': ValueError: no idea" in bad.stderr
    assert "mine.py:6" in bad.stderr
    assert "Traceback" not in bad.stderr


def test_version():
    done = subprocess.run([sys.executable, "-m", "populace", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("populace 0.")
