"""The measures beside entropy, against closed forms and counted examples."""

import itertools

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.stats import spearmanr

from populace.envs.culture import measures as m


def _normal(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).random(shape))


def test_distances_over_shared_questions_only():
    x = torch.tensor([[0.0, 4.0, 9.0], [3.0, 4.0, 0.0]])
    known = torch.tensor([[True, True, True], [True, True, False]])
    dist = m.distances(x, known, torch.tensor([3.0, 4.0, 9.0]))
    assert dist[0, 1].item() == pytest.approx(3 / 5)
    assert m.pairwise(dist).item() == pytest.approx(60)


def test_spanning_tree_against_scipy():
    x = _normal(3, 8, 5)
    dist = m.distances(x, torch.ones(3, 8, 5, dtype=torch.bool), torch.ones(5, dtype=torch.float64))
    expected = [100 * minimum_spanning_tree(d.numpy()).sum() / 7 for d in dist]
    assert m.spanning_tree(dist).tolist() == pytest.approx(expected)


def test_alignment():
    span, known = torch.tensor([3.0, 4.0]), torch.tensor([True, True])
    assert m.alignment(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]), known, span).item() == 100
    assert m.alignment(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0]), known, span).item() == pytest.approx(0)
    assert m.alignment(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 0.0]), known, span).item() == pytest.approx(40)


def test_social_value_and_its_ceiling():
    shares = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    known = torch.tensor([True, True])
    assert m.social_value(torch.tensor([0, 2]), known, shares).item() == pytest.approx(0.55)  # mean of the maxima
    assert m.social_value(torch.tensor([2, 0]), known, shares).item() == pytest.approx(0.2)
    assert m.social_value(torch.tensor([2, -1]), torch.tensor([True, False]), shares).item() == pytest.approx(0.1)


def test_share_alignment():
    shares = torch.tensor([[0.5, 0.5], [0.9, 0.1]])
    assert m.share_alignment(10 * shares, shares).item() == pytest.approx(1)
    assert m.share_alignment(torch.tensor([[5.0, 0], [0, 0]]), shares).item() == pytest.approx(0.5)
    assert m.share_alignment(torch.zeros(2, 2), shares).isnan()


def test_stereotypes_have_no_individual_variance_and_samples_have_all():
    shares = torch.tensor([[[0.25, 0.5, 0.25]]])
    span = torch.tensor([2.0])
    assert m.variance_ratio(torch.tensor([[[0.0, 9.0, 0.0]]]), shares, span).item() == 0
    # Sample variance of (0, 1, 1, 2) is 2/3 against 1/2.
    assert m.variance_ratio(torch.tensor([[[1.0, 2.0, 1.0]]]), shares, span).item() == pytest.approx(4 / 3)


def test_between_share():
    apart = torch.tensor([[[4.0, 0.0]], [[0.0, 4.0]]])
    assert m.between_share(apart).item() == pytest.approx(1)
    assert m.between_share(torch.full((2, 1, 2), 4.0)).item() == pytest.approx(0)
    # Means 1/4 and 3/4 around 1/2: 1/16 of a variance of 1/4.
    assert m.between_share(torch.tensor([[[3.0, 1.0]], [[1.0, 3.0]]])).item() == pytest.approx(0.25)


def test_budget_regret_against_all_sets():
    utility, votes = _normal(20, 7, seed=1), _normal(20, 7, seed=2)
    regret = m.budget_regret(votes, utility, 3)
    for w in range(20):
        sets = [list(s) for s in itertools.combinations(range(7), 3)]
        best = max(utility[w][s].sum() for s in sets)
        chosen = max(sets, key=lambda s: votes[w][s].sum())
        assert regret[w].item() == pytest.approx(float(1 - utility[w][chosen].sum() / best), abs=1e-12)
    assert m.budget_regret(utility, utility, 3).abs().max() < 1e-12
    assert m.votes_for(torch.tensor([1.0, 3.0]), 20).tolist() == [5, 15]


def test_ranks_and_correlation_are_spearmans():
    a, b = (_normal(4, 30, seed=s).mul(6).floor() for s in (3, 4))  # with ties
    found = m.correlation(m.ranks(a), m.ranks(b))
    assert found.tolist() == pytest.approx([spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)], abs=1e-6)
    assert m.correlation(torch.ones(5), torch.arange(5.0)).isnan()


def test_representational_similarity():
    people = _normal(12, 9)
    assert m.dissimilarity(torch.tensor([0.0, 0.5, 1.0])).tolist() == [0.5, 1.0, 0.5]
    assert m.rsa_group(people, people).item() == pytest.approx(1)
    assert m.rsa_group(people, 1 - people).item() == pytest.approx(1)  # mirrored answers have the same structure
    alike = people[:1].expand(12, -1)
    assert m.rsa_individual(alike).tolist() == pytest.approx([1.0] * 12)
    assert m.rsa_individual(people).mean() < 0.5
