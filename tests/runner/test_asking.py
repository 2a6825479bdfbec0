"""A dry run asks nobody: it words a few ticks, and its figures are those of a run that was played."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from loopback import serving
from test_runner import trial
from test_worlds import SEATS
from typer.testing import CliRunner

from populace.agents.llm.backends import rehearsal
from populace.agents.llm.backends.base import Ask, tokens
from populace.agents.llm.decoding import legal
from populace.cli import app
from populace.scenarios import load, runner
from populace.scenarios.runner import asking

needs_openai = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="the openai client is not installed (extra llm)"
)
NAMES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
POPULATION = {"size": 4, "values": {"names": NAMES, "distribution": {"normal": {"mean": 0, "sd": 0.1}}}}


def seats(name, role, ticks, **options):
    """A small scenario of a world, with a model on the seats of one role."""
    agents = {role: {"policy": "pocket", **options}}
    given = {} if name == "culture" else {"population": POPULATION}
    return {"world": {"id": f"populace/{name}-v0"}, "worlds": 2, "horizon": ticks, "agents": agents, **given}


def on_tape(path):
    """Prompts on a tape, and their tokens with those of the replies, counted from the texts."""
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    said = [(sum(tokens(text) for _, text in line["messages"]), tokens(line["reply"])) for line in lines]
    return len(said), sum(map(sum, said))


@pytest.mark.parametrize(("name", "role"), SEATS)
def test_tokens_are_those_of_a_played_tape(name, role, tmp_path):
    tape = tmp_path / "t.jsonl"
    source = seats(name, role, 2, tape=str(tape), reask=False)
    found = runner.estimate(load(source)).asked
    assert not tape.exists()
    runner.run(load(source), tmp_path / "run")
    asked, used = on_tape(tape)
    assert asked > 0
    assert asked / 1.5 <= found.asks.likely <= asked * 1.5
    assert used / 1.5 <= found.tokens.likely <= used * 1.5
    assert found.tokens.low <= found.tokens.likely <= found.tokens.high


@pytest.mark.parametrize(("name", "role"), [("shopping", "assistant"), ("coevolution", "user")])
def test_ticks_that_were_not_worded_count_and_so_does_what_seats_remember(name, role, tmp_path):
    tape = tmp_path / "t.jsonl"
    source = seats(name, role, 9, tape=str(tape), reask=False, memory=400)
    assert source["horizon"] > 2 * asking.TICKS
    found = runner.estimate(load(source)).asked
    runner.run(load(source), tmp_path / "run")
    _, used = on_tape(tape)
    assert used / 1.5 <= found.tokens.likely <= used * 1.5
    assert found.tokens.low <= used <= found.tokens.high


def test_arms_episodes_and_worlds_multiply(tmp_path):
    model = {"assistant": {"policy": "llm/openai", "model": "m", "base_url": "http://localhost:9/v1", "temperature": 1}}
    model["assistant"] |= {"price_in": 2.0, "price_out": 8.0}
    few = {**trial(worlds=2, horizon=2, episodes=1), "agents": model, "arms": {"a": {}}}
    one = runner.estimate(load(few))
    many = runner.estimate(load({**few, "arms": {"a": {}, "b": {}}, "worlds": 20, "episodes": 3}))
    assert set(many.asking) == {"a", "b"}
    assert many.asked.asks.likely == 2 * 10 * 3 * one.asked.asks.likely
    assert many.asked.tokens.likely == pytest.approx(2 * 10 * 3 * one.asked.tokens.likely, rel=0.05)
    low, likely, high = one.asked.cost
    assert 0 < low <= likely <= high
    per_token = likely / one.asked.tokens.likely
    assert 2e-6 <= per_token <= 8e-6
    # A reply has at most max_reply (256) tokens.
    prompts = one.asked.asks.high
    assert high <= one.asked.tokens.high * 2e-6 + prompts * 256 * (8 - 2) * 1e-6 + 1e-9


@needs_openai
def test_nobody_is_asked_nothing_is_loaded_and_no_tape_is_touched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with serving(lambda body: "clear") as server:
        tape = tmp_path / "t.jsonl"
        policy = {"policy": "llm/openai", "model": "m", "base_url": server.url, "tape": str(tape)}
        drift = {"id": "populace/drift-v0"}
        judge = {"policy": "llm/openai", "params": {"model": "j", "base_url": server.url}}
        embedding = {"model": "e", "base_url": server.url}
        source = {
            "world": drift,
            "worlds": 2,
            "horizon": 2,
            "arms": {
                "scripted": {},
                "model": {"agents": {"assistant": policy}},
                "judge": {"agents": {"assistant": {**policy, "interpreter": {"judge": judge}}}},
                "embedding": {"agents": {"assistant": {**policy, "interpreter": {"prototypes": embedding}}}},
                "folder": {"agents": {"assistant": {"policy": "llm/transformers", "model": "not/there"}}},
            },
        }
        Path("s.yaml").write_text(json.dumps(source))
        tape.write_text('{"key": "')
        before = tape.stat()
        done = CliRunner().invoke(app, ["run", "s.yaml", "--dry-run", "--json"], catch_exceptions=False)
        assert done.exit_code == 0
        assert not server.requests
        assert (tape.stat().st_mtime_ns, tape.stat().st_size) == (before.st_mtime_ns, before.st_size)
        found = json.loads(done.stdout)
        assert set(found["asking"]) == {"model", "judge", "embedding", "folder"}
        assert found["asking"]["judge"]["asks"][1] > found["asking"]["model"]["asks"][1]
        assert found["asking"]["embedding"]["asks"][1] > found["asking"]["model"]["asks"][1]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["s.yaml", "t.jsonl"]


def test_what_a_tape_alone_answers_is_free(tmp_path):
    tape = tmp_path / "t.jsonl"
    runner.run(load(seats("drift", "assistant", 2, tape=str(tape))), tmp_path / "run")
    source = {**seats("drift", "assistant", 2), "agents": {"assistant": {"policy": "llm/replay", "tape": str(tape)}}}
    assert runner.estimate(load(source)).asked.tokens == rehearsal.NONE


def test_limits_that_would_end_the_run_are_told(tmp_path):
    (tmp_path / "s.yaml").write_text(json.dumps(seats("drift", "assistant", 3) | {"max_tokens": 10}))
    done = CliRunner().invoke(app, ["run", str(tmp_path / "s.yaml"), "--dry-run"], catch_exceptions=False)
    assert "warning: max_tokens: 10 is likely to stop the run" in done.output
    assert re.search(r"in all: [\d,]+ prompts, tokens [\d,]+ \([\d,]+ to [\d,]+\), .* hours", done.output)


@pytest.mark.parametrize(
    "form",
    [
        r"rating: ([1-9]|10)(\nleave)?",
        r"mean: -?[0-9]{1,6}(\.[0-9]{1,6})?\nsd: (0\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,5}(\.[0-9]{1,5})?)",
        r"[^<]{1,600}</x>",
        r"\d\s\w+.*",
        r"1: (yes|no)\n2: (yes|no)",
    ],
)
def test_made_up_replies_match_their_form(form):
    short = legal.shortest(form)
    assert re.fullmatch(form, short)
    for seed in range(50):
        made = legal.typical(form, seed)
        assert re.fullmatch(form, made), made
        assert len(short) <= len(made)


def test_forms_with_assertions_are_not_made_up():
    assert legal.shortest(r"(?=a)a") is None
    assert len(rehearsal.legal_reply(Ask((("user", "x"),), form=r"(?=a)a"))) > 100
