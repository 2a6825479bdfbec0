"""All five worlds, from a scenario to a report, with the embedded model, its tape, and a mixed role."""

import pandas as pd
import pytest

from populace import builder
from populace.analysis import load_run, report
from populace.analysis.markup import accessible
from populace.analysis.players import players
from populace.scenarios import load, runner

pytestmark = pytest.mark.servers

ROLES = {
    "coevolution": ("user", "assistant"),
    "lockin": ("assistant",),
    "shopping": ("assistant",),
    "payoff": ("user", "assistant"),
    "drift": ("assistant", "user"),
    "culture": ("person", "agent", "synthesiser"),
}
UNPAID = ("culture",)
SCRIPTS = {"coevolution": "sincere", "shopping": "loyal", "payoff": "logit", "drift": "honest", "culture": "mixer"}


def scenario(world, tape):
    roles = ROLES[world]

    def arm(policy):
        return {f"agents.{role}": policy for role in roles}

    model = {"policy": "pocket", "price_in": 1.0, "price_out": 2.0}
    arms = {
        "script": {},
        "pocket": arm({**model, "tape": str(tape)}),
        "replay": arm(
            {"policy": "llm/replay", "tape": str(tape), "price_in": 1.0, "price_out": 2.0, "order": "stated"}
        ),
        "live": arm(model),
    }
    if world in SCRIPTS:
        parts = [{"policy": SCRIPTS[world], "share": 1}, {"policy": "pocket", "share": 1}]
        arms["mixed"] = {f"agents.{roles[0]}": {"policy": "mix", "players": parts}}
    head = {"schema": 1, "name": world, "world": {"id": f"populace/{world}-v0"}, "worlds": 2, "horizon": 2}
    return load({**head, "arms": arms, "reference": "script"})


@pytest.mark.parametrize("world", ROLES)
def test_a_world_runs_with_pocket_its_tape_and_a_mixed_population(world, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "USERS", 6)
    run = load_run(runner.run(scenario(world, tmp_path / "tape.jsonl"), tmp_path / "run"))
    page = report(run.path).read_text(encoding="utf-8")
    # Which ways a backend can fail is not on its tape.
    told = run.steps[~run.steps["measure"].astype(str).str.startswith("fault/")]
    steps = {arm: rows.drop(columns="arm").reset_index(drop=True) for arm, rows in told.groupby("arm", observed=True)}
    # A tape plays the run again without its model, and so does the model itself.
    pd.testing.assert_frame_equal(steps["pocket"], steps["replay"])
    pd.testing.assert_frame_equal(steps["pocket"], steps["live"])
    table = players(run)
    assert accessible(table, "Who played") in page
    for role in ROLES[world]:
        mine = steps["pocket"].query(f"measure == 'tokens' and role == '{role}' and step > 0")["value"]
        assert (mine > 0).all()
        assert len(mine) == 4
        invalid = steps["pocket"].query(f"measure == 'invalid' and role == '{role}' and step > 0")["value"]
        assert invalid.mean() <= 0.1  # of some twenty replies; the model's own test is stricter, on many more
    if "mixed" in steps:
        # Nothing is at stake for a person of the culture world.
        rows = steps["mixed"]
        own = set(rows["measure"][(rows["role"] == ROLES[world][0]) & (rows["player"] == "pocket")])
        assert ("reward" in own) == (world not in UNPAID)
        assert "invalid" in own
        assert table.count(">pocket<") >= len(ROLES[world]) + 1
