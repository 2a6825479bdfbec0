"""No copy to the host within a tick, and no mixture of devices: shown on the `meta` device, where both fail.

Beginning a world may touch the host once, where a graph is built, so worlds begin on the CPU and are moved.
"""

from dataclasses import replace

import pytest

from populace import tree
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.agents.scripted.mix import Mix
from populace.run import advance, start
from populace.scenarios import library, load
from populace.scenarios.building import build


def _asks(policy):
    """Whether a policy is a language model, whose words are made on the host."""
    return isinstance(policy, TextPolicy) or (isinstance(policy, Mix) and any(map(_asks, policy.parts)))


@pytest.mark.parametrize("name", sorted(library()))
def test_two_ticks_of_every_arm_stay_on_their_device(name):
    played = set()
    for cell in load(name, sets=["worlds=2"]).cells:
        if cell.base_arm in played:  # points of a sweep differ in numbers only
            continue
        played.add(cell.base_arm)
        built = build(cell)
        if any(_asks(policy) for policy in built.policies.values()):
            continue
        run = start(built.world, built.policies, built.population, seed=1, worlds=2)
        run = replace(tree.tree_map(lambda tensor: tensor.to("meta"), run), arithmetic="torch")
        for _ in range(2 * len(built.world.phases)):
            run, step = advance(built.world, built.policies, run, watch=True)
            assert all(value.device.type == "meta" for value in step.measures.values())
        assert all(tensor.device.type == "meta" for tensor in tree.tensors(run))
    assert played
