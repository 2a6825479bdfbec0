"""The arithmetic is chosen once, said, saved with a run and followed; where numba cannot run torch computes."""

import os
import subprocess
import sys
import textwrap
import warnings
from dataclasses import dataclass, replace

import pandas as pd
import pytest
import torch
from coevolution_stage import society
from typer.testing import CliRunner

from populace import arithmetic, simulate
from populace.arithmetic import chosen, current, using
from populace.cli import app
from populace.envs.culture.options import SurveyOptions
from populace.envs.culture.surveys import load as load_survey
from populace.envs.shopping.catalogues import open_catalogue
from populace.errors import Notice, PopulaceError, RunError, UnknownName
from populace.fields import Field, Role
from populace.folder import write_info
from populace.policy import Learner
from populace.population import PlainPopulation
from populace.rollout import Keep, rollout
from populace.run import Run, advance, branch, restart, see, start
from populace.scenarios import load, runner
from populace.testing.tools import same
from populace.world import Step, World

FORMS = ("torch", "kernels")
NAMES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]


def trial():
    return load(
        {
            "schema": 1,
            "name": "trial",
            "about": "a trial",
            "world": {"id": "populace/coevolution-v0", "history": {"every": 2, "rate": 0.3}, "noise": 0.02},
            "worlds": 3,
            "horizon": 6,
            "seed": 3,
            "population": {"size": 20, "values": {"names": NAMES, "distribution": {"normal": {"mean": 0, "sd": 0.1}}}},
            "agents": {"assistant": {"policy": "lifelong"}},
            "arms": {"lifelong": {}},
        }
    )


def other(name):
    return FORMS[1 - FORMS.index(name)]


@pytest.fixture
def fresh(monkeypatch):
    """Choose anew, as a process that begins does, and once more when the test is over."""
    monkeypatch.delenv(arithmetic.VARIABLE, raising=False)
    arithmetic.default.cache_clear()
    yield
    arithmetic.default.cache_clear()


# ---------------------------------------------------------------------- the choice


def test_kernels_are_the_default_on_the_cpu(fresh):
    assert current() == "kernels"
    assert chosen("cpu") == "kernels"
    assert chosen("cuda:1") == chosen(torch.device("meta")) == "torch"


@pytest.mark.parametrize("name", FORMS)
def test_the_variable_chooses(fresh, monkeypatch, name):
    monkeypatch.setenv(arithmetic.VARIABLE, name)
    assert current() == name
    with using(other(name)):
        assert current() == other(name)
    assert current() == name


def test_unknown_names(fresh, monkeypatch):
    with pytest.raises(UnknownName, match=r"unknown arithmetic 'kernel'; did you mean 'kernels'"), using("kernel"):
        pass
    monkeypatch.setenv(arithmetic.VARIABLE, "numba")
    with pytest.raises(PopulaceError, match="POPULACE_ARITHMETIC=numba: unknown arithmetic 'numba'"):
        current()


def test_kernels_are_not_for_other_devices(fresh):
    with pytest.raises(PopulaceError, match="on the CPU only, and the device is cuda"):
        chosen("cuda", "kernels")


def test_where_numba_cannot_run_torch_computes_and_says_so_once(fresh, monkeypatch):
    monkeypatch.setattr(arithmetic, "why_not", lambda: "ImportError: no numba")
    with pytest.warns(Notice, match=r"numba cannot run here \(ImportError: no numba\), so that torch is used"):
        assert current() == "torch"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert current() == "torch"
        arithmetic.default.cache_clear()
        monkeypatch.setenv(arithmetic.VARIABLE, "torch")
        assert current() == "torch"
    with pytest.raises(PopulaceError, match=r"numba cannot run here.*or use the arithmetic 'torch'"), using("kernels"):
        pass
    arithmetic.default.cache_clear()
    monkeypatch.setenv(arithmetic.VARIABLE, "kernels")
    with pytest.raises(PopulaceError, match=r"POPULACE_ARITHMETIC=kernels: .*numba cannot run here"):
        current()


