"""A real server, `transformers serve`, with a real model on loopback: every world, faults on the way, a run killed."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import torch

pytest.importorskip("openai", reason="the openai client is not installed (extra llm)")
pytest.importorskip("transformers", reason="transformers is not installed (extra llm)")
pytest.importorskip("fastapi", reason="fastapi, which transformers serve needs, is not installed (extra test)")
pytest.importorskip("uvicorn", reason="uvicorn, which transformers serve needs, is not installed (extra test)")

from loopback import FAULTS, told
from proxy import between
from test_worlds import SEATS, cast
from tiny_model import save

from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.endpoint import Endpoint
from populace.agents.llm.backends.faults import FAULTS as FAULT_KINDS
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.policies import OpenAI, OpenAIOptions
from populace.draw import Draw
from populace.rollout import Keep, rollout
from populace.run import advance, see, start

pytestmark = pytest.mark.servers

POCKET = Path(__file__).resolve().parents[2] / "agents" / "llm" / "pocket_model"
OFFLINE = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The model that comes with the package, or a tiny one with random weights where it has none."""
    if any(POCKET.glob("*.safetensors")):
        return str(POCKET)
    return str(save(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def url(folder, tmp_path_factory):
    """Where the server is; it is started here, on a free port, and stopped when the tests are done."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [Path(sys.executable).with_name("transformers"), "serve", folder]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=OFFLINE)
        try:
            _wait_until_up(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_until_up(health, server, log):
    patience = time.monotonic() + 180
    while time.monotonic() < patience:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(health, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the server did not come up: {log.read_text()[-2000:]}")


def options(url, folder, **more):
    base = {"model": folder, "base_url": url, "max_reply": 12, "timeout": 60.0, "at_once": 8}
    return OpenAIOptions(**{**base, **more})


@pytest.mark.parametrize(("name", "role"), SEATS)
def test_whole_episodes_of_every_world_are_played_on_every_seat(name, role, url, folder):
    stage, people, players = cast(name)
    # The four tags are the one long form: fewer tokens than its shortest reply takes are refused beforehand.
    longest = 160 if (name, role) == ("payoff", "assistant") else 12
    policy = players[role] = OpenAI(options(url, folder, temperature=0.7, max_reply=longest))
    keep = Keep()
    rollout(stage, players, start(stage, players, people, seed=4, worlds=1), 2, keep)
    ledger = policy.backend.ledger
    asked = sum(tick.sum().item() for tick in keep.series["asked", role, ""])
    assert ledger.answered > 0
    assert ledger.faults == {}
    assert ledger.answered == asked  # counts are added up over the phases of a tick
    tokens = sum(tick.sum().item() for tick in keep.series["tokens", role, ""])
    assert tokens == ledger.tokens_in + ledger.tokens_out
    assert ledger.tokens_out <= longest * ledger.answered
    assert keep.series["failed", role, ""][-1].item() == 0


def prompts():
    """What every seat of every world is asked in its first tick."""
    for name, role in SEATS:
        stage, people, players = cast(name)
        run, own = start(stage, players, people, seed=5, worlds=1), stage.role(role)
        for phase in stage.phases:
            if phase in own.phases:
                observation = see(stage, run, own)
                yield from (Ask(chat.messages, chat.options) for chat in observation.dialogue().say(observation))
            run, _ = advance(stage, players, run)


def test_greedy_replies_are_those_of_the_same_model_in_this_process(url, folder):
    asks = list(prompts())
    served = ask_all(Endpoint(options(url, folder, temperature=0)), asks)
    own = ask_all(Local(LocalOptions(model=folder, device="cpu", temperature=0, max_reply=12, choices="write")), asks)
    assert [reply.text for reply in served] == [reply.text for reply in own]
    assert [reply.tokens_in for reply in served] == [reply.tokens_in for reply in own]
    assert len({reply.text for reply in served}) > 3  # it does not say the same to everything


VALUES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
SHARE = 0.2
PATIENCE = 6.0
"""Seconds for which the client waits: the server answers sooner, and a slow reply takes longer."""


def scenario(url, folder, tape):
    model = {"policy": "llm/openai", "model": folder, "base_url": url, "temperature": 0, "max_reply": 12}
    model |= {"timeout": PATIENCE, "wait": 0.01, "retries": 8, "at_once": 4, "tape": str(tape)}
    return {
        "schema": 1,
        "name": "served",
        "world": {"id": "populace/coevolution-v0"},
        "worlds": 2,
        "horizon": 3,
        "population": {"size": 3, "values": {"names": VALUES, "distribution": {"normal": {"mean": 0, "sd": 0.3}}}},
        "arms": {"script": {}, "model": {"agents.user": model, "agents.assistant": model}},
    }


def faulty(seed, slow):
    """Every kind of fault in turn, in a fifth of all calls, wherever they fall; a slow one (if any) once only."""
    chance = Draw.of(seed, torch.arange(1)).uniform("faults", 5000)[0].tolist()
    kinds = [kind for kind in FAULTS if kind != "slow"]
    given = itertools.chain(kinds, ["slow"] * slow, itertools.cycle(kinds))
    return lambda number: next(given) if chance[number] < SHARE else None


def start_run(given, out):
    command = [sys.executable, "-m", "populace", "run", str(given), "--out", str(out), "--no-report", "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=OFFLINE)


def tables(folder):
    steps = pd.read_parquet(folder / "steps.parquet")
    steps = steps[~steps.measure.str.startswith("fault/")]
    users = pd.read_parquet(folder / "users.parquet")
    return (
        steps.sort_values(["arm", "measure", "step", "world"], ignore_index=True),
        users.sort_values(["arm", "step", "world", "user"], ignore_index=True),
    )


def held(tape):
    return [json.loads(line) for line in tape.read_text().splitlines()]


@pytest.fixture(scope="module")
def calm(url, folder, tmp_path_factory):
    """The run with nothing in its way, and what was asked."""
    here = tmp_path_factory.mktemp("calm")
    (here / "given.yaml").write_text(json.dumps(scenario(url, folder, here / "tape.jsonl")))
    child = start_run(here / "given.yaml", here / "run")
    assert child.wait(timeout=120) == 0, child.stderr.read()
    return here


def test_a_run_survives_faults_in_a_fifth_of_all_calls_and_they_are_figures(url, folder, calm, tmp_path):
    with between(url, faulty(1, True), 1.5 * PATIENCE) as proxy:
        (tmp_path / "given.yaml").write_text(json.dumps(scenario(proxy.url, folder, tmp_path / "tape.jsonl")))
        child = start_run(tmp_path / "given.yaml", tmp_path / "run")
        assert child.wait(timeout=200) == 0, child.stderr.read()
    assert set(proxy.faults) == set(FAULTS)
    assert sum(proxy.faults.values()) / len(proxy.requests) == pytest.approx(SHARE, abs=0.1)
    # Nothing is lost: each prompt was answered once, and each failed call stands beside the reply that came at last.
    assert len(proxy.answered) + proxy.faults.total() == len(proxy.requests)
    lines = held(tmp_path / "tape.jsonl")
    assert len(lines) == len(proxy.answered) == len(held(calm / "tape.jsonl"))
    assert Counter(fault for line in lines for fault in line["faults"]) == told(proxy.faults)
    assert {line["kind"] for line in lines} <= {0, 3}
    for ours, theirs in zip(tables(tmp_path / "run"), tables(calm / "run"), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    steps = pd.read_parquet(tmp_path / "run" / "steps.parquet")
    own = steps[steps.measure.str.startswith("fault/") & (steps.player == "")]
    measured = own.groupby(["measure", "role"], observed=True).value.sum()
    assert len(measured) == 2 * len(FAULT_KINDS)
    for fault, count in told(proxy.faults).items():
        assert measured[f"fault/{fault}"].sum() >= count


def test_a_killed_run_goes_on_without_asking_again_what_was_answered(url, folder, calm, tmp_path):
    all_, tape, out = len(held(calm / "tape.jsonl")), tmp_path / "tape.jsonl", tmp_path / "run"
    wrong, passing = faulty(2, False), iter(range(all_ // 2))

    def fault(number):
        """After half of all answers no more comes through, so that none is under way when the run is killed."""
        happens = wrong(number)
        stuck = happens is None and not proxy.open.is_set() and next(passing, None) is None
        return "held" if stuck else happens

    with between(url, fault) as proxy:
        (tmp_path / "given.yaml").write_text(json.dumps(scenario(proxy.url, folder, tape)))
        child = start_run(tmp_path / "given.yaml", out)
        patience = time.monotonic() + 120
        while not (tape.exists() and tape.read_bytes().count(b"\n") == all_ // 2):
            assert child.poll() is None, child.stderr.read()
            assert time.monotonic() < patience
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        proxy.open.set()
        command = [sys.executable, "-m", "populace", "resume", str(out), "--no-report", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, env=OFFLINE, timeout=200)
        assert done.returncode == 0, done.stderr
    assert proxy.faults["held"] > 0
    answered = Counter(json.dumps(body, sort_keys=True) for body in proxy.answered)
    assert len(answered) == all_
    assert set(answered.values()) == {1}
    for ours, theirs in zip(tables(out), tables(calm / "run"), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
