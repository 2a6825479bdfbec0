"""Turns: dicts of the agents that act, and agents that act one after the other."""

from functools import partial

import numpy as np
import pytest
import toy
from pettingzoo.test import api_test, seed_test

from populace.envs import views
from populace.errors import ActionError, PopulaceError
from populace.registry import manifests

WORLDS = manifests.shipped()


def acting(world=toy.Toy, **more):
    return views.parallel_env(world, turns="acting", **{"users": 4, **more})


def choose(env, observation):
    return {agent: env.action_space(agent).sample() for agent in observation}


def test_only_those_whose_turn_it_is_are_in_the_dicts():
    env = acting()
    observation, infos = env.reset(seed=0)
    for step in range(6):
        role = "user" if step % 2 == 0 else "assistant"
        expected = [agent for agent in env.possible_agents if agent.startswith(role)]
        assert list(observation) == list(infos) == env.acting == expected
        assert all(info["acts"] for info in infos.values())
        assert len(env.agents) == 6  # they live on
        observation, rewards, ended, cut, infos = env.step(choose(env, observation))
        assert observation.keys() == rewards.keys() == ended.keys() == cut.keys() == infos.keys()


def test_nothing_that_was_paid_is_lost():
    """What an agent is paid while it is not in the dicts is added to its next reward: the sums are those of `all`."""
    options = {"leaving": 0.1}
    one, other = (
        acting(options=options, max_cycles=11),
        views.parallel_env(toy.Toy, users=4, options=options, max_cycles=11),
    )
    seen, _ = one.reset(seed=2)
    other.reset(seed=2)
    sums, totals = dict.fromkeys(one.possible_agents, 0.0), dict.fromkeys(one.possible_agents, 0.0)
    space = {agent: one.action_space(agent) for agent in one.possible_agents}
    for number, box in enumerate(space.values()):
        box.seed(number)
    while one.agents:
        assert one.agents == other.agents
        actions = {agent: space[agent].sample() for agent in one.agents}
        seen, rewards, *ends, _ = one.step({agent: actions[agent] for agent in one.acting})
        _, all_rewards, *all_ends, _ = other.step(actions)
        for agent, reward in rewards.items():
            sums[agent] += reward
        for agent, reward in all_rewards.items():
            totals[agent] += reward
        for mine, theirs in zip(ends, all_ends, strict=True):
            assert {a for a in mine if mine[a]} == {a for a in theirs if theirs[a]}
    assert sums == pytest.approx(totals)
    assert any(totals.values())


def test_the_end_is_told_to_everybody():
    env = acting(max_cycles=3)
    observation, _ = env.reset(seed=0)
    for _ in range(3):
        observation, _, _, cut, _ = env.step(choose(env, observation))
    assert list(observation) == env.possible_agents
    assert all(cut.values())
    assert env.agents == env.acting == []


def test_a_turn_that_nobody_has_is_passed_over():
    env = acting(focal=("user", "assistant"), options={"leaving": 1.0}, absent="wait", max_cycles=20)
    observation, _ = env.reset(seed=0)
    observation, *_ = env.step(choose(env, observation))  # users answer, and leave when the assistants have advised
    for _ in range(4):
        assert list(observation) == ["assistant_0", "assistant_1"]
        observation, *_ = env.step(choose(env, observation))


def test_who_acts_out_of_turn_is_ignored_and_who_is_missing_is_named():
    env = acting()
    observation, _ = env.reset(seed=0)
    whole = {agent: env.action_space(agent).sample() for agent in env.agents}
    observation, *_ = env.step(whole)
    assert list(observation) == ["assistant_0", "assistant_1"]
    with pytest.raises(ActionError, match="no action for assistant_0"):
        env.step({})
    with pytest.raises(PopulaceError, match="did you mean 'acting'"):
        views.parallel_env(toy.Toy, users=2, turns="actin")


def test_an_absent_agent_that_waits_need_not_act():
    env = views.parallel_env(toy.Toy, users=6, focal="user", options={"leaving": 0.5}, absent="wait")
    _, infos = env.reset(seed=0)
    absent = False
    for _ in range(4):
        *_, infos = env.step({agent: 1 for agent in env.agents if infos[agent]["present"]})
        absent |= not all(info["present"] for info in infos.values())
    assert absent


# ---------------------------------------------------------------------- one after the other


def test_agents_are_asked_only_when_their_role_acts():
    env = views.env(toy.Toy, users=3, max_cycles=4)
    env.reset(seed=0)
    order = []
    for agent in env.agent_iter():
        *_, ended, cut, info = env.last()
        order.append((agent.split("_")[0], ended or cut))
        assert ended or cut or info["acts"]
        env.step(None if ended or cut else env.action_space(agent).sample())
    tick = [("user", False)] * 3 + [("assistant", False)] * 2
    assert order[:20] == 4 * tick
    assert order[20:] == [("user", True)] * 3 + [("assistant", True)] * 2  # a cycle is a tick


def test_nobody_sees_what_another_did_in_the_same_phase():
    env = views.env(toy.Toy, users=3)
    env.reset(seed=0)
    before = {agent: env.observe(agent) for agent in env.agents}
    env.step(1)
    for agent, seen in before.items():
        for name, value in seen.items():
            np.testing.assert_array_equal(env.observe(agent)[name], value)


def test_turns_are_those_of_the_parallel_environment():
    one, other = views.env(toy.Toy, users=4), views.parallel_env(toy.Toy, users=4, turns="acting")
    one.reset(seed=6)
    observation, _ = other.reset(seed=6)
    for _ in range(8):
        actions = choose(other, observation)
        for agent, action in actions.items():
            assert one.agent_selection == agent
            one.step(action)
        observation, rewards, *_ = other.step(actions)
        for agent, reward in rewards.items():
            assert one._cumulative_rewards[agent] == pytest.approx(reward)
            for name, value in observation[agent].items():
                np.testing.assert_array_equal(one.observe(agent)[name], value)


def test_an_illegal_action_is_told_at_once_and_changes_nothing():
    env = views.env(toy.Toy, users=3)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(ActionError, match=r"user_1's 'tag' is .*7"):
        env.step(7)
    assert env.agent_selection == "user_1"
    env.step(1)
    assert env.agent_selection == "user_2"


def test_pettingzoos_converter_is_still_to_be_had():
    env = views.env(toy.Toy, users=2, turns="all")
    env.reset(seed=0)
    order = []
    for agent in env.agent_iter(4):
        order.append(agent)
        env.step(env.action_space(agent).sample())
    assert order == ["user_0", "user_1", "assistant_0", "assistant_1"]  # assistants too, though users have the turn
    assert int(env.unwrapped.run.phase) == 1


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("absent", ["leave", "wait"])
def test_users_who_leave_one_after_the_other(absent):
    make = partial(
        views.env, toy.Toy, users=5, options={"leaving": 0.3, "returning": 0.3}, absent=absent, max_cycles=10
    )
    api_test(make(), num_cycles=20)
    seed_test(make, num_cycles=20)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", WORLDS)
def test_flat_actions_one_after_the_other(name):
    api_test(views.env(name, users=4, flat=True, flat_actions=True, max_cycles=3), num_cycles=6)
