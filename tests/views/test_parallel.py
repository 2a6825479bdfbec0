import copy
import pickle

import numpy as np
import pytest
import torch
import toy

from populace import tree
from populace.envs import views
from populace.envs.views.lazy import Column, LazyDict, Numbers, Same, Table
from populace.errors import ActionError, PopulaceError, UnknownName
from populace.run import Run, advance, start


def make(**more):
    return views.parallel_env(toy.Toy, **{"users": 5, **more})


# ---------------------------------------------------------------------- lazy dicts


def lazy():
    return LazyDict({"a": 0, "b": 1, "c": 2}, Numbers(np.array([1.0, 2.0, 3.0])))


PLAIN = {"a": 1.0, "b": 2.0, "c": 3.0}


@pytest.mark.parametrize(
    "use",
    [dict, lambda d: {**d}, copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d)), lambda d: d | {}],
    ids=["dict", "unpack", "copy", "deepcopy", "pickle", "or"],
)
def test_a_lazy_dict_becomes_a_plain_one(use):
    found = use(lazy())
    assert type(found) is dict or use(lazy()) == PLAIN
    assert list(found.items()) == list(PLAIN.items())


def test_a_lazy_dict_is_a_dict_in_all_respects():
    d = lazy()
    assert isinstance(d, dict)
    assert len(d) == 3
    assert list(d) == ["a", "b", "c"]
    assert d.keys() == PLAIN.keys()
    assert "b" in d
    assert "z" not in d
    assert d.get("z") is None
    assert d["b"] == 2.0
    with pytest.raises(KeyError):
        d["z"]
    assert list(d.values()) == [1.0, 2.0, 3.0]  # order survives the early reading of b
    assert d == PLAIN
    d["z"] = 4.0
    assert list(d) == ["a", "b", "c", "z"]
    assert d.pop("a") == 1.0
    assert len(d) == 3


def test_a_lazy_dict_makes_each_value_once():
    d = LazyDict({"a": 0, "b": 1}, Column(np.zeros((2, 3))))
    assert d["a"] is d["a"]
    assert d.copy()["a"] is d["a"]


def test_the_rows_of_a_table_are_dicts_of_their_own():
    table = Table({"a": Numbers(np.array([1, 2])), "b": Same(7, 2)})
    assert table.all() == [{"a": 1, "b": 7}, {"a": 2, "b": 7}] == [table.row(0), table.row(1)]
    assert table.all()[0] is not table.all()[1]


# ---------------------------------------------------------------------- what a step is


def test_a_step_goes_to_the_next_phase_in_which_a_focal_role_acts():
    both = make()
    _, infos = both.reset(seed=0)
    assert (infos["user_0"]["acts"], infos["assistant_0"]["acts"]) == (1, 0)
    *_, infos = both.step({agent: both.action_space(agent).sample() for agent in both.agents})
    assert (infos["user_0"]["acts"], infos["assistant_0"]["acts"]) == (0, 1)
    assert int(both.run.tick) == 0
    users = make(focal="user")
    users.reset(seed=0)
    users.step(dict.fromkeys(users.agents, 0))
    assert int(users.run.tick) == 1
    assert users.possible_agents == [f"user_{i}" for i in range(5)]


def test_a_view_is_the_phase_loop():
    """Users who do what their policy would do live exactly as in a rollout."""
    env = make(focal="user")
    stage, policy = env.stage, toy.Picker()
    players = {**stage.policies, "user": policy}
    run = start(stage.world, players, stage.population, seed=4, worlds=1)
    env.reset(seed=4)
    for _ in range(6):
        draw = env.run.draw().scope("act/user")
        actions, _ = policy.act(stage.see(env.run, "user"), None, draw)
        _, rewards, *_ = env.step({"user": actions["tag"][0]})
        run, step = advance(stage.world, players, run)
        assert [rewards[f"user_{i}"] for i in range(5)] == step.rewards["user"][0].tolist()
        run, _ = advance(stage.world, players, run)
        for a, b in zip(tree.tensors(env.run.state), tree.tensors(run.state), strict=True):
            assert torch.equal(a, b)


