"""Which conversations are kept."""

import torch

from populace.agents.learning.selection import extremes


def test_quotas_hold_in_every_stratum():
    """Eight of stratum 0 and four of stratum 1; a quarter kept is two and one, whatever the level of the ratings."""
    reward = torch.tensor([[0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6, 5.0, 7.0, 6.0, 8.0]])
    stratum = torch.tensor([[0] * 8 + [1] * 4])
    best, worst = extremes(reward, torch.ones(1, 12).bool(), stratum, 2, 0.25, torch.zeros(1, 12))
    assert best.nonzero()[:, 1].tolist() == [1, 3, 11]
    assert worst.nonzero()[:, 1].tolist() == [0, 2, 8]
    best, worst = extremes(reward, torch.ones(1, 12).bool(), stratum * 0, 1, 0.25, torch.zeros(1, 12))
    assert best.nonzero()[:, 1].tolist() == [9, 10, 11]
    assert worst.nonzero()[:, 1].tolist() == [0, 2, 4]


def test_what_may_not_be_used_is_never_kept_and_empty_strata_do_not_matter():
    reward = torch.tensor([[3.0, 1.0, 2.0, 9.0], [3.0, 1.0, 2.0, 9.0]])
    use = torch.tensor([[True, True, True, False], [False] * 4])
    stratum = torch.tensor([[2, 2, 0, 2]] * 2)
    best, worst = extremes(reward, use, stratum, 4, 0.5, torch.zeros(2, 4))
    assert best.tolist() == [[True, False, True, False], [False] * 4]
    assert worst.tolist() == [[False, True, True, False], [False] * 4]


def test_at_least_one_of_a_stratum_is_kept():
    """A sixteenth of twenty is one; of three, still one."""
    reward = torch.arange(23.0).unsqueeze(0)
    stratum = torch.tensor([[0] * 20 + [1] * 3])
    best, _ = extremes(reward, torch.ones(1, 23).bool(), stratum, 2, 1 / 16, torch.zeros(1, 23))
    assert best.nonzero()[:, 1].tolist() == [19, 22]


def test_ties_are_broken_by_the_draw():
    """Ratings at the form's end are many; which of them are kept must not depend on the seat."""
    reward = torch.ones(1, 1000)
    tie = torch.rand((1, 1000), generator=torch.Generator().manual_seed(1))
    best, worst = extremes(reward, torch.ones(1, 1000).bool(), torch.zeros(1, 1000).long(), 1, 0.1, tie)
    assert abs(int(best.sum()) - 100) <= 2
    assert not (best & worst).any()
    assert best.nonzero()[:, 1].float().mean() > 400
