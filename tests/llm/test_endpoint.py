"""The openai backend against a server on loopback: complete episodes, faults in a fifth of all calls, budgets, keys."""

import asyncio
import json
import sys

import pytest
import torch
from jsonschema import validate

pytest.importorskip("openai", reason="the openai client is not installed (extra llm)")

from loopback import FAULTS, serving, told

from populace import registry
from populace.agents.llm import Ask, Backend, BudgetSpent, Reply, ask_all
from populace.agents.llm.backends.endpoint import Endpoint
from populace.agents.llm.backends.faults import FAULTS as FAULTS_TOLD
from populace.agents.llm.policies import OpenAI, OpenAIOptions
from populace.dialogue import ReplyKind
from populace.draw import Draw
from populace.errors import MissingExtra, PopulaceError
from populace.rollout import Keep, rollout
from populace.run import start
from populace.testing.tools import made, same


def options(server, **more):
    base = {"model": "tiny", "base_url": server.url, "wait": 0.01, "timeout": 0.5, "at_once": 16}
    return OpenAIOptions(**{**base, **more})


def asks(count):
    return [Ask((("user", f"question {i}"),), (), 7919 * i) for i in range(count)]


def episode(policy, worlds=2, ticks=3, users=5, recorder=None):
    stage, people = made("populace/payoff-v0", None, users, None)
    players = {"user": policy, "assistant": registry.policies.get("random")()}
    run = start(stage, players, people, seed=1, worlds=worlds)
    return rollout(stage, players, run, ticks, recorder)


def sometimes(share):
    """Each kind of fault in turn, in about `share` of all calls, wherever they fall."""
    chance, given = Draw.of(5, torch.arange(1)).uniform("faults", 5000)[0].tolist(), iter(range(10**6))
    kinds = list(FAULTS)
    return lambda number: kinds[next(given) % len(kinds)] if chance[number] < share else None


def test_an_episode_survives_faults_in_a_fifth_of_all_calls():
    keep = Keep()
    with serving(lambda body: "clear", sometimes(0.2)) as server:
        policy = OpenAI(options(server, retries=6))
        run = episode(policy, worlds=4, ticks=4, recorder=keep)
    ledger = policy.backend.ledger
    share = sum(server.faults.values()) / len(server.requests)
    assert share == pytest.approx(0.2, abs=0.1)
    assert set(server.faults) == set(FAULTS)
    # Nothing is lost: every call of the server's is either an answer or a counted fault, kind by kind.
    assert ledger.answered + ledger.faults.total() == len(server.requests)
    assert ledger.answered == 4 * 4 * 5
    assert ledger.faults == told(server.faults)
    assert sum(keep.series["invalid", "user", ""][i].sum().item() for i in range(-4, 0)) == 0
    assert keep.series["tokens", "user", ""][-1].tolist() == [60.0] * 4
    assert [asked.tolist() for asked in keep.series["asked", "user", ""]] == [[5.0] * 4] * 4
    for fault in FAULTS_TOLD:
        assert sum(tick.sum().item() for tick in keep.series[f"fault/{fault}", "user", ""]) == ledger.faults[fault]
    # Which calls failed is chance of the network; what was said is not.
    with serving(lambda body: "clear") as calm:
        assert same(episode(OpenAI(options(calm)), worlds=4, ticks=4).state, run.state)


def test_what_cannot_be_had_is_data_by_kind():
    always = {3: "slow", 4: "500", 5: "400", 6: "length"}

    def fault(number):
        return always.get(int(server.requests[number]["messages"][-1]["content"].split()[-1]))

    with serving(lambda body: "cut off he", fault) as server:
        backend = Endpoint(options(server, retries=1, at_once=1))
        kinds = [reply.kind for reply in ask_all(backend, asks(7))]
    expected = [ReplyKind.TIMED_OUT, ReplyKind.FAILED, ReplyKind.FAILED, ReplyKind.CUT_OFF]
    assert kinds == [ReplyKind.OK] * 3 + expected
    assert backend.ledger.faults == {"timed-out": 2, "server-error": 2, "refused-request": 1}


