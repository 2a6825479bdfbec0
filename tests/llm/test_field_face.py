"""The face of fields: every role of every world can be asked by label, number or JSON schema, and is read strictly."""

import json

import jsonschema
import pytest
import torch

from populace import registry
from populace.agents.llm.backends.fakes import fitting
from populace.agents.llm.policies import RandomTalker
from populace.agents.llm.seats.field_face import FieldsDialogue, schema_of
from populace.agents.llm.seats.options import SeatOptions
from populace.dialogue import Chat, ReplyKind
from populace.fields import Field, Role
from populace.observation import Observation
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.testing.tools import AnyLegal, made, same

WORLDS = [name for name in registry.worlds.names() if name.startswith("populace/")]


def staged(name):
    stage, people = made(name, None, 4, None)
    short = name.removeprefix("populace/").rsplit("-v", 1)[0]
    players = {role: registry.policies.get(stage.defaults.get(role, "random"), within=short)() for role in stage.cast}
    return stage, people, players


SEATS = [(name, role.name) for name in WORLDS for role in staged(name)[0].cast.values() if role.phases and role.does]


@pytest.mark.parametrize(("name", "role"), SEATS)
def test_legal_acts_come_back_as_they_were_written(name, role):
    stage, people, players = staged(name)
    run, own, face = start(stage, players, people, seed=0, worlds=2), stage.role(role), FieldsDialogue()
    for _ in range(2 * len(stage.phases)):
        if stage.phases[run.phase] in own.phases:
            observation = see(stage, run, own)
            chats = face.say(observation)
            acts, _ = AnyLegal().act(observation, None, run.draw().scope("any"))
            replies = face.write(observation, chats, acts)
            heard, kinds = face.hear(observation, chats, replies)
            assert not kinds.any()
            # What only words can tell is not among the fields, and is at its default.
            fields = {f.name for f in own.does if not f.optional}
            assert same({n: v for n, v in heard.items() if n in fields}, {n: acts[n] for n in heard if n in fields})
            for chat, reply in zip(chats, replies, strict=True):
                assert bool(chat.options) != bool(chat.schema)
                if chat.options:
                    assert reply in chat.options
                else:
                    jsonschema.validate(json.loads(reply), json.loads(chat.schema))
        run, _ = advance(stage, players, run)


@pytest.mark.parametrize(("name", "role"), SEATS)
def test_models_play_any_role_of_any_world_by_its_fields(name, role):
    stage, people, players = staged(name)
    players[role] = RandomTalker(SeatOptions(face="fields"))
    keep = Keep()
    rollout(stage, players, start(stage, players, people, seed=0, worlds=2), 2, keep, check=True)
    invalid, unreadable = keep.series["invalid", role, ""][-1], keep.series["unreadable", role, ""][-1]
    assert torch.equal(invalid, unreadable)
    # Only masks of several choices at once say more than a schema can, and a fake does not look at them.
    masked = any(f.masked and f.shape for f in stage.role(role).does)
    assert masked or not invalid.any()


ACT = Field(name="act", kind="choice", labels=("stay", "go", "end"), masked=True, about="What to do.")
NUMBER = Field(name="rate", kind="real", low=0, high=1, about="How much.")
COUNT = Field(name="words", kind="count", shape=(2,), low=0, high=9, about="How many.")
FLAG = Field(name="loud", kind="flag", about="Whether.")


def heard(does, reply, mask=(True, True, False)):
    role = Role(name="user", seats=1, sees=(), does=does, phases=("act",))
    seen = {"tick": torch.zeros(1, 1, dtype=torch.int64), "act_mask": torch.tensor(mask).view(1, 1, 3)}
    observation, face = Observation(seen, role, "act"), FieldsDialogue()
    (chat,) = face.say(observation)
    actions, kinds = face.hear(observation, [chat], [reply])
    return chat, {name: value[0, 0].tolist() for name, value in actions.items()}, ReplyKind(int(kinds[0, 0]))


def test_one_choice_is_asked_by_its_legal_labels():
    chat, acted, kind = heard((ACT,), " Go. ")
    assert (chat.options, chat.schema, acted, kind) == (("stay", "go"), "", {"act": 1}, ReplyKind.OK)
    assert heard((ACT,), "end")[2] == ReplyKind.UNREADABLE
    assert heard((ACT,), "I'm sorry, I can't do that.")[2] == ReplyKind.REFUSED


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("0.25", 0),
        ("```json\n0.25\n```", 0),
        ("1.5", 1),
        ("NaN", 1),
        ("true", 1),
        ('"0.25"', 1),
        ("a quarter", 1),
        ("9" * 5000, 1),
    ],
)
def test_one_number_is_asked_as_a_number(reply, kind):
    chat, acted, told = heard((NUMBER,), reply)
    assert json.loads(chat.schema) == {"type": "number", "minimum": 0, "maximum": 1}
    assert told == kind
    assert acted == {"rate": 0.25 if kind == 0 else 0.0}


