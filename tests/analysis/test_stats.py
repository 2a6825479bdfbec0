import warnings

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
    offset = rng.normal(0, 5, 20)
    a = pd.Series(offset + 0.3 + rng.normal(0, 0.1, 20), index=range(20))
    b = pd.Series(offset, index=range(20)).sample(frac=1, random_state=0)  # pairing is by id, not by place
    found = stats.paired(a, b)
    test = reference.ttest_rel(a, b.sort_index())
    assert found.p == pytest.approx(test.pvalue)
    assert found.low == pytest.approx(test.confidence_interval(0.95).low)
    # Not pairing would be tens of times as wide: the worlds' offsets do not cancel.
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
    """Users of a world share its random events: intervals over worlds keep their 95 %, one over users would not."""
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


def test_worlds_that_agree_have_neither_an_interval_nor_certainty():
    agree = (
        stats.estimate([0.3] * 3),
        stats.estimate([0.1, 0.1, 0.1 + 1e-16]),  # rounding is no spread
        stats.paired(pd.Series([1.0, 2.0]), pd.Series([0.75, 1.75])),
        stats.welch([0.2, 0.2], [0.7, 0.7, 0.7]),
        stats.ratio([1.0, 2.0], [2.0, 4.0]),
    )
    for found in agree:
        assert np.isnan([found.low, found.high, found.p]).all()
        assert found.note.startswith("all worlds agree, perhaps by chance")
    sure = stats.welch([0.2, 0.2], [0.7, 0.7, 0.7], deterministic=True)
    assert (sure.low, sure.high, sure.p, sure.note) == (sure.mean, sure.mean, 0.0, "")
    assert stats.estimate([0.0, 0.0], deterministic=True).p == 1.0


def test_t_interval_itself_takes_no_spread_for_chance():
    low, high, p = stats.t_interval(np.array([0.3, 0.0, 0.3]), np.zeros(3), np.array([1.0, 5.0, 0.0]))
    assert np.isnan(low).all()
    assert np.isnan(high).all()
    assert np.isnan(p[[0, 2]]).all()
    assert p[1] == 1.0


def test_a_spread_within_single_precision_is_none_for_what_was_recorded():
    """Thirty customers' mean in single precision depends on their order, in its last bits."""
    x = np.float32(1 / 3) + np.array([0.0, 3e-8, 0.0, 6e-8])
    frame = pd.DataFrame({"arm": "a", "world": range(4), "value": x})
    assert np.isnan(stats.summarise(frame, ["arm"])["p"].item())
    assert stats.summarise(frame, ["arm"], rounding=1e-12)["p"].item() < 0.05
    assert stats.estimate(1e8 + np.arange(4.0)).note == ""  # a spread beside a large number is one


def test_few_worlds_are_noted():
    rng = np.random.default_rng(0)
    assert "fewer than 4" in stats.estimate(rng.normal(size=3)).note
    assert stats.estimate(rng.normal(size=4)).note == ""
    assert "fewer than 4" in stats.welch(rng.normal(size=3), rng.normal(size=4)).note
    note = stats.welch(rng.normal(size=12), rng.normal(size=2)).note
    assert note == "2 worlds against 12: the interval covers the true value less often than stated"
    assert stats.welch(rng.normal(size=4), rng.normal(size=40)).note == ""


def test_what_is_left_out_is_counted():
    found = stats.estimate([1.0, 2.0, 4.0, 8.0, np.nan, np.inf, -np.inf])
    assert (found.worlds, found.note) == (4, "undefined in 3 of 7 worlds, which are left out")
    assert "undefined in 1 of 9 worlds" in stats.welch([1.0, 2, 3, np.nan], [3.0, 2, 1, 5, 6]).note
    assert "undefined in 2 of 6 worlds" in stats.ratio([1, 2, 3, 5, np.nan, 1], [2, 3, 4, 5, 6, np.inf]).note
    assert stats.estimate([np.nan] * 2).note == "no world has a value; undefined in 2 of 2 worlds, which are left out"


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 1.0), (0.0, 100.0)])
def test_intervals_keep_within_a_range(bounds):
    rng, (low, high) = np.random.default_rng(1), bounds
    for worlds in (2, 3, 8, 30):
        x = low + (high - low) * rng.beta(0.2, 2.0, worlds)
        found = stats.estimate(x, bounds=bounds)
        assert low <= found.low < found.mean < found.high <= high
        assert found.p == stats.estimate(x).p
    # Far from its ends and with many worlds it is Student's.
    x = low + (high - low) * rng.normal(0.5, 0.02, 100)
    inner, plain = stats.estimate(x, bounds=bounds), stats.estimate(x)
    assert (inner.low, inner.high) == pytest.approx((plain.low, plain.high), abs=1e-3 * (high - low))


def test_the_interval_of_a_share_by_hand():
    """logit(.2) ± t(3) · s / sqrt(4) / (.2 · .8) for .1 .1 .2 .4, whose s is .1414."""
    x = np.array([0.1, 0.1, 0.2, 0.4])
    half = reference.t.ppf(0.975, 3) * x.std(ddof=1) / 2 / 0.16
    ends = [1 / (1 + np.exp(-(np.log(0.25) + sign * half))) for sign in (-1, 1)]
    found = stats.estimate(x, bounds=(0, 1))
    assert (found.low, found.high) == pytest.approx(ends)


def test_a_range_with_one_end_cuts_the_interval_off():
    x = np.array([0.0, 0.1, 3.0])
    found, plain = stats.estimate(x, bounds=(0.0, np.inf)), stats.estimate(x)
    assert plain.low < 0 == found.low
    assert found.high == plain.high


def test_the_median_has_the_exact_interval_of_order_statistics():
    # 1 - 2 · 2^-6 = .969 for the range of six; of ten, ranks 2 and 9: 1 - 2 · 11 / 1024 = .979.
    assert np.isnan(stats.median([1.0, 2.0, 3.0, 4.0, 5.0]).low)
    assert "too few" in stats.median([1.0, 2.0, 3.0, 4.0, 5.0]).note
    found = stats.median([6.0, 1.0, 5.0, 2.0, 4.0, 3.0])
    assert (found.mean, found.low, found.high) == (3.5, 1.0, 6.0)
    found = stats.median(np.arange(10.0))
    assert (found.low, found.high) == (1.0, 8.0)
    late = stats.median([3.0, 4.0, 5.0, 6.0, 7.0, 8.0, np.inf, np.inf, np.inf])
    assert (late.mean, late.low, late.high) == (7.0, 4.0, np.inf)
    assert "one world" in stats.median([2.0]).note
    assert "no world" in stats.median([]).note


def test_ties_leave_a_bootstrap_undefined_without_warnings():
    ties = [5.0] * 30 + [7.0] * 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = stats.bootstrap(ties)
        assert np.isnan([found.low, found.high]).all()
        assert "tied" in found.note
        assert stats.bootstrap([1.0] * 9).note.startswith("all worlds agree")
        assert "fewer than 8" in stats.bootstrap([1.0, 2.0, 3.0]).note
        exact = stats.median(ties)
    assert (exact.mean, exact.low, exact.high) == (5.0, 5.0, 5.0)
