"""Actions as one array, masks, and what is done by a seat whose player leaves fields out."""

import numpy as np
import pytest
import torch
import toy
from gymnasium import spaces
from pettingzoo.test import parallel_api_test

from populace.envs import views
from populace.envs.views.action_space import BINS, ActionSpace, levels
from populace.errors import ActionError, PopulaceError
from populace.fields import Field
from populace.registry import manifests

WORLDS = manifests.shipped()

CHOICE = Field(name="pick", kind="choice", labels=("a", "b", "c"), about="")
FLAGS = Field(name="flags", kind="flag", shape=(2,), about="")
REAL = Field(name="real", kind="real", shape=(2, 2), low=-3, high=5, about="")
LEVEL = Field(name="level", kind="real", low=0, high=1, about="")
FEW = Field(name="few", kind="count", low=1, high=4, about="")
WORDS = Field(name="words", kind="count", low=0, high=5000, about="")


def read(fields, action, **more):
    space = ActionSpace(fields, flat=True, **more)
    assert space.space.contains(np.asarray(action, space.space.dtype))
    return {name: array[0].tolist() for name, array in space.of_agents([action], ["a_0"], "any").items()}


def test_all_discrete_is_one_multidiscrete():
    space = ActionSpace((CHOICE, FLAGS, FEW), flat=True)
    assert isinstance(space.space, spaces.MultiDiscrete)
    assert space.space.nvec.tolist() == [3, 2, 2, 4]
    assert read((CHOICE, FLAGS, FEW), [2, 0, 1, 3]) == {"pick": 2, "flags": [False, True], "few": 4}
    assert ActionSpace((CHOICE,), flat=True).space == spaces.MultiDiscrete([3])


def test_all_real_is_one_box_from_minus_one_to_one():
    space = ActionSpace((REAL, LEVEL), flat=True)
    assert space.space == spaces.Box(-1, 1, (5,), np.float32)
    assert read((REAL, LEVEL), [-1, 1, 0, 0.5, 0]) == {"real": [[-3, 5], [1, 3]], "level": 0.5}
    assert read((REAL, LEVEL), [1, 1, 1, 1, 1]) == {"real": [[5, 5], [5, 5]], "level": 1}


def test_mixed_fields_are_binned():
    space = ActionSpace((CHOICE, LEVEL, WORDS), flat=True)
    assert space.space.nvec.tolist() == [3, BINS, len(levels(WORDS))]
    assert read((CHOICE, LEVEL, WORDS), [1, 5, 0]) == {"pick": 1, "level": 0.5, "words": 0}
    assert read((CHOICE, LEVEL, WORDS), [1, 10, len(levels(WORDS)) - 1]) == {"pick": 1, "level": 1, "words": 5000}
    lengths = levels(WORDS)  # evenly in the logarithm of one more
    steps = np.diff(np.log1p(lengths))
    np.testing.assert_allclose(steps[3:], np.log1p(5000) / (BINS - 1), rtol=0.05)
    assert levels(FEW).tolist() == [1, 2, 3, 4]


def test_a_box_of_actions_has_one_dimension():
    assert ActionSpace((REAL,)).space.shape == (4,)
    assert ActionSpace((REAL, CHOICE)).space["real"].shape == (4,)
    merged = ActionSpace((REAL, LEVEL), merge=True)
    assert merged.space.high.tolist() == [5, 5, 5, 5, 1]  # in the fields' own units
    found = merged.of_arrays(np.array([[1, 2, 3, 4, 0.5]]), ["a_0"], "any", "a")
    assert found["real"].tolist() == [[[1, 2], [3, 4]]]
    for name in WORLDS:
        env = views.parallel_env(name, users=4)
        for agent in env.possible_agents:
            space = env.action_space(agent)
            for part in space.values() if isinstance(space, spaces.Dict) else (space,):
                assert len(part.shape) <= 1, (agent, part)


@pytest.mark.parametrize("action", [[1, 1], [[1], [1]], torch.ones(2)])
def test_actions_of_the_field_s_own_shape_stay_welcome(action):
    env = views.parallel_env(toy.Toy, users=3, focal="assistant", acts={"assistant": ["move"]})
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, action))
    assert (env.run.state.position == 1).all()