@pytest.mark.parametrize(("code", "says"), [("401", "status 401"), ("404", "status 404"), ("400", "status 400")])
def test_a_wrong_set_up_stops_the_run_and_tells_no_key(monkeypatch, code, says, tmp_path):
    monkeypatch.setenv("MY_KEY", "sk-verysecret")
    tape = tmp_path / "tape.jsonl"
    with serving(lambda body: "", lambda number: code) as server:
        policy = OpenAI(options(server, key_env="MY_KEY", tape=tape))
        with pytest.raises(PopulaceError, match=says) as caught:
            episode(policy)
        assert server.auth == {"Bearer sk-verysecret"}
        assert len(server.requests) <= 16  # no retries of what cannot help
    assert "sk-verysecret" not in str(caught.value)
    assert "sk-verysecret" not in repr(policy.options)
    assert "sk-verysecret" not in policy.backend.voice
    assert not tape.exists() or "sk-verysecret" not in tape.read_text()


def test_a_server_that_is_not_there_says_so():
    with serving(lambda body: "") as server:
        gone = options(server, retries=1)
    with pytest.raises(PopulaceError, match=r"answers nothing .* no-connection.*that the server is up"):
        ask_all(Endpoint(gone), asks(3))


def test_a_spent_budget_stops_cleanly_and_the_rest_is_asked_later(tmp_path):
    with serving(lambda body: "vague") as server:
        tight = options(server, max_tokens=12 * 8, at_once=1, tape=tmp_path / "tape.jsonl")
        with pytest.raises(BudgetSpent, match=r"96 tokens of max_tokens: 96; raise it to go on"):
            episode(OpenAI(tight))
        assert len(server.requests) == 8
        whole = episode(OpenAI(tight.model_copy(update={"max_tokens": None})))
        assert len(server.requests) == 2 * 3 * 5  # the eight were not asked again
        calm = episode(OpenAI(options(server)))
    assert same(whole.state, calm.state)
    replayed = OpenAI(tight.model_copy(update={"replay": True}))  # the server is gone
    assert same(episode(replayed).state, whole.state)


def test_money_is_counted_and_bounded():
    keep = Keep()
    with serving(lambda body: "clear") as server:
        prices = {"price_in": 1e5, "price_out": 5e5}
        episode(OpenAI(options(server, **prices)), ticks=1, recorder=keep)
        # Five seats, ten tokens at 0.1 and two at 0.5 each.
        assert keep.series["cost", "user", ""][-1].tolist() == pytest.approx([10.0, 10.0])
        with pytest.raises(BudgetSpent, match=r"cost 6\.00 of max_cost: 6"):
            ask_all(Endpoint(options(server, **prices, max_cost=6, at_once=1)), asks(9))


def test_what_is_sent(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ask = Ask((("system", "be brief"), ("user", "yes or no?")), ("yes", "no"), -5)
    with serving(lambda body: "no") as server:
        ask_all(Endpoint(options(server, temperature=0.7)), [ask])
        (sent,) = server.requests
        assert sent["messages"] == [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "yes or no?"},
        ]
        assert sent["seed"] == (-5) & 0x7FFFFFFF
        assert "response_format" not in sent
        ask_all(Endpoint(options(server, temperature=0)), [ask, Ask(ask.messages, ask.options, 8)])
        assert len(server.requests) == 2
        assert "seed" not in server.requests[1]
    with pytest.raises(PopulaceError, match="no key: set the environment variable OPENAI_API_KEY"):
        ask_all(Endpoint(OpenAIOptions(model="m")), [ask])


OBJECT = '{"type": "object", "properties": {"rating": {"type": "number"}}, "required": ["rating"]}'


