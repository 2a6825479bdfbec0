"""A server of embeddings is asked as one of chats is: bounded, again where that helps, within the budget."""

import importlib.util
import json
import time

import pytest
from loopback import Raw, error, serving

from populace.agents.llm.backends.base import BudgetSpent, ServerGone
from populace.agents.llm.interpret.embeddings import ServerEmbedding
from populace.agents.llm.interpret.prototypes import PrototypeOptions
from populace.budget import Account, Limit
from populace.scenarios import load, runner
from populace.scenarios.runner import read_info

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="the openai client is not installed (extra llm)"
)


def table(body, usage=7):
    data = [{"index": i, "embedding": [1.0, float(len(text))]} for i, text in enumerate(body["input"])]
    return {"object": "list", "data": data, "usage": {"prompt_tokens": usage, "total_tokens": usage}}


def embedding(server, **options):
    return ServerEmbedding(PrototypeOptions(model="e", base_url=server.url, wait=0.01, **options))


@pytest.mark.parametrize("fault", ["429", "500", "reset", "cut-off", "html"])
def test_what_may_pass_is_asked_again(fault):
    with serving(table, lambda number: fault if number < 2 else None) as server:
        assert embedding(server)(["a", "bb"]).tolist() == [[1, 1], [1, 2]]
        assert len(server.requests) == 3


@pytest.mark.parametrize("status", ["401", "403", "404", "402"])
def test_what_cannot_pass_stops_at_once_and_tells_no_key(status, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "sk-verysecret")
    with (
        serving(table, lambda number: status) as server,
        pytest.raises(ServerGone, match="gives no embeddings") as told,
    ):
        embedding(server, key_env="SOME_KEY")(["a"])
    assert len(server.requests) == 1
    assert "verysecret" not in str(told.value)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({"data": [{"index": 0, "embedding": []}]}).encode(),
        json.dumps({"data": [{"index": 1, "embedding": [1.0]}]}).encode(),
        json.dumps({"data": [{"index": 0, "embedding": ["a"]}]}).encode(),
        b'{"data": [{"index": 0, "embedding": [NaN]}]}',
        b'{"data": [{"index": 0, "embedding": [1e999]}]}',
        b'{"data": [{"index": true, "embedding": [1.0]}]}',
    ],
)
def test_bodies_that_are_no_embeddings(body):
    with serving(lambda asked: Raw(200, body)) as server, pytest.raises(ServerGone, match="unreadable-body"):
        embedding(server, retries=1)(["a"])
    assert len(server.requests) == 2


def test_a_try_is_bounded_in_time_and_in_size():
    def trickle():
        for _ in range(100):
            time.sleep(0.1)
            yield b" "

    with serving(lambda body: Raw(200, trickle())) as server:
        began = time.monotonic()
        with pytest.raises(ServerGone, match="timed-out"):
            embedding(server, timeout=0.3, retries=1)(["a"])
        assert time.monotonic() - began < 3
    with serving(lambda body: Raw(200, b" " * 5000)) as server, pytest.raises(ServerGone, match="5,000 bytes"):
        embedding(server, max_body=1000, retries=0)(["a"])


def test_no_redirect_is_followed():
    with serving(table) as other:
        moved = error(307, headers={"Location": f"{other.url}/embeddings"})
        with serving(lambda body: moved) as server, pytest.raises(ServerGone, match="base_url"):
            embedding(server)(["a secret text"])
        assert not other.requests


def test_what_is_embedded_counts_and_a_limit_stops_it():
    with serving(table) as server:
        found = embedding(server, price_in=1e6)
        found.budget = Account(Limit(tokens=40))
        found(["a"] * 40)  # two requests of seven tokens, as the server counts
        assert found.budget.spent.tokens == 14
        assert found.budget.spent.cost == pytest.approx(14)
        with pytest.raises(BudgetSpent, match="max_tokens") as told:
            found(["a long text of which there are many words"] * 40)
        assert told.value.option == "max_tokens"
        assert len(server.requests) == 2


def test_a_count_that_cannot_be_is_estimated():
    with serving(lambda body: table(body, -5)) as server:
        found = embedding(server)
        found(["four letters"])
        assert found.budget.spent.tokens == 3


def test_a_run_that_is_stopped_by_embeddings_goes_on_with_more(tmp_path):
    with serving(table) as server:
        reader = {"prototypes": {"model": "e", "base_url": server.url}}
        player = {"policy": "llm/random", "interpreter": reader}
        source = {"world": {"id": "populace/drift-v0"}, "worlds": 1, "horizon": 3, "agents": {"assistant": player}}
        with pytest.raises(BudgetSpent, match="populace resume"):
            runner.run(load({**source, "max_tokens": 20}), tmp_path / "run")
        assert read_info(tmp_path / "run")["status"] == "interrupted"
        runner.resume(tmp_path / "run", sets=["max_tokens=1000000"])
        info = read_info(tmp_path / "run")
        assert info["status"] == "complete"
        assert info["spent"]["tokens"] > 20
