"""Arms that branch off another one: the same up to the tick, the same luck after it, however the run is cut up."""

import json

import numpy as np
import pytest
from test_runner import trial
from typer.testing import CliRunner

import populace
from populace.cli import app
from populace.errors import PopulaceError, RunError, ScenarioError, UnknownName
from populace.scenarios import dump, load, runner
from populace.scenarios.limits import reopened
from populace.scenarios.loader import load_branch
from populace.scenarios.runner import unit

LATER = {"branch": {"from": "lifelong", "at": 6}, "agents.assistant": "mirror"}


def branching(**changes):
    """Arms `lifelong`, and `later`, which is `lifelong` for six of twelve ticks and `mirror` from then on."""
    arms = {
        "alone": {"world.assistant_rate": 0},
        "lifelong": {},
        "later": LATER,
        "mirror": {"agents.assistant": "mirror"},
    }
    return trial(arms=arms, record={"every": 1, "users": 4, "worlds": 2}, **changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return runner.run(load(branching()), tmp_path_factory.mktemp("runs") / "whole")


def values(folder, arm, variable="value/religion"):
    users = populace.load_run(folder).users
    rows = users[users.arm == arm]
    return rows.pivot(index="step", columns=["world", "user"], values=variable).to_numpy()


def tables(folder):
    return {table: (folder / f"{table}.parquet").read_bytes() for table in ("steps", "users", "groups")}


def test_it_is_the_other_arm_up_to_the_tick_and_another_one_after_it(whole):
    first, later, mirror = (values(whole, arm) for arm in ("lifelong", "later", "mirror"))
    np.testing.assert_array_equal(later[:7], first[:7])
    assert (later[8:] != first[8:]).any()
    assert (later[1:7] != mirror[1:7]).any()
    info = json.loads((whole / "run.json").read_text())["arms"]["later"]
    assert info["branch"] == {"from": "lifelong", "at": 6}
    assert info["about"] == "The same as lifelong up to step 6, then another policy for assistant."


def test_luck_goes_on_as_it_was(tmp_path):
    """Nobody listens to the assistant, so that no policy can matter: then all is equal to the end."""
    scenario = branching(world={**trial()["world"], "assistant_rate": 0.0})
    run = runner.run(load(scenario), tmp_path / "r")
    np.testing.assert_array_equal(values(run, "later"), values(run, "lifelong"))


@pytest.mark.parametrize("stops", range(1, 40, 3))
def test_it_is_resumed_to_the_same_bytes_wherever_it_was_stopped(whole, tmp_path, monkeypatch, stops):
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    asked = []
    progress = runner.Progress(stop=lambda: asked.append(1) or len(asked) > stops)
    folder = runner.run(load(branching()), tmp_path / "r", batch=5, progress=progress)
    if json.loads((folder / "run.json").read_text())["status"] == "interrupted":
        runner.resume(folder)
    assert tables(folder) == tables(whole)


def test_batches_do_not_show(whole, tmp_path):
    assert tables(runner.run(load(branching()), tmp_path / "r", batch=2)) == tables(whole)


def test_the_world_may_change_too(tmp_path):
    arms = {"lifelong": {}, "louder": {"branch": {"from": "lifelong", "at": 6}, "world.assistant_rate": 0.9}}
    run = runner.run(load(trial(arms=arms, record={"every": 1, "users": 4, "worlds": 2})), tmp_path / "r")
    first, louder = values(run, "lifelong"), values(run, "louder")
    np.testing.assert_array_equal(louder[:7], first[:7])
    assert (louder[7:] != first[7:]).any()
    about = json.loads((run / "run.json").read_text())["arms"]["louder"]["about"]
    assert about.endswith("then other options of the world.")


def test_a_world_of_another_state_is_refused_before_anything_runs(tmp_path):
    other = {"branch": {"from": "lifelong", "at": 6}, "world.questionnaire.items": 32}
    with pytest.raises(PopulaceError, match="other fields or sizes"):
        runner.run(load(trial(arms={"lifelong": {}, "later": other})), tmp_path / "r")
    assert not (tmp_path / "r").exists()


PLAYERS = [{"policy": "sincere", "share": 1}, {"policy": "guarded", "seats": [3], "params": {"honest": 0.0}}]


def test_one_person_who_acts_otherwise(tmp_path):
    arms = {
        "lifelong": {},
        "one": {"branch": {"from": "lifelong", "at": 6}, "agents.user": {"policy": "mix", "players": PLAYERS}},
    }
    run = runner.run(load(trial(arms=arms, record={"every": 1, "users": 30, "worlds": 5})), tmp_path / "r")
    first, one = values(run, "lifelong"), values(run, "one")
    np.testing.assert_array_equal(one[:7], first[:7])
    assert (one[8:] != first[8:]).any()


MISTAKES = [
    ({"branch": {"from": "lifelong"}}, "missing key 'at'"),
    ({"branch": {"from": "lifelong", "at": 0}}, "at least 1"),
    ({"branch": {"from": "lifelong", "at": True}}, "at least 1"),
    ({"branch": {"from": "lifelng", "at": 3}}, "did you mean 'lifelong'"),
    ({"branch": {"from": "later", "at": 3}}, "unknown arm 'later'"),
    ({"branch": {"from": "lifelong", "at": 12}}, "the run ends at tick 12"),
    ({"branch": {"from": "lifelong", "at": 3}, "agents.assistant": None}, "nothing is other"),
    ({"branch": {"from": "lifelong", "at": 3, "until": 5}}, "unknown key 'until'"),
    ({"branch": "lifelong"}, "a mapping with `from`"),
    ({"population.size": 40}, "cannot change in the middle of a run"),
    ({"worlds": 9}, "cannot change in the middle of a run"),
]


@pytest.mark.parametrize(("change", "said"), MISTAKES)
def test_mistakes_are_told(change, said):
    later = {key: value for key, value in {**LATER, **change}.items() if value is not None}
    with pytest.raises(ScenarioError, match=said):
        load(trial(arms={"lifelong": {}, "later": later}))


def test_a_branch_of_a_branch_is_refused():
    arms = {"lifelong": {}, "later": LATER, "last": {**LATER, "branch": {"from": "later", "at": 8}}}
    with pytest.raises(ScenarioError, match="branches off another arm itself"):
        load(trial(arms=arms))


def test_replies_of_a_server_need_a_tape(tmp_path):
    server = {"policy": "llm/openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"}
    arms = {"asked": {"agents.assistant": server}, "later": {**LATER, "branch": {"from": "asked", "at": 6}}}
    with pytest.raises(RunError, match="need not give the same replies again: give its policy a `tape`"):
        runner.run(load(trial(arms=arms)), tmp_path / "r")
    arms["asked"] = {"agents.assistant": {**server, "tape": str(tmp_path / "t.jsonl")}}
    with pytest.raises(RunError, match="play serially"):
        runner.run(load(trial(arms=arms)), tmp_path / "r", executor=runner.Choice(workers=2))


# ------------------------------------------------------------------ from a run


def test_a_run_s_arm_and_what_it_becomes(whole, tmp_path):
    found = populace.branch(whole, "lifelong", 6, ["agents.assistant.policy=mirror"], tmp_path / "b")
    assert list(found.info["arms"]) == ["lifelong", "lifelong from 6"]
    assert found.contrasts == [("lifelong from 6", "lifelong")]
    np.testing.assert_array_equal(values(tmp_path / "b", "lifelong"), values(whole, "lifelong"))
    np.testing.assert_array_equal(values(tmp_path / "b", "lifelong from 6"), values(whole, "later"))


def test_a_cell_of_a_sweep(tmp_path):
    swept = trial(arms={"lifelong": {}}, sweep={"grid": {"world.noise": [0.01, 0.05]}})
    run = runner.run(load(swept), tmp_path / "r")
    scenario = load_branch(run / "scenario.yaml", "lifelong[world.noise=0.05]", 3, ["agents.assistant.policy=mirror"])
    assert [cell.world_options.noise for cell in scenario.cells] == [0.05, 0.05]
    with pytest.raises(UnknownName, match=r"lifelong\[world.noise=0.01\]"):
        load_branch(run / "scenario.yaml", "lifelong", 3, ["agents.assistant.policy=mirror"])


def test_outcomes_that_are_compared_with_another_arm_are_left_out(tmp_path):
    asked = [
        {"measure": "drift", "contrast": "alone"},
        {"measure": "diversity"},
        {"measure": "drift", "contrast": "start"},
    ]
    run = runner.run(load(trial(outcomes=asked)), tmp_path / "r")
    scenario = load_branch(run / "scenario.yaml", "lifelong", 3, ["agents.assistant.policy=mirror"])
    assert [one.key for one in scenario.outcomes] == ["diversity", "drift"]


def test_a_limit_of_the_arm_that_is_branched_off_may_be_raised(tmp_path):
    server = {"policy": "llm/openai", "model": "m", "base_url": "http://127.0.0.1:9/v1", "max_tokens": 9}
    arms = {"asked": {"agents.assistant": server}, "later": {**LATER, "branch": {"from": "asked", "at": 6}}}
    (tmp_path / "s.yaml").write_text(dump(load(trial(arms=arms)).resolved))
    raised = reopened(tmp_path / "s.yaml", ["arms.asked.agents.assistant.max_tokens=90"])
    assert raised.cells[1].branch.cell.agents["assistant"][1].max_tokens == 90


def test_what_a_run_cannot_be_asked(whole):
    with pytest.raises(PopulaceError, match="say what is other"):
        load_branch(whole / "scenario.yaml", "lifelong", 6, [])
    with pytest.raises(PopulaceError, match="branch from that one"):
        load_branch(whole / "scenario.yaml", "later", 8, ["agents.assistant.policy=frozen"])
    with pytest.raises(ScenarioError, match="mirrr"):
        load_branch(whole / "scenario.yaml", "lifelong", 8, ["agents.assistant.policy=mirrr"])
    with pytest.raises(ScenarioError, match="cannot change in the middle"):
        load_branch(whole / "scenario.yaml", "lifelong", 8, ["worlds=3"])


def test_the_command(whole, tmp_path):
    words = ["branch", str(whole), "--arm", "lifelong", "--at", "6", "--set", "agents.assistant.policy=mirror"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "b"), "-q"])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "b" / "report.html").read_text()
    assert "The same as lifelong up to step 6, then another policy for assistant." in page