@pytest.mark.parametrize(
    ("fields", "action", "match"),
    [
        ((CHOICE, FLAGS), [2, 0, 2], r"a_0's 'flags' is level \[0, 2\]; expected whole numbers from 0 to 1"),
        ((CHOICE, FLAGS), [-1, 0, 0], r"a_0's 'action'"),
        ((CHOICE, FLAGS), [0.5, 0, 0], r"a_0's 'action'"),
        ((CHOICE, FLAGS), [0, 0], r"a_0's 'action'"),
        ((REAL,), [0, 0, 0, 1.5], r"a_0's 'action' is .*expected a number from -1 to 1"),
        ((REAL,), [0, 0, 0, np.nan], r"a_0's 'action'"),
    ],
)
def test_what_is_no_action_is_told(fields, action, match):
    with pytest.raises(ActionError, match=match):
        ActionSpace(fields, flat=True).of_agents([action], ["a_0"], "any")


# ---------------------------------------------------------------------- in the views


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", [*WORLDS, "toy"])
def test_flat_actions_keep_to_pettingzoo(name, flat):
    world, options = (toy.Toy, {"forbid": True}) if name == "toy" else (name, {})
    env = views.parallel_env(world, users=4, options=options, flat=flat, flat_actions=True, max_cycles=6)
    parallel_api_test(env, num_cycles=6)
    for agent in env.possible_agents:
        assert isinstance(env.action_space(agent), spaces.MultiDiscrete | spaces.Box)


def test_the_three_views_take_the_same_flat_action():
    common = {"users": 4, "flat_actions": True}
    parallel = views.parallel_env("populace/coevolution-v0", focal="assistant", **common)
    vector = views.vector_env("populace/coevolution-v0", **common)
    seat = views.seat_env("populace/coevolution-v0", **common)
    for env in (parallel, vector, seat):
        env.reset(seed=5)
    assert parallel.action_space("assistant_0") == vector.single_action_space == seat.action_space
    action = np.resize(np.array([0.5, -0.25, 1.0], np.float32), seat.action_space.shape)
    reward = seat.step(action)[1]
    assert reward != 0
    assert parallel.step({"assistant_0": action})[1] == {"assistant_0": reward}
    assert vector.step(action[None])[1].tolist() == [reward]


@pytest.mark.parametrize("flat", [False, True])
def test_masks_stand_in_observations_in_infos_and_behind_a_call(flat):
    env = views.parallel_env(toy.Toy, users=4, options={"forbid": True}, flat=flat, flat_actions=True)
    observation, infos = env.reset(seed=0)
    last = env.run.state.last[0].tolist()
    masks = env.action_masks()
    assert set(masks) == {f"user_{i}" for i in range(4)}  # whose turn it is
    for i, own in enumerate(last):
        expected = [tag != own for tag in range(3)]
        agent = f"user_{i}"
        assert masks[agent].tolist() == expected
        assert observation[agent]["action_mask"].tolist() == expected
        assert infos[agent]["action_mask"].tolist() == expected
        for _ in range(8):  # the space takes the mask as it is
            assert env.action_space(agent).sample(observation[agent]["action_mask"])[0] != own


def test_masks_of_a_seat_and_of_a_batch():
    seat = views.seat_env("populace/shopping-v0", users=3, flat_actions=True, flat=False)
    observation, info = seat.reset(seed=0)
    mask = seat.action_masks()
    assert mask.dtype == np.bool_
    assert mask.shape == (int(seat.action_space.nvec.sum()),)
    np.testing.assert_array_equal(mask, observation["action_mask"])
    np.testing.assert_array_equal(mask, info["action_mask"])
    batch = views.vector_env("populace/shopping-v0", num_envs=3, users=3, flat_actions=True)
    _, infos = batch.reset(seed=0)
    np.testing.assert_array_equal(batch.action_masks(), infos["action_mask"])
    np.testing.assert_array_equal(batch.action_masks()[0], mask)  # environment 0 is world 0
    plain = views.seat_env("populace/shopping-v0", users=3, acts=("product",))
    plain.reset(seed=0)
    assert plain.action_masks().shape == (plain.action_space.n,)


