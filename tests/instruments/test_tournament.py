"""Tournament ranking against the figures of the fact sheet (BT strengths of sd .8, 20 models, noisy judge)."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import spearmanr

from populace.analysis.instruments.tournament import anchored, bradley_terry, random_pairs, single_elimination


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
    never_lost = bradley_terry((np.array([0, 0]), np.array([1, 1])), 2)
    assert np.isfinite(never_lost).all()


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