def test_arrays_and_dicts_are_the_same_actions():
    a, b = make(), make()
    a.reset(seed=1)
    b.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(4):
        tags, moves = rng.integers(0, 3, 5), rng.uniform(-1, 1, (2, 2)).astype(np.float32)
        close = rng.integers(0, 2, 2)
        by_agent = {f"user_{i}": tags[i] for i in range(5)}
        by_agent |= {f"assistant_{i}": {"move": moves[i], "close": close[i]} for i in range(2)}
        one = a.step(by_agent)
        two = b.step({"user": torch.from_numpy(tags), "assistant": {"move": moves, "close": close}})
        assert one[1] == two[1]
        for agent in a.agents:
            for name, value in one[0][agent].items():
                np.testing.assert_array_equal(value, two[0][agent][name])


def test_the_order_of_a_dict_of_actions_does_not_matter():
    a, b = make(focal="user"), make(focal="user")
    a.reset(seed=1)
    b.reset(seed=1)
    actions = {f"user_{i}": i % 3 for i in range(5)}
    assert a.step(actions)[1] == b.step(dict(reversed(actions.items())))[1]


def test_observations_stay_valid_and_are_the_callers_own():
    env = make(focal="assistant")
    observation, _ = env.reset(seed=2)
    kept = observation["assistant_0"]["asked"].copy()
    state = tree.tree_map(lambda tensor: tensor.clone(), env.run.state)
    observation["assistant_1"]["asked"][:] = 9
    for a, b in zip(tree.tensors(state), tree.tensors(env.run.state), strict=True):
        assert torch.equal(a, b)
    later, *_ = env.step({"assistant": {"move": np.ones((2, 2)), "close": np.zeros(2, np.int64)}})
    env.step({"assistant": {"move": -np.ones((2, 2)), "close": np.zeros(2, np.int64)}})
    np.testing.assert_array_equal(observation["assistant_0"]["asked"], kept)
    twin = make(focal="assistant")
    twin.reset(seed=2)
    read_at_once = twin.step({"assistant": {"move": np.ones((2, 2)), "close": np.zeros(2, np.int64)}})[0].copy()
    # An observation that is read two steps late is what it was.
    np.testing.assert_array_equal(later["assistant_0"]["asked"], read_at_once["assistant_0"]["asked"])


def test_acts_restricts_the_action_to_some_fields():
    env = make(focal="assistant", acts={"assistant": ["move"]})
    assert env.action_space("assistant_0").shape == (2,)
    env.reset(seed=0)
    env.step({agent: np.ones(2, np.float32) for agent in env.agents})
    assert torch.equal(env.run.state.position, torch.ones(1, 2, 2))  # `close` was forfeited: False
    with pytest.raises(UnknownName, match="'move'"):
        make(focal="assistant", acts={"assistant": ["mvoe"]})


def test_private_fields_are_not_shown():
    assert "value" not in make(focal="user").observation_space("user_0").spaces


# ---------------------------------------------------------------------- seeds and episodes


def test_reset_without_a_seed_goes_on_to_the_next_episode_of_the_same_people():
    a, b = make(), make()
    people = a.reset(seed=3) and a.run.people.values
    b.reset(seed=3)
    first = a.run.state.values
    a.step({agent: a.action_space(agent).sample() for agent in a.agents})  # in mid-tick
    a.reset()
    b.reset()
    assert int(a.run.episode) == 1
    assert torch.equal(a.run.people.values, people)
    assert torch.equal(a.run.state.values, b.run.state.values)
    assert not torch.equal(a.run.state.values, first)


def test_the_option_world_names_the_world():
    env = make()
    env.reset(seed=3, options={"world": 7, "unknown": 1})
    assert env.run.worlds.tolist() == [7]
    batch = env.stage.start(3, torch.arange(9))
    assert torch.equal(batch.state.values[7], env.run.state.values[0])


def test_a_run_can_be_saved_and_gone_on_with(tmp_path):
    env, other = make(), make()
    env.reset(seed=3)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    env.step(actions)
    env.run.save(tmp_path / "run.pt")
    other.reset(seed=8)
    other.run = Run.load(tmp_path / "run.pt")
    assert env.step(actions)[1] == other.step(actions)[1]