@pytest.mark.parametrize(
    ("asked", "written", "read"),
    [
        ({"options": ("yes", "no")}, {"reply": "no"}, "no"),
        ({"schema": '{"type": "number", "minimum": 0}'}, {"reply": 7.25}, "7.25"),
        ({"schema": '{"type": "array", "items": {"type": "string"}}'}, {"reply": ["ä"]}, '["ä"]'),
        ({"schema": OBJECT}, {"rating": 3}, '{"rating": 3}'),
        ({}, "free text", "free text"),
    ],
)
def test_a_server_that_keeps_to_forms_is_asked_for_them(asked, written, read):
    text = written if isinstance(written, str) else json.dumps(written)
    with serving(lambda body: text) as server:
        (reply,) = ask_all(Endpoint(options(server, structured=True)), [Ask((("user", "?"),), seed=1, **asked)])
        (sent,) = server.requests
    assert reply.text == read
    form = sent.get("response_format")
    assert (form is None) == (not asked)
    if form is not None:
        assert form["type"] == "json_schema"
        assert form["json_schema"]["schema"]["type"] == "object"  # which is what servers want
        validate(written, form["json_schema"]["schema"])


def test_a_server_that_refuses_forms_is_asked_without_from_then_on():
    def fault(number):
        return "400" if "response_format" in server.requests[number] else None

    choices = [Ask((("user", f"{i}?"),), ("yes", "no"), i) for i in range(6)]
    with serving(lambda body: "yes", fault) as server:
        backend = Endpoint(options(server, structured=True, at_once=1))
        replies = ask_all(backend, choices)
    assert [reply.text for reply in replies] == ["yes"] * 6
    assert [reply.faults for reply in replies] == [("refused-request",), *[()] * 5]
    assert ["response_format" in sent for sent in server.requests] == [True, *[False] * 6]


def test_a_form_that_is_refused_where_the_plain_ask_is_too_is_not_given_up():
    with serving(lambda body: '{"reply": "yes"}', lambda number: "400" if number in (1, 2) else None) as server:
        backend = Endpoint(options(server, structured=True, at_once=1))
        kinds = [reply.kind for reply in ask_all(backend, [Ask((("user", f"{i}"),), ("yes",), i) for i in range(3)])]
    assert kinds == [ReplyKind.OK, ReplyKind.FAILED, ReplyKind.OK]
    assert ["response_format" in sent for sent in server.requests] == [True, True, False, True]


def test_a_prompt_that_is_too_long_for_the_server_is_data():
    with serving(lambda body: "fine", lambda number: "413" if number == 0 else None) as server:
        first, second = ask_all(Endpoint(options(server, at_once=1)), asks(2))
    assert (first.kind, first.faults) == (ReplyKind.FAILED, ("prompt-too-long",))
    assert second.text == "fine"


def test_a_fault_that_is_not_declared_is_refused():
    class Odd(Backend):
        def complete(self, asks):
            yield from ((i, Reply("", faults=("hiccup",))) for i in range(len(asks)))

    with pytest.raises(PopulaceError, match="Odd met 'hiccup', which it does not declare"):
        ask_all(Odd(), asks(1))


def test_it_works_inside_a_running_loop():
    async def notebook():
        return ask_all(Endpoint(options(server)), asks(2))

    with serving(lambda body: "fine") as server:
        assert [reply.text for reply in asyncio.run(notebook())] == ["fine", "fine"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"base_url": "http://me:secret@host/v1"}, "holds a secret"),
        ({"base_url": "localhost:8000"}, "must start with http"),
        ({"max_cost": 3.0}, "needs price_in"),
        ({"replay": True}, "needs tape"),
    ],
)
def test_options_that_cannot_work_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        OpenAIOptions(model="m", **wrong)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtra, match=r'pip install "populace\[llm\]"'):
        ask_all(Endpoint(OpenAIOptions(model="m", base_url="http://localhost:1/v1")), asks(1))
