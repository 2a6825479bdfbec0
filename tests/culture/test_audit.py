"""The audit tells assistants that represent cultures from those that do not."""

import itertools

import numpy as np
import pandas as pd
import pytest

from populace.analysis import load_run
from populace.envs.culture.audit import _extrapolability, _steerability, audit_culture, kmeans, rand_index
from populace.errors import RunError
from populace.scenarios import load, runner

BASE = {
    "schema": 1,
    "name": "audited",
    "world": {
        "id": "populace/culture-v0",
        "survey": {"questions": 24, "skew": 0.5, "cultures": ["a", "b", "c", "d", "e/f", "g", "h", "i"]},
        "asked": 24,
        "rule": "none",
        "order": "shuffled",
        "measures": ["audit"],
    },
    "worlds": 6,
    "horizon": 24,
    "population": {"size": 8},
    "arms": {
        "faithful": {"agents.agent": "persona"},
        "first": {"agents.agent": {"policy": "persona", "readout": "first"}},
        "same": {"agents.agent": {"policy": "persona", "fidelity": 0.0}},
    },
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = runner.run(load(BASE, []), tmp_path_factory.mktemp("runs") / "audited")
    return audit_culture(load_run(folder), permutations=500).set_index(["arm", "check", "statistic"])


def test_a_faithful_persona_is_stable_and_a_blind_one_is_not(table):
    effect = table.xs(("stability", "order effect"), level=(1, 2))
    assert effect.loc["faithful", "value"] == pytest.approx(0, abs=1e-6)
    assert effect.loc["faithful", "p"] > 0.05
    # Always the first option shown: position 0 in ascending and 1 in descending order.
    assert effect.loc["first", "value"] == pytest.approx(1, abs=1e-6)
    assert effect.loc["first", "p"] == pytest.approx(1 / 501)
    assert 0 < effect.loc["first", "reference"] < 0.5


def test_who_is_steered(table):
    own = table.xs(("steerability", "distance to own culture"), level=(1, 2))
    assert own.loc["faithful", "value"] < own.loc["faithful", "reference"]
    assert own.loc["faithful", "p"] < 0.05
    assert own.loc["same", "p"] == 1  # all agents answer alike: shuffling changes nothing
    spread = table.xs(("steerability", "spread"), level=(1, 2))
    assert spread.loc["same", "value"] == pytest.approx(0)
    assert spread.loc["same", "p"] < 0.05
    assert spread.loc["faithful", "value"] > 1  # stereotypes lie further apart than means


def test_extrapolability(table):
    found = table.xs(("extrapolability", "agreement"), level=(1, 2))
    assert 0 < found.loc["faithful", "value"] <= 1
    assert found.loc["faithful", "p"] < 0.05
    assert found.loc["faithful", "worlds"] == 6
    assert np.isnan(found.loc["same", ["value", "low", "high", "p"]].astype(float)).all()
    assert found.loc["same", "reference"] == found.loc["faithful", "reference"]
    assert found.loc["same", "note"].startswith("agents say the same for all cultures")
    impacts = [name for _, check, name in table.index if check == "extrapolability" and name.startswith("impact")]
    assert len(set(impacts)) == 6


def test_a_run_without_audit_rows(tmp_path):
    scenario = {**BASE, "world": {**BASE["world"], "measures": ["agents"]}, "horizon": 1, "arms": {"main": None}}
    folder = runner.run(load(scenario, []), tmp_path / "plain")
    with pytest.raises(RunError, match=r"recorded nothing to audit: .*`audit` among world\.measures"):
        audit_culture(load_run(folder))


def test_a_fixed_order_says_nothing_of_stability(tmp_path):
    scenario = {**BASE, "world": {**BASE["world"], "order": "fixed"}, "horizon": 2, "arms": {"main": None}}
    frame = audit_culture(load_run(runner.run(load(scenario, []), tmp_path / "fixed")), permutations=50)
    row = frame[frame["check"] == "stability"].iloc[0]
    assert np.isnan(row["value"])
    assert row["worlds"] == 0
    assert isinstance(frame, pd.DataFrame)


def test_the_adjusted_rand_index_by_its_contingency_table():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 3, (5, 12)), rng.integers(0, 4, (5, 12))
    for x, y, found in zip(a, b, rand_index(a, b), strict=True):
        pairs = np.array([[np.sum((x == i) & (y == j)) for j in range(4)] for i in range(3)])

        def two(n):
            return (n * (n - 1) / 2).sum()

        expected = two(pairs.sum(1)) * two(pairs.sum(0)) / (12 * 11 / 2)
        whole = (two(pairs.sum(1)) + two(pairs.sum(0))) / 2
        assert found == pytest.approx((two(pairs) - expected) / (whole - expected))
    assert rand_index(a, a + 5).tolist() == [1.0] * 5


