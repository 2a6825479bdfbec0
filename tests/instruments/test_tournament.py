"""Tournament ranking against the figures of the fact sheet (BT strengths of sd .8, 20 models, noisy judge)."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import spearmanr

from populace.analysis.instruments.tournament import (
    anchored,
    bradley_terry,
    random_pairs,
    single_elimination,
    strengths,
)


def judge(strength, accuracy, rng):
    """A judge that mixes the truth with its inverse."""

    def match(prompt, first, second):
        gap = strength[first] - strength[second]
        return rng.random(len(first)) < accuracy * expit(gap) + (1 - accuracy) * expit(-gap)

    return match


@pytest.mark.parametrize(("models", "prompts"), [(20, 5), (7, 3), (16, 2), (2, 4)])
def test_a_bracket_eliminates_all_but_one(models, prompts):
    rng = np.random.default_rng(0)
    seen = []

    def match(prompt, first, second):
        seen.append(prompt)
        return first < second

    winners, losers = single_elimination(match, models, prompts, rng)
    assert len(winners) == prompts * (models - 1)
    assert np.bincount(losers, minlength=models).tolist() == [0] + [prompts] * (models - 1)
    assert np.bincount(np.concatenate(seen)).tolist() == [models - 1] * prompts


def test_the_fitter_recovers_strengths():
    rng = np.random.default_rng(1)
    strength = rng.normal(0, 0.8, 6)
    strength -= strength.mean()
    fitted = bradley_terry(random_pairs(judge(strength, 1.0, rng), 6, 20_000, rng), 6)
    assert np.abs(fitted - strength).max() < 0.05  # se of a strength about 2 / sqrt(matches a model), .012


def test_two_models_have_half_a_win_more_each():
    """Jeffreys' prior of a share adds half to both counts, so that who never lost has a finite strength."""
    for won, lost in ((2, 0), (7, 3)):
        matches = np.array([0] * won + [1] * lost), np.array([1] * won + [0] * lost)
        found = strengths(matches, 2)
        gap = np.log((won + 0.5) / (lost + 0.5))
        assert found.strength == pytest.approx([gap / 2, -gap / 2], abs=1e-8)
        chance = (won + 0.5) / (won + lost + 1)
        error = 0.5 / np.sqrt((won + lost) * chance * (1 - chance))
        assert found.high - found.low == pytest.approx([2 * 1.959964 * error] * 2, rel=1e-5)


def test_models_that_no_match_joins_have_no_strength():
    found = strengths((np.array([0, 1, 3]), np.array([1, 2, 4])), 6)
    assert np.isfinite(found.strength).tolist() == [True, True, True, False, False, False]
    assert found.matches.tolist() == [1, 2, 1, 1, 1, 0]
    assert found.note == "3 of 6 models have no strength: no chain of matches joins them to the others"
    assert np.isnan(strengths((np.zeros(0, dtype=int), np.zeros(0, dtype=int)), 3).strength).all()
    assert found == strengths((np.array([0, 1, 3]), np.array([1, 2, 4])), 6)


@pytest.mark.parametrize("prompts", [3, 8])
def test_few_brackets_neither_inflate_strengths_nor_their_certainty(prompts):
    """Strengths of ±1: the ridge of old took them to ±1.8 with three brackets. 100 tournaments, so 800 intervals."""
    rng = np.random.default_rng(3)
    truth = np.where(np.arange(8) % 2, 1.0, -1.0)
    match = judge(truth, 1.0, rng)
    found = [strengths(single_elimination(match, 8, prompts, rng), 8) for _ in range(100)]
    size = np.mean([(f.strength * truth).mean() for f in found])
    assert 0.8 < size < 1.15
    held = np.mean([(f.low <= truth) & (truth <= f.high) for f in found])
    assert held >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 800)


def test_the_fitter_is_the_mode_of_the_penalised_likelihood():
    """Against a general optimiser of log likelihood + log det(information) / 2 on strengths that sum to 0."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(4)
    winners, losers = single_elimination(judge(np.linspace(-1, 1, 5), 1.0, rng), 5, 4, rng)

    def loss(free):
        s = np.append(free, -free.sum())
        chance = expit(s[winners] - s[losers])
        x = np.zeros((len(winners), 5))
        x[np.arange(len(winners)), winners], x[np.arange(len(winners)), losers] = 1, -1
        information = (x.T * (chance * (1 - chance))) @ x
        return -np.log(chance).sum() - 0.5 * np.linalg.slogdet(information[:4, :4])[1]

    best = minimize(loss, np.zeros(4), options={"gtol": 1e-8}).x
    assert bradley_terry((winners, losers), 5) == pytest.approx(np.append(best, -best.sum()), abs=1e-5)


@pytest.mark.parametrize(
    ("accuracy", "expected", "tolerance"), [(0.9, (0.917, 0.874, 0.914), 0.02), (0.7, (0.76, 0.675, 0.760), 0.05)]
)
def test_spearman_with_the_truth_as_published_figures_recomputed(accuracy, expected, tolerance):
    rng = np.random.default_rng(2)
    found = []
    for _ in range(100):
        strength = np.append(rng.normal(0, 0.8, 20), 0.0)  # the last is the anchor, a model of strength 0
        match = judge(strength, accuracy, rng)
        scores = (
            bradley_terry(single_elimination(match, 20, 50, rng), 20),
            anchored(match, 21, 50, 20)[:20],
            bradley_terry(random_pairs(match, 20, 50, rng), 20),
        )
        found.append([spearmanr(score, strength[:20]).statistic for score in scores])
    assert np.abs(np.mean(found, 0) - expected).max() < tolerance
