"""A world is the same alone, in a batch, in any order and resumed; and it keeps the contract of all worlds."""

import pytest
import torch
from shopping_stage import play, player

from populace import tree
from populace.envs.shopping.people import Shoppers
from populace.rollout import rollout
from populace.run import Run
from populace.testing import check_policy, check_world

ALL = ("offer", "delegate", "search", "message", "decide", "audit")
TWO = ({"name": "a"}, {"name": "b", "loyalty": 0.3, "contract": {"commission": 1.0, "penalty": 1.0}})
CASES = {
    "everything": (
        "strategic",
        61,
        {
            "phases": ALL,
            "providers": TWO,
            "stated": 0.3,
            "feedback": 0.1,
            "reveal": True,
            "conditions": ("both", "public", "neither"),
        },
        {"customer": "choosy", "seller": "undercut", "auditor": "responsive"},
    ),
    "shelf of eight": ("pricebench", 301, {"catalogue": "shelf-of-eight"}, {}),
    "tin men": ("tin-gpt35", 60, {"catalogue": "tin-men-loyalty", "conditions": ("both", "neither")}, {}),
    "flights": ("sponsor-follower", 77, {"catalogue": "flights"}, {}),
    "many": ("first-arrival", 30_011, {"catalogue": "market"}, {}),
}


def same(a, b):
    pairs = zip(
        tree.tensors((a.state, a.memory), shared=False), tree.tensors((b.state, b.memory), shared=False), strict=True
    )
    return all(
        torch.equal(
            x.nan_to_num(7e7) if x.is_floating_point() else x, y.nan_to_num(7e7) if y.is_floating_point() else y
        )
        for x, y in pairs
    )


@pytest.mark.parametrize("case", CASES)
def test_alone_in_a_batch_reordered_and_resumed(case, tmp_path):
    assistant, users, options, others = CASES[case]
    ticks = 2 if users > 1000 else 4

    def played(ids, n=ticks):
        return play(assistant, ticks=n, worlds=torch.tensor(ids), population=Shoppers(users), others=others, **options)

    world, batch, found = played([0, 1, 2, 3])
    alone = played([2])
    assert same(alone[1], tree.take(batch, torch.tensor([2])))
    for name, value in alone[2].items():
        assert torch.equal(value.nan_to_num(7e7), found[name][2:3].nan_to_num(7e7)), name
    assert same(played([3, 0])[1], tree.take(batch, torch.tensor([3, 0])))
    _, first, _ = played([0, 1, 2, 3], 1)
    first.save(tmp_path / "run.pt")
    players = {role: player(others.get(role, world.defaults[role])) for role in world.cast}
    players["assistant"] = player(assistant)
    assert same(rollout(world, players, Run.load(tmp_path / "run.pt"), ticks - 1), batch)


@pytest.mark.parametrize("options", [{}, {"catalogue": "market"}, {"phases": ALL, "providers": TWO, "reveal": True}])
def test_the_world_keeps_the_contract(options):
    check_world("populace/shopping-v0", options=options)


@pytest.mark.parametrize(
    "name",
    [
        "oracle",
        "loyal",
        "strategic",
        "cheapest",
        "random",
        "any-fitting",
        "first-arrival",
        "sponsor-follower",
        "tin-gpt35",
        "tin-gpt4",
        "pricebench",
    ],
)
def test_policies_keep_the_contract(name):
    check_policy(player(name), "populace/shopping-v0", "assistant", options={"phases": ALL, "providers": TWO})


@pytest.mark.parametrize(
    ("role", "name"),
    [("customer", "follower"), ("customer", "choosy"), ("seller", "undercut"), ("auditor", "responsive")],
)
def test_other_policies_keep_the_contract(role, name):
    check_policy(player(name), "populace/shopping-v0", role, options={"phases": ALL, "providers": TWO})
