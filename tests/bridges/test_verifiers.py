"""The bridge to verifiers: rows are worlds, episodes are played by an endpoint on loopback."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from training import gains, without

from populace.envs.bridges.seats import Episode, seat_of

pytest.importorskip(
    "verifiers.v1", reason='verifiers is not installed: pip install "populace[verifiers]", or run `make test-bridges`'
)

import verifiers.v1 as vf
from loopback import Raw, serving

from populace.envs.bridges import verifiers as bridge

ARGUMENTS = {"world": "populace/payoff-v0", "role": "user", "users": 2, "max_turns": 2}
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where pip put `uv`


def config(**more):
    taskset = bridge.SeatConfig(**{**ARGUMENTS, "worlds": 3, **more})
    return bridge.SeatEnvConfig(taskset=taskset)


def streamed(text):
    """An answer piece by piece, as verifiers asks for it."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    piece = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "ours", "choices": [choice]}
    body = f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode()
    return Raw(200, body, {"Content-Type": "text/event-stream"})


async def episodes(env, url):
    client = vf.EvalClientConfig(base_url=url, api_key_var="NO_KEY")
    context = vf.ModelContext("ours", client)
    async with env.serving():
        return [await env.run_episode(task, context) for task in env.taskset]


def test_rows_are_worlds():
    rows = list(bridge.SeatTaskset(bridge.SeatConfig(**ARGUMENTS, worlds=3, first=4)))
    assert [row.data.world for row in rows] == [4, 5, 6]
    env = seat_of(**ARGUMENTS)
    for row in rows:
        assert row.data.prompt == Episode(env, row.data.world, 0).told[-1]["content"]
    assert len({row.key for row in rows}) == 3


def test_a_system_message_is_the_rows():
    (row,) = bridge.SeatTaskset(bridge.SeatConfig(world="populace/drift-v0", users=2, worlds=1))
    assert row.data.system_prompt.startswith("You are an assistant.")
    assert "You are an assistant." not in row.data.prompt


def test_it_runs_on_this_machine_and_without_tools():
    player = config().player
    assert isinstance(player.runtime, vf.SubprocessConfig)
    assert player.harness.id == "null"


def test_verifiers_finds_it_by_its_id():
    from verifiers.v1.utils.loaders import load_taskset

    assert isinstance(load_taskset(config().taskset), bridge.SeatTaskset)


def test_an_endpoint_plays_episodes(monkeypatch):
    monkeypatch.setenv("NO_KEY", "none")
    env = bridge.SeatEnv(config())
    with serving(lambda body: streamed("clear")) as server:
        found = asyncio.run(episodes(env, server.url))
        asked = server.requests
    assert len(found) == 3
    for world, episode in enumerate(found):
        assert episode.ok, episode.errors
        same = Episode(seat_of(**ARGUMENTS), world, 0)
        while not same.over:
            same.reply("clear")
        (trace,) = episode.traces
        assert trace.rewards["paid"].score == pytest.approx(same.reward)
        assert trace.metrics["turns"] == 2
        assert trace.metrics["unread"] == 0
        assert trace.metrics["mutual_welfare"] == pytest.approx(same.measures["mutual_welfare"])
    assert [len(body["messages"]) for body in asked] == [1, 3] * 3


def test_a_model_that_fails_has_no_reward(monkeypatch):
    monkeypatch.setenv("NO_KEY", "none")
    env = bridge.SeatEnv(config(worlds=1))
    with serving(lambda body: Raw(400, b"{}")) as server:
        (episode,) = asyncio.run(episodes(env, server.url))
    assert not episode.ok
    assert "paid" not in episode.traces[0].rewards


def test_the_example_tells_models_apart():
    for gain, interval in gains("verifiers_eval.py"):
        assert gain > interval


def test_without_verifiers_the_line_that_installs_it_is_told():
    assert 'pip install "populace[verifiers]"' in without("verifiers", "populace.envs.bridges.verifiers")
