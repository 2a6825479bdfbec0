"""Every world's text face: every role can be asked, labels alone are readable, no failure stops a run."""

import pytest
import torch

from populace import registry
from populace.agents.llm.policies import Malformed, MalformedOptions
from populace.dialogue import ReplyKind
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.testing.tools import made

WORLDS = ("coevolution", "lockin", "shopping", "payoff", "drift", "culture")
KINDS = [kind.name.lower() for kind in ReplyKind if kind]


def cast(name):
    stage, people = made(f"populace/{name}-v0", None, 4, None)
    players = {role: policies.get(stage.defaults.get(role, "random"), within=name)() for role in stage.cast}
    return stage, people, players


SEATS = [(name, role.name) for name in WORLDS for role in cast(name)[0].cast.values() if role.phases and role.does]


@pytest.mark.parametrize(("name", "role"), SEATS)
def test_broken_replies_on_any_seat_are_data(name, role):
    stage, people, players = cast(name)
    players[role] = Malformed(MalformedOptions(share=1.0))
    keep = Keep()
    rollout(stage, players, start(stage, players, people, seed=0, worlds=2), 2, keep, check=True)
    invalid = keep.series["invalid", role, ""][-1]
    assert torch.equal(invalid, torch.ones(2))
    assert torch.allclose(sum(keep.series[kind, role, ""][-1] for kind in KINDS), invalid)


@pytest.mark.parametrize(("name", "role"), SEATS)
def test_chats_are_whole_and_each_label_alone_is_readable(name, role):
    stage, people, players = cast(name)
    run, own, asked = start(stage, players, people, seed=0, worlds=2), stage.role(role), 0
    for _ in range(2 * len(stage.phases)):
        if stage.phases[run.phase] in own.phases:
            observation = see(stage, run, own)
            dialogue = observation.dialogue()
            chats = dialogue.say(observation)
            asked += len(chats)
            assert len({(chat.world, chat.seat) for chat in chats}) == len(chats)
            for chat in chats:
                assert chat.messages[-1][0] == "user"
                assert all(text.strip() for _, text in chat.messages)
                assert all(who in ("system", "user") for who, _ in chat.messages)
            some = [chat for chat in chats if chat.options]
            for k in range(max((len(chat.options) for chat in some), default=0)):
                said = [chat.options[k % len(chat.options)] for chat in some]
                _, kinds = dialogue.hear(observation, some, said)
                assert all(kinds[chat.world, chat.seat] == 0 for chat in some), said
        run, _ = advance(stage, players, run)
    assert asked > 0


def test_every_world_has_words_of_its_own():
    for id_ in registry.worlds.names():
        if id_.startswith("populace/"):
            stage, _ = made(id_, None, 4, None)
            assert stage.dialogue() is not None, id_
            assert id_.removeprefix("populace/").rsplit("-v", 1)[0] in (*WORLDS, "matrix", "agency")
