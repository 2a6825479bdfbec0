"""A lock-in world alone is bit for bit the same world in a batch."""

import torch
from lockin_stage import lockin

from populace import tree
from populace.rollout import rollout
from populace.run import Run


def same(a: Run, b: Run) -> bool:
    """Whether states and memories are equal bit by bit, NaN to NaN."""
    pairs = zip(
        tree.tensors((a.state, a.memory), shared=False), tree.tensors((b.state, b.memory), shared=False), strict=True
    )
    return all(torch.equal(x.nan_to_num(7e7), y.nan_to_num(7e7)) for x, y in pairs)


def test_lockin_alone_and_in_a_batch() -> None:
    """Two assistants and human links, too."""
    options = {"assistants": 2, "lambda_peer": 0.05}

    def play(ids: list[int]) -> Run:
        world, players, run = lockin(torch.tensor(ids), users=13, **options)
        return rollout(world, players, run, 20, check=True)

    batch = play(list(range(7)))
    assert same(play([5]), tree.take(batch, torch.tensor([5])))
    assert same(play([6, 1]), tree.take(batch, torch.tensor([6, 1])))
