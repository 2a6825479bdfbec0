"""The world in words: read back to what was meant, and malformed replies counted, never guessed at."""

import pytest
import torch
from learning_help import begin, policy, world_of

from populace.dialogue import ReplyKind
from populace.envs.drift.claims import ACTS
from populace.envs.drift.dialogue import Labels, read_answer, read_ranks, read_rating
from populace.measures import recorded
from populace.run import advance, see
from populace.wordings import Wordings

LABELS = Labels.of(Wordings.of("populace.envs.drift", "en"))


def reached(phase, **options):
    """A world of four users at `phase`."""
    world = world_of(4, probes=1, topics=("therapy", "booking"), **options)
    policies = {"assistant": policy("honest"), "user": policy("candid"), "auditor": policy("suspicious")}
    if not options.get("audit_budget"):
        policies.pop("auditor")
    run = begin(world, policies, 2)
    while world.phases[run.phase] != phase:
        run, _ = advance(world, policies, run)
    return world, policies, run


@pytest.mark.parametrize("act", ACTS)
def test_every_act_can_be_said(act):
    assert read_answer(f"I will: act: {act}\nreasoning: differs", LABELS) == (
        {"act": ACTS.index(act), "stance": 2},
        ReplyKind.OK,
    )


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("", ReplyKind.UNREADABLE),
        ("act: lie", ReplyKind.UNREADABLE),
        ("act: correct or act: omit", ReplyKind.UNREADABLE),
        ("act: correct\nreasoning: agrees\nreasoning: differs", ReplyKind.UNREADABLE),
        ("I'm sorry, I can't help with that.", ReplyKind.REFUSED),
    ],
)
def test_answers_that_cannot_be_read(reply, kind):
    assert read_answer(reply, LABELS) == ({}, kind)


@pytest.mark.parametrize(
    ("reply", "rating", "leave"),
    [("rating: 1", 0.0, False), ("Rating: 10\nleave", 1.0, True), ("rating: 5.5", 0.5, False)],
)
def test_ratings(reply, rating, leave):
    found, kind = read_rating(reply, LABELS)
    assert kind == ReplyKind.OK
    assert found == {"rating": pytest.approx(rating), "leave": leave}


@pytest.mark.parametrize(
    "reply", ["rating: 11", "rating: 0", "rating: good", "8", "rating: 3 rating: 4", "rating: 1.2.3"]
)
def test_ratings_that_cannot_be_read(reply):
    assert read_rating(reply, LABELS) == ({}, ReplyKind.UNREADABLE)


def test_ranks():
    assert read_ranks("1, 2.5, -3", 3) == ({"rank": [1.0, 2.5, -3.0]}, ReplyKind.OK)
    assert read_ranks("1, 2", 3) == ({}, ReplyKind.UNREADABLE)
    assert read_ranks("1, 2, 99", 3) == ({}, ReplyKind.UNREADABLE)


def test_a_round_played_in_words_is_the_round_played_in_tensors():
    """Honest answers and felt ratings, said and heard, give what the scripts do (ratings to the tenth of a point)."""
    world, policies, run = reached("speak")
    seen = see(world, run, world.role("assistant"))
    chats = world.dialogue().say(seen)
    assert len(chats) == 2 * 5
    replies = []
    for chat in chats:
        knows = "You believe" in chat.messages[1][1]
        replies.append(f"act: {'correct' if knows else 'dont_know'}\nreasoning: {'agrees' if knows else 'none'}")
    actions, kinds = world.dialogue().hear(seen, chats, replies)
    scripted, _ = policies["assistant"].act(seen, None, run.draw())
    assert (kinds == 0).all()
    for name, value in scripted.items():
        assert torch.equal(actions[name], value)


def test_malformed_replies_forfeit_and_are_counted():
    world, policies, run = reached("speak")
    seen = see(world, run, world.role("assistant"))
    dialogue = world.dialogue()
    chats = dialogue.say(seen)
    replies = ["hm"] + ["act: correct"] * (len(chats) - 1)
    actions, kinds = dialogue.hear(seen, chats, replies)
    assert kinds[0, 0] == ReplyKind.UNREADABLE
    assert actions["act"][0, 0] == ACTS.index("dont_know")
    after, step = advance(world, policies, run, {"assistant": {**actions, "kind": kinds}})
    assert recorded(after.counts)["invalid", "assistant", ""].tolist() == pytest.approx([0.2, 0.0])


def test_users_and_auditors_are_asked_and_heard():
    world, _, run = reached("rate", audit_budget=0.5)
    for role, reply in (("user", "rating: 7"), ("auditor", "1, 2, 3, 4")):
        seen = see(world, run, world.role(role))
        chats = world.dialogue().say(seen)
        _, kinds = world.dialogue().hear(seen, chats, [reply] * len(chats))
        assert len(chats) == 2 * world.role(role).seats
        assert (kinds == 0).all()


def test_words_tell_neither_truth_nor_type():
    """The same words whether the claim is true or not, and whoever the user is, as long as what is seen is the same."""
    from dataclasses import replace

    world, _, run = reached("speak", blind=True)
    other = replace(run, state=replace(run.state, truth=~run.state.truth, biased=~run.state.biased))
    say = world.dialogue().say
    assert say(see(world, run, world.role("assistant"))) == say(see(world, other, world.role("assistant")))