def test_masks_of_actions_that_have_none():
    real = views.seat_env("populace/coevolution-v0", users=3, flat_actions=True)
    with pytest.raises(PopulaceError, match="numbers have no masks"):
        real.action_masks()
    several = views.seat_env("populace/drift-v0", users=3)
    with pytest.raises(PopulaceError, match="flat_actions=True"):
        several.action_masks()
    parallel = views.parallel_env("populace/drift-v0", users=3, focal="assistant")
    with pytest.raises(PopulaceError, match="flat_actions=True"):
        parallel.action_masks()


# ---------------------------------------------------------------------- fields that are left out


def test_an_assistant_that_chooses_its_act_only_is_not_mute():
    """No words are no response at all (`void`): an act of the usual length is heard and can be right."""
    env = views.vector_env("populace/payoff-v0", num_envs=64, users=8, acts=("act",), max_cycles=8)
    env.reset(seed=0)
    rewards = []
    for _ in range(8):
        _, paid, *_ = env.step(np.zeros(64, np.int64))
        rewards.append(paid)
    assert np.mean(rewards) > 0
    assert (np.stack(rewards) != 0).mean() > 0.5


def test_fields_that_are_left_out_are_at_their_defaults():
    shop = views.parallel_env(
        "populace/shopping-v0",
        users=6,
        options={"phases": ["delegate", "search", "message", "decide"]},
        focal=("assistant", "customer"),
        acts={"assistant": ["claim"], "customer": ["provider"]},
        flat_actions=True,
    )
    shop.reset(seed=1)
    for _ in range(4):
        shop.step({agent: shop.action_space(agent).sample() for agent in shop.agents})
    outcome = shop.run.state.outcome
    k = shop.run.state.shelf.price.shape[-1]
    assert (shop.run.state.depth == k).all()  # the whole shelf is looked at
    assert (outcome.recommended == 0).all()  # the first that is there, not nothing
    assert (outcome.bought == outcome.recommended).all()  # customers buy what is recommended


def test_a_default_that_a_mask_forbids_is_the_first_legal_option():
    shelf = Field(name="product", kind="choice", labels=("a", "b", "c"), forfeit=2, default=0, masked=True, about="")
    mask = torch.tensor([[[True, True, True], [False, True, True], [False, False, True]]])
    assert shelf.omitted(1, 3, seen={"product_mask": mask}).tolist() == [[0, 1, 2]]
    heard = Field(name="answer", kind="real", default="heard", about="")
    assert heard.omitted(1, 2, seen={"heard": torch.tensor([[3.0, 4.0]])}).tolist() == [[3, 4]]
    assert heard.omitted(1, 2).tolist() == [[0, 0]]


def test_defaults_of_the_worlds_are_stated():
    stated: dict[str, object] = {}
    for name in WORLDS:
        options = {"phases": ["delegate", "search", "message", "decide"]} if "shopping" in name else {}
        for role in views.build(name, users=4, options=options).world.cast.values():
            short = f"{name.split('/')[1][:-3]}/{role.name}"
            stated |= {f"{short}.{f.name}": f.default for f in role.does if f.default is not None}
    words, characters = (15 + 23 + 57) / 3, (984 + 1024 + 850) / 3  # medians of GTAlign's logged validations, by act
    assert stated.pop("lockin/assistant.log_precision") == 0  # a signal of standard deviation 1
    assert stated == {
        "payoff/assistant.words": round(words),
        "payoff/assistant.reasoning": round(characters),
        "drift/assistant.act": 0,  # admits the fact
        "shopping/assistant.depth": 8,
        "shopping/assistant.product": 0,
        "shopping/assistant.explain": 1,  # as scripts do
        "shopping/customer.buy": "recommended",
        "agency/customer.answer": "heard",
        "culture/synthesiser.references": 1,
        "culture/synthesiser.positive": 0.5,
    }
