"""The same run by one process, by several, and on Ray: the same tables to the byte, whatever dies on the way."""

import filecmp
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import populace
from populace.errors import MissingExtra, PopulaceError, RunError
from populace.folder import read_info
from populace.scenarios import load, runner
from populace.scenarios.runner import plan, unit
from populace.scenarios.runner.plan import batches, preflight

pytestmark = pytest.mark.executors
TABLES = ("steps", "users", "groups")
CLI = [sys.executable, "-m", "populace"]
COEVOLUTION = {
    "schema": 1,
    "name": "trial",
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
    },
    "agents": {"assistant": {"policy": "lifelong"}},
    "arms": {"alone": {"world.assistant_rate": 0}, "lifelong": {}},
    "record": {"every": 3, "users": 4, "worlds": 2},
}
LEARNERS = {
    "schema": 1,
    "name": "learners",
    "extends": "hu-2025",
    "worlds": 4,
    "horizon": 3,
    "episodes": 2,
    "record": {"users": 2, "worlds": 3},
}
SWEEP = {
    **COEVOLUTION,
    "name": "swept",
    "worlds": 2,
    "horizon": 4,
    "sweep": {"grid": {"world.noise": [0.0, 0.01, 0.05]}},
}
CASES = {"coevolution": COEVOLUTION, "learners": LEARNERS, "sweep": SWEEP}


def same(a: Path, b: Path) -> None:
    for table in TABLES:
        assert (a / f"{table}.parquet").exists() == (b / f"{table}.parquet").exists()
        if (a / f"{table}.parquet").exists():
            assert filecmp.cmp(a / f"{table}.parquet", b / f"{table}.parquet", shallow=False), table


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Each case played by one process in one piece."""
    folder = tmp_path_factory.mktemp("whole")
    return {name: runner.run(load(case), folder / name) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def cluster():
    """One Ray for all tests of this file."""
    ray = pytest.importorskip("ray", reason="ray is not installed (extra ray)")
    ray.init(
        address="local", num_cpus=2, include_dashboard=False, object_store_memory=200 << 20, log_to_driver=False
    )  # fmt: skip
    yield ray
    ray.shutdown()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch", [None, 2])
def test_processes_write_the_very_same_tables(case, batch, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    choice = runner.Choice(workers=2)
    same(whole[case], runner.run(load(CASES[case]), tmp_path / "r", batch=batch, executor=choice))


@pytest.mark.parametrize("case", CASES)
def test_ray_writes_the_very_same_tables(case, whole, tmp_path, monkeypatch, cluster):
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    choice = runner.Choice("ray", 2)
    same(whole[case], runner.run(load(CASES[case]), tmp_path / "r", batch=2, executor=choice))


def test_serial_with_other_blocks_and_saves_writes_the_very_same_tables(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    for case, scenario in CASES.items():
        same(whole[case], runner.run(load(scenario), tmp_path / case, batch=2))


def test_python_callers_choose_too(whole, tmp_path):
    run = populace.simulate(COEVOLUTION, tmp_path / "r", workers=2)
    assert len(run.steps) == len(populace.load_run(whole["coevolution"]).steps)
    same(whole["coevolution"], tmp_path / "r")


# ---------------------------------------------------------------------- deaths

KILLER = """
import os
from pathlib import Path
from populace.agents.scripted.coevolution import Lifelong

class Killer(Lifelong):
    "Plays like its parent; a process that acts for the fifth time ends at once, as often as DEATHS says."
    acted = 0

    def act(self, observation, memory, draw):
        deaths = Path(os.environ["DEATHS"])
        Killer.acted += 1
        if os.getpid() != int(os.environ["DRIVER"]) and Killer.acted >= 5 and (left := int(deaths.read_text())):
            deaths.write_text(str(left - 1))
            os._exit(7)
        return super().act(observation, memory, draw)
