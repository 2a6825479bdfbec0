"""The bridge to OpenEnv, through HTTP and WebSocket on loopback."""

import json
import urllib.request
from functools import partial

import pytest
from training import gains, without

from populace.envs.bridges.seats import Episode
from populace.envs.views import text_env

pytest.importorskip(
    "openenv.core.env_client",
    reason='OpenEnv is not installed: pip install "populace[openenv]", or `make test-bridges`',
)

from populace.envs.bridges import openenv

make = partial(text_env, "populace/payoff-v0", "user", users=2, max_turns=2)


@pytest.fixture(scope="module")
def address():
    """Where a society is served."""
    with openenv.serving(make, sessions=4) as found:
        yield found


def post(address, path, **body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{address}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_an_episode_over_websocket_is_the_environment(address):
    same = Episode(make(num_envs=1), 3, 5)
    with openenv.Client(base_url=address).sync() as client:
        asked = client.reset(seed=5, world=3)
        assert asked.observation.messages == same.told
        assert asked.observation.options == ["clear", "vague", "end"]
        for turn in range(2):
            result = client.step(openenv.Reply(text="clear"))
            assert result.reward == pytest.approx(same.reply("clear"))
            assert result.observation.messages == same.told
            assert result.observation.metadata["kind"] == "ok"
            assert result.done == (turn == 1)
        state = client.state()
        assert (state.world, state.seed, state.step_count) == (3, 5, 2)
        assert state.reward == pytest.approx(same.reward)
        assert client.reset(world=4).done is False


def test_sessions_do_not_meet(address):
    with openenv.Client(base_url=address).sync() as one, openenv.Client(base_url=address).sync() as two:
        first, second = one.reset(seed=1, world=0), two.reset(seed=1, world=1)
        assert first.observation.messages != second.observation.messages
        one.step(openenv.Reply(text="clear"))
        assert (one.state().step_count, two.state().step_count) == (1, 0)


def test_mistakes_are_told(address):
    with openenv.Client(base_url=address).sync() as client, pytest.raises(Exception, match="call reset"):
        client.step(openenv.Reply(text="clear"))


def test_over_http_it_tells_what_it_is_and_begins(address):
    told = post(address, "/reset", seed=5, world=3)
    assert told["done"] is False
    assert told["observation"]["messages"] == Episode(make(num_envs=1), 3, 5).told
    with urllib.request.urlopen(f"{address}/health", timeout=20) as answer:
        assert json.load(answer)["status"] == "healthy"
    with urllib.request.urlopen(f"{address}/schema", timeout=20) as answer:
        assert "text" in json.load(answer)["action"]["properties"]


def test_the_example_learns():
    for gain, interval in gains("openenv_client.py"):
        assert gain > interval


def test_without_openenv_the_line_that_installs_it_is_told():
    assert 'pip install "populace[openenv]"' in without("openenv", "populace.envs.bridges.openenv")