# ---------------------------------------------------------------------- ends


def test_the_horizon_truncates_and_the_end_terminates():
    env = make(focal="user", max_cycles=3)
    env.reset(seed=0)
    for cycle in range(1, 4):
        _, _, ended, cut, _ = env.step(dict.fromkeys(env.agents, 0))
        assert not any(ended.values())
        assert all(cut.values()) == (cycle == 3)
    assert env.agents == []
    assert env.step({}) == ({}, {}, {}, {}, {})
    env = make(focal="user", max_cycles=None, options={"patience": 1})  # ends at once
    env.reset(seed=0)
    _, _, ended, cut, _ = env.step(dict.fromkeys(env.agents, 0))
    assert all(ended.values())
    assert not any(cut.values())
    assert env.agents == []


def test_who_leaves_is_terminated_and_does_not_return():
    env = make(focal="user", users=30, options={"leaving": 0.4, "returning": 0.9}, max_cycles=10)
    env.reset(seed=0)
    gone, came_back = set(), False
    while env.agents:
        before = set(env.agents)
        observation, _, ended, _, _ = env.step(dict.fromkeys(env.agents, 1))
        left = {agent for agent in before if ended[agent]}
        assert set(observation) == before
        assert not gone & set(env.agents)
        gone |= left
        here = env.run.state.here[0]
        came_back |= any(here[int(agent.split("_")[1])] for agent in gone - left)
    assert gone
    assert came_back  # seats were taken again, by people who are no agents


def test_who_waits_stays_an_agent_and_is_told():
    env = make(focal="user", options={"leaving": 0.5, "returning": 0.5}, absent="wait", max_cycles=6)
    env.reset(seed=0)
    told = []
    while env.agents:
        assert len(env.agents) == 5
        *_, infos = env.step(dict.fromkeys(env.agents, 1))
        told += [infos[f"user_{i}"]["present"] == int(env.run.state.here[0, i]) for i in range(5)]
    assert all(told)


# ---------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("focal", "actions", "match"),
    [
        ("user", {"user_3": 3}, r"user_3's 'tag' is .*3.*from 0 to 2 \(bread, milk, salt\)"),
        ("user", {"user_1": -1}, r"user_1's 'tag' is .*-1"),
        ("user", {"user_2": 0.5}, r"user_2's 'tag' is 0.5"),
        ("user", {"user_2": None}, "user_2"),
        ("user", {"user_2": "milk"}, "user_2"),
        ("assistant", {"assistant_1": {"move": [0.0, 1.5], "close": 0}}, r"assistant_1's 'move'.*from -1 to 1"),
        ("assistant", {"assistant_1": {"move": [0.0, np.nan], "close": 0}}, "assistant_1's 'move'"),
        ("assistant", {"assistant_1": {"move": [0.0], "close": 0}}, "assistant_1's 'move'"),
        ("assistant", {"assistant_1": {"move": [0.0, 0.0], "close": 2}}, "assistant_1's 'close' is 2; expected 0 or 1"),
        ("assistant", {"assistant_1": {"move": [0.0, 0.0]}}, "assistant_1's action lacks 'close'"),
        ("assistant", {"assistant_1": 3}, "dict of fields"),
        ("user", {"user": np.zeros(4, np.int64)}, r"shape \(4,\); expected \(5,\)"),
        ("user", {"user": np.zeros(5)}, "float64"),
        ("user", {"user": np.array([0, 0, 0, 0, 7])}, "user_4's 'tag' is .*7"),
    ],
)
def test_an_illegal_action_names_agent_field_value_and_range(focal, actions, match):
    env = make(focal=focal)
    env.reset(seed=0)
    whole = {agent: {"move": [0.0, 0.0], "close": 0} if focal == "assistant" else 0 for agent in env.agents}
    with pytest.raises(ActionError, match=match):
        env.step(actions if focal in actions else whole | actions)


def test_a_missing_action_is_named():
    env = make(focal="user")
    env.reset(seed=0)
    with pytest.raises(ActionError, match=r"no action for user_4.*'usr_4' is no agent"):
        env.step({"user_0": 0, "user_1": 0, "user_2": 0, "user_3": 0, "usr_4": 0})


