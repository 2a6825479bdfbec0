"""One seat in N worlds as an environment of chat messages."""

import pickle

import pytest
import torch

import populace
from populace.envs.views import text_env
from populace.errors import PopulaceError, UnknownName
from populace.registry import worlds

SPOKEN = {
    "populace/drift-v0": {"matter": "claims"},
    "populace/payoff-v0": {"matter": "questions"},
    "populace/shopping-v0": {"matter": "products"},
}
NAMES = [name for name in worlds.names() if name.startswith("populace/")]
CASES = [*((name, {}) for name in NAMES), *SPOKEN.items()]


def played(env, replies, turns=3, ids=None):
    """What an environment does: prompts, rewards and infos of some turns."""
    prompts, found = env.reset(ids=ids), []
    for turn in range(turns):
        if all(prompt is None for prompt in prompts):
            break
        step = env.step([replies(i, turn, prompt) for i, prompt in enumerate(prompts)])
        found.append((prompts, step))
        prompts = step.prompts
    return found


def first_option(i, turn, prompt):
    return "" if prompt is None else (prompt.lead + prompt.options[0]) if prompt.options else f"reply {turn}"


@pytest.mark.parametrize(("world", "options"), CASES, ids=lambda case: str(case))
def test_every_seat_of_every_world_is_asked_in_words(world, options):
    made = worlds.get(world)
    for role in populace.build(world, options=options or None, users=4).world.cast.values():
        if not (role.phases and role.does):
            continue
        try:
            env = text_env(world, role.name, num_envs=2, users=4, options=options or None, max_turns=3)
        except PopulaceError as error:
            assert "no words of its own" in str(error), made  # noqa: PT017 - a world without a text face
            continue
        turns = played(env, first_option)
        assert turns, role.name
        prompts = [prompt for asked, _ in turns for prompt in asked if prompt is not None]
        assert prompts, role.name
        for prompt in prompts:
            assert {message["role"] for message in prompt.messages} <= {"system", "user", "assistant"}
            assert [message["role"] for message in prompt.messages].count("system") <= 1
            assert all(isinstance(message["content"], str) and message["content"] for message in prompt.messages)
        assert turns[-1][1].truncated == [True, True] or all(turns[-1][1].done)


@pytest.mark.parametrize("world", SPOKEN)
def test_a_world_is_the_same_alone_among_others_and_twice(world):
    def make(count):
        return text_env(world, "assistant", num_envs=count, users=2, options=SPOKEN[world], max_turns=3, seed=7)

    many = played(make(4), first_option, ids=[3, 9, 3, 5])
    alone = played(make(1), first_option, ids=[9])
    assert len(many) == len(alone) == 3
    for (asked, step), (asked_alone, step_alone) in zip(many, alone, strict=True):
        assert asked[1] == asked_alone[0]
        assert step.rewards[1] == step_alone.rewards[0]
        assert str(step.infos[1]) == str(step_alone.infos[0])  # as text, since NaN is not equal to itself
        assert asked[0] == asked[2], "equal ids are equal environments"
        assert step.rewards[0] == step.rewards[2]
        assert asked[0] != asked[3]


def test_replies_to_one_prompt_differ_by_the_replies_alone():
    env = text_env("populace/drift-v0", "assistant", num_envs=3, users=2, max_turns=2)
    prompts = env.reset(ids=[4, 4, 4])
    assert prompts[0] == prompts[1] == prompts[2]
    options = prompts[0].options
    step = env.step([f"{prompts[0].lead}{options[0]}", f"{prompts[0].lead}{options[1]}", "nothing of the kind"])
    assert [info["kind"] for info in step.infos] == ["ok", "ok", "unreadable"]
    assert step.infos[0]["codes"]["act"] != step.infos[1]["codes"]["act"]


def test_only_the_seat_asked_is_put_into_words(monkeypatch):
    env = text_env("populace/drift-v0", "assistant", 1, num_envs=2, users=5, max_turns=2)
    asked = []
    say = type(env.face).say
    monkeypatch.setattr(type(env.face), "say", lambda self, seen: asked.append(seen.present) or say(self, seen))
    env.reset()
    assert torch.equal(asked[0].nonzero(), torch.tensor([[0, 1], [1, 1]]))


def test_the_words_of_the_caller_are_heard_and_kept():
    env = text_env("populace/payoff-v0", "assistant", num_envs=1, users=1, options={"matter": "questions"}, max_turns=2)
    env.reset()
    env.step(["<response>It is seven, I believe.</response>"])
    assert any("seven, I believe" in text for text in env.run.words.texts.values())


def test_a_scenario_is_an_environment_too():
    env = populace.text_env("talk-drift", role="assistant", num_envs=2, max_turns=1, sets=["population.size=4"])
    prompts = env.reset()
    assert all(prompt is not None and prompt.messages[-1]["role"] == "user" for prompt in prompts)
    step = env.step(["That is not so."] * 2)
    assert step.truncated == [True, True]
    assert step.prompts == [None, None]
    with pytest.raises(UnknownName, match="unknown arm 'nobody'"):
        populace.text_env("talk-drift", arm="nobody")
    with pytest.raises(PopulaceError, match="has the seats 0 to"):
        populace.text_env("talk-drift", seat=10_000)


def test_a_plain_world_has_the_words_of_its_fields():
    env = populace.text_env(
        {"schema": 1, "name": "t", "world": {"id": "populace/lockin-v0"}, "worlds": 1, "horizon": 2,
         "population": {"size": 3}, "arms": {"one": {}}}
    )  # fmt: skip
    assert env.reset()[0].messages


def test_mistakes_are_told():
    env = text_env("populace/drift-v0", "assistant", num_envs=2, users=2, max_turns=1)
    with pytest.raises(PopulaceError, match="call reset"):
        env.step(["a", "b"])
    env.reset()
    with pytest.raises(PopulaceError, match="1 replies for 2 environments"):
        env.step(["a"])
    env.step(["a", "b"])
    with pytest.raises(PopulaceError, match="the episodes are over"):
        env.step(["a", "b"])
    with pytest.raises(PopulaceError):
        env.reset(ids=[1])
    with pytest.raises(UnknownName):
        text_env("populace/drift-v0", "nobody")


def test_it_can_be_pickled_at_any_time():
    env = text_env("populace/drift-v0", "assistant", num_envs=2, users=2, max_turns=3)
    prompts = env.reset()
    twin = pickle.loads(pickle.dumps(env))
    replies = [first_option(0, 0, prompt) for prompt in prompts]
    assert env.step(replies).rewards == twin.step(replies).rewards