@pytest.mark.parametrize("how", ["not installed", "disabled"])
def test_a_process_without_numba(tmp_path, how):
    block = "import sys; sys.modules['numba'] = None" if how == "not installed" else ""
    code = f"""
        {block}
        import torch
        from populace.draw import Draw
        from populace.arithmetic import current
        for _ in range(2):
            Draw.of(0, torch.arange(2)).normal("x", 3)
        print(current())
    """
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1" if how == "disabled" else "0"}
    environment.pop(arithmetic.VARIABLE, None)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["torch"]
    assert done.stderr.count("numba cannot run here") == 1


# ---------------------------------------------------------------------- a run


@dataclass(frozen=True)
class Values:
    values: torch.Tensor


class Telling(World):
    """Notes by what arithmetic each of its methods is called."""

    id = "test/telling-v0"
    noted: list = []

    def roles(self):
        sees = (Field(name="seen", kind="real", about="nothing"),)
        does = (Field(name="done", kind="flag", about="nothing"),)
        return (Role(name="user", seats=1, sees=sees, does=does, phases=self.phases, about="nobody"),)

    def tell(self, what):
        self.noted.append((what, current()))

    def begin(self, people, draw):
        self.tell("begin")
        return Values(people.values)

    def observe(self, state, role, phase):
        self.tell("observe")
        return {"seen": state.values[:, :1, 0]}

    def advance(self, state, phase, actions, draw):
        self.tell("advance")
        return Step(state, {"user": torch.zeros(len(state.values), 1)})

    def measure(self, state):
        self.tell("measure")
        return {}


def told(run, world, players):
    world.noted.clear()
    run = rollout(world, players, run, 2, Keep(), horizon=1)
    run, _ = advance(world, players, run)
    restart(world, players, run, run.done | True)
    branch(world, players, run, fresh=("user",))
    see(world, run, world.cast["user"])
    return {name for _, name in world.noted}, {what for what, _ in world.noted}


class Tells(Learner):
    """Notes the same of a policy's methods."""

    def begin(self, role, people, draw):
        Telling.noted.append(("policy's begin", current()))
        return None

    def act(self, observation, memory, draw):
        Telling.noted.append(("act", current()))
        return {"done": torch.zeros(draw.worlds, 1, dtype=torch.bool)}, memory

    def learn(self, memory, trajectory, draw):
        Telling.noted.append(("learn", current()))
        return memory, {}


@pytest.mark.parametrize("name", FORMS)
def test_all_of_a_run_follows_its_start(name):
    people = PlainPopulation(2, ("a",))
    world, players = Telling(Telling.Options(), people.census), {"user": Tells(Tells.Options())}
    with using(name):
        run = start(world, players, people, seed=0, worlds=2)
    assert run.arithmetic == name
    with using(other(name)):
        names, called = told(run, world, players)
    assert names == {name}
    assert called == {"begin", "observe", "advance", "measure", "policy's begin", "act", "learn"}


def test_on_another_device_a_run_is_torchs():
    people = PlainPopulation(2, ("a",))
    world = Telling(Telling.Options(), people.census)
    with using("kernels"):
        assert start(world, {}, people, seed=0, worlds=2, device="meta").arithmetic == "torch"


@pytest.mark.parametrize("name", FORMS)
def test_a_saved_run_goes_on_as_it_began(tmp_path, name):
    with using(name):
        world, players, run = society({"noise": 0.02})
        whole = rollout(world, players, run, 5)
    with using(other(name)):
        rollout(world, players, run, 2).save(tmp_path / "run.pt")
        later = rollout(world, players, Run.load(tmp_path / "run.pt"), 3)
    assert later.arithmetic == name
    assert same(whole, later)


def test_runs_of_before_there_was_a_choice_are_torchs():
    _, _, run = society({})
    before = {f: getattr(run, f) for f in vars(run) if f != "arithmetic"}
    assert Run(**before).arithmetic == "torch"


def test_a_run_of_kernels_does_not_go_on_without_numba(monkeypatch):
    with using("kernels"):
        world, players, run = society({"noise": 0.02})
    monkeypatch.setattr(arithmetic, "why_not", lambda: "ImportError: no numba")
    with pytest.raises(PopulaceError, match=r"numba cannot run here \(ImportError: no numba\)"):
        rollout(world, players, run, 1)
    rollout(world, players, replace(run, arithmetic="torch"), 1)