def test_what_the_mask_forbids_is_forfeited_and_counted():
    env = make(focal="user", options={"forbid": True})
    observation, _ = env.reset(seed=0)
    last = env.run.state.last[0].tolist()
    assert [observation[f"user_{i}"]["action_mask"].tolist() for i in range(5)] == [
        [int(tag != mine) for tag in range(3)] for mine in last
    ]
    actions = {f"user_{i}": (last[i] if i == 2 else (last[i] + 1) % 3) for i in range(5)}
    *_, infos = env.step(actions)
    assert [infos[f"user_{i}"]["invalid"] for i in range(5)] == [0, 0, 1, 0, 0]
    assert float(env.measures["invalid/user"]) == pytest.approx(1 / 5)
    assert int(env.run.state.last[0, 2]) == 0  # the forfeit


def test_mistakes_in_building_are_explained():
    for arguments, match in [
        ({"focal": "usr"}, "did you mean 'user'"),
        ({"focal": ()}, "no focal role"),
        ({"options": {"patiense": 1}}, "patiense"),
        ({"render_mode": "rgb"}, "rgb_array"),
        ({"policies": {"usr": toy.Picker()}}, "did you mean 'user'"),
        ({"focal": "user", "policies": {"assistant": "nobody:Here"}}, "nobody"),
    ]:
        with pytest.raises(PopulaceError, match=match):
            make(**arguments)
    with pytest.raises(PopulaceError, match="before reset"):
        _ = make().run


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"max_cycles": 0}, "max_cycles.* is 0; expected a whole number from 1"),
        ({"max_cycles": -1}, "max_cycles.* is -1"),
        ({"max_cycles": 2.5}, "max_cycles.* is 2.5"),
        ({"users": "x"}, "users is 'x'; expected a whole number from 1"),
        ({"users": 0}, "users is 0"),
        ({"users": True}, "users is True"),
        ({"seed": -1}, "seed is -1; expected a whole number from 0"),
        ({"options": 3}, "Toy takes a mapping of options or ToyOptions, got 3"),
        ({"policies": {"assistant": toy.Still()}}, "names 'assistant', but you play it"),
        ({"focal": "user", "policies": {"user": toy.Picker()}}, "names 'user', but you play it"),
        ({"absent": "wiat"}, "did you mean 'wait'"),
        ({"acts": {"assistnt": ["move"]}}, "did you mean 'assistant'"),
    ],
)
def test_nonsense_in_building_is_refused(arguments, match):
    with pytest.raises(PopulaceError, match=match):
        make(**arguments)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"seed": -1}, "seed is -1; expected a whole number from 0"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"seed": 2**63}, "below 2.63"),
        ({"options": {"world": -3}}, "'world' is -3"),
        ({"options": {"wrld": 3}}, "'wrld'; did you mean 'world'"),
        ({"options": 3}, "options of reset are 3"),
    ],
)
def test_nonsense_in_a_reset_is_refused_and_changes_nothing(arguments, match):
    env, twin = make(), make()
    for fresh in (env, twin):
        fresh.reset(seed=3)
    with pytest.raises(PopulaceError, match=match):
        env.reset(**arguments)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    assert env.step(actions)[1] == twin.step(actions)[1]


def test_seeds_may_be_numbers_of_numpy_and_other_options_pass():
    a, b = make(), make()
    a.reset(seed=np.int64(3), options={"world": np.int32(2), "somebody else's": 1})
    b.reset(seed=3, options={"world": 2})
    assert torch.equal(a.run.state.values, b.run.state.values)


def test_a_step_needs_a_reset_and_a_dict():
    env = make(focal="user")
    with pytest.raises(PopulaceError, match=r"call reset\(\) first"):
        env.step({})
    env.reset(seed=0)
    with pytest.raises(ActionError, match=r"actions are None; expected a dict by agent \('user_0'\)"):
        env.step(None)
    with pytest.raises(ActionError, match="no action for user_0"):
        env.step({})


# ---------------------------------------------------------------------- infos, state, pictures


