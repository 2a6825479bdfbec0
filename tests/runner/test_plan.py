"""What is built how often, and how many worlds are run at a time."""

import json

import pytest
from test_runner import assert_same, trial
from typer.testing import CliRunner

import populace.scenarios
from populace import tree
from populace.cli import app
from populace.rollout import rollout
from populace.run import start
from populace.scenarios import Built, library, load, runner
from populace.scenarios.runner import plan, unit


@pytest.fixture
def counted(monkeypatch):
    """How often scenarios were loaded and cells were built, counted from now on."""
    counts = {"loads": 0, "built": 0}
    build, read = Built.__init__, populace.scenarios.load

    def built(self, *given):
        counts["built"] += 1
        build(self, *given)

    def loaded(*given):
        counts["loads"] += 1
        return read(*given)

    monkeypatch.setattr(Built, "__init__", built)
    monkeypatch.setattr(populace.scenarios, "load", loaded)
    return counts


def invoke(*words):
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code in (0, 130), done.output
    return done


@pytest.mark.parametrize("command", ["run", "validate", "dry run"])
def test_a_scenario_is_loaded_once_and_every_cell_is_built_once(tmp_path, counted, command):
    scenario = tmp_path / "sweep.yaml"
    scenario.write_text(json.dumps(trial(horizon=2, sweep={"grid": {"world.noise": [0.0, 0.05, 0.1]}})))
    words = {"run": ["run", "--no-report", "--out", tmp_path / "r"], "dry run": ["run", "--dry-run"]}
    invoke(*words.get(command, [command]), scenario, "--set", "seed=4", "--set", "worlds=3")
    assert counted == {"loads": 1, "built": 2 * 3}  # arms times points


def test_a_resumed_run_builds_every_cell_once(tmp_path, counted):
    folder = runner.run(load(trial()), tmp_path / "r", progress=runner.Progress(stop=lambda: True))
    counted.update(built=0)
    invoke("resume", folder, "--no-report")
    assert counted["built"] == 2
    assert runner.read_info(folder)["status"] == "complete"


@pytest.mark.parametrize("name", library())
def test_what_a_batch_of_any_library_scenario_holds_is_half_the_budget_at_most(name):
    scenario = load(name, ["worlds=1000000"])
    ready = runner.preflight(scenario)
    sizes = plan.batches(ready, None)
    for arm, one in ready.items():
        held = [
            tree.nbytes(
                start(one.built.world, one.built.policies, one.built.population, seed=one.cell.seed, worlds=worlds)
            )
            for worlds in (1, 3)
        ]
        a_world = (held[1] - held[0]) / 2  # what is shared by all worlds stands in both
        # Observations and temporaries come on top, as much again at least.
        assert 1 < sizes[arm] * a_world <= plan.BATCH_BYTES / 2, arm
        assert plan.batches(ready, 7)[arm] == min(7, one.cell.worlds)


def test_what_learners_remember_between_lessons_counts():
    """The bytes foreseen from declarations are those of the trajectory of one tick, but for what is not asked."""
    scenario = load("therapy", ["worlds=2", "horizon=40", "learn_every=40"])
    one = next(iter(runner.preflight(scenario).values()))
    built = one.built
    run = start(built.world, built.policies, built.population, seed=0, worlds=2)
    run = rollout(built.world, built.policies, run, 3)
    remembered = sum(
        tensor.numel() * tensor.element_size()
        for trajectory in run.trajectory.values()
        for transition in trajectory
        for tensor in (*transition.observation.values(), *transition.actions.values(), transition.reward)
    )
    assert one.lesson_bytes / 40 == remembered / 3 / 2
    often = load("therapy", ["worlds=1000000", "horizon=40", "learn_every=1"])
    rarely = load("therapy", ["worlds=1000000", "horizon=40", "learn_every=40"])
    arm = often.cells[0].arm
    assert plan.batches(runner.preflight(rarely), None)[arm] < plan.batches(runner.preflight(often), None)[arm] / 5


def test_a_run_is_resumed_in_the_batches_it_began_in(tmp_path, monkeypatch):
    """Whatever a batch holds today: a saved batch of two worlds is not taken for one of five."""
    whole = runner.run(load(trial()), tmp_path / "whole")
    assert set(runner.read_info(whole)["batches"].values()) == {5}
    a_world = max(one.peak_bytes for one in runner.preflight(load(trial())).values())
    monkeypatch.setattr(plan, "BATCH_BYTES", 2 * a_world)
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    asked = []
    stop = runner.Progress(stop=lambda: asked.append(1) or len(asked) > 4)
    folder = runner.run(load(trial()), tmp_path / "r", progress=stop)
    info = runner.read_info(folder)
    assert set(info["batches"].values()) == {2}
    monkeypatch.undo()
    assert_same(whole, runner.resume(folder))