def test_kmeans_finds_what_lies_apart():
    centres = np.array([[0.0, 0], [9, 0], [0, 9]])
    points = centres.repeat(4, 0) + np.random.default_rng(1).random((12, 2))
    labels = kmeans(points[None], 3)[0]
    assert all(len(set(labels[4 * k : 4 * k + 4])) == 1 for k in range(3))
    assert all(labels[4 * i] != labels[4 * j] for i, j in itertools.combinations(range(3), 2))


def rejected(check, agents_of, runs, seed):
    """Share of runs with p <= .05 where agents are drawn as people are, so that nothing is to be found."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(runs):
        human = rng.normal(0.5, 0.15, (8, 4))
        found.append(check(agents_of(rng), human, np.random.default_rng(k)))
    return np.mean(np.array(found) <= 0.05)


def alike(rng, worlds=8):
    """Agents that are the same in all worlds, as a deterministic model is."""
    return np.repeat(rng.normal(0.5, 0.15, (1, 8, 4)), worlds, 0)


def apart(rng, worlds=8):
    """Agents drawn anew in every world."""
    return rng.normal(0.5, 0.15, (worlds, 8, 4))


@pytest.mark.parametrize("agents_of", [alike, apart])
def test_the_size_of_the_test_of_spread(agents_of):
    """Nominal 5 %; four binomial standard errors over 200 runs are 6 points."""
    size = rejected(lambda a, h, rng: _steerability(a, h, 199, rng)[1]["p"], agents_of, 200, 1)
    assert size <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)


def test_copies_of_one_world_make_agreement_no_rarer():
    """Agents that are the same in all worlds say as much as in one; the study of sizes is in test_coverage.py."""
    rng = np.random.default_rng(7)
    human, agents = rng.normal(0.5, 0.15, (2, 8, 3))
    one, many = (
        _extrapolability(agents[None].repeat(worlds, 0), human, 59, np.random.default_rng(5))[0] for worlds in (1, 8)
    )
    assert (one["p"], one["value"]) == pytest.approx((many["p"], many["value"]))
    assert 1 / 60 < one["p"] < 1


def test_a_test_of_spread_tells_what_it_reports():
    """Agents half as far apart as people in every world, and in their mean: ratio 1/2, clearly not 1."""
    rng = np.random.default_rng(3)
    human = rng.normal(0.5, 0.15, (12, 6))
    row = _steerability(0.5 + 0.5 * (human[None] - 0.5).repeat(4, 0), human, 499, rng)[1]
    assert row["value"] == pytest.approx(0.5)
    assert row["p"] < 0.01
    # Twelve agents whose noise differs by world are as far apart as people: nothing is found, though their mean is not.
    noisy = 0.5 + rng.normal(0.0, 0.15, (30, 12, 6))
    row = _steerability(noisy, human, 499, rng)[1]
    assert row["value"] == pytest.approx(1.0, abs=0.2)
    assert row["p"] > 0.05


def test_agents_that_differ_on_some_dimensions_only():
    rng = np.random.default_rng(4)
    human = rng.normal(0.5, 0.15, (8, 3))
    agents = human[None].repeat(2, 0).copy()
    agents[1, :, 2] = 0.25
    rows = _extrapolability(agents, human, 19, rng)
    assert rows[0]["worlds"] == 1
    assert "nothing to cluster" in rows[0]["note"]
    assert rows[0]["value"] == pytest.approx(rows[0]["reference"])
