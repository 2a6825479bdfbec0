"""What the system refuses ends a run in a sentence with size and remedy, resumable, and never as 'running'."""

import errno
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from test_runner import assert_same, trial
from test_verify import NAMES

from populace import memory
from populace.budget import Account
from populace.cli import app
from populace.errors import PolicyError, PopulaceError, RunError
from populace.folder import read_info
from populace.run import blame
from populace.scenarios import load, merging, runner
from populace.scenarios.runner import play, system, unit
from populace.scenarios.runner.executors.sharing import served
from populace.scenarios.verifying import verify

CLI = [sys.executable, "-m", "populace"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return runner.run(load(trial()), tmp_path_factory.mktemp("whole") / "run")


def resumed(folder, undisturbed):
    """The run goes on, is complete, and is the undisturbed one to the bit; nothing half-written is left."""
    runner.resume(folder)
    assert read_info(folder)["status"] == "complete"
    assert {path.name for path in folder.iterdir()} == {path.name for path in undisturbed.iterdir()}
    assert_same(folder, undisturbed)
    assert all(one.verdict == "ok" for one in verify(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="limits on file size are tried on Linux")
def test_a_limit_on_file_size_is_no_fault_of_ours(tmp_path):
    (tmp_path / "s.yaml").write_text(json.dumps(trial(worlds=100, horizon=12, record={"every": 1, "users": 30})))
    words = ["run", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "o"), "--no-report"]
    code = f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({1 << 16}, {1 << 16}))\n"
    code += f"sys.argv[1:] = {words!r}\nfrom populace.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert "populace resume" in done.stderr
    assert read_info(tmp_path / "o")["status"] == "interrupted"
    assert read_info(runner.resume(tmp_path / "o"))["status"] == "complete"


def test_a_full_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        source = load(trial(worlds=400, horizon=12, record={"every": 1, "users": 30}))
        with pytest.raises(RunError, match=r"No space left.*are left on its disk.*populace resume"):
            runner.run(source, place / "o")
        assert read_info(place / "o")["status"] == "interrupted"
        assert not list((place / "o").rglob("*.part"))
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("last", [1, 4, 7])
def test_writing_that_fails_is_told_and_resumed(number, last, tmp_path, monkeypatch, undisturbed):
    left = [last]
    real = merging.pq.ParquetWriter

    def writer(*args, **more):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(number, os.strerror(number))
        return real(*args, **more)

    monkeypatch.setattr(merging, "pq", SimpleNamespace(**{**vars(merging.pq), "ParquetWriter": writer}))
    with pytest.raises(RunError, match=r"cannot write to .*make room"):
        runner.run(load(trial()), tmp_path / "o")
    monkeypatch.undo()
    assert read_info(tmp_path / "o")["status"] == "interrupted"
    assert not list((tmp_path / "o").rglob("*.part"))
    resumed(tmp_path / "o", undisturbed)


def test_a_disk_that_is_full_from_the_start_is_left_as_it_was(tmp_path, monkeypatch):
    def full(folder, info):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(play, "write_info", full)
    with pytest.raises(RunError, match="No space left"):
        runner.run(load(trial()), tmp_path / "o")
    assert not list((tmp_path / "o").iterdir())


def test_the_last_words_have_space_of_their_own(tmp_path, monkeypatch):
    info = {"arms": {}, "status": "running"}
    system.reserve(tmp_path, info)
    assert (tmp_path / system.RESERVE).stat().st_size >= 1 << 16
    system.last_words(tmp_path, {**info, "status": "interrupted"})
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert read_info(tmp_path)["status"] == "interrupted"


def test_a_folder_that_is_gone(tmp_path):
    folder = tmp_path / "o"
    progress = runner.Progress(moved=lambda ticks: shutil.rmtree(folder, ignore_errors=True))
    with pytest.raises(RunError, match="is gone: it was moved or deleted"):
        runner.run(load(trial()), folder, progress=progress)


ALLOCATION = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "8000000000 bytes. Error code 12 (Cannot allocate memory)"
)


@pytest.mark.parametrize("error", [MemoryError(), ALLOCATION, torch.OutOfMemoryError("CUDA out of memory.")])
def test_memory_that_runs_out_is_told_and_resumed(error, tmp_path, monkeypatch, undisturbed):
    real, left = unit._some, [3]

    def some(*args):
        left[0] -= 1
        if left[0] < 0:
            raise error
        return real(*args)

    monkeypatch.setattr(unit, "_some", some)
    with pytest.raises(RunError, match=r"not enough memory for 5 worlds of 30 users.*--batch") as told:
        runner.run(load(trial()), tmp_path / "o")
    if error is ALLOCATION:
        assert "8.0 GB were asked for" in str(told.value)
    monkeypatch.undo()
    assert read_info(tmp_path / "o")["status"] != "running"
    resumed(tmp_path / "o", undisturbed)


