"""The audit tells assistants that represent cultures from those that do not."""

import itertools

import numpy as np
import pandas as pd
import pytest

from populace.analysis import load_run
from populace.envs.culture.audit import audit_culture, kmeans, rand_index
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
    assert found["worlds"].eq(6).all()
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
