"""A world is the same alone, in a batch, in any order, resumed, on one thread or two; arms share random numbers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from coevolution_stage import Crowd, society

from populace import tree
from populace.envs.coevolution.history import CENTURY_VALUES, MORAL_VALUES
from populace.rollout import rollout
from populace.run import Run

RATES = (("history_rate", 0.3), ("assistant_rate", 0.1), ("peer_rate", 0.2))
CASES: dict[str, tuple[dict[str, Any], str, Crowd]] = {
    "all at once": (
        {"audience": "segment", "assistants": 2, "noise": 0.01, "turnover": 0.05, "history": {"every": 2}},
        "lifelong",
        Crowd(61, names=CENTURY_VALUES, traits=RATES, ring=True),
    ),
    "nineteen values": (
        {"noise": 0.02, "peer_rate": 0.1, "history": {"series": "walk", "every": 3}},
        "extrapolative",
        Crowd(301, names=MORAL_VALUES),
    ),
    "many users": (
        {"noise": 0.02, "turnover": 0.01, "history": {"series": "walk", "every": 3}},
        "mirror",
        Crowd(30_011, names=MORAL_VALUES),
    ),
    "predict": ({"protocol": "predict", "ahead": 2, "history": {"every": 2}}, "persistence", Crowd(60)),
}


def same(a: Run, b: Run) -> bool:
    """Whether states and memories are equal bit by bit, NaN to NaN."""
    pairs = zip(
        tree.tensors((a.state, a.memory), shared=False), tree.tensors((b.state, b.memory), shared=False), strict=True
    )
    return all(torch.equal(x.nan_to_num(7e7), y.nan_to_num(7e7)) for x, y in pairs)


@pytest.mark.parametrize("case", CASES)
def test_alone_in_a_batch_reordered_and_resumed(case: str, tmp_path: Path) -> None:
    """World 2 and world 0 of a batch of four, against each other way of playing them."""
    options, assistant, crowd = CASES[case]
    ticks = 3 if crowd.size > 1000 else 6

    def play(ids: list[int], parts: int = 1) -> Run:
        world, players, run = society(options, assistant, population=crowd, worlds=torch.tensor(ids))
        if parts > 1:
            run = rollout(world, players, run, 1)
            run.save(tmp_path / "run.pt")
            return rollout(world, players, Run.load(tmp_path / "run.pt"), ticks - 1)
        return rollout(world, players, run, ticks, check=True)

    batch = play([0, 1, 2, 3])
    assert same(play([2]), tree.take(batch, torch.tensor([2])))
    assert same(play([3, 0]), tree.take(batch, torch.tensor([3, 0])))
    assert same(play([0, 1, 2, 3], parts=2), batch)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if before == 1 else 1)
        assert same(play([0, 1, 2, 3]), batch)
    finally:
        torch.set_num_threads(before)


def test_arms_have_common_random_numbers() -> None:
    """Where the assistant has no influence, users are the same under any of them."""
    ends = []
    for assistant in ("mirror", "frozen", "lifelong"):
        options = {"assistant_rate": 0.0, "noise": 0.02, "turnover": 0.05, "peer_rate": 0.1}
        world, players, run = society(options, assistant, population=Crowd(names=CENTURY_VALUES))
        ends.append(rollout(world, players, run, 12).state)
    assert torch.equal(ends[0].values, ends[1].values)
    assert torch.equal(ends[0].values, ends[2].values)
    assert torch.equal(ends[0].yes, ends[1].yes)


def test_a_smaller_society_is_the_first_users_of_a_larger_one() -> None:
    """Users' random numbers do not depend on how many there are (without peers, newcomers or an assistant)."""
    ends = []
    for size in (50, 80):
        world, players, run = society(
            {"protocol": "follow", "noise": 0.02}, population=Crowd(size, names=CENTURY_VALUES)
        )
        ends.append(rollout(world, players, run, 5).state.values[:, :50])
    assert torch.equal(*ends)


def test_state_does_not_grow() -> None:
    """As many bytes after forty ticks as after two."""
    options = {"noise": 0.01, "turnover": 0.1, "audience": "segment"}
    world, players, run = society(options, "extrapolative", population=Crowd(names=CENTURY_VALUES))
    early = rollout(world, players, run, 2)
    late = rollout(world, players, early, 38)
    assert tree.nbytes((early.state, early.memory)) == tree.nbytes((late.state, late.memory))
