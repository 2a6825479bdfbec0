"""What workers share: one budget for the run, and tapes that are joined when all units are played."""

import json
import threading
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("openai", reason="the openai client is not installed (extra llm)")

from loopback import serving
from test_executors import same

from populace import taping
from populace.agents.llm.backends.base import Ask, Backend, Reply
from populace.agents.llm.backends.tape import Tape, join
from populace.budget import Account, Limit, Spending
from populace.errors import Stopped
from populace.scenarios import load, runner
from populace.scenarios.runner.executors.sharing import served

pytestmark = pytest.mark.executors
EACH = 12
"""Tokens of an ask and its reply, as the server on loopback counts them."""


def scenario(server, folder: Path, tape="tape.jsonl", **more):
    asked = {"policy": "llm/openai", "model": "m", "base_url": server.url, **more}
    if tape:
        asked["tape"] = str(folder / tape)
    return {
        "schema": 1,
        "name": "shared",
        "world": {"id": "populace/payoff-v0"},
        "worlds": 4,
        "horizon": 3,
        "population": {"size": 3},
        "agents": {"assistant": "always", "user": asked},
        "arms": {"one": {}, "two": {"agents.assistant": "best-response"}},
    }


def choice(workers):
    return runner.Choice(workers=workers)


def test_a_budget_is_one_for_all_workers_and_a_resumed_run_goes_on_counting(tmp_path):
    with serving(lambda body: "clear") as server:
        whole = runner.run(load(scenario(server, tmp_path, "whole.jsonl")), tmp_path / "whole", batch=1)
        limited = {**scenario(server, tmp_path), "max_tokens": EACH * 20}
        with pytest.raises(Stopped, match="go on with: populace resume"):
            runner.run(load(limited), tmp_path / "r", batch=1, executor=choice(2))
        info = runner.read_info(tmp_path / "r")
        assert info["status"] == "interrupted"
        assert 0 < info["spent"]["tokens"] <= EACH * 20
        before = info["spent"]["tokens"]
        runner.resume(tmp_path / "r", sets=["max_tokens=1000000"], executor=choice(2))
        assert runner.read_info(tmp_path / "r")["spent"]["tokens"] > before
        same(whole, tmp_path / "r")


def test_a_server_that_is_gone_stops_all_workers_and_the_run_goes_on_later(tmp_path):
    down = [False]

    def fault(number):
        return "500" if down[0] and number > 10 else None

    with serving(lambda body: "clear", fault) as server:
        whole = runner.run(load(scenario(server, tmp_path, "whole.jsonl")), tmp_path / "whole", batch=1)
        down[0] = True
        given = load(scenario(server, tmp_path, retries=1))
        with pytest.raises(Stopped, match="go on with: populace resume"):
            runner.run(given, tmp_path / "r", batch=1, executor=choice(2))
        assert runner.read_info(tmp_path / "r")["status"] == "interrupted"
        down[0] = False
        runner.resume(tmp_path / "r", executor=choice(2))
    same(whole, tmp_path / "r")


def test_units_write_a_tape_each_and_the_joined_one_plays_the_run_again(tmp_path):
    count, lock = [0], threading.Lock()

    def whim(body):
        with lock:
            count[0] += 1
            return ("clear", "vague", "off")[count[0] % 3]

    with serving(whim) as server:
        given = scenario(server, tmp_path)
        runner.run(load(given), tmp_path / "r", batch=1, executor=choice(2))
        asked = count[0]
        assert asked > 0
        assert not (tmp_path / "r" / taping.FOLDER).exists()
        assert (tmp_path / "tape.jsonl").is_file()
        runner.run(load(given), tmp_path / "again", batch=1)
        runner.run(load(given), tmp_path / "apart", batch=1, executor=choice(2))
        assert count[0] == asked, "what is on the tape is not asked again"
    same(tmp_path / "r", tmp_path / "again")
    same(tmp_path / "r", tmp_path / "apart")


class Whim(Backend):
    """Never says the same twice."""

    voice, greedy, faults = "whim", False, ()

    def __init__(self):
        self.said = 0

    def complete(self, asks):
        for i, ask in enumerate(asks):
            self.said += 1
            yield i, Reply.of(ask, f"reply {self.said}")


def ask(text):
    return Ask((("user", text),), seed=1)


def told(tape, unit, folder, text):
    with taping.playing(taping.Unit(unit, folder)):
        return next(iter(tape.complete([ask(text)])))[1].text


def test_a_reply_that_differs_stays_its_unit_s(tmp_path):
    """One key, asked by two units: each is told its own again, side by side and from the joined tape."""
    whole, run, whim = tmp_path / "tape.jsonl", tmp_path / "run", Whim()
    tape = Tape(whim, whole)
    first, second = told(tape, "0000_00000", run, "a"), told(tape, "0000_00001", run, "a")
    assert (first, second) == ("reply 1", "reply 2")
    assert told(tape, "0000_00000", run, "a") == first
    assert not whole.exists()
    parts = {unit: taping.Unit(unit, run).tape(whole) for unit in ("0000_00000", "0000_00001")}
    for _ in range(2):  # cut off and made again, it changes nothing more
        join(whole, parts)
        lines = [json.loads(line) for line in whole.read_text().splitlines()]
        assert [(line["reply"], line.get("unit")) for line in lines] == [("reply 1", None), ("reply 2", "0000_00001")]
        assert all(len(line["check"]) == 16 for line in lines)
    played = Tape(None, whole)
    assert told(played, "0000_00000", None, "a") == first
    assert told(played, "0000_00001", None, "a") == second
    assert told(played, "0000_00007", None, "a") == first
    assert whim.said == 2


def test_a_served_budget_counts_as_one(tmp_path):
    account = Account(Limit(tokens=10_000))
    granted = [0]
    with served(account) as budget:

        def spend():
            while budget.reserve(Spending(tokens=60)) == "granted":
                budget.settle(Spending(tokens=60), Spending(tokens=40))
                granted[0] += 40

        threads = [threading.Thread(target=spend) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert budget.limit == account.limit
        assert budget.spent == account.spent
    assert 9_900 <= account.spent.tokens <= 10_000


def test_the_table_of_a_run_by_workers_reads_as_any(tmp_path):
    with serving(lambda body: "clear") as server:
        runner.run(load(scenario(server, tmp_path)), tmp_path / "r", executor=choice(2))
    steps = pd.read_parquet(tmp_path / "r" / "steps.parquet")
    assert set(steps["arm"]) == {"one", "two"}
