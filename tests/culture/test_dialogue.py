"""The text face: what is asked, what is read, and what cannot be."""

import pytest
import torch
from culture_stage import stage

from populace.dialogue import ReplyKind
from populace.measures import recorded
from populace.run import advance, see, start

NAMES = {"cultures": ["north", "south", "north-east"], "questions": 3, "options": 4}


def _at(phase, **more):
    world, policies, population = stage(people=5, survey=NAMES, asked=2, **more)
    run = start(world, policies, population, seed=0, worlds=2)
    while world.phases[run.phase] != phase or (more.get("rounds") and int(run.state.round[0]) == 0):
        run, _ = advance(world, policies, run)
    role = world.acting[phase][0]
    observation = see(world, run, role)
    talk = world.dialogue()
    return world, policies, run, observation, talk, talk.say(observation)


def test_agents_are_asked_as_members_of_their_culture():
    *_, observation, _, chats = _at("answer")
    assert len(chats) == 2 * 3
    assert [chat.seat for chat in chats[:3]] == [0, 1, 2]
    system, user = (text for _, text in chats[1].messages)
    assert "the people of south" in system
    assert "1. Question" in user
    assert "4 = option 4" in user
    assert "Speakers of other cultures" not in user
    assert observation["others"].eq(-1).all()


def test_agents_see_the_others_in_a_round_of_exposure():
    *_, observation, _, chats = _at("answer", rounds=2)
    user = chats[0].messages[1][1]
    answer = int(observation["others"][0, 0, 1, 0]) + 1
    assert f"south: 1: {answer}" in user
    assert "\nnorth: " not in user  # its own is not among the others


def test_options_are_turned_with_the_order_shown():
    _, _, run, observation, talk, _ = _at("answer")
    observation["descending"] = torch.ones_like(observation["descending"])
    assert "1 = option 4; 2 = option 3" in talk.say(observation)[0].messages[1][1]


def test_replies_of_agents():
    *_, observation, talk, chats = _at("answer")
    replies = ["1: 2\n2: 4", "Question 1: option 3\nQ2 - (1)", "1. 1 because\n2) 4", "1: 1\n2: 5", "1: 2", "no idea"]
    actions, kinds = talk.hear(observation, chats, replies)
    assert actions["answers"][0].tolist() == [[1, 3], [2, 0], [0, 3]]
    assert kinds.tolist() == [[0, 0, 0], [ReplyKind.UNREADABLE, ReplyKind.CUT_OFF, ReplyKind.UNREADABLE]]
    assert actions["answers"][1].eq(0).all()  # forfeits


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("", ReplyKind.UNREADABLE),
        ("I cannot answer on behalf of a culture.", ReplyKind.REFUSED),
        ("As an AI I have no culture", ReplyKind.REFUSED),
        ("1: 2\n1: 3\n2: 1", ReplyKind.UNREADABLE),
        ("1: 2\n2: 0", ReplyKind.UNREADABLE),
        ("1: 2\n2: " + "9" * 5000, ReplyKind.UNREADABLE),
        ("1: 2\n2: 1\n3: 1", ReplyKind.UNREADABLE),
        ("1: two\n2: one", ReplyKind.UNREADABLE),
        ("1: 2\n2:", ReplyKind.CUT_OFF),
    ],
)
def test_malformed_replies_are_counted_by_kind(reply, kind):
    world, policies, run, observation, talk, chats = _at("answer")
    actions, kinds = talk.hear(observation, chats, [reply] * len(chats))
    assert kinds.eq(int(kind)).all()
    after, step = advance(world, policies, run, {"agent": {**actions, "kind": kinds}})
    assert recorded(after.counts)["invalid", "agent", ""].tolist() == [1.0, 1.0]


def test_references_are_names_of_cultures():
    *_, observation, talk, chats = _at("merge")
    assert "north-east: 1: " in chats[0].messages[1][1]
    reply = "1: 2\nIn the North (+) and the south; NORTH again.\n2: 3\nNorth-East (+), not northern."
    actions, kinds = talk.hear(observation, chats, [reply, "1: 1\n2: 1"])
    assert kinds.eq(0).all()
    assert actions["references"][0, 0].tolist() == [[2, 1, 0], [0, 0, 1]]
    assert actions["positive"][0, 0].tolist() == pytest.approx([1 / 3, 1.0])
    assert actions["references"][1].eq(0).all()  # citing nobody is no mistake
    assert actions["answers"][0, 0].tolist() == [1, 2]


def test_people_name_a_layer_and_a_question():
    *_, observation, talk, chats = _at("exchange")
    replies = ["neighbours, 3", "Neighbours,1", "neighbours, 4", "elsewhere, 1", "I won't"] * 2
    actions, kinds = talk.hear(observation, chats, replies)
    assert actions["question"][0].tolist() == [2, 0, 0, 0, 0]
    bad = ReplyKind.UNREADABLE
    assert kinds[1].tolist() == [0, 0, bad, bad, ReplyKind.REFUSED]


def test_scripts_and_words_play_the_same_world():
    """What the scripted agents do, said in words and read back, gives the same state."""
    world, policies, run, observation, talk, chats = _at("answer")
    silent, _ = advance(world, policies, run)
    actions, _ = policies["agent"].act(observation, None, run.draw().scope("act/agent"))
    said = [
        "\n".join(f"{k + 1}: {int(a) + 1}" for k, a in enumerate(actions["answers"][chat.world, chat.seat]))
        for chat in chats
    ]
    heard, kinds = talk.hear(observation, chats, said)
    spoken, _ = advance(world, policies, run, {"agent": {**heard, "kind": kinds}})
    assert spoken.state.said.equal(silent.state.said)
