"""Demonstrations: whole chats of scripts that play as they always do, replies that are read back into their acts."""

import json
import re

import jsonschema
import pytest
import torch

from populace.agents.llm.backends.base import Ask
from populace.agents.llm.backends.local import Local
from populace.agents.llm.backends.pocket import PocketOptions, folder, of
from populace.agents.llm.seats.demonstrations import demonstrate, save
from populace.errors import PopulaceError, UnknownName
from populace.registry import policies
from populace.run import advance, see, start
from populace.testing.tools import made

WORLDS = ("coevolution", "lockin", "shopping", "payoff", "drift", "culture")


def cast(name, users=4, options=None):
    stage, people = made(f"populace/{name}-v0", options, users, None)
    players = {role: policies.get(stage.defaults.get(role, "random"), within=name)() for role in stage.cast}
    return stage, people, players


@pytest.mark.parametrize("name", WORLDS)
def test_every_seat_that_acts_is_told_of_as_in_a_plain_run(name):
    stage, people, players = cast(name)
    told = list(demonstrate(stage, players, people, seed=3, worlds=2, ticks=2))
    run, expected = start(stage, players, people, seed=3, worlds=2), []
    for _ in range(2 * len(stage.phases)):
        phase = stage.phases[run.phase]
        for role in stage.acting[phase]:
            observation = see(stage, run, role)
            if stage.ends:
                observation = observation.only(~run.done.unsqueeze(-1).expand(-1, role.seats))
            shown = observation.present
            expected += [
                (role.name, phase, chat.messages)
                for chat in observation.dialogue().say(observation)
                if shown is None or shown[chat.world, chat.seat]
            ]
        run, _ = advance(stage, players, run)
    assert [(one.role, one.phase, one.messages) for one in told] == expected
    assert all(one.reply.strip() and one.world_id == stage.id for one in told)


def test_replies_are_the_acts():
    stage, people, players = cast("payoff")
    told = list(demonstrate(stage, players, people, seed=0, worlds=1, ticks=1, roles=["user"]))
    run = start(stage, players, people, seed=0, worlds=1)
    observation = see(stage, run, stage.role("user"))
    acts, _ = players["user"].act(observation, run.memory["user"], run.draw().scope("act/user"))
    dialogue = observation.dialogue()
    chats = dialogue.say(observation)
    heard, kinds = dialogue.hear(observation, chats, [one.reply for one in told])
    assert {one.role for one in told} == {"user"}
    assert not kinds.any()
    assert torch.equal(heard["act"], acts["act"])


def test_invalid_acts_and_empty_seats_are_left_out():
    stage, people, players = cast("drift", 8)
    players["assistant"] = policies.get("llm/malformed")()
    told = list(demonstrate(stage, players, people, seed=0, worlds=1, ticks=1))
    assert {one.role for one in told} == {"user"}
    assert len(told) == 8


def test_worlds_that_have_ended_are_silent():
    stage, people, players = cast("payoff", 2, {"questions": {"number": 1}, "turns": 1})
    first = list(demonstrate(stage, players, people, seed=0, worlds=1, ticks=1))
    assert list(demonstrate(stage, players, people, seed=0, worlds=1, ticks=5)) == first


def test_lines_are_chats(tmp_path):
    stage, people, players = cast("lockin")
    told = list(demonstrate(stage, players, people, seed=0, worlds=1, ticks=2))
    assert save(tmp_path / "talk.jsonl", told) == len(told) == 2
    for line, one in zip((tmp_path / "talk.jsonl").read_text().splitlines(), told, strict=True):
        read = json.loads(line)
        assert [(m["role"], m["content"]) for m in read["messages"]] == [*one.messages, ("assistant", one.reply)]
        assert (read["world"], read["role"], read["phase"]) == ("populace/lockin-v0", "assistant", "advise")


@pytest.mark.parametrize("face", ["world", "fields"])
@pytest.mark.parametrize("name", [*WORLDS, "agency", "matrix"])
def test_what_is_told_is_what_a_model_is_scored_on_or_held_to(name, face):
    """Replies to choices are the options behind their lead; others match the form, or the schema."""
    stage, people, players = cast(name)
    local = Local(of(PocketOptions(device="cpu"), folder()).model_copy(update={"lead": True}))
    told = list(demonstrate(stage, players, people, seed=3, worlds=1, ticks=1, face=face))
    assert told
    for one in told:
        said = one.played()
        if one.options:
            ask = Ask(one.messages, one.options, lead=one.lead)
            ((choice, _, labels),) = local.grouped([ask])
            assert said in choice.replies
            assert len(labels) == len(one.options)
        elif one.form:
            assert re.fullmatch(one.form, said), (one.form, said)
        elif one.schema:
            jsonschema.validate(json.loads(said), json.loads(one.schema))


def test_pocket_s_choices_are_scored_without_a_lead(tmp_path):
    stage, people, players = cast("drift")
    told = list(demonstrate(stage, players, people, seed=0, worlds=1, ticks=1, roles=["assistant"]))
    save(tmp_path / "talk.jsonl", told, lead=False)
    said = {json.loads(line)["messages"][-1]["content"] for line in (tmp_path / "talk.jsonl").open()}
    assert said <= set(told[0].options)


def test_a_world_without_words_of_its_own_is_told_by_its_fields():
    game, group, moves = cast("matrix")
    by_fields = list(demonstrate(game, moves, group, seed=0, worlds=1, ticks=1, face="fields"))
    game.dialogue = lambda: None
    assert list(demonstrate(game, moves, group, seed=0, worlds=1, ticks=1)) == by_fields


def test_what_cannot_be_told_is_said():
    stage, people, players = cast("payoff")
    with pytest.raises(UnknownName, match="nobody"):
        list(demonstrate(stage, players, people, seed=0, worlds=1, ticks=1, roles=["nobody"]))
    game, group, moves = cast("matrix")
    game.dialogue = lambda: object()  # words that cannot be written
    with pytest.raises(PopulaceError, match="cannot put the acts"):
        list(demonstrate(game, moves, group, seed=0, worlds=1, ticks=1))
