"""Servers that go away in mid-run, for a while or for good, and budgets of a whole run: no figure is made of either."""

import json

import pandas as pd
import pytest

pytest.importorskip("openai", reason="the openai client is not installed (extra llm)")

from loopback import answer, error, serving

from populace.agents.llm import BudgetSpent
from populace.agents.llm.backends.base import ServerGone
from populace.errors import ScenarioError
from populace.scenarios import load, runner

pytestmark = pytest.mark.servers

EACH = 12
"""Tokens of an ask and its reply, as the server on loopback counts them."""
ASKS = 40
"""Two arms of another model each, 1 world of 5 users, 4 ticks."""


def scenario(server, tape=None, seat=None, **more):
    asked = {"policy": "llm/openai", "model": "m", "base_url": server.url, "at_once": 1, "wait": 0.01, "retries": 1}
    return {
        "schema": 1,
        "name": "outages",
        "world": {"id": "populace/payoff-v0"},
        "worlds": 1,
        "horizon": 4,
        "population": {"size": 5},
        "agents": {
            "assistant": "always",
            "user": {**asked, **(seat or {}), **({} if tape is None else {"tape": str(tape)})},
        },
        "arms": {"a": {}, "b": {"agents.user.model": "n"}},
        **more,
    }


class Fickle:
    """Says `clear`; while it is down, what else it is given, from the request `first` on."""

    def __init__(self, down, first=23):
        self.down, self.left = down, first

    def __call__(self, body):
        self.left -= 1
        return self.down if self.down is not None and self.left < 0 else answer()


def steps(folder):
    table = pd.read_parquet(folder / "steps.parquet")
    return table.sort_values(["arm", "measure", "role", "player", "step", "world"], ignore_index=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with serving(lambda body: answer()) as server:
        table = steps(runner.run(load(scenario(server)), tmp_path_factory.mktemp("whole") / "run"))
        assert len(server.requests) == ASKS
        return table


@pytest.mark.parametrize("taped", [True, False])
@pytest.mark.parametrize(
    ("down", "says", "tries"),
    [
        (error(500, "down"), r"has failed in 6 tries in a row \(give_up_after: 6\)", 6),
        (error(503, "down", {"Retry-After": "0"}), "6 tries in a row", 6),
        (error(401, "revoked"), "refuses the model 'n'.*status 401", 1),
        (error(403, "no"), "status 403", 1),
        (error(404, "no model m"), "status 404: no model m", 1),
        (error(402, "pay"), "credit left", 1),
        (error(429, "You exceeded your current quota", code="insufficient_quota"), "credit left", 1),
    ],
    ids=lambda value: str(value.status) if hasattr(value, "status") else "",
)
def test_an_outage_stops_the_run_and_resumes_to_the_tables_of_an_undisturbed_one(
    tmp_path, whole, down, says, tries, taped
):
    say, out = Fickle(down), tmp_path / "run"
    with serving(say) as server:
        given = load(scenario(server, tmp_path / "tape.jsonl" if taped else None, {"give_up_after": 6}))
        with pytest.raises(ServerGone, match=says):
            runner.run(given, out)
        assert len(server.requests) == 23 + tries
        info = runner.read_info(out)
        assert (info["status"], info["error"].split(":")[0]) == ("interrupted", "ServerGone")
        say.down = None
        runner.resume(out)
        if taped:
            assert len(server.requests) == ASKS + tries  # nothing that was answered was asked again
    assert runner.read_info(out)["status"] == "complete"
    pd.testing.assert_frame_equal(steps(out), whole, check_exact=True)


def test_failures_on_a_tape_are_asked_again_and_replay_as_they_were(tmp_path, whole):
    say, tape = Fickle(error(500, "down")), tmp_path / "tape.jsonl"
    with serving(say) as server:
        given = scenario(server, tape, {"give_up_after": None})
        first = steps(runner.run(load(given), tmp_path / "first"))
        assert first[(first.measure == "failed") & (first.arm == "b")].value.sum() > 0
        recorded = len(server.requests)
        replay = scenario(server, tape, {"give_up_after": None, "replay": True})
        again = steps(runner.run(load(replay), tmp_path / "replay"))
        pd.testing.assert_frame_equal(again, first, check_exact=True)
        assert len(server.requests) == recorded
        say.down = None
        mended = steps(runner.run(load(given), tmp_path / "mended"))
        assert len(server.requests) == recorded + ASKS - 23
    pd.testing.assert_frame_equal(mended, whole, check_exact=True)


def test_a_budget_of_the_run_counts_all_arms_and_resumed_parts(tmp_path, whole):
    """25 asks' worth: all 20 of the first arm and 5 of the second; then 10 more, which are counted from those."""
    out, tape = tmp_path / "run", tmp_path / "tape.jsonl"
    with serving(lambda body: answer()) as server:
        with pytest.raises(BudgetSpent, match=r"used 300 tokens of max_tokens: 300.*resume .* --set max_tokens=\.\.\."):
            runner.run(load(scenario(server, tape, max_tokens=EACH * 25)), out)
        assert len(server.requests) == 25
        with pytest.raises(BudgetSpent, match="used 420 tokens of max_tokens: 420"):
            runner.resume(out, sets=[f"max_tokens={EACH * 35}"])
        assert len(server.requests) == 35
        runner.resume(out, sets=["max_tokens=100000"])
        assert len(server.requests) == ASKS
    assert runner.read_info(out)["spent"]["tokens"] == EACH * ASKS
    assert sum(json.loads(line)["tokens"] for line in (out / "spent.jsonl").open()) == EACH * ASKS
    pd.testing.assert_frame_equal(steps(out), whole, check_exact=True)


def test_a_budget_in_money_counts_all_arms_and_needs_prices(tmp_path):
    with serving(lambda body: answer()) as server:
        with pytest.raises(ScenarioError, match="max_cost needs a policy with price_in and price_out"):
            load(scenario(server, max_cost=1.0))
        priced = {"price_in": 1e6, "price_out": 1e6}  # one for each token
        with pytest.raises(BudgetSpent, match=r"cost 300\.00 of max_cost: 300"):
            runner.run(load(scenario(server, seat=priced, max_cost=EACH * 25)), tmp_path / "run")
        assert len(server.requests) == 25
