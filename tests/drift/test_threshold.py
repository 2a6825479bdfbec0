"""Thresholds from data whose threshold is known, and what the published tables can and cannot tell."""

import csv

import numpy as np
import pytest
from learning_help import play
from scipy.stats import ttest_1samp

from populace.envs.drift import closed_forms as cf
from populace.envs.drift import threshold as t
from populace.envs.drift import users
from populace.envs.drift.claims import AFFIRM, CORRECT
from populace.errors import PopulaceError

SHARES = [0.0, 0.1, 0.2, 0.4, 0.7, 1.0]


def noisy(p, worlds, sd=0.3, seed=1):
    """Drift p* away from zero, worlds alike but for noise."""
    noise = np.random.default_rng(seed).normal(0, sd, (len(SHARES), worlds))
    return np.asarray(SHARES)[:, None] - p + noise


@pytest.mark.parametrize("method", ["sign", "logistic"])
def test_intervals_cover_the_threshold_and_shrink_with_worlds(method):
    few, many = (t.from_sweep(SHARES, noisy(0.3, n), method=method) for n in (25, 2500))
    assert few.low < 0.3 < few.high
    assert many.low < 0.3 < many.high
    # Linear interpolation narrows with the root of the worlds; the other method is never finer than the sweep.
    assert many.high - many.low < (0.3 * (few.high - few.low) if method == "sign" else 0.2 + 1e-9)
    assert many.settled


def test_the_interval_is_where_scipys_t_test_does_not_refuse():
    """Inversion: at both ends the test of the interpolated pull has p = .05."""
    y = noisy(0.3, 12, 0.3)
    found = t.from_sweep(SHARES, y)
    for end in (found.low, found.high):
        at = np.array([np.interp(end, SHARES, y[:, world]) for world in range(12)])
        assert ttest_1samp(at, 0.0).pvalue == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize("worlds", [2, 4, 8, 60])
def test_coverage_of_the_interval(worlds):
    """Of 400 data sets the 95 % interval holds the truth at least as often as it says, less four binomial errors.

    A percentile bootstrap over worlds holds it in .47, .78 and .90 of them with 2, 4 and 8 worlds.
    """
    held = [t.from_sweep(SHARES, noisy(0.3, worlds, seed=s)) for s in range(400)]
    inside = np.mean([x.low <= 0.3 <= x.high for x in held])
    assert inside >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)


def test_no_threshold_is_said_so():
    below, above = t.from_sweep(SHARES, noisy(2.0, 20, 0.01)), t.from_sweep(SHARES, noisy(-1.0, 20, 0.01))
    assert np.isnan([below.p, below.low, below.high]).all()
    assert (above.p, above.low, above.high) == (0.0, 0.0, 0.0)
    assert not below.settled
    assert not above.settled
    with pytest.raises(PopulaceError, match="no threshold between"):
        t.bisect(lambda p: np.array([p - 2.0]))


def test_a_sweep_that_does_not_settle_the_threshold_says_why():
    found = t.from_sweep(SHARES, noisy(0.05, 6, 0.3))
    assert (found.low, found.settled) == (0.0, False)
    assert found.low <= found.p <= found.high < 1
    assert found.note == "the pull is not clearly below zero at the lowest share"
    # Worlds that agree by chance do not settle it either, and one world has no interval.
    alike = t.from_sweep([0.0, 1.0], [[-1.0, -1.0], [1.0, 1.0]])
    assert (alike.p, alike.low, alike.high, alike.settled) == (0.5, 0.0, 1.0, False)
    one = t.from_sweep([0.0, 1.0], [[-1.0], [1.0]])
    assert np.isnan([one.low, one.high]).all()
    assert one.note == "one world: no interval"


def test_logistic_fit_of_exact_chances():
    x = np.linspace(0, 1, 11)
    p, slope = t.logistic(x, 1 / (1 + np.exp(-12 * (x - 0.37))), np.full(11, 1e4))
    assert p == pytest.approx(0.37, abs=1e-3)
    assert slope == pytest.approx(12, rel=1e-2)


