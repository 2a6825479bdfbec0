"""The report's table of who played: models beside scripts, shared roles, what broken replies and failed tries leave."""

import html
import re

import pytest

from populace.analysis import load_run
from populace.analysis.players import OF_SEATS, players
from populace.analysis.results import Results
from populace.scenarios import load, runner

HEAD = {"schema": 1, "world": {"id": "populace/payoff-v0"}, "worlds": 3, "horizon": 4, "population": {"size": 8}}


def ran(folder, **more):
    return load_run(runner.run(load({**HEAD, **more}), folder))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    broken = {"policy": "llm/malformed", "share": 0.5, "price_in": 1.0, "price_out": 2.0}
    shared = {"policy": "mix", "players": [{"policy": "logit", "share": 1}, {"policy": "llm/random", "share": 1}]}
    return ran(
        tmp_path_factory.mktemp("mixed") / "run",
        name="mixed",
        agents={"assistant": "best-response"},
        arms={"script": {"agents.user": "logit"}, "broken": {"agents.user": broken}, "mixed": {"agents.user": shared}},
    )


def rows(run):
    """(arm, role, player) -> column -> text."""
    lines = [
        [html.unescape(re.sub(r"<.*?>", "", cell)) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", line)]
        for line in re.findall(r"<tr>(.*?)</tr>", players(run))
    ]
    return {tuple(line[:3]): dict(zip(lines[0], line, strict=True)) for line in lines[1:]}


def test_models_stand_beside_scripts(mixed):
    table = rows(mixed)
    assert list(table) == [
        ("script", "user", "logit"),
        ("script", "assistant", "best-response"),
        ("broken", "user", "llm/malformed"),
        ("broken", "assistant", "best-response"),
        ("mixed", "user", "payoff/logit"),
        ("mixed", "user", "llm/random"),
        ("mixed", "assistant", "best-response"),
    ]
    assert table["script", "user", "logit"]["invalid acts"] == "none (a script)"
    assert table["mixed", "user", "payoff/logit"]["invalid acts"] == "none (a script)"
    assert table["mixed", "user", "llm/random"]["invalid acts"] == "0.00†"  # no world had any: no interval
    assert float(table["mixed", "user", "llm/random"]["prompts"]) <= 4.0 * 4  # seats of this player, 4 ticks


def test_what_broke_is_told_by_kind_and_adds_up(mixed):
    steps = mixed.steps.query("arm == 'broken' and role == 'user' and step > 0")
    own = steps.groupby("measure", observed=True)["value"].mean()
    cost = steps.query("measure == 'cost'").groupby("world")["value"].sum().mean()  # a count: added up over the run
    row = rows(mixed)["broken", "user", "llm/malformed"]
    assert float(row["invalid acts"].split()[0]) == pytest.approx(own["invalid"], abs=0.005)  # two digits
    told = [float(share) for share in re.findall(r"\d\.\d+", row["of these"])]
    assert len(told) >= 4
    assert sum(told) == pytest.approx(own["invalid"], abs=0.005)
    assert float(row["cost"]) == pytest.approx(cost, rel=0.01)


def test_the_voice_is_kept_and_how_seats_were_played_is_no_outcome(mixed):
    about = mixed.info["players"]["broken"]["user"]
    assert about["policy"] == "llm/malformed"
    assert about["voice"].startswith("malformed 0.5")
    named = set(Results(mixed).outcomes["measure"].astype(str))
    assert named
    assert not named & {*OF_SEATS, *(f"user/{name}" for name in OF_SEATS)}
    kept = mixed.steps[mixed.steps["role"] == "user"]
    assert {"tokens", "invalid", "cost"} <= set(kept["measure"].astype(str))


def test_without_anyone_who_writes_there_is_no_table(tmp_path):
    run = ran(tmp_path / "run", name="plain", agents={"user": "logit", "assistant": "best-response"})
    assert players(run) == ""


def test_whoever_read_free_text_is_told_with_its_agreement(tmp_path):
    said = {"policy": "llm/scripted", "otherwise": "I do not know.", "interpreter": {"rules": {}}}
    drift = {"world": {"id": "populace/drift-v0"}, "population": {"size": 8, "values": {"names": ["interest"]}}}
    shared = {
        "policy": "mix",
        "players": [{"policy": "llm/scripted", "share": 1, "params": {k: said[k] for k in said if k != "policy"}}],
    }
    run = ran(
        tmp_path / "run",
        name="free",
        **drift,
        arms={"alone": {"agents.assistant": said}, "mix": {"agents.assistant": shared}},
    )
    agreed = run.info["players"]["alone"]["assistant"]["interpreter"]["agreement"]
    told = re.sub(r"<.*?>", " ", players(run)).split("Free text was read")[1]
    for who in ("alone assistant", "mix assistant, scripted"):
        assert re.search(rf"{who}\s+drift statements\s+rules\s+{agreed['agree']:.2f}".replace(" ", r"\s+"), told), told
    assert not (run.steps.query("measure == 'invalid' and role == 'assistant'")["value"] > 0).any()
