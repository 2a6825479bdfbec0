"""The Perspectives Distribution Score and its entropy, at the reported values and at the edges."""

import math

import pytest
import torch

from populace.envs.culture import perspectives as p


@pytest.mark.parametrize(("share", "reported"), [(0.99165, 0.0325), (0.95729, 0.13), (0.33503, 0.94), (0.24879, 0.98)])
def test_one_dominant_culture_of_seven_has_the_reported_entropy(share, reported):
    pds = torch.tensor([share] + [(1 - share) / 6] * 6, dtype=torch.float64)
    assert p.entropy(pds).item() == pytest.approx(reported, abs=5e-5)
    assert p.dominant_share(reported, 7) == pytest.approx(share, abs=5e-6)


def test_the_printed_share_misses_the_lowest_value():
    pds = torch.tensor([0.992] + [0.008 / 6] * 6, dtype=torch.float64)
    assert p.entropy(pds).item() == pytest.approx(0.0313, abs=5e-5)


def test_edges_of_entropy():
    assert p.entropy(torch.full((7,), 1 / 7)).item() == pytest.approx(1.0, abs=1e-6)
    assert p.entropy(torch.tensor([1.0, 0, 0])).item() == 0
    # The fixed list counts: two cultures cited alike out of four are not all.
    assert p.entropy(torch.tensor([0.5, 0.5, 0, 0])).item() == pytest.approx(0.5)


def test_pooled_is_at_least_the_mean_by_question_and_sees_no_monologues():
    counts = torch.eye(5, dtype=torch.int64) * 3  # each response cites one culture, another one each time
    assert p.pooled(counts).item() == pytest.approx(1.0)
    assert p.per_question(counts).item() == 0
    mixed = torch.tensor([[6, 0], [3, 3]])
    assert p.pooled(mixed).item() == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)))
    assert p.per_question(mixed).item() == pytest.approx(0.5)


def test_no_reference_at_all():
    nothing = torch.zeros(3, 4, dtype=torch.int64)
    assert p.shares(nothing).eq(0).all()
    assert p.pooled(nothing).isnan()
    assert p.per_question(nothing).isnan()
    assert p.per_question(nothing, "zero").item() == 0
    assert p.silent(nothing).item() == 1
    assert p.sentiment(torch.ones(3), nothing).isnan()
    some = torch.tensor([[0, 0], [1, 1]])
    assert p.per_question(some).item() == pytest.approx(1.0)
    assert p.per_question(some, "zero").item() == pytest.approx(0.5)
    assert p.silent(some).item() == pytest.approx(0.5)


def test_sentiment_weighs_by_references():
    positive, counts = torch.tensor([1.0, 0.0]), torch.tensor([[3, 0], [0, 1]])
    assert p.sentiment(positive, counts).item() == pytest.approx(0.75)
