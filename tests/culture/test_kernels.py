"""Meetings by kernels are those by torch, to the bit: traits are whole numbers."""

import pytest
import torch
from culture_stage import play
from kernels_stage import both

CASES = {
    "axelrod": {"rule": "axelrod"},
    "centola": {"rule": "centola"},
    "two layers": {"rule": "axelrod", "layers": [{"name": "a"}, {"name": "b"}], "active": 0.7},
}


@pytest.mark.parametrize("case", CASES)
def test_both_forms_play_the_same(case):
    plain, fast = both(lambda: play(6, people=80, **CASES[case])[0].state)
    assert plain.traits.dtype == torch.uint8
    assert torch.equal(plain.traits, fast.traits)
    for a, b in zip(plain.ties, fast.ties, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert torch.equal(a.source, b.source)


def test_a_step_of_axelrods_by_hand():
    from populace.envs.culture.meeting_kernel import copy

    traits = torch.tensor([[[[0, 1, 2, 3]], [[0, 5, 2, 7]], [[9, 8, 9, 8]], [[0, 1, 2, 3]]]], dtype=torch.uint8)
    other = torch.tensor([[1, 0, 0, 0]])
    there = torch.tensor([[True, True, True, True]])
    layer = torch.zeros(1, 4, dtype=torch.int64)
    for chance, expected in ((0.2, [0, 5, 2, 3]), (0.3, [0, 1, 2, 7]), (0.6, [0, 1, 2, 3])):
        # Half the traits are alike: below .25 the first differing one is taken, below .5 the second.
        found, strange = copy(traits, other, layer, there, torch.full((1, 4), chance))
        assert found[0, 0, 0].tolist() == expected
        assert found[0, 2, 0].tolist() == [9, 8, 9, 8]  # nothing in common: nothing is copied
        assert found[0, 3, 0].tolist() == [0, 1, 2, 3]  # all in common: nothing to copy
        assert strange.tolist() == [[False, False, True, False]]
    nobody, _ = copy(traits, other, layer, ~there, torch.full((1, 4), 0.2))
    assert torch.equal(nobody, traits)
