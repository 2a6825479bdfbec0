"""Moral graph voting: the rules of counting, keeping and winning."""

import pytest

from populace.analysis.instruments.moral_graph import keep, tally, winner


def votes(source, target, **counts):
    return [(source, target, "a context", verdict) for verdict, n in counts.items() for _ in range(n)]


def test_counts_are_pooled_by_ordered_pair_and_every_vote_is_seen_from_both_sides():
    edges = tally([*votes("a", "b", upgrade=2, not_sure=1), ("a", "b", "another", "no_upgrade")])
    there, back = edges["a", "b"], edges["b", "a"]
    assert (there.wiser, there.not_wiser, there.unsure, there.less_wise, there.impressions) == (2, 1, 1, 0, 4)
    assert (back.wiser, back.less_wise, back.impressions) == (0, 2, 4)
    assert there.contexts == {"a context", "another"}
    assert there.likelihood == 2 / 4
    assert back.likelihood == -1


def test_two_unanimous_upgrades_are_one_bit_because_impressions_count():
    edge = tally(votes("a", "b", upgrade=2))["a", "b"]
    assert edge.entropy() == pytest.approx(1.0)
    assert edge.entropy(impressions=False) == 0.0


def test_only_agreed_edges_are_kept():
    edges = tally(
        votes("a", "b", upgrade=2)
        + votes("b", "c", upgrade=1)  # too few
        + votes("c", "d", upgrade=2, no_upgrade=5)  # 2 / 7 is below .33
        + votes("d", "e", upgrade=3, no_upgrade=2, not_sure=3)  # .375, yet too mixed: 1.78 bits with its 8 impressions
    )
    assert set(keep(edges)) == {("a", "b")}


def test_the_winner_is_where_steps_to_wiser_values_lead():
    edges = keep(tally(votes("a", "b", upgrade=3) + votes("b", "c", upgrade=3) + votes("d", "c", upgrade=2)))
    best, ranks = winner(edges)
    assert best == "c"
    assert sum(ranks.values()) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="no edge was kept"):
        winner({})
