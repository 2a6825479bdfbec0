"""Run folders at an address: an S3-compatible server on loopback, the same bytes, one owner at a time."""

import filecmp
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_executors import COEVOLUTION, same

import populace
from populace import store as stores
from populace.errors import RunError
from populace.scenarios import load, runner
from populace.store import LOCK, Store, StoreError, held, is_address

pytestmark = pytest.mark.executors
TRIAL = {**COEVOLUTION, "worlds": 3, "horizon": 6}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return runner.run(load(TRIAL), tmp_path_factory.mktemp("whole") / "r")


@pytest.fixture(scope="module")
def bucket():
    """The address of an empty bucket of a server on this machine."""
    pytest.importorskip("s3fs", reason="s3fs is not installed (extra s3)")
    server = pytest.importorskip("moto.server", reason="moto is not installed (extra test-executors)")
    here = server.ThreadedMotoServer(port=0, verbose=False)
    here.start()
    host, port = here.get_host_and_port()
    given = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    given["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("bucket")
    yield "s3://bucket"
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
    here.stop()


def copied(address: str, folder: Path) -> Path:
    store = Store(address)
    for name in store.names():
        store.get_file(name, folder / name)
    return folder


CHOICES = {"serial": runner.Choice(), "processes": runner.Choice(workers=2), "ray": runner.Choice("ray", 2)}


@pytest.mark.parametrize("name", CHOICES)
def test_a_run_at_an_address_holds_the_very_same_tables(name, bucket, whole, tmp_path):
    if name == "ray":
        pytest.importorskip("ray", reason="ray is not installed (extra ray)")
    choice = CHOICES[name]
    address = runner.run_at(f"{bucket}/{choice.executor}", load(TRIAL), batch=1, executor=choice)
    here = copied(address, tmp_path / "r")
    same(whole, here)
    assert sorted(path.name for path in here.iterdir()) == sorted(path.name for path in whole.iterdir())
    run = populace.load_run(address)
    assert run.complete
    assert len(run.steps) == len(populace.load_run(whole).steps)
    page = populace.report(address)
    assert page == f"{address}/report.html"
    assert "report.html" in Store(address).names()


def test_the_command_line_takes_an_address_wherever_it_takes_a_folder(bucket, whole, tmp_path):
    (tmp_path / "trial.json").write_text(json.dumps(TRIAL))
    address = f"{bucket}/cli"

    def cli(*words):
        command = [sys.executable, "-m", "populace", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    done = cli("run", "trial.json", "--out", address, "-q")
    assert done.stdout == f"run: {address}\nreport: {address}/report.html\n", done.stderr
    assert cli("verify", address).returncode == 0
    assert cli("compare", address, str(whole)).returncode == 0
    assert cli("figure", address, "--measure", "drift", "--out", "f.svg").returncode in (0, 1)
    again = cli("run", "trial.json", "--out", address, "-q")
    assert again.returncode == 1
    assert f"{address} holds something already: name another --out" in again.stderr
    assert "is complete: there is nothing to resume" in cli("resume", address).stderr


def test_a_run_that_was_stopped_goes_on_at_its_address(bucket, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(runner.unit, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(runner.unit, "LOOK_SECONDS", 0.0)
    asked = []
    stop = runner.Progress(stop=lambda: asked.append(1) or len(asked) > 9)
    address = runner.run_at(f"{bucket}/stopped", load(TRIAL), batch=2, progress=stop)
    names = Store(address).names()
    assert "run.json" in names
    assert any(name.startswith("state/") for name in names)
    assert any(name.startswith("done/") for name in names)
    assert LOCK not in names
    assert populace.load_run(address).status == "interrupted"
    assert runner.resume_at(address) == address
    same(whole, copied(address, tmp_path / "r"))


def test_a_driver_that_is_killed_leaves_a_lock_that_is_taken_over(bucket, whole, tmp_path, monkeypatch):
    address = f"{bucket}/killed"
    code = (
        "import sys, json, time\nfrom populace.scenarios import load, runner\n"
        "slow = runner.Progress(moved=lambda n: (time.sleep(0.2), print('moved', flush=True)))\n"
        "runner.unit.SAVE_SECONDS = runner.unit.LOOK_SECONDS = 0.0\n"
        "runner.run_at(sys.argv[1], load(json.loads(sys.argv[2])), batch=2, progress=slow)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, address, json.dumps(TRIAL)], stdout=subprocess.PIPE)
    for _ in range(11):
        assert child.stdout.readline()
    child.kill()
    child.wait()
    with pytest.raises(RunError, match=rf"is being written by another process .* {child.pid} "):
        runner.resume_at(address)
    monkeypatch.setattr(stores, "STALE_SECONDS", 0.5)
    time.sleep(1)
    same(whole, copied(runner.resume_at(address, executor=runner.Choice(workers=2)), tmp_path / "r"))


def test_of_two_that_hold_an_address_one_is_refused(bucket):
    store = Store(f"{bucket}/two")
    with held(store), pytest.raises(RunError, match="is being written by another process"), held(store):
        pass
    with held(store):
        assert store.names() == [LOCK]
    assert store.names() == []


def test_objects_are_whole_or_absent(bucket, tmp_path):
    store = Store(f"{bucket}/objects")
    assert store.get("a") is None
    assert store.create("a", b"first")
    assert not store.create("a", b"second")
    assert store.get("a") == b"first"
    (tmp_path / "b").write_bytes(b"x" * 1000)
    store.put_file("folder/b", tmp_path / "b")
    assert store.names() == ["a", "folder/b"]
    assert store.names("folder") == ["folder/b"]
    store.get_file("folder/b", tmp_path / "c")
    assert filecmp.cmp(tmp_path / "b", tmp_path / "c", shallow=False)
    store.drop(["a", "folder/b"])
    assert store.names() == []


def test_a_store_that_cannot_be_reached_is_told_and_nothing_is_left(monkeypatch, tmp_path, bucket):
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(StoreError, match=r"cannot .* at s3://bucket/gone: .*see that the store can be reached"):
        runner.run_at("s3://bucket/gone", load(TRIAL))
    s3fs.S3FileSystem.clear_instance_cache()


def test_what_is_an_address():
    assert is_address("s3://bucket/run")
    assert is_address("memory://run")
    assert not is_address("runs/run")
    assert not is_address("C:\\runs")
    assert not is_address(Path("s3://bucket/run"))
    with pytest.raises((RunError, populace.errors.MissingExtra)):
        Store("nothing-of-the-kind://x")


def test_names_of_a_stranger_s_store_stay_inside_the_copy(bucket, tmp_path):
    store = Store(f"{bucket}/hostile")
    store.put("run.json", b"{}")
    store.put("parts/../../../evil.parquet", b"x")
    with pytest.raises(RunError, match="holds an object whose name no run folder has"):
        populace.load_run(store.address)
    with pytest.raises(RunError, match="holds an object whose name no run folder has"):
        runner.resume_at(store.address)
