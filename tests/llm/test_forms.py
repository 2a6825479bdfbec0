"""Forms: what matches one is always readable; local models are held to it, and their own chances decide within it."""

import re

import pytest
import regex
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from test_writes import STAGES
from tiny_model import save

from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.decoding.forms import Guide
from populace.dialogue import ReplyKind
from populace.registry import policies
from populace.run import advance, see, start
from populace.testing.tools import made


def asked(name, options, users):
    """(observation, chats) of every role and phase that has forms."""
    stage, people = made(f"populace/{name}-v0", options, users, None)
    players = {role: policies.get(stage.defaults.get(role, "random"), within=name)() for role in stage.cast}
    run = start(stage, players, people, seed=3, worlds=1)
    for _ in stage.phases:
        for role in stage.acting[stage.phases[run.phase]]:
            observation = see(stage, run, role)
            chats = [chat for chat in observation.dialogue().say(observation) if chat.form]
            if chats:
                yield observation, chats
        run, _ = advance(stage, players, run)


STAGED = {(name, str(options)): list(asked(name, options, users)) for name, options, users in STAGES}


@pytest.mark.parametrize(("name", "options"), [stage[:2] for stage in STAGES])
@given(data=st.data())
@settings(max_examples=5, deadline=None, phases=[Phase.generate])
def test_what_matches_a_form_is_readable(name, options, data):
    for observation, chats in STAGED[name, str(options)]:
        said = [data.draw(st.from_regex(re.compile(chats[0].form), fullmatch=True))]
        kinds = observation.dialogue().hear(observation, chats[:1], said)[1]
        assert int(kinds[chats[0].world, chats[0].seat]) == ReplyKind.OK, said


def test_every_seat_that_writes_has_a_form_or_labels():
    for name, options, users in STAGES:
        stage, people = made(f"populace/{name}-v0", options, users, None)
        players = {role: policies.get(stage.defaults.get(role, "random"), within=name)() for role in stage.cast}
        run = start(stage, players, people, seed=3, worlds=1)
        for role in stage.acting[stage.phases[0]]:
            observation = see(stage, run, role)
            assert all(chat.form or chat.options for chat in observation.dialogue().say(observation))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"))


FORM = r"1: (yes|no)\n2: (\d|[1-9]\d|100)%( [^\n<]{1,5})?"


@pytest.mark.parametrize("temperature", [0.0, 1.0, 5.0])
def test_a_model_of_random_weights_keeps_to_a_form(folder, temperature):
    backend = Local(LocalOptions(model=str(folder), device="cpu", temperature=temperature, max_reply=60))
    given_ = [Ask((("user", f"say {i}"),), (), 7919 * i, form=FORM) for i in range(20)]
    replies = ask_all(backend, given_)
    assert all(regex.fullmatch(FORM, reply.text) for reply in replies), [reply.text for reply in replies]
    assert all(reply.kind == ReplyKind.OK for reply in replies)
    # Each by its own random numbers, whoever else is there; and beside seats that are held to nothing.
    assert [reply.text for reply in replies[:3]] == [ask_all(backend, [ask])[0].text for ask in given_[:3]]
    free = Ask((("user", "say 0"),), (), 1)
    both = ask_all(backend, [given_[0], free])
    assert both[0].text == replies[0].text
    assert both[1].text == ask_all(backend, [free])[0].text
    if temperature:
        assert len({reply.text for reply in replies}) > 10


def test_a_model_that_writes_is_held_to_nothing(folder):
    backend = Local(LocalOptions(model=str(folder), device="cpu", choices="write", max_reply=20))
    (reply,) = ask_all(backend, [Ask((("user", "say"),), (), 5, form=FORM)])
    (same,) = ask_all(backend, [Ask((("user", "say"),), (), 5)])
    assert reply.text == same.text


def test_chances_decide_among_what_fits(folder):
    loaded = Local(LocalOptions(model=str(folder), device="cpu")).loaded
    guide = Guide(loaded.tokenizer, loaded.ends)
    ids = {text: loaded.tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("y", "n", "x")}
    y, n, x = (tokens[-1] for tokens in ids.values())
    likely = [(x, 0.6), (y, 0.3), (n, 0.1)]
    picked = [guide.pick("(yes|no)", "", likely, 300, (k + 0.5) / 1000) for k in range(1000)]
    assert (picked.count(y), picked.count(n), picked.count(x)) == (750, 250, 0)
    assert guide.fits("(yes|no)", "yes", loaded.ends[0])
    assert not guide.fits("(yes|no)", "ye", loaded.ends[0])
    # Where nothing likely fits, the first that does.
    assert guide.added(guide.pick("(yes|no)", "ye", [(x, 1.0)], len(loaded.tokenizer), 0.5)).startswith("s")
