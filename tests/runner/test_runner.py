"""The runner: run folders, kill and resume to the same bits, batches that do not show, errors that leave nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import populace
from populace.errors import ActionError, PolicyError, PopulaceError, RunError, ScenarioError, Stopped
from populace.scenarios import load, runner
from populace.scenarios.runner import unit
from populace.scenarios.runner.folder import held

TABLES = ("steps", "users", "groups")


def trial(**changes):
    """A small coevolution scenario with two arms, as a mapping."""
    return {
        "schema": 1,
        "name": "trial",
        "about": "a trial",
        "world": {"id": "populace/coevolution-v0", "history": {"every": 2, "rate": 0.3}, "noise": 0.02},
        "worlds": 5,
        "horizon": 12,
        "seed": 3,
        "population": {
            "size": 30,
            "values": {
                "names": ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"],
                "distribution": {"normal": {"mean": 0, "sd": 0.1}},
            },
            "segments": {"a": {"share": 0.7}, "b": {"share": 0.3}},
        },
        "agents": {"assistant": {"policy": "lifelong"}},
        "arms": {"alone": {"world.assistant_rate": 0}, "lifelong": {}},
        "record": {"every": 3, "users": 4, "worlds": 2},
        **changes,
    }


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    keys = {"steps": ["arm", "measure", "step", "world"], "users": ["arm", "step", "world", "user"]}
    keys["groups"] = ["arm", "variable", "step", "world", "segment"]
    return {t: pd.read_parquet(folder / f"{t}.parquet").sort_values(keys[t], ignore_index=True) for t in TABLES}


def assert_same(a: Path, b: Path) -> None:
    for (name, x), y in zip(tables(a).items(), tables(b).values(), strict=True):
        assert len(x) > 0, name
        pd.testing.assert_frame_equal(x, y, check_exact=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return runner.run(load(trial()), tmp_path_factory.mktemp("runs") / "whole")


def test_a_run_folder_holds_what_is_documented(whole):
    assert sorted(p.name for p in whole.iterdir()) == [
        "groups.parquet", "run.json", "scenario.yaml", "steps.parquet", "timings.parquet", "users.parquet",
    ]  # fmt: skip
    assert pq.read_schema(whole / "steps.parquet").names == [
        "arm", "world", "step", "measure", "role", "player", "value",
    ]  # fmt: skip
    info = json.loads((whole / "run.json").read_text())
    assert info["status"] == "complete"
    assert info["arms"]["lifelong"] == {
        "base": "lifelong", "coordinates": {}, "reference": "alone", "society": 0, "about": "",
    }  # fmt: skip
    run = populace.load_run(whole)
    assert sorted(run.steps.step.unique()) == [0, 3, 6, 9, 12]
    assert run.users.groupby("arm", observed=True).size().eq(5 * 2 * 4).all()
    assert {"user", "segment", "value/religion"} <= set(run.users)


def test_group_moments_are_those_of_the_users(tmp_path):
    folder = runner.run(load(trial(record={"every": 6, "users": 30, "worlds": 5})), tmp_path / "r")
    run = populace.load_run(folder)
    users = run.users.groupby(["arm", "world", "step", "segment"], observed=True)["value/democracy"]
    expected = pd.DataFrame({"n": users.size(), "mean": users.mean(), "var": users.var(ddof=0)}).reset_index()
    groups = run.groups[run.groups.variable == "value/democracy"].drop(columns="variable")
    both = groups.merge(expected, on=["arm", "world", "step", "segment"], suffixes=("", "_expected"))
    assert len(both) == len(groups) == 2 * 5 * 3 * 2
    assert (both.n == both.n_expected).all()
    np.testing.assert_allclose(both["mean"], both["mean_expected"], atol=1e-6)
    np.testing.assert_allclose(both["var"], both["var_expected"], atol=1e-6)


def test_batches_do_not_show(whole, tmp_path):
    assert_same(whole, runner.run(load(trial()), tmp_path / "r", batch=2))


def test_the_stored_scenario_runs_to_the_same_bits(whole, tmp_path):
    assert_same(whole, runner.run(load(whole / "scenario.yaml"), tmp_path / "r"))


@pytest.mark.parametrize("looks", [1, 2, 5])
def test_an_interrupted_run_is_readable_and_resumes_to_the_same_bits(whole, tmp_path, looks, monkeypatch):
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)  # one tick at a time
    asked = []
    stop = runner.Progress(stop=lambda: asked.append(1) or len(asked) > looks)
    folder = runner.run(load(trial()), tmp_path / "r", batch=2, progress=stop)
    assert runner.read_info(folder)["status"] == "interrupted"
    part = populace.load_run(folder)
    assert part.status == "interrupted"
    assert part.steps.step.max() <= looks
    assert_same(whole, runner.resume(folder))


def test_a_killed_run_resumes_to_the_same_bits(whole, tmp_path):
    """Killed outright, in the middle of an arm, between saves."""
    code = (
        "import sys, time, json\n"
        "from populace.scenarios import load, runner\n"
        "from populace.scenarios.runner import unit\n"
        "unit.LOOK_SECONDS, unit.SAVE_SECONDS = 0.0, 0.0\n"
        "slow = runner.Progress(moved=lambda n: (time.sleep(0.05), print('moved', flush=True)))\n"
        "runner.run(load(json.loads(sys.argv[1])), __import__('pathlib').Path(sys.argv[2]), batch=2, progress=slow)\n"
    )
    folder = tmp_path / "r"
    child = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(trial()), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for _ in range(17):
        child.stdout.readline()
    child.kill()
    child.wait()
    assert runner.read_info(folder)["status"] == "running"
    assert len(populace.load_run(folder).steps) > 0
    assert_same(whole, runner.resume(folder))


def test_a_failure_keeps_what_was_computed_and_says_why(tmp_path, monkeypatch):
    from populace.agents.scripted.coevolution import Lifelong

    act, calls = Lifelong.act, []

    def fail(self, observation, memory, draw):
        calls.append(1)
        if len(calls) == 18:
            raise ValueError("the model is gone")
        return act(self, observation, memory, draw)

    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(Lifelong, "act", fail)
    with pytest.raises(
        PolicyError, match=r"Lifelong of role 'assistant' failed in 'advise': ValueError: the model is g"
    ):
        runner.run(load(trial()), tmp_path / "r")
    info = runner.read_info(tmp_path / "r")
    assert info["status"] == "failed"
    assert "the model is gone" in info["error"]
    assert populace.load_run(tmp_path / "r").steps.step.max() >= 3
    monkeypatch.undo()
    runner.resume(tmp_path / "r")
    assert runner.read_info(tmp_path / "r")["status"] == "complete"


@pytest.mark.parametrize("error", [Stopped("the purse is empty"), KeyboardInterrupt()])
@pytest.mark.parametrize("tick", [1, 6, 8])
def test_what_stops_in_the_middle_of_a_tick_keeps_all_ticks_before_its_chunk(whole, tmp_path, monkeypatch, error, tick):
    from populace.agents.scripted.coevolution import Lifelong

    act, calls = Lifelong.act, []

    def stop(self, observation, memory, draw):
        calls.append(1)
        if len(calls) == 12 + tick:  # in the second arm
            raise error
        return act(self, observation, memory, draw)

    monkeypatch.setattr(Lifelong, "act", stop)
    monkeypatch.setattr(unit, "LOOK_SECONDS", 1e9)  # so that chunks are of 1, 2, 4, 8 ticks
    with pytest.raises(type(error)) as told:
        runner.run(load(trial()), tmp_path / "r")
    if isinstance(error, Stopped):
        assert f"the purse is empty; what was played is saved; go on with: populace resume {tmp_path / 'r'}" in str(
            told.value
        )
    assert runner.read_info(tmp_path / "r")["status"] == "interrupted"
    played = populace.load_run(tmp_path / "r").steps.groupby("arm", observed=True).step.max()
    # Whole chunks end after ticks 1, 3 and 7; every third tick is recorded.
    assert played.to_dict() == {"alone": 12, **{1: {}, 6: {"lifelong": 3}, 8: {"lifelong": 6}}[tick]}
    assert_same(whole, runner.resume(tmp_path / "r"))


def test_arms_have_common_random_numbers(tmp_path):
    arms = {"a": {}, "b": {"agents.assistant.policy": "mirror"}}
    world = {"id": "populace/coevolution-v0", "history": {"every": 2}, "noise": 0.02, "assistant_rate": 0}
    folder = runner.run(load(trial(arms=arms, world=world)), tmp_path / "r")
    users = tables(folder)["users"]
    a, b = (users[users.arm == arm].drop(columns="arm").reset_index(drop=True) for arm in "ab")
    pd.testing.assert_frame_equal(a, b, check_exact=True)  # nobody is listened to, so nothing may differ


def test_a_sweep_is_an_arm_a_cell(tmp_path):
    sweep = {"grid": {"world.noise": [0.0, 0.05]}}
    run = populace.load_run(runner.run(load(trial(sweep=sweep, horizon=3)), tmp_path / "r"))
    assert sorted(run.arms.arm) == sorted(
        f"{arm}[world.noise={noise}]" for arm in ("alone", "lifelong") for noise in (0.0, 0.05)
    )
    assert len(run.steps.arm.unique()) == 4


def test_what_cannot_run_leaves_nothing_behind(tmp_path):
    with pytest.raises(ScenarioError):
        runner.run(load(trial(horizon="many")), tmp_path / "r")
    with pytest.raises(PopulaceError, match="device 'mars' is not available"):
        runner.run(load(trial()), tmp_path / "r", device="mars")
    assert not (tmp_path / "r").exists()


def test_a_folder_that_holds_something_is_not_written_to(whole):
    with pytest.raises(RunError, match="holds something already"):
        runner.run(load(trial()), whole)
    with pytest.raises(RunError, match="complete"):
        runner.resume(whole)
    with pytest.raises(RunError, match=r"no run\.json"):
        runner.resume(whole.parent)


def test_an_estimate_writes_nothing_and_counts_right(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = runner.estimate(load(trial()))
    assert (found.arms, found.worlds, found.users, found.ticks) == (2, 5, 30, 12)
    assert found.state_bytes > 30 * 5 * 4 * 2  # values and origin at least
    assert found.seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_simulate_returns_frames(tmp_path):
    run = populace.simulate(trial(), tmp_path / "r", sets=["horizon=2", "worlds=3"])
    assert run.status == "complete"
    assert set(run.steps.world.unique()) == {0, 1, 2}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_run_that_the_command_line_resumes(tmp_path, number):
    scenario = tmp_path / "slow.yaml"
    scenario.write_text(json.dumps(trial(horizon=20_000, worlds=2)))  # JSON is YAML
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "populace", "run", str(scenario), "--out", str(tmp_path / "r"), "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 60
    while not (tmp_path / "r" / "run.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(5.0)  # a tick or more, on a busy machine too
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert json.loads(out)["status"] == "interrupted"
    assert runner.read_info(tmp_path / "r")["status"] == "interrupted"
    assert populace.load_run(tmp_path / "r").steps.step.max() > 0


def test_two_processes_never_write_to_one_folder(whole, tmp_path):
    folder = tmp_path / "r"
    runner.run(load(trial()), folder, progress=runner.Progress(stop=lambda: True))
    with held(folder), pytest.raises(RunError, match="being written by another process"):
        runner.resume(folder)
    assert_same(whole, runner.resume(folder))


@pytest.mark.parametrize("harm", ["lost", "torn"])
def test_a_batch_whose_parts_were_lost_is_run_again(whole, tmp_path, harm, monkeypatch):
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    asked = []
    stop = runner.Progress(stop=lambda: asked.append(1) or len(asked) > 15)  # in the second arm
    folder = runner.run(load(trial()), tmp_path / "r", progress=stop)
    for part in (folder / "parts").glob("steps-*"):
        if harm == "lost":
            part.unlink()
        else:
            part.write_bytes(part.read_bytes()[:40])
    assert_same(whole, runner.resume(folder))


def test_a_policy_that_acts_with_no_numbers_is_named(tmp_path, monkeypatch):
    from populace.agents.scripted.coevolution import Lifelong

    act = Lifelong.act

    def lost(self, observation, memory, draw):
        actions, memory = act(self, observation, memory, draw)
        return {**actions, "position": actions["position"] * float("nan")}, memory

    monkeypatch.setattr(Lifelong, "act", lost)
    with pytest.raises(ActionError, match="100% of 'position' of role 'assistant' are not numbers"):
        runner.run(load(trial()), tmp_path / "r")


def test_an_unusable_folder_is_a_mistake_of_the_user(tmp_path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "inner"):
        with pytest.raises(RunError, match="cannot make the run folder"):
            runner.run(load(trial()), out)
