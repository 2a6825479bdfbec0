"""Worlds and policies may name their options as type arguments, and need not."""

import pickle
from typing import get_args

import pytest

from populace.agents.llm import TextPolicy
from populace.builder import build
from populace.options import Options
from populace.policy import Learner, Policy
from populace.registry import manifests, policies, shipped_policies, worlds


def arguments(kind):
    """Options that a class names among its type arguments, at any depth."""
    found = [x for base in getattr(kind, "__orig_bases__", ()) for x in get_args(base)]
    return [x for x in found if isinstance(x, type) and issubclass(x, Options)]


@pytest.mark.parametrize("name", manifests.shipped())
def test_a_world_s_type_argument_is_its_options_model(name):
    kind = worlds.get(name)
    assert arguments(kind) == [kind.Options]


@pytest.mark.parametrize("name", shipped_policies())
def test_a_policy_s_type_argument_is_its_options_model(name):
    kind = policies.get(name)
    if "__orig_bases__" in vars(kind) and (named := arguments(kind)):
        assert named == [kind.Options]


def test_classes_without_type_arguments_are_as_good():
    class Plain(Policy):
        pass

    class Reader(TextPolicy):
        pass

    class Slow(Learner):
        pass

    for kind in (Plain, Reader, Slow):
        assert isinstance(kind().options, kind.Options)


def test_policies_and_worlds_can_be_pickled_and_ends_are_their_own():
    for name in manifests.shipped():
        built = build(name, users=4)
        again = pickle.loads(pickle.dumps(built.policies))
        assert {role: type(p) for role, p in again.items()} == {role: type(p) for role, p in built.policies.items()}
        world = pickle.loads(pickle.dumps(built.world))
        assert (world.phases, world.ends, world.options) == (built.world.phases, built.world.ends, built.world.options)
    forever = build("populace/matrix-v0", users=4).world
    short = build("populace/matrix-v0", users=4, options={"patience": 0.5}).world
    assert (forever.ends, short.ends) == (False, True)