def test_a_policy_is_not_blamed_for_memory(tmp_path):
    policy = SimpleNamespace()
    with pytest.raises(MemoryError), blame(policy, "user", "ask"):
        raise MemoryError
    with pytest.raises(PolicyError), blame(policy, "user", "ask"):
        raise RuntimeError("shapes differ")
    with pytest.raises(RuntimeError, match="other"), memory.told("x"):
        raise RuntimeError("other")


def test_more_people_than_memory_are_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda device="cpu": 8_000_000_000)
    many = trial()
    many["population"] = {**many["population"], "size": 2 * 10**8}
    with pytest.raises(
        RunError, match=r"a world of 200,000,000 users: at least 11\.2 GB are needed \(8\.0 GB are free"
    ):
        runner.run(load(many), tmp_path / "o")
    with pytest.raises(RunError, match="take a smaller population"):
        runner.estimate(load(many))
    assert not (tmp_path / "o").exists()


def test_an_estimate_and_a_run_warn_of_too_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda device="cpu": 100_000)
    found = runner.estimate(load(trial()))
    assert found.peak_bytes > 100_000
    assert "memory are needed at the peak, and 100.0 KB are free" in found.warnings[0]
    told = []
    runner.run(load(trial()), tmp_path / "o", progress=runner.Progress(told=told.append))
    assert any("are needed at the peak" in note for note in told)


def test_free_memory_is_that_of_this_machine():
    found = memory.free()
    assert found is not None
    assert 1 << 20 < found <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("words", [["run"], ["run", "--dry-run"]])
def test_threads_have_a_maximum(words, tmp_path):
    from typer.testing import CliRunner

    (tmp_path / "s.yaml").write_text(json.dumps(trial()))
    before = torch.get_num_threads()
    given = [words[0], str(tmp_path / "s.yaml"), *words[1:], "--threads", "100000", "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(app, given)
    assert isinstance(done.exception, PopulaceError)
    assert f"at most {4 * os.cpu_count()}" in str(done.exception)
    assert not (tmp_path / "o").exists()
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_hanging_up_leaves_a_run_that_can_be_resumed(tmp_path):
    source = trial(worlds=200, horizon=200_000)
    (tmp_path / "s.yaml").write_text(json.dumps(source))
    process = subprocess.Popen(
        [*CLI, "run", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "o"), "--no-report"], stderr=subprocess.PIPE
    )
    for _ in range(600):
        if (tmp_path / "o" / "run.json").exists():
            break
        time.sleep(0.1)
    time.sleep(1.0)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert read_info(tmp_path / "o")["status"] == "interrupted"
    assert not any(one.verdict == "wrong" for one in verify(tmp_path / "o"))


CUT = {
    "people": {"population": {"size": 30, "data": {"file": "x.csv.gz", "values": NAMES}}},
    "ties": {"population": {**trial()["population"], "network": {"kind": "file", "file": "x.csv.gz"}}},
    "history": {"world": {**trial()["world"], "history": {"series": "x.csv.gz"}}},
}


@pytest.mark.parametrize("kind", CUT)
def test_a_truncated_gzip_is_named(kind, tmp_path):
    frame = pd.DataFrame({name: range(200) for name in NAMES})
    raw = gzip.compress(frame.to_csv(index=False).encode())
    (tmp_path / "x.csv.gz").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "s.yaml").write_text(json.dumps(trial(**CUT[kind])))
    with pytest.raises(PopulaceError, match=r"x\.csv\.gz.*not a complete gzip file"):
        runner.run(load(tmp_path / "s.yaml"), tmp_path / "o")


def test_a_parquet_file_that_memory_does_not_hold_is_refused_before_it_is_read(tmp_path, monkeypatch):
    from populace.tables import read_table

    path = tmp_path / "many.parquet"
    pd.DataFrame({"x": [0.5] * 200_000}).to_parquet(path)
    assert path.stat().st_size < 100_000
    assert read_table(path).rows == 200_000
    monkeypatch.setattr(memory, "free", lambda device="cpu": 1_000_000)
    with pytest.raises(PopulaceError, match=r"not enough memory for the table many\.parquet: at least 1\.6 MB"):
        read_table(path)


def test_a_shared_budget_leaves_the_streams_of_a_notebook_alone(monkeypatch):
    ours = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", ours[0])
    monkeypatch.setattr(sys, "stderr", ours[1])
    with served(Account()) as budget:
        assert budget.limit == Account().limit
    assert (sys.stdout, sys.stderr) == ours
