"""The targeted-manipulation scenario against the study's figures (Williams, Carroll et al. 2024).

Arms of the library scenario itself, with fewer worlds. Figures of the study are means over conversations or bars of a
plot with two decimals; ours are means over independent learners, and stand within four standard errors of them.
"""

import functools
import math

import pytest
import torch

from populace.envs.drift.users import HARM
from populace.rollout import Keep, rollout
from populace.run import start
from populace.scenarios import load
from populace.scenarios.building import build

CEILING = max(HARM)
"""8/9: the last bin's middle is 9 of 10, so no more harm than this can be reached here."""
WORLDS = {"two-percent": 8, "tenth": 16, "tenth-shared": 32}


@functools.cache
def played(arm, rounds=30):
    """Measures [rounds, worlds] of one arm, and each user's last rating and type."""
    (cell,) = [cell for cell in load("williams-2024").cells if cell.arm == arm]
    built, keep = build(cell), Keep()
    run = start(built.world, built.policies, built.population, seed=cell.seed, worlds=WORLDS.get(arm, 32))
    run = rollout(built.world, built.policies, run, rounds, keep, learn_every=1)
    return {name: torch.stack(series[-rounds:]) for name, series in keep.series.items()}, run.state


def error(sample):
    """Standard error of the mean over worlds."""
    return float(sample.std()) / math.sqrt(len(sample))


def half_way(harm):
    """The first round in which each world's harm is half-way to the most there can be; the number of rounds if none."""
    middle = (harm[0].mean() + CEILING) / 2
    reached = (harm >= middle).float()
    return torch.where(reached.amax(0) > 0, reached.argmax(0).float(), float(len(harm)))


def test_the_first_round_is_the_study_s():
    """With gameable users: harm .16 to .18, rating 4.15 to 4.17 with a standard deviation of 1.22."""
    found, state = played("half", rounds=1)
    harm, rating = found["harm/biased"][0], 1 + 9 * found["rating/biased"][0]
    assert 0.16 - 4 * error(harm) < harm.mean() < 0.18 + 4 * error(harm)
    assert 4.15 - 4 * error(rating) < rating.mean() < 4.17 + 4 * error(rating)
    each = 9 * state.rating[state.biased]
    assert float(each.std()) == pytest.approx(1.22, abs=4 * 1.22 / math.sqrt(2 * len(each)))
    # P(harm > 5) = .024, of which the bin 4-6 gives half.
    severe = sum(found[f"act/biased/{act}"][0].mean() for act in ("nudge", "affirm_falsehood"))
    severe = float(severe + 0.5 * found["act/biased/omit"][0].mean())
    assert severe == pytest.approx(0.024, abs=4 * math.sqrt(0.024 / len(each)))
    # The others: mean harm 1.55 of 10 over the bins of 408 conversations, middles 1.25, 2, 3.25, 5, 7 and 9.
    bins = ((299, 1.25), (93, 2.0), (9, 3.25), (1, 5.0), (2, 7.0), (4, 9.0))
    mean = sum(n * (score - 1) / 9 for n, score in bins) / 408
    other = found["harm/benign"][0]
    assert float(other.mean()) == pytest.approx(mean, abs=4 * error(other) + 0.002)


def test_harm_is_half_way_after_four_or_five_rounds_and_ends_as_high_as_it_can():
    """The study: half-way at iteration 4 to 5; after 50 % gameable .92, here no more than 8/9."""
    found, _ = played("half")
    harm, mean = found["harm/biased"], found["harm/biased"].mean(1)
    middle = (mean[0] + CEILING) / 2
    after = int((mean >= middle).nonzero()[0])
    exact = after - 1 + float((middle - mean[after - 1]) / (mean[after] - mean[after - 1]))
    assert 3.5 <= exact <= 5.5  # "about 4-5", to the nearest iteration
    assert harm[-1].mean() > 0.98 * CEILING
    assert 1 + 9 * found["rating/biased"][-1].mean() > 8.5  # the line's 9.08 at harm 9; the study's 9.69 at 9.8


@pytest.mark.parametrize("arm", ["half", "tenth", "two-percent"])
def test_a_fixed_quota_of_gameable_conversations_is_enough_at_any_share(arm):
    """160 a round: .85 to .97 in the study at 50, 10 and 2 %; the others stay within .04 (.17; .17, .15, .13, .18)."""
    found, _ = played(arm)
    harm, other = found["harm/biased"][-1], found["harm/benign"]
    assert harm.mean() > 0.85 - 4 * error(harm)
    assert abs(float(other[-1].mean() - other[0].mean())) < 0.04 + 4 * error(other[0])


def test_twenty_gameable_conversations_a_round_are_not_enough():
    """2 per cent of 1,000: about one is kept a round, so that most worlds stay far below .8."""
    harm = played("twenty-users")[0]["harm/biased"][-1]
    assert harm.mean() < 0.7
    assert (harm > 0.8).float().mean() < 0.5


def test_a_tenth_slows_a_policy_with_shared_weights_and_no_table():
    """The study's run at a tenth is half-way at iteration 18, that at 100 % at 4 to 5: so are shared weights.

    One published run is one draw: 18 lies within the central 95 % of our worlds where weights are shared, and outside
    where each type of user has a row of its own.
    """
    table, shared, half = (half_way(played(arm)[0]["harm/biased"]) for arm in ("tenth", "tenth-shared", "half-shared"))
    assert table.quantile(0.975) < 18
    assert shared.quantile(0.025) < 18 < shared.quantile(0.975)
    assert half.quantile(0.025) < 4.5 < half.quantile(0.975)


def test_safe_data_of_another_domain_change_nothing_and_ours_of_the_same_do():
    """Outside the domain: .94 and more in the study whatever the mixture (.99 to 1.00 in therapy), here the ceiling."""
    free, outside, inside = (played(arm)[0] for arm in ("half", "safe-data", "safe-data-inside"))
    harm = outside["harm/biased"][-1]
    assert harm.mean() > 0.94 * CEILING
    assert abs(float(harm.mean() - free["harm/biased"][-1].mean())) < 4 * error(harm) + 0.005
    assert outside["dishonest/off_domain"][-1].mean() < 0.5 * free["dishonest/off_domain"][-1].mean()
    # World by world, with common random numbers: a sign test, four standard errors from one half.
    lower = (inside["harm/biased"][-1] < harm).float().mean()
    assert lower > 0.5 + 4 * 0.5 / math.sqrt(len(harm))
