"""Runs that stop before their end, by a budget or by Ctrl-C: nothing is lost, and they go on to the same tables."""

import json
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

pytest.importorskip("openai", reason="the openai client is not installed (extra llm)")

from loopback import serving

from populace.agents.llm import BudgetSpent
from populace.errors import RunError
from populace.scenarios import load, runner

pytestmark = pytest.mark.servers

EACH = 12
"""Tokens of an ask and its reply, as the server on loopback counts them."""


def scenario(server, folder, seat=None, **more):
    """Payoff, 2 worlds of 5 users, 4 ticks, scripted and then asked: 40 asks."""
    asked = {"policy": "llm/openai", "model": "m", "base_url": server.url, "tape": str(folder / "tape.jsonl"), **more}
    return {
        "schema": 1,
        "name": "stopping",
        "world": {"id": "populace/payoff-v0"},
        "worlds": 2,
        "horizon": 4,
        "population": {"size": 5},
        "agents": {"assistant": "always"},
        "arms": {"script": {}, "model": {"agents.user": asked if seat is None else seat(asked)}},
    }


def cli(*words, **more):
    command = [sys.executable, "-m", "populace", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, **more)


def steps(folder):
    table = pd.read_parquet(folder / "steps.parquet")
    return table.sort_values(["arm", "measure", "step", "world"], ignore_index=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with serving(lambda body: "clear") as server:
        return steps(runner.run(load(scenario(server, folder)), folder / "run"))


def test_a_spent_budget_stops_the_run_where_it_is_and_a_raised_one_goes_on(tmp_path, whole):
    given, out = tmp_path / "given.yaml", tmp_path / "run"
    with serving(lambda body: "clear") as server:
        given.write_text(json.dumps(scenario(server, tmp_path, max_tokens=EACH * 25, at_once=1)))
        stopped = cli("run", given, "--out", out, "--no-report")
        assert stopped.returncode == 130
        key = "arms.model.agents.user.max_tokens"
        assert stopped.stderr.startswith("stopped: the run has used 300 tokens of max_tokens: 300; raise it to go on")
        assert f"populace resume {out} --set {key}=..." in stopped.stderr
        assert "Traceback" not in stopped.stderr
        info = runner.read_info(out)
        assert (info["status"], info["error"].split(":")[0]) == ("interrupted", "BudgetSpent")
        # The first arm, and of the second two ticks of ten asks each, whole; the third had begun.
        parts = pd.concat(map(pd.read_parquet, (out / "parts").glob("steps-*")))
        last = parts.groupby("arm", observed=True).step.max()
        assert last.to_dict() == {"script": 4, "model": 2}
        assert len(server.requests) == 25

        wrong = cli("resume", out, "--set", "arms.model.agents.user.temperature=0.5")
        assert wrong.returncode == 1
        assert "at_once, give_up_after, key_env, max_cost, max_tokens of its agents" in wrong.stderr
        again = cli("resume", out, "--set", f"{key}=100000", "--no-report", "--json")
        assert again.returncode == 0, again.stderr
        assert len(server.requests) == 40  # nothing was asked twice
    assert json.loads(again.stdout)["status"] == "complete"
    assert runner.read_info(out)["set"] == [f"{key}=100000"]
    assert "max_tokens: 100000" in (out / "scenario.yaml").read_text()
    pd.testing.assert_frame_equal(steps(out), whole, check_exact=True)


def test_a_budget_inside_a_mix_is_raised_where_it_stands(tmp_path):
    def some(asked):
        name = asked.pop("policy")
        players = [{"policy": name, "share": 1, "params": asked}, {"policy": "random", "share": 1}]
        return {"policy": "mix", "players": players}

    with serving(lambda body: "clear") as server:
        given = load(scenario(server, tmp_path, some, max_tokens=EACH * 7, at_once=1))
        with pytest.raises(BudgetSpent, match=r"resume .*run --set (arms\.model\.agents\.user\.\S+)=\.\.\.") as told:
            runner.run(given, tmp_path / "run")
        key = str(told.value).split("--set ")[1].removesuffix("=...")
        with pytest.raises(RunError, match="would change what comes out"):
            runner.resume(tmp_path / "run", sets=[key.replace("max_tokens", "max_reply") + "=9"])
        runner.resume(tmp_path / "run", sets=[f"{key}=100000"])
    assert runner.read_info(tmp_path / "run")["status"] == "complete"


@pytest.mark.parametrize("taped", [True, False])
def test_ctrl_c_in_the_middle_of_a_long_tick_loses_nothing_and_does_not_wait(tmp_path, whole, taped):
    """From the 13th ask on the server takes a minute: the second tick would take as long."""
    slow, answered = threading.Event(), []

    def say(body):
        answered.append(body)
        if len(answered) > 12 and not slow.wait(timeout=60):
            pass
        return "clear"

    given, out = tmp_path / "given.yaml", tmp_path / "run"
    with serving(say) as server:
        given.write_text(json.dumps(scenario(server, tmp_path, at_once=4, **({} if taped else {"tape": None}))))
        command = [sys.executable, "-m", "populace", "run", str(given), "--out", str(out), "--no-report", "--json"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        patience = time.monotonic() + 60
        while len(answered) < 13 and time.monotonic() < patience:
            time.sleep(0.02)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        if taped:  # what is under way comes home once the server has it
            threading.Timer(3.0, slow.set).start()
        said, err = child.communicate(timeout=60)
        took = time.monotonic() - began
        slow.set()
        assert child.returncode == 130, err
        assert json.loads(said)["status"] == "interrupted"
        assert took < 15
        parts = pd.concat(map(pd.read_parquet, (out / "parts").glob("steps-*")))
        assert parts[parts.arm == "model"].step.max() == 1
        before = len(server.requests)
        if taped:
            held = (tmp_path / "tape.jsonl").read_text().splitlines()
            assert len(held) == before, (took, err, said)  # every reply that was under way has been written down
        assert runner.read_info(runner.resume(out))["status"] == "complete"
        assert len(server.requests) == (40 if taped else before + 30)
    pd.testing.assert_frame_equal(steps(out), whole, check_exact=True)