"""


@pytest.fixture
def killer(tmp_path, monkeypatch):
    """A scenario one of whose arms ends the process that plays it, some times over."""
    (tmp_path / "killing.py").write_text(KILLER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("DRIVER", str(os.getpid()))
    monkeypatch.setenv("DEATHS", str(tmp_path / "deaths"))
    monkeypatch.chdir(tmp_path)
    arms = {"alone": {"world.assistant_rate": 0}, "lifelong": {"agents.assistant": {"policy": "killing:Killer"}}}
    return {**COEVOLUTION, "arms": arms}


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_dies_is_replaced_and_no_row_is_lost(deaths, killer, whole, tmp_path, monkeypatch):
    (tmp_path / "deaths").write_text(str(deaths))
    monkeypatch.setattr(unit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    same(whole["coevolution"], runner.run(load(killer), tmp_path / "r", executor=runner.Choice(workers=2)))
    assert (tmp_path / "deaths").read_text() == "0"


def test_a_worker_that_always_dies_fails_its_unit_only_and_the_run_goes_on_later(killer, whole, tmp_path):
    (tmp_path / "deaths").write_text("1000000")
    out = tmp_path / "r"
    with pytest.raises(RunError) as told:
        runner.run(load(killer), out, batch=3, executor=runner.Choice(workers=2))
    said = str(told.value)
    assert "2 of 4 units failed" in said
    assert "arm 'lifelong', unit 0001_00000" in said
    assert "3 workers died while they played it (it ended with exit code 7)" in said
    assert f"populace resume {out} --unit 0001_00000" in said
    assert sorted(path.name for path in (out / "done").iterdir()) == ["0000_00000.json", "0000_00001.json"]
    assert sorted(path.name for path in (out / "failed").iterdir()) == ["0001_00000.txt", "0001_00001.txt"]
    (tmp_path / "deaths").write_text("0")
    assert runner.read_info(runner.resume(out, only=["0001_00001"]))["status"] == "interrupted"
    assert sorted(path.name for path in (out / "done").iterdir())[2:] == ["0001_00001.json"]
    same(whole["coevolution"], runner.resume(out))
    assert not (out / "failed").exists()
    with pytest.raises(RunError, match="is complete"):
        runner.resume(out, only=["0001_00001"])


def test_a_worker_of_ray_that_dies_is_replaced(killer, whole, tmp_path, cluster):
    pytest.importorskip("ray")
    (tmp_path / "deaths").write_text("1")
    # Workers of a cluster that stands have its environment: what the test says travels in a file that they know.
    source = (tmp_path / "killing.py").read_text()
    source = source.replace('os.environ["DEATHS"]', repr(str(tmp_path / "deaths")))
    (tmp_path / "killing.py").write_text(source.replace('os.environ["DRIVER"]', repr(str(os.getpid()))))
    same(whole["coevolution"], runner.run(load(killer), tmp_path / "r", executor=runner.Choice("ray", 2)))
    assert (tmp_path / "deaths").read_text() == "0"


NODES = """
import json, sys
from pathlib import Path
import ray
from ray.cluster_utils import Cluster
from populace.scenarios import load, runner

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 100 << 20})
other = cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
ray.init(address=cluster.address, log_to_driver=False)
ended, gone = [0], []

def counted(done, total, failed):
    if done >= 2 and not gone:
        gone.append(cluster.remove_node(other, allow_graceful=False))

out = runner.run(load(json.loads(sys.argv[1])), Path(sys.argv[2]), batch=1, executor=runner.Choice("ray", 2),
                 progress=runner.Progress(counted=counted))
Path("result").write_text(f"{runner.read_info(out)['status']} {len(gone)}")  # Ray writes to stdout as well
ray.shutdown()
cluster.shutdown()
"""


def test_a_machine_of_the_cluster_that_goes_away_costs_no_row(slow_whole, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed (extra ray)")
    command = [sys.executable, "-c", NODES, json.dumps(SLOW), str(tmp_path / "r")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=tmp_path)
    assert (tmp_path / "result").read_text() == "complete 1", done.stderr[-3000:]
    same(slow_whole, tmp_path / "r")


def test_errors_come_back_as_they_were_said(tmp_path, monkeypatch):
    """Errors with arguments of their own cannot be unpickled, and would look like a worker that died."""
    (tmp_path / "failing.py").write_text(
        "from populace.agents.scripted.coevolution import Lifelong\n"
        "from populace.errors import UnknownName\n"
        "class Failing(Lifelong):\n"
        "    def act(self, observation, memory, draw):\n"
        "        raise UnknownName('thing', 'nothing', ['something'])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    arms = {"fine": {}, "failing": {"agents.assistant": {"policy": "failing:Failing"}}}
    out = tmp_path / "r"
    with pytest.raises(RunError, match=r"1 of 2 units failed: arm 'failing', unit 0001_00000: .*unknown thing"):
        runner.run(load({**COEVOLUTION, "arms": arms}), out, executor=runner.Choice(workers=2))
    assert read_info(out)["status"] == "failed"
    assert (out / "done" / "0000_00000.json").exists()


# ---------------------------------------------------------------------- the process that started them

SLOW = {**COEVOLUTION, "horizon": 600, "record": {"every": 200, "users": 2, "worlds": 1}}


@pytest.fixture(scope="module")
def slow_whole(tmp_path_factory):
    return runner.run(load(SLOW), tmp_path_factory.mktemp("slow") / "r")


def started(tmp_path: Path, *words: str) -> subprocess.Popen:
    (tmp_path / "slow.json").write_text(json.dumps(SLOW))
    command = [*CLI, "run", "slow.json", "--out", "r", "--no-report", "--json", "--batch", "1", *words]
    return subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def first_mark(out: Path, child: subprocess.Popen) -> None:
    until = time.monotonic() + 120
    while not list(out.glob("done/*.json")):
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def of_session(session: int) -> list[int]:
    """Processes of a session that still live."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, *rest = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(rest[2]) == session and state != "Z":
            found.append(int(status.parent.name))
    return found


