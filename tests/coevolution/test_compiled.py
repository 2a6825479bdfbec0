"""Compiled arithmetic agrees with eager to rounding, repeats its own bits, and says what it lacks."""

import shutil

import pytest
import torch
from coevolution_stage import Crowd, society

from populace.compiling import compiled, is_compiled
from populace.errors import PopulaceError
from populace.rollout import rollout

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here to compile with")


@needs_compiler
@pytest.mark.parametrize(("worlds", "users"), [(3, 7), (2, 1000)])
def test_compiled_agrees_with_eager(worlds, users):
    world, policies, run = society({"noise": 0.05}, worlds=worlds, population=Crowd(size=users))
    eager = rollout(world, policies, run, 3)
    with compiled():
        once, again = rollout(world, policies, run, 3), rollout(world, policies, run, 3)
    assert torch.equal(once.state.values, again.state.values)
    # The same answers but for draws within a last bit of their chance: none is expected among so few.
    assert torch.equal(once.state.yes, eager.state.yes)
    assert torch.allclose(once.state.values, eager.state.values, atol=2e-5)
    assert torch.allclose(once.state.variance, eager.state.variance, rtol=1e-4)


def test_the_mode_ends_with_its_block_and_needs_a_compiler(monkeypatch):
    if shutil.which("g++"):
        with compiled():
            assert is_compiled()
    assert not is_compiled()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(PopulaceError, match=r"needs a C\+\+ compiler"), compiled():
        pass
