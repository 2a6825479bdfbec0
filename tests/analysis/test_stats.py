import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from populace.analysis import stats


def test_t_interval_equals_scipys():
    x = np.random.default_rng(0).normal(2, 3, 9)
    found, test = stats.estimate(x), reference.ttest_1samp(x, 0.0)
    interval = test.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(test.pvalue)
    assert found.worlds == 9


def test_paired_differences_equal_scipys_paired_test():
    rng = np.random.default_rng(1)
    luck = rng.normal(0, 5, 20)
    a = pd.Series(luck + 0.3 + rng.normal(0, 0.1, 20), index=range(20))
    b = pd.Series(luck, index=range(20)).sample(frac=1, random_state=0)  # pairing is by id, not by place
    found = stats.paired(a, b)
    test = reference.ttest_rel(a, b.sort_index())
    assert found.p == pytest.approx(test.pvalue)
    assert found.low == pytest.approx(test.confidence_interval(0.95).low)
    # Not pairing would be tens of times as wide: the worlds' luck does not cancel.
    apart = stats.welch(a, b)
    assert apart.high - apart.low > 20 * (found.high - found.low)


def test_pairing_uses_only_worlds_that_both_have():
    found = stats.paired(pd.Series({0: 1.0, 1: 2.0, 2: 9.0}), pd.Series({0: 0.0, 1: 1.5, 3: 4.0}))
    assert found.worlds == 2
    assert found.mean == pytest.approx(0.75)


def test_welch_equals_scipys():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, 8), rng.normal(1, 4, 15)
    found, test = stats.welch(a, b), reference.ttest_ind(a, b, equal_var=False)
    assert found.p == pytest.approx(test.pvalue)
    assert found.high == pytest.approx(test.confidence_interval(0.95).high)


@pytest.mark.parametrize(("successes", "worlds"), [(0, 10), (3, 10), (10, 10), (480, 1000)])
def test_wilson_equals_scipys(successes, worlds):
    found = stats.wilson(successes, worlds)
    interval = reference.binomtest(successes, worlds).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_holm_by_hand():
    # Ordered .005 .01 .03 .04 times 4 3 2 1, made monotone: .02 .03 .06 .06.
    np.testing.assert_allclose(stats.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(stats.holm([0.9, np.nan, 0.02]), [0.9, np.nan, 0.04])


def test_holm_keeps_the_family_wise_error():
    rng = np.random.default_rng(3)
    p = rng.uniform(size=(4000, 10))
    raw = (p < 0.05).any(1).mean()
    adjusted = np.mean([(stats.holm(row) < 0.05).any() for row in p])
    assert raw > 0.35  # 1 - 0.95^10 = 0.40
    assert adjusted < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


@pytest.mark.parametrize("worlds", [3, 10])
def test_intervals_clustered_by_world_cover_the_truth_as_often_as_they_say(worlds):
    """Users of a world share its luck: intervals over worlds keep their 95 %, one over users would not."""
    rng = np.random.default_rng(worlds)
    runs, users = 4000, 25
    x = 1.0 + rng.normal(0, 1, (runs, worlds, 1)) + rng.normal(0, 1, (runs, worlds, users))
    index = np.indices((runs, worlds)).reshape(2, -1)
    frame = pd.DataFrame({"run": index[0], "world": index[1], "value": x.mean(2).reshape(-1)})
    found = stats.summarise(frame, ["run"])
    covered = ((found["low"] <= 1) & (found["high"] >= 1)).mean()
    assert covered == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / runs))
    flat = x.reshape(runs, -1)
    half = 1.96 * flat.std(1, ddof=1) / np.sqrt(flat.shape[1])
    assert (np.abs(flat.mean(1) - 1) <= half).mean() < 0.7


def test_bootstrap_of_a_median_covers_the_truth():
    rng = np.random.default_rng(5)
    runs = 300
    hits = 0
    for _ in range(runs):
        found = stats.bootstrap(rng.exponential(1.0, 40), np.median, resamples=400)
        hits += found.low <= np.log(2) <= found.high
    # The bootstrap is approximate: at least 90 % of nominal 95 % with 40 worlds, and not everything.
    assert 0.90 <= hits / runs <= 0.99


def test_bootstrap_is_the_same_each_time():
    x = np.random.default_rng(6).normal(size=15)
    assert stats.bootstrap(x) == stats.bootstrap(x)


def test_one_world_has_no_interval_and_says_so():
    for found in (stats.estimate([0.4]), stats.bootstrap([0.4]), stats.paired(pd.Series([1.0]), pd.Series([0.6]))):
        assert found.mean == pytest.approx(0.4)
        assert np.isnan(found.low)
        assert np.isnan(found.high)
        assert "one world" in found.note
    frame = stats.summarise(pd.DataFrame({"arm": ["a"], "world": [0], "value": [0.4]}), ["arm"])
    assert frame["worlds"].item() == 1
    assert frame[["low", "high", "p"]].isna().all(axis=None)
    assert "no world" in stats.estimate([]).note


def test_summarise_counts_worlds_and_not_rows():
    frame = pd.DataFrame({"arm": "a", "world": np.repeat([0, 1, 2], 100), "value": np.repeat([1.0, 2.0, 6.0], 100)})
    found = stats.summarise(frame, ["arm"]).iloc[0]
    expected = stats.estimate([1.0, 2.0, 6.0])
    assert found["worlds"] == 3
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((3.0, expected.low, expected.high))


def test_no_difference_at_all_is_not_significant():
    assert stats.estimate([0.0, 0.0, 0.0]).p == 1.0


def test_a_ratio_over_a_constant_whole_is_the_mean_of_shares():
    x = np.random.default_rng(4).normal(1, 1, 12)
    found, plain = stats.ratio(x, np.full(12, 4.0)), stats.estimate(x / 4)
    assert (found.mean, found.low, found.high, found.p) == pytest.approx((plain.mean, plain.low, plain.high, plain.p))
    assert found.worlds == 12


def test_a_ratio_that_is_the_same_everywhere_has_a_width_only_by_construction():
    y = np.array([0.0, 1.0, 2.0, -0.5, np.nan])  # the mean of single ratios would be undefined
    found = stats.ratio(0.3 * y, y, deterministic=True)
    assert (found.mean, found.low, found.high, found.p) == pytest.approx((0.3, 0.3, 0.3, 0.0))
    assert found.worlds == 4
    by_chance = stats.ratio(0.3 * y, y)
    assert by_chance.mean == pytest.approx(0.3)
    assert np.isnan([by_chance.low, by_chance.high, by_chance.p]).all()
    assert "all worlds agree" in by_chance.note
    assert np.isnan(stats.ratio([1.0, 2.0], [-1.0, 1.0]).mean)
    assert np.isnan(stats.ratio([1.0], [2.0]).low)


def test_intervals_of_ratios_cover_the_truth():
    rng, covered, runs = np.random.default_rng(5), 0, 1000
    for _ in range(runs):
        whole = rng.normal(1, 0.2, 24)
        found = stats.ratio(0.4 * whole + rng.normal(0, 0.1, 24), whole)
        covered += found.low < 0.4 < found.high
    # Nominal 95 %; four standard errors of a share over 1,000 runs are 0.028.
    assert abs(covered / runs - 0.95) < 0.028