def test_bisection_finds_the_closed_form_in_the_world():
    """A type-blind replicator's pooled threshold, p* = dg / (dg + db), to .03 with 48 worlds."""
    mean, _ = users.rating_table(pleased=0.3)
    gain = float(mean[1, users.BIASED_KIND, AFFIRM] - mean[1, users.BIASED_KIND, CORRECT])
    loss = float(mean[1, users.UNSEEN, CORRECT] - mean[1, users.SEEN, AFFIRM])
    learn = {"context": (), "start": {"correct": 0.7, "affirm_falsehood": 0.3}}

    def drift(share):
        world = {"biased_share": share, "exact_share": False, "probes": 0}
        run, _ = play("replicator", 1, worlds=48, users=1000, learn=learn, world=world, user={"clip": False})
        logits = run.memory["assistant"].params["logits"][:, 0]
        return (logits[:, AFFIRM] - logits[:, CORRECT] - cf.logit(0.3)).numpy()

    found = t.bisect(drift, steps=7)
    assert found.p == pytest.approx(cf.pooled_threshold(gain, loss), abs=0.03)
    assert found.low < cf.pooled_threshold(gain, loss) < found.high


def test_bad_sweeps_are_refused():
    for shares in ([0.2, 0.1], [0.5], [0.0, 1.5]):
        with pytest.raises(PopulaceError, match="between 0 and 1"):
            t.from_sweep(shares, np.zeros((len(shares), 3)))
    with pytest.raises(PopulaceError, match=r"\[shares, worlds\]"):
        t.from_sweep([0.0, 1.0], np.zeros((3, 3)))
    with pytest.raises(PopulaceError, match="missing or infinite"):
        t.from_sweep([0.0, 1.0], [[0.0, 1.0], [np.nan, 1.0]])


# ------------------------------------------------------------------ the published 175 items

N = 175


@pytest.fixture(scope="module")
def rates(shared_data):
    with (shared_data / "drift" / "hu2025_tables.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["table"] == "T4 interaction DTR" and r["metric"] == "total"]
    return {(r["method"], r["ratio"]): float(r["value"]) / 100 for r in rows}


@pytest.mark.parametrize(
    ("method", "ratio", "z"),
    [
        ("SFT", "0.1", 0.531),
        ("SFT", "0.2", 0.189),
        ("SFT", "0.5", 1.13),
        ("SFT", "1.0", 1.72),
        ("KTO", "0.1", 0.65),
        ("KTO", "1.0", 0.865),
    ],
)
def test_the_steps_of_the_published_table_are_inside_noise(rates, method, ratio, z):
    found = t.two_proportions(rates[method, "0.0"], rates[method, ratio], N)
    assert found == pytest.approx(z, abs=0.006)
    assert abs(found) < 1.96


@pytest.mark.parametrize(("method", "z"), [("SFT", 1.928), ("KTO", 0.72)])
def test_the_trend_over_ratios(rates, method, z):
    scores = ["0.0", "0.1", "0.2", "0.5", "1.0"]
    found = t.trend([float(s) for s in scores], [rates[method, s] for s in scores], N)
    assert found == pytest.approx(z, abs=0.005)


def test_mask_steps():
    """47.81 to 44.89 on 274 items, and 48.0 to 41.4 on 125."""
    assert t.two_proportions(0.4781, 0.4489, 274) == pytest.approx(-0.69, abs=0.005)
    assert t.two_proportions(0.480, 0.414, 125) == pytest.approx(-1.05, abs=0.005)


def test_how_many_items_a_step_of_ten_per_cent_would_need(rates):
    """The step is 2.6 points, its 95 % half-width 9.5; 80 % power takes about 4,880 items per arm."""
    a, b = rates["SFT", "0.0"], rates["SFT", "0.1"]
    assert b - a == pytest.approx(0.026, abs=0.0005)
    assert t.half_width(a, b, N) == pytest.approx(0.095, abs=0.0005)
    assert t.items_needed(a, b) == pytest.approx(4880, rel=0.01)