def all_end(session: int) -> None:
    """Wait for the last process of a session, which ends when it sees that the others have."""
    until = time.monotonic() + 20
    while of_session(session) and time.monotonic() < until:
        time.sleep(0.1)
    assert of_session(session) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_a_killed_driver_leaves_no_process_and_a_run_that_can_be_resumed(slow_whole, tmp_path):
    child = started(tmp_path, "--workers", "2")
    first_mark(tmp_path / "r", child)
    child.kill()
    child.wait()
    all_end(child.pid)
    assert read_info(tmp_path / "r")["status"] == "running"
    same(slow_whole, runner.resume(tmp_path / "r", executor=runner.Choice(workers=2)))


@pytest.mark.parametrize("words", [("--workers", "2"), ("--executor", "ray", "--workers", "2")])
def test_ctrl_c_stops_the_workers_and_leaves_a_run_that_can_be_resumed(words, slow_whole, tmp_path):
    if "ray" in words:
        pytest.importorskip("ray", reason="ray is not installed (extra ray)")
    child = started(tmp_path, *words)
    first_mark(tmp_path / "r", child)
    os.killpg(child.pid, signal.SIGINT)  # a terminal sends it to all
    out, err = child.communicate(timeout=120)
    assert child.returncode == 130, err
    assert json.loads(out) == {"run": "r", "status": "interrupted"}
    all_end(child.pid)
    same(slow_whole, runner.resume(tmp_path / "r"))


def test_a_full_disk_ends_the_run_and_not_every_unit(tmp_path):
    resource = pytest.importorskip("resource", reason="limits of files need a Unix system")

    def little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    (tmp_path / "trial.json").write_text(json.dumps({**SLOW, "record": {"every": 1, "users": 30, "worlds": 5}}))
    command = [*CLI, "run", "trial.json", "--out", "r", "--no-report", "--workers", "2", "--batch", "1"]
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba"), "POPULACE_ARITHMETIC": "torch"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, preexec_fn=little, env=env)
    assert done.returncode == 1
    assert "cannot write to r: " in done.stderr
    assert "File too large" in done.stderr
    assert "go on with: populace resume r" in done.stderr
    assert "units failed" not in done.stderr
    assert read_info(tmp_path / "r")["status"] == "interrupted"


# ---------------------------------------------------------------------- what is asked for


def test_what_cannot_be_is_told(tmp_path, monkeypatch):
    with pytest.raises(PopulaceError, match="unknown executor 'rey'; did you mean 'ray'"):
        runner.Choice("rey")
    with pytest.raises(PopulaceError, match="add --executor ray"):
        runner.Choice("processes", address="auto")
    with pytest.raises(PopulaceError, match="serial plays one unit at a time"):
        runner.Choice("serial", 2)
    with pytest.raises(RunError, match="cannot be seen from other processes"):
        runner.run_at("memory://here/r", load(COEVOLUTION), executor=runner.Choice(workers=2))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r'pip install "populace\[ray\]"'):
        runner.run(load(COEVOLUTION), tmp_path / "r", executor=runner.Choice("ray"))


def test_the_default_imports_neither_a_pool_nor_ray(tmp_path):
    (tmp_path / "trial.json").write_text(json.dumps(COEVOLUTION))
    code = (
        "import sys\nfrom pathlib import Path\nfrom populace.scenarios import load, runner\n"
        "runner.run(load('trial.json'), Path('r'))\n"
        "print([name for name in ('ray', 'multiprocessing.managers', 'multiprocessing.pool') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_script_without_a_guard_is_told_of_it(tmp_path):
    (tmp_path / "script.py").write_text(f"import populace\npopulace.simulate({COEVOLUTION!r}, 'r', workers=2)\n")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert done.returncode != 0
    assert 'under `if __name__ == "__main__":`' in done.stderr


def test_worlds_are_shared_out_only_where_arms_are_fewer_than_workers(monkeypatch):
    ready = preflight(load({**COEVOLUTION, "worlds": 4000}))
    whole = batches(ready, None)
    assert batches(ready, None, workers=2) == whole
    monkeypatch.setattr(plan, "knee", lambda one, device: 200)
    assert set(batches(ready, None, workers=8).values()) == {1000}
    assert set(batches(ready, None, workers=1000).values()) == {200}
    assert set(batches(ready, 7, workers=8).values()) == {7}


def test_the_knee_is_where_a_world_costs_half_as_much_again(monkeypatch):
    """A tick of 10 ms and 0.5 ms per world: 1.5 times 0.5 ms is what each of 40 worlds takes."""
    one = next(iter(preflight(load({**COEVOLUTION, "worlds": 4000})).values()))
    tried = []
    monkeypatch.setattr(plan, "_tick_seconds", lambda one, worlds, device: tried.append(worlds) or 0.01 + 5e-4 * worlds)
    assert plan.knee(one) == 40
    assert tried == [34, 546], "2 ** 14 users of 30 a world, and a sixteenth of them"
    monkeypatch.setattr(plan, "_tick_seconds", lambda one, worlds, device: 0.01)
    assert plan.knee(one) == 546


def test_the_trial_plays_the_world():
    """value-lock-in has 300 users a world; 4 worlds at a time cost far more per world than 64."""
    one = next(iter(preflight(load("value-lock-in", sets=["worlds=4000"])).values()))
    assert 4 < plan.knee(one) < 1000
