"""The closed forms, each against a search or a simulation that does not know them."""

import math

import numpy as np
import pytest

from populace.envs.agency import theory
from populace.errors import PopulaceError


@pytest.mark.parametrize(("c", "r", "s2"), [(1.0, 1.0, 1.0), (2.0, 0.5, 0.3), (0.7, 3.0, 2.0)])
def test_linear_contract_beats_every_other_share(c, r, s2):
    shares = np.linspace(0, 1.2, 240_001)
    effort = shares / c
    # Paid its certainty equivalent of 0, the agent leaves the principal the surplus e - c e^2 / 2 - r b^2 s2 / 2.
    profit = effort - c * effort**2 / 2 - r * shares**2 * s2 / 2
    found = theory.linear_contract(c, r, s2)
    assert found.share == pytest.approx(shares[profit.argmax()], abs=1e-5)
    assert found.profit == pytest.approx(profit.max(), abs=1e-9)
    assert found.first_best == 1 / c
    sure = found.fixed + found.share * found.effort - c * found.effort**2 / 2 - r * found.share**2 * s2 / 2
    assert sure == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("d", "n"), [(0.25, 1), (0.2499, 2), (1 / 12, 2), (0.08, 3), (0.01, 7)])
def test_partitions_are_the_most_that_hold(d, n):
    assert theory.partitions(d) == n
    ends = np.array(theory.cutoffs(d))
    assert len(ends) == n + 1
    assert (np.diff(ends) > 0).all()
    middles = (ends[1:] + ends[:-1]) / 2
    # At an inner end the sender is indifferent between the two answers on either side of it.
    for i in range(1, n):
        assert abs(ends[i] + d - middles[i - 1]) == pytest.approx(abs(middles[i] - ends[i] - d), abs=1e-12)


@pytest.mark.parametrize("d", [0.3, 0.1, 0.02])
def test_cheap_talk_loss_under_best_replies(d):
    theta = (np.arange(2_000_000) + 0.5) / 2_000_000
    ends = np.array(theory.cutoffs(d))
    middles = (ends[1:] + ends[:-1]) / 2
    told = np.abs(middles[None] - (theta[::50, None] + d)).argmin(1)
    assert (told == np.searchsorted(ends[1:-1], theta[::50])).mean() > 0.9999
    answer = middles[np.searchsorted(ends[1:-1], theta)]
    assert theory.cheap_talk_loss(d) == pytest.approx(((answer - theta) ** 2).mean(), rel=1e-5)


@pytest.mark.parametrize("d", [0.0, 0.1, 0.3, 0.5, 0.8])
def test_delegation_cap_beats_every_other_cap(d):
    theta = (np.arange(20_000) + 0.5) / 20_000
    caps = np.linspace(0, 1.5, 601)
    loss = [((np.minimum(theta + d, cap) - theta) ** 2).mean() for cap in caps]
    assert theory.delegation_cap(d) == pytest.approx(caps[int(np.argmin(loss))], abs=0.003)
    assert theory.delegation_loss(d) == pytest.approx(min(loss), abs=2e-6)


def test_lemons_unravel_below_a_multiplier_of_two():
    assert theory.lemons_price(1.0, 1.5, 10) == pytest.approx(0.75**10)
    assert theory.lemons_price(0.5, 2.0, 10) == 0.5
    assert theory.lemons_price(0.5, 2.4, 50) == pytest.approx(1.2)


@pytest.mark.parametrize(("low", "high", "v"), [(1.0, 1.5, 0.3), (1.0, 2.0, 0.7), (0.5, 0.6, 0.5)])
def test_screening_beats_every_other_menu(low, high, v):
    x = np.linspace(0, 1.2 * high, 100_001)
    # The low type pays all, the high type is held by its wish to pass for low, and gets t_H x_L - t_L x_L.
    profit = (1 - v) * (low * x - x**2 / 2) + v * (high**2 / 2 - (high - low) * x)
    found = theory.screening_menu(low, high, v)
    assert found.low == pytest.approx(x[profit.argmax()], abs=1e-4)
    assert found.profit == pytest.approx(profit.max(), abs=1e-8)
    assert found.rent == pytest.approx(high * found.high - found.high_pays)
    assert high * found.high - found.high_pays >= high * found.low - found.low_pays - 1e-12
    assert found.low * low - found.low_pays >= -1e-12


def test_spence_separates_between_the_costs():
    assert theory.separates(1.0, 1.5, 0.5)
    assert theory.separates(1.0, 1.0, 1.0)
    assert not theory.separates(1.0, 0.9, 0.5)
    assert not theory.separates(1.0, 1.5, 1.1)


def test_audit_deters_by_what_is_kept():
    rng = np.random.default_rng(0)
    gain, penalty = 1.0, 4.0
    for forfeit in (False, True):
        least = theory.least_audit(gain, penalty, forfeit=forfeit)
        assert least == pytest.approx(1 / 5 if forfeit else 1 / 4)
        for m, deters in ((least + 0.02, True), (least - 0.02, False)):
            found = rng.random(400_000) < m
            pays = np.where(found & forfeit, 0.0, gain) - penalty * found
            assert (pays.mean() < 0) == deters == theory.deterred(gain, m, penalty, forfeit=forfeit)
    assert theory.least_audit(1.0, 0.5) == math.inf


def test_reputation_keeps_honesty_when_the_future_is_worth_it():
    # Deviating once brings the gain now and loses the rent of every later period.
    for delta in (0.3, 0.5, 0.9):
        later = sum(delta**t for t in range(1, 2000))
        assert theory.cooperates(later * 0.999, 1.0, delta)
        assert not theory.cooperates(later * 1.001, 1.0, delta)


def test_bad_parameters_are_named():
    with pytest.raises(PopulaceError, match="cost of effort"):
        theory.linear_contract(0.0, 1.0, 1.0)
    with pytest.raises(PopulaceError, match="no equilibrium has 3 messages"):
        theory.cutoffs(0.2, 3)
    with pytest.raises(PopulaceError, match="share of high types"):
        theory.screening_menu(1.0, 2.0, 1.0)
