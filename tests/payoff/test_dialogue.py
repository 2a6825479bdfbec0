"""The four-tag form with scripted replies, malformed ones among them."""

import json

import pytest
import torch

from populace.dialogue import ReplyKind
from populace.envs.payoff import Payoff, types
from populace.envs.payoff.dialogue import FourTags, act_of, read_ask, read_payoff, read_reply
from populace.envs.payoff.options import PayoffOptions
from populace.measures import recorded
from populace.registry import policies
from populace.run import advance, see, start

GAME = {
    f"{ask}_{act}": {"LLM": 1.0 + i, "user": 2.5 + i}
    for i, (ask, act) in enumerate((a, b) for a in ("DQ", "VQ") for b in ("DA", "CQ", "AQ"))
}


def reply(response="Paris.", payoff=None, thinking="Easy.", analyze="DQ_DA.", before="", after=""):
    payoff = json.dumps(GAME) if payoff is None else payoff
    return (
        f"{before}<thinking>{thinking}</thinking>\n<payoff>{payoff}</payoff>\n<analyze>{analyze}</analyze>\n"
        f"<response>{response}</response>{after}"
    )


def test_a_good_reply_is_read_whole():
    text = reply("Do you mean the city or the myth?")
    found, kind = read_reply(text)
    assert kind == ReplyKind.OK
    assert found["act"] == 1
    assert found["words"] == 8
    assert found["reasoning"] == text.index("<response>")
    assert found["stated"][1, 2].tolist() == [7.5, 6.0]  # (user, assistant) of VQ_AQ


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Paris.", ReplyKind.UNREADABLE),
        ("", ReplyKind.UNREADABLE),
        ("I'm sorry, I can't help with that.", ReplyKind.REFUSED),
        (reply(before="Sure! "), ReplyKind.UNREADABLE),
        (reply(after=" Bye"), ReplyKind.UNREADABLE),
        (reply()[:60], ReplyKind.CUT_OFF),
        (reply(response=" "), ReplyKind.UNREADABLE),
        (reply(payoff="{}"), ReplyKind.UNREADABLE),
        (reply(payoff="not a game"), ReplyKind.UNREADABLE),
        (reply(payoff=json.dumps({**GAME, "DQ_XX": {"LLM": 1, "user": 1}})), ReplyKind.UNREADABLE),
        (reply(payoff=json.dumps({**GAME, "DQ_DA": {"LLM": "1", "user": 1}})), ReplyKind.UNREADABLE),
        (reply(payoff=json.dumps({**GAME, "DQ_DA": {"LLM": True, "user": 1}})), ReplyKind.UNREADABLE),
        (reply(payoff=json.dumps({**GAME, "DQ_DA": {"LLM": float("nan"), "user": 1}})), ReplyKind.UNREADABLE),
        (reply(payoff=json.dumps({**GAME, "DQ_DA": {"LLM": 1}})), ReplyKind.UNREADABLE),
        (reply(payoff="[" * 5000), ReplyKind.UNREADABLE),
        (reply(payoff=json.dumps({**GAME, "DQ_DA": {"LLM": 10**400, "user": 1}})), ReplyKind.UNREADABLE),
        (reply(payoff="{[]: 1}"), ReplyKind.UNREADABLE),
    ],
)
def test_malformed_replies_are_counted_by_kind(text, kind):
    assert read_reply(text) == ({}, kind)


def test_curly_and_single_quotes_are_repaired():
    assert read_payoff(json.dumps(GAME).replace('"', "'")) is not None
    assert read_payoff(json.dumps(GAME).replace('"', "\u201c", 1)) is not None


def test_what_a_response_does():
    assert act_of("It is Paris.") == 0
    assert act_of("Which one do you mean?") == 1
    assert act_of("It is Paris. Do you also want a map?") == 2
    assert act_of("I can't help with that.") == 0  # where refusing is no act
    assert act_of("I can't help with that.", safe=True) == 4
    assert act_of("I can't, but here is a safer alternative.", safe=True) == 3


def test_a_response_that_only_refuses_is_no_answer_where_refusing_is_no_act():
    only, more = "I'm sorry. I can't help with that.", "I can't answer that. The capital is Paris."
    assert read_reply(reply(only)) == ({}, ReplyKind.REFUSED)
    assert read_reply(reply(more))[0]["act"] == 0
    assert read_reply(reply(only), safe=True)[0]["act"] == 4


def test_users_say_one_word():
    assert read_ask("Clear.") == ({"act": 0}, ReplyKind.OK)
    assert read_ask("I would END here") == ({"act": 2}, ReplyKind.OK)
    assert read_ask("clear or vague") == ({}, ReplyKind.UNREADABLE)
    for negated in ("not clear", "I won't be vague", "I don\u2019t want to end", "never vague"):
        assert read_ask(negated) == ({}, ReplyKind.UNREADABLE)
    assert read_ask("No. Clear!") == ({"act": 0}, ReplyKind.OK)
    assert read_ask("hm") == ({}, ReplyKind.UNREADABLE)


def test_a_world_played_in_words_counts_what_it_cannot_read():
    options = PayoffOptions(stated=True, turns=1, pricing={"policy": "per_call"}, harm={"share": 0.5})
    population = types.TypedUsers(3)
    world = Payoff(options, population.census)
    players = {role: policies.get(name, within="payoff")() for role, name in Payoff.defaults.items()}
    run = start(world, players, population, seed=0, worlds=2)
    face = world.dialogue()
    assert isinstance(face, FourTags)
    seen = see(world, run, world.role("user"))
    chats = face.say(seen)
    assert [(c.world, c.seat) for c in chats] == [(w, s) for w in range(2) for s in range(3)]
    assert "You pay 0.5 points for each message." in chats[0].messages[0][1]
    actions, kinds = face.hear(seen, chats, ["clear", "vague", "end", "what?", "clear", "clear"])
    assert actions["act"].tolist() == [[0, 1, 2], [1, 0, 0]]
    assert kinds.tolist() == [[0, 0, 0], [1, 0, 0]]
    run, _ = advance(world, players, run, {"user": {**actions, "kind": kinds}})
    seen = see(world, run, world.role("assistant"))
    chats = face.say(seen)
    assert len(chats) == 5  # one user ended
    assert "would harm other people" in chats[0].messages[0][1]
    assert "truth" not in seen
    replies = [reply(), reply("Which one?"), "I'm sorry, no.", reply()[:50], "Paris"]
    actions, kinds = face.hear(seen, chats, replies)
    assert kinds.flatten().tolist() == [0, 0, 0, 2, 3, 1]
    assert actions["words"].flatten().tolist() == [1, 2, 0, 0, 0, 0]
    assert actions["stated"][0, 0, 0, 0].tolist() == [2.5, 1.0]
    after, step = advance(world, players, run, {"assistant": {**actions, "kind": kinds}})
    assert torch.allclose(recorded(after.counts)["invalid", "assistant", ""], torch.tensor([0.0, 1.0]))
    assert (step.rewards["user"][1] <= 0).all()  # nothing readable, nothing gained
