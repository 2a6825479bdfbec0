"""The bridge to TorchRL: its own checker in every world, resets, masks, and that its example learns."""

import pytest
import torch
import toy
from training import gains, without

from populace.envs import views
from populace.errors import PopulaceError
from populace.registry import manifests

pytest.importorskip(
    "torchrl", reason='TorchRL is not installed: pip install "populace[torchrl]", or run `make test-bridges`'
)

from torchrl.data import Bounded, Categorical, MultiCategorical
from torchrl.envs import check_env_specs

from populace.envs.bridges import torchrl


@pytest.mark.parametrize("name", manifests.shipped())
def test_every_world_passes_its_check(name):
    check_env_specs(torchrl.env(name, 3, users=4, max_cycles=2), seed=1)
    check_env_specs(torchrl.env(name, 3, users=4, max_cycles=2), break_when_any_done=False)


def masked(n=3, **more):
    arguments = {"users": 4, "options": {"forbid": True}, "seat": ("user", 1), "max_cycles": 3}
    return torchrl.env(toy.Toy, n, **{**arguments, **more})


def test_specs_say_what_a_seat_does():
    assert isinstance(torchrl.env("populace/matrix-v0", 2).action_spec, Categorical)
    assert isinstance(torchrl.env("populace/coevolution-v0", 2, seat=("user", 0)).action_spec, MultiCategorical)
    assert isinstance(torchrl.env("populace/coevolution-v0", 2, acts=("position",)).action_spec, Bounded)


def test_it_is_the_vector_view_to_the_bit():
    env = torchrl.env("populace/payoff-v0", 4, users=3, seat=("user", 0), max_cycles=5)
    same = views.vector_env(
        "populace/payoff-v0", num_envs=4, users=3, seat=("user", 0), max_cycles=5, flat_actions=True
    )
    env.set_seed(7)
    data = env.reset()
    seen, _ = same.reset(seed=7)
    assert torch.equal(data["observation"], torch.from_numpy(seen))
    for step in range(12):
        action = torch.tensor([step % 3, 0, 1, 2])
        whole, data = env.step_and_maybe_reset(data.set("action", action))
        seen, paid, ended, cut, _ = same.step(action.unsqueeze(-1).numpy())
        assert torch.equal(data["observation"], torch.from_numpy(seen))  # after an end, the next episode's first
        assert whole["next", "reward"].flatten().tolist() == paid.tolist()
        assert whole["next", "truncated"].flatten().tolist() == cut.tolist()
        assert whole["next", "terminated"].flatten().tolist() == ended.tolist()
        assert not data["done"].any()


def test_some_worlds_begin_anew_and_the_others_go_on():
    env = torchrl.env("populace/coevolution-v0", 3, users=4, max_cycles=5)
    data = env.rand_step(env.reset())["next"]
    which = torch.tensor([[True], [False], [True]])
    again = env.reset(data.clone().set("_reset", which))
    assert torch.equal(again["observation"][1], data["observation"][1])
    assert env.env.run.episode.tolist() == [1, 0, 1]


def test_masks_are_beside_the_observation():
    env = masked()
    data = env.reset()
    last = env.env.run.state.last[:, 1].tolist()
    assert data["action_mask"].tolist() == [[tag != own for tag in range(3)] for own in last]
    assert data["action_mask"].dtype == torch.bool


@pytest.mark.parametrize(
    ("more", "match"), [({"autoreset": "same_step"}, "autoreset='disabled'"), ({"flat": False}, "flat=True")]
)
def test_what_does_not_fit_is_refused(more, match):
    arguments = {"flat_actions": True, "autoreset": "disabled", "users": 4, **more}
    with pytest.raises(PopulaceError, match=match):
        torchrl.TorchRL(views.vector_env("populace/coevolution-v0", **arguments))


def test_the_example_learns():
    for gain, interval in gains("torchrl_ppo.py"):
        assert gain > interval


def test_without_torchrl_the_line_that_installs_it_is_told():
    assert 'pip install "populace[torchrl]"' in without("tensordict", "populace.envs.bridges.torchrl")
