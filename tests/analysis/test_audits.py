"""`populace audit` lists what each world offers and runs it; each audit's table says what the report says."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from populace.analysis import load_run
from populace.cli import app
from populace.envs.drift.audit import audit_threshold, ends
from populace.envs.shopping.audit import audit_choices
from populace.errors import RunError
from populace.registry import load as named
from populace.registry import manifests
from populace.scenarios import load, runner

OFFERED = {
    "populace/culture-v0": "culture",
    "populace/drift-v0": "threshold",
    "populace/shopping-v0": "choice-logit",
}


def audit(*words):
    done = CliRunner().invoke(app, ["audit", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.fixture(scope="module")
def shelves(tmp_path_factory):
    """Two buyers of whom one always takes the first and one chooses at random."""
    sets = ["worlds=3", "population.size=60", "record.users=60", "record.worlds=3"]
    sets += [
        "arms={first: {agents.assistant: {policy: first-arrival, sequential: 1.0}}, random: {agents.assistant: random}}"
    ]
    return runner.run(load("shelf-of-eight", sets), tmp_path_factory.mktemp("runs") / "shelves")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    sets = ["worlds=6", "horizon=4"]
    return runner.run(load("therapy", sets), tmp_path_factory.mktemp("runs") / "sweep")


def test_all_three_worlds_with_instruments_offer_them():
    offered = json.loads(audit("--json"))["audits"]
    assert {world: list(known) for world, known in offered.items()} == {w: [name] for w, name in OFFERED.items()}
    for known in offered.values():
        for target in known.values():
            assert (named(target).__doc__ or "").count("Raises:") == 1
    page = audit()
    assert all(f"{name}  ({world})" in page for world, name in OFFERED.items())


@pytest.mark.parametrize("world", OFFERED)
def test_the_page_of_the_world_tells_of_it(world):
    page = Path(__file__).resolve().parents[2] / str(manifests.get(world).docs)
    assert f"populace audit {OFFERED[world]} RUN" in page.read_text(encoding="utf-8")


def test_choices_are_audited_and_what_has_no_estimate_says_so(shelves):
    rows = pd.DataFrame(json.loads(audit("choice-logit", shelves, "--json"))["audit"]).set_index("arm")
    assert rows.loc["first", "separated"].all()
    assert rows.loc["first", "log_odds"].isna().all()
    chance = rows.loc["random"]
    assert not chance["separated"].any()
    # Of 3 * 60 choices at random over eight options, the share explained is about the columns over twice the choices.
    assert chance["pseudo_r2"].iloc[0] < 0.1
    assert ((chance["low"] < chance["log_odds"]) & (chance["log_odds"] < chance["high"])).all()
    pd.testing.assert_frame_equal(
        rows.reset_index()[["arm", "attribute"]], audit_choices(load_run(shelves))[["arm", "attribute"]]
    )


def test_thresholds_are_audited(sweep):
    rows = pd.DataFrame(json.loads(audit("threshold", sweep, "--json"))["audit"])
    run = load_run(sweep)
    pd.testing.assert_frame_equal(rows, audit_threshold(run), check_dtype=False)
    moving = rows[(rows["base"] == "moving") & (rows["measure"] == "dishonest/all")].iloc[0]
    assert moving["first"] <= moving["low"] <= moving["p"] <= moving["high"] <= moving["last"]
    assert moving["worlds"] == 6


def test_drift_is_measured_from_the_round_before_anything_was_learned(tmp_path):
    """With rounds of two ticks, acts of tick 2 are still those of the base policy; tick 1 was taken in their place."""
    folder = runner.run(load("therapy", ["worlds=2", "horizon=6", "learn_every=2"]), tmp_path / "run")
    assert ends(load_run(folder)) == (2, 6)


def test_runs_without_what_an_audit_needs_say_what_to_record(shelves, sweep, tmp_path):
    drift = runner.run(load("booking", ["worlds=2", "horizon=2"]), tmp_path / "booking")
    with pytest.raises(RunError, match=re.escape("sweep world.biased_share alone")):
        audit_threshold(load_run(drift))
    bare = runner.run(
        load("shelf-of-eight", ["worlds=2", "population.size=8", "world.reveal=false"]), tmp_path / "bare"
    )
    with pytest.raises(RunError, match=re.escape("world.reveal: true")):
        audit_choices(load_run(bare))
    for name, folder in (("choice-logit", sweep), ("threshold", shelves)):
        done = CliRunner().invoke(app, ["audit", name, str(folder)])
        assert f"unknown audit of {load_run(folder).world} {name!r}" in str(done.exception)
    assert np.isfinite(load_run(sweep).steps["value"]).any()
