"""One table of replies against every face of every world: nothing is guessed, and nothing that is clear is missed."""

import json
import random
import time
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reply_faces import FACES, asked
from reply_table import (
    CUT_OFF,
    FORMS,
    LABELS,
    NUMBERS,
    REFUSED,
    UNCLEAR,
    VALUES,
    WHOLES,
    WRITTEN_APART,
    YES_NO,
)

from populace import registry
from populace.dialogue import ReplyKind

LINES = ("label", "yes", "number", "list")
TABLES = {
    "label": (LABELS,),
    "yes": (YES_NO,),
    "number": (NUMBERS,),
    "list": (),
    "one number": (NUMBERS,),
    "json": (),
    "tags": (),
    "free": (),
}


@pytest.fixture(autouse=True)
def _no_fit(monkeypatch):
    """What positions an assistant's answers stand for is another matter, and takes its time."""
    monkeypatch.setattr("populace.envs.coevolution.dialogue.STEPS", 1)


named = partial(pytest.mark.parametrize("face", FACES, ids=[face.name for face in FACES]))


def rows(face):
    """(reply, reading) of all rows that a face can be asked."""
    a, b, (A, B) = face.a, face.b, map(face.whole, (face.a, face.b))
    for table in (VALUES, *TABLES[face.kind]):
        for reading, texts in table.items():
            if face.kind == "free" or (face.kind == "tags" and reading != REFUSED):
                continue
            if reading == "a" and face.kind not in LINES:
                continue  # a value of JSON is that value and nothing else
            for text in texts:
                value = text.format(a=a, b=b)
                if face.kind == "json":
                    value = json.dumps(value)[1:-1]
                yield face.whole(value), reading
    for table in (WHOLES, FORMS if face.kind in LINES else WRITTEN_APART if face.kind != "free" else {}):
        for reading, texts in table.items():
            for text in texts:
                yield text.format(A=A, B=B), reading


def test_the_table_is_long_and_every_world_is_in_it():
    tables = (VALUES, NUMBERS, YES_NO, LABELS, WHOLES, FORMS, WRITTEN_APART)
    texts = {text for table in tables for texts in table.values() for text in texts}
    assert len(texts) >= 250
    worlds = {
        name.removeprefix("populace/").rsplit("-v", 1)[0] for name in registry.worlds.names() if "populace/" in name
    }
    assert {face.world for face in FACES} == worlds


@named()
def test_plain_replies_are_read_as_what_they_say(face):
    for value, act in zip((face.a, face.b), face.acts, strict=True):
        assert face.hear(face.whole(value)) == (pytest.approx(act), ReplyKind.OK)


@named()
def test_every_row_is_read_as_it_should_be(face):
    forfeit = face.hear("hm")[0]
    wrong = []
    for reply, reading in rows(face):
        found, kind = face.hear(reply)
        if reading == "a":
            right = kind == ReplyKind.OK and found == pytest.approx(face.acts[0])
        elif reading == UNCLEAR:
            right = kind != ReplyKind.OK and found == forfeit
        else:
            right = kind == {REFUSED: ReplyKind.REFUSED, CUT_OFF: ReplyKind.CUT_OFF}[reading] and found == forfeit
        if not right:
            wrong.append((reply[-120:], reading, kind.name, found))
    assert not wrong, f"{len(wrong)}: {wrong}"


@named()
def test_the_prompt_itself_is_no_reply(face):
    for _, text in asked(face.world, face.role, face.phase, face.face, face.options)[2].messages:
        assert face.kind == "free" or face.hear(text)[1] != ReplyKind.OK


def long_ones(face):
    """Replies of 20,000 characters that a careless pattern would chew on for minutes."""
    whole = face.whole(face.a)
    parts = [whole, f"{whole}\n", "<thinking></thinking>", "I can't ", "as an ai ", "act: omit ", "mean: 1 ", "1: "]
    parts += ["1,", "1 or ", "not ", "no ", "leave: ", "choice:", "compare: yes", "<think>", "</think>", "- ", '{"a":']
    parts += ["a", "9", "<", "(", "[", "*", "_", "\n", " "]
    return [(part * (20_000 // len(part) + 1))[:20_000] for part in parts]


def seconds(face, reply):
    start = time.process_time()
    face.hear(reply)
    return time.process_time() - start


@named()
def test_long_replies_are_read_at_once(face):
    face.hear("hm")
    for reply in long_ones(face):
        for text in (f"{reply}x", f"{face.whole(face.a)} {reply}"):
            # The least of a few tries: other processes slow one down, too.
            assert any(seconds(face, text) < 0.1 for _ in range(5)), (text[:60], len(text))


@named()
@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_junk_breaks_a_reader(face, data):
    junk = data.draw(st.text(max_size=200))
    kinds = {face.hear(text)[1] for text in (junk, face.whole(junk), face.whole(face.a) + junk)}
    assert kinds <= set(ReplyKind)


@named()
def test_mangled_replies_break_no_reader(face):
    luck = random.Random(0)
    whole = face.whole(face.a)
    for _ in range(100):
        letters = list(whole)
        for _ in range(luck.randint(1, 5)):
            letters[luck.randrange(len(letters))] = luck.choice(["", "\n", "<", "1", " ", ":", "\u00bd", whole[:9]])
        assert face.hear("".join(letters))[1] in ReplyKind