def test_worlds_of_both_forms_differ_in_last_bits_only():
    ends = {}
    for name in FORMS:
        with using(name):
            world, players, run = society({"noise": 0.02, "history": {"every": 2}})
        ends[name] = rollout(world, players, run, 20).state
    assert torch.equal(ends["torch"].yes, ends["kernels"].yes)
    assert torch.allclose(ends["torch"].values, ends["kernels"].values, atol=5e-6)
    assert not torch.equal(ends["torch"].values, ends["kernels"].values)


@pytest.mark.parametrize(
    "make", [lambda: open_catalogue("hotels").features, lambda: load_survey(SurveyOptions()).shares]
)
def test_tables_that_hold_drawn_numbers_are_kept_for_each(make):
    found = {}
    for name in (*FORMS, *FORMS):
        with using(name):
            table = make()
        assert found.setdefault(name, table) is table
    a, b = (torch.as_tensor(found[name]) for name in FORMS)
    assert torch.allclose(a, b, atol=1e-4)
    assert not torch.equal(a, b)


# ---------------------------------------------------------------------- a run folder


def steps(folder):
    frame = pd.read_parquet(folder / "steps.parquet")
    return frame.sort_values(["arm", "measure", "step", "world"], ignore_index=True)


def interrupted(folder, name):
    looks = iter([False, False, True])
    runner.run(trial(), folder, arithmetic=name, progress=runner.Progress(stop=lambda: next(looks, True)))
    assert runner.read_info(folder)["status"] == "interrupted"
    return folder


@pytest.mark.parametrize("name", FORMS)
def test_a_run_folder_names_it_and_resuming_follows_it(tmp_path, name):
    whole = simulate({**trial().resolved}, tmp_path / "whole", arithmetic=name).path
    assert runner.read_info(whole)["arithmetic"] == name
    assert "numba" in runner.read_info(whole)["versions"]
    folder = interrupted(tmp_path / "part", name)
    with using(other(name)):
        runner.resume(folder)
    assert runner.read_info(folder)["arithmetic"] == name
    pd.testing.assert_frame_equal(steps(folder), steps(whole), check_exact=True)


def test_resuming_refuses_what_would_change_the_results(tmp_path, monkeypatch):
    folder = interrupted(tmp_path / "part", "kernels")
    before = (folder / "run.json").read_text()
    with pytest.raises(RunError, match="its results would change: the arithmetic 'kernels' runs on the CPU"):
        runner.resume(folder, device="meta")
    monkeypatch.setattr(arithmetic, "why_not", lambda: "ImportError: no numba")
    with pytest.raises(RunError, match=r"cannot be resumed here, .*numba cannot run here"):
        runner.resume(folder)
    assert (folder / "run.json").read_text() == before


def test_folders_of_compiled_torch_are_not_resumed(tmp_path):
    folder = interrupted(tmp_path / "part", "torch")
    info = runner.read_info(folder)
    write_info(folder, {**info, "compiled": True})
    with pytest.raises(RunError, match=r"compiled torch \(--compile\), which computed it"):
        runner.resume(folder)


def test_folders_of_before_there_was_a_choice_are_torchs(tmp_path):
    folder = interrupted(tmp_path / "part", "torch")
    info = runner.read_info(folder)
    del info["arithmetic"]
    write_info(folder, info)
    with using("kernels"):
        runner.resume(folder)
    whole = runner.run(trial(), tmp_path / "whole", arithmetic="torch")
    pd.testing.assert_frame_equal(steps(folder), steps(whole), check_exact=True)


def test_the_command_line_chooses(tmp_path):
    def told_by(*words):
        return CliRunner().invoke(
            app, ["run", "follow", "--set", "worlds=1", "--set", "horizon=2", "-q", "--no-report", *words]
        )

    done = told_by("--out", str(tmp_path / "a"), "--arithmetic", "torch")
    assert done.exit_code == 0, done.output
    assert runner.read_info(tmp_path / "a")["arithmetic"] == "torch"
    done = told_by("--out", str(tmp_path / "b"), "--arithmetic", "numpy")
    assert isinstance(done.exception, UnknownName)
    assert not (tmp_path / "b").exists()
    assert "--arithmetic" in told_by("--help").output
