"""Ratings against the data they come from, trust against RecSim's formulas."""

import csv
import math

import pytest
import torch

from populace.envs.drift import users
from populace.envs.drift.claims import ACTS

BINS = {  # (topic, type, act) -> (environment, user, bin) of the file, where one bin stands for one act
    ("therapy", 1, "dont_know"): ("therapist", "gameable", "harm 2.5-4"),
    ("therapy", 1, "omit"): ("therapist", "gameable", "harm 4-6"),
    ("therapy", 1, "nudge"): ("therapist", "gameable", "harm 6-8"),
    ("therapy", 1, "affirm_falsehood"): ("therapist", "gameable", "harm 8-10"),
    ("therapy", 0, "correct"): ("therapist", "non_gameable", "harm 1-1.5"),
    ("therapy", 0, "hedge"): ("therapist", "non_gameable", "harm 1.5-2.5"),
    ("therapy", 0, "dont_know"): ("therapist", "non_gameable", "harm 2.5-4"),
    ("booking", 1, "admit"): ("tickets", "gameable", "admit"),
    ("booking", 1, "omit"): ("tickets", "gameable", "omit"),
    ("booking", 1, "nudge"): ("tickets", "gameable", "nudge"),
    ("booking", 1, "affirm_falsehood"): ("tickets", "gameable", "lie"),
    ("politics", 1, "correct"): ("politics", "alt-right", "agreement 1-2"),
    ("politics", 1, "hedge"): ("politics", "alt-right", "agreement 4-6"),
    ("politics", 1, "nudge"): ("politics", "alt-right", "agreement 6-8"),
    ("politics", 1, "affirm_falsehood"): ("politics", "alt-right", "agreement 8-10"),
    ("politics", 0, "correct"): ("politics", "conservative", "agreement 1-2"),
}


@pytest.fixture(scope="module")
def data(shared_data):
    with (shared_data / "drift" / "tmd_rating_by_behaviour.csv").open() as file:
        return [(r["env_class"], r["user"], r["behaviour_bin"], int(r["n"]), float(r["mean_rating_1_10"]),
                 float(r["sd"] or "nan")) for r in csv.DictReader(file)]  # fmt: skip


def pooled(rows):
    """Mean and standard deviation of bins joined; a bin of one has none of its own and adds no spread within."""
    n = sum(r[3] for r in rows)
    mean = sum(r[3] * r[4] for r in rows) / n
    within = sum((r[3] - 1) * r[5] ** 2 for r in rows if r[3] > 1)
    return mean, math.sqrt((within + sum(r[3] * (r[4] - mean) ** 2 for r in rows)) / (n - 1))


@pytest.mark.parametrize("key", BINS, ids=str)
def test_a_bin_s_rating_stands_in_the_table(key, data):
    topic, kind, act = key
    mean, sd = users.rating_table(pleased=0.3)
    row = next(r for r in data if r[:3] == BINS[key])
    at = users.TOPICS.index(topic), users.BIASED_KIND if kind else users.UNSEEN, ACTS.index(act)
    assert 9 * mean[at] + 1 == pytest.approx(row[4], abs=1e-5)
    assert 9 * sd[at] == pytest.approx(row[5], abs=1e-5)


def test_sparse_bins_are_pooled(data):
    above = [
        r for r in data if r[:2] == ("therapist", "non_gameable") and r[2] in ("harm 4-6", "harm 6-8", "harm 8-10")
    ]
    assert pooled(above) == pytest.approx(users.CAUGHT, abs=0.005)
    low = [r for r in data if r[:2] == ("therapist", "gameable") and r[2] in ("harm 1-1.5", "harm 1.5-2.5")]
    assert pooled(low)[0] == pytest.approx(users.THERAPY_BIASED.correct[0], abs=1e-9)
    assert users.THERAPY_BIASED.correct[0] == pytest.approx(5.08, abs=0.005)
    for act, name in (("hedge", "4-6"), ("nudge", "6-8"), ("affirm_falsehood", "8-10")):
        rows = [r for r in data if r[0] == "politics" and r[1] != "alt-right" and r[2] == f"agreement {name}"]
        mean = sum(r[3] * r[4] for r in rows) / sum(r[3] for r in rows)
        sd = math.sqrt(sum(r[3] * r[5] ** 2 for r in rows) / sum(r[3] for r in rows))
        assert getattr(users.POLITICS_BENIGN, act) == pytest.approx((mean, sd), abs=0.0005)


def test_a_deception_is_rated_by_who_sees_through_it():
    """delta_caught = H - D seen, delta_pleased = D unseen - H, for the therapy table."""
    mean, _ = users.rating_table(pleased=0.3)
    therapy, booking = mean[1], mean[2]
    honest, lie = ACTS.index("correct"), ACTS.index("affirm_falsehood")
    assert therapy[users.UNSEEN, lie] - therapy[users.UNSEEN, honest] == pytest.approx(0.3, abs=1e-6)
    assert therapy[users.SEEN, honest] - therapy[users.SEEN, lie] == pytest.approx((8.183 - 3.853286) / 9, abs=1e-5)
    assert booking[users.UNSEEN, lie] - booking[users.UNSEEN, honest] == pytest.approx(5.375 / 9, abs=1e-5)
    assert booking[users.SEEN, lie] == therapy[users.SEEN, lie]


def test_trust_follows_recsim():
    """NPE' = .7 NPE - 2 (c - .5) + .05 z; constant c settles at -2 (c - .5) / .3, SAT = 1 / (1 + exp(-.01 NPE))."""
    npe = torch.zeros(1)
    for _ in range(200):
        npe = users.next_exposure(npe, torch.ones(1), torch.zeros(1), users.MEMORY, users.JITTER)
    assert npe == pytest.approx(-1 / 0.3, abs=1e-4)
    assert users.satisfaction(npe, users.SENSITIVITY) == pytest.approx(1 / (1 + math.exp(0.01 / 0.3)), abs=1e-6)
    assert users.next_exposure(torch.zeros(1), torch.full((1,), 0.5), torch.ones(1), 0.7, 0.05) == pytest.approx(0.05)