def test_infos_are_numbers_with_the_same_keys_throughout():
    env = make(options={"forbid": True})
    _, infos = env.reset(seed=0)
    keys = {agent: set(info) for agent, info in infos.items()}
    for _ in range(3):
        *_, infos = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        assert {agent: set(info) for agent, info in infos.items()} == keys
        assert all(np.ndim(v) == 0 and isinstance(v, int) for info in infos.values() for v in info.values())


def test_state_is_in_its_space():
    env = make()
    space = env.state_space
    env.reset(seed=0)
    assert space.contains(env.state())
    assert env.state_space is space


def test_ansi_says_where_things_stand():
    env = make(render_mode="ansi")
    env.reset(seed=0)
    env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    text = env.render()
    assert "tick 0" in text
    assert "phase advise" in text
    assert "assistant_0: asked [" in text
    assert make().render() is None


# ---------------------------------------------------------------------- tensors


def test_a_batch_of_tensors_is_the_same_world():
    batch = views.world(toy.Toy, worlds=3, users=5, focal="user")
    env = make(focal="user")
    batch.reset(seed=5)
    env.reset(seed=5, options={"world": 2})
    for _ in range(3):
        tags = torch.randint(0, 3, (3, 5), generator=torch.Generator().manual_seed(1))
        turn = batch.step({"user": {"tag": tags}})
        _, rewards, *_ = env.step({"user": tags[2]})
        assert turn.rewards["user"][2].tolist() == list(rewards.values())
        assert turn.observations["user"]["offer"].shape == (3, 5, 2)
    assert not turn.ended.any()


def test_a_batch_of_tensors_begins_anew_by_itself():
    batch = views.world(toy.Toy, worlds=16, users=3, focal="user", options={"patience": 2}, at_end="autoreset")
    batch.reset(seed=0)
    for _ in range(6):
        turn = batch.step({"user": {"tag": torch.zeros(16, 3, dtype=torch.int64)}})
        assert not turn.ended.any()  # who ended has already begun anew
    assert (batch.run.episode > 0).any()


def test_mistakes_in_a_batch_of_tensors_are_explained():
    for arguments, match in [
        ({"worlds": 0}, "worlds is 0"),
        ({"at_end": "reset"}, "did you mean 'autoreset'"),
        ({"learn_every": 0}, "learn_every is 0"),
        ({"policies": {"user": toy.Picker()}}, "names 'user', but you play it"),
    ]:
        with pytest.raises(PopulaceError, match=match):
            views.world(toy.Toy, **{"users": 3, "focal": "user", **arguments})
    batch = views.world(toy.Toy, worlds=2, users=3, focal="user")
    with pytest.raises(PopulaceError, match=r"call reset\(\) first"):
        batch.step({})
    for arguments, match in [
        ({"seed": -1}, "seed is -1"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"ids": torch.tensor([1])}, "1 ids for 2"),
        ({"ids": [1, -2]}, "number 1 of the ids is -2"),
    ]:
        with pytest.raises(PopulaceError, match=match):
            batch.reset(**arguments)
    batch.reset(seed=0)
    with pytest.raises(ActionError, match="no actions for 'user', whose turn it is in phase 'answer': give tag"):
        batch.step({})
    with pytest.raises(ActionError, match="actions are None"):
        batch.step(None)
    with pytest.raises(ActionError, match="expected a dict of tag"):
        batch.step({"user": torch.zeros(2, 3, dtype=torch.int64)})
    with pytest.raises(UnknownName, match="focal role 'usr'; did you mean 'user'"):
        batch.step({"usr": {}})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_views_work_on_a_gpu():
    env = make(device="cuda", options={"forbid": True, "leaving": 0.2})
    env.reset(seed=0)
    for _ in range(4):
        observation, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        assert all(env.observation_space(agent).contains(observation[agent]) for agent in env.agents)
    batch = views.vector_env(toy.Toy, num_envs=3, users=4, options={"patience": 2}, max_cycles=4, device="cuda")
    batch.reset(seed=0)
    for _ in range(6):
        assert batch.observation_space.contains(batch.step(batch.action_space.sample())[0])