WHOLE = '{"act": "go", "rate": 1, "words": [3, 4.0], "loud": true}'


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (WHOLE, ReplyKind.OK),
        (WHOLE.replace("true", '"yes"'), ReplyKind.OK),
        (WHOLE.replace("go", "end"), ReplyKind.UNREADABLE),
        (WHOLE.replace("go", "fly"), ReplyKind.UNREADABLE),
        (WHOLE.replace("[3, 4.0]", "[3]"), ReplyKind.UNREADABLE),
        (WHOLE.replace("4.0", "4.5"), ReplyKind.UNREADABLE),
        (WHOLE.replace(', "loud": true', ""), ReplyKind.UNREADABLE),
        (WHOLE[:-1] + ', "more": 1}', ReplyKind.UNREADABLE),
        (WHOLE[:20], ReplyKind.CUT_OFF),
        (WHOLE[:-1], ReplyKind.CUT_OFF),
        ("[" * 100_000, ReplyKind.UNREADABLE),
        ("Sorry, no.", ReplyKind.REFUSED),
        ("", ReplyKind.UNREADABLE),
    ],
)
def test_several_fields_are_one_object(reply, kind):
    chat, acted, told = heard((ACT, NUMBER, COUNT, FLAG), reply)
    assert told == kind
    if kind == ReplyKind.OK:
        assert acted == {"act": 1, "rate": 1.0, "words": [3, 4], "loud": True}
    else:
        assert acted == {"act": 0, "rate": 0.0, "words": [0, 0], "loud": False}
    schema = json.loads(chat.schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["act"]["enum"] == ["stay", "go"]


def test_random_json_fits_its_schema():
    schema = schema_of((ACT, NUMBER, COUNT, FLAG))
    for seed in range(50):
        uniforms = iter(torch.rand(10, generator=torch.Generator().manual_seed(seed)).tolist())
        jsonschema.validate(fitting(schema, uniforms), schema)


def test_no_private_field_is_told():
    for name, role in SEATS:
        stage, people, players = staged(name)
        run, own = start(stage, players, people, seed=0, worlds=1), stage.role(role)
        if stage.phases[0] in own.phases:
            chats = FieldsDialogue().say(see(stage, run, own))
            assert isinstance(chats[0], Chat)
            told = chats[0].messages[-1][1]
            assert not [f.name for f in own.sees if f.private and f"- {f.about.rstrip('.')}" in told]


PLACE = Field(name="place", kind="count", low=0, high=2, names=("first", "second", "third"), about="Which.")


def test_places_in_a_list_are_called_by_their_names():
    """The number 1 is the second: a reader of words is never told to count from 0."""
    chat, acted, kind = heard((PLACE,), "second")
    assert (chat.options, acted, kind) == (("first", "second", "third"), {"place": 1}, ReplyKind.OK)
    assert heard((PLACE,), "1")[2] == ReplyKind.UNREADABLE
    assert heard((PLACE, FLAG), '{"place": "third", "loud": false}')[1] == {"place": 2, "loud": False}
    assert PLACE.render(torch.tensor(0)) == "first"
    assert PLACE.render(torch.tensor(-1)) == "none"


def test_what_is_seen_is_called_as_what_is_done():
    """A recommendation of product 2 is seen as `product 2`, and the last option of a question by its number."""
    stage, people = made("populace/shopping-v0", {"phases": ["message", "decide"]}, 4, None)
    shown = {f.name: f for f in stage.role("customer").sees}
    (buy,) = (f for f in stage.role("customer").does if f.name == "buy")
    for place in range(len(buy.labels)):
        assert shown["recommended"].render(torch.tensor(place)) == buy.labels[place]
    stage, people = made("populace/culture-v0", None, 4, None)
    agent, labels = stage.role("agent"), stage.role("agent").does[0].labels
    (others,) = (f for f in agent.sees if f.name == "others")
    said = others.render(torch.full(others.shape, len(labels) - 1))
    assert set(said.strip("[]").replace("[", "").replace("]", "").split(", ")) == {labels[-1]}
    person = stage.role("person")
    (question,) = (f for f in person.does if f.name == "question")
    assert question.names[0] == "1"
