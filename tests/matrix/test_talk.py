"""The matrix world in words: the game is told, and a sentence may be said before the move."""

import pytest
import torch

from populace.agents.llm.backends.base import Reply
from populace.agents.llm.backends.fakes import _Fake
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.dialogue import ReplyKind
from populace.envs.matrix import Matrix, MatrixOptions
from populace.population import PlainPopulation
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.testing import check_world
from populace.words import Reader

STAG = {"game": "stag_hunt", "labels": ("stag", "hare"), "matching": "pairs"}


class Player(_Fake):
    """Promises a stag, and hunts what it was promised."""

    voice, greedy = "player", True

    def say(self, ask):
        if ask.options:
            return Reply.of(
                ask, "Choice: stag" if 'other player said: "I choose stag."' in ask.messages[-1][1] else "?"
            )
        return Reply.of(ask, "I choose stag.")


class Plays(TextPolicy):
    def open(self):
        return Player()


def play(ticks, player=None, users=8, **options):
    world = Matrix(MatrixOptions.model_validate({**STAG, **options}), PlainPopulation(users, ()).census)
    players = {"player": player or policies.get("logit", within="matrix")()}
    run = start(world, players, PlainPopulation(users, ()), seed=3, worlds=2)
    keep = Keep()
    return world, players, rollout(world, players, run, ticks, keep, check=True), keep


def test_the_game_is_told_as_scripts_see_it():
    """Every field that a script sees changes the text."""
    world, _, run, _ = play(1, models=True)
    seen = see(world, run, world.role("player"))
    fields = {f.name: f for f in world.role("player").sees}
    before = world.dialogue().say(seen)[0]
    for name, value in seen.items():
        changed = value + 1
        if fields[name].labels:
            changed = changed % (len(fields[name].labels) - 1)
        other = type(seen)({**seen, name: changed}, seen.role, seen.phase, seen.present, seen.dialogue, seen.reader)
        assert world.dialogue().say(other)[0] != before, name
    system, user = before.messages[0][1], before.messages[1][1]
    mine = seen["mine"][0, 0]
    assert f"If you choose stag and the other chooses hare, you get {mine[0, 1]:.3g}" in system
    assert "see the game" not in system + user
    assert before.options == ("stag", "hare")


@pytest.mark.parametrize(
    ("reply", "act"), [("Choice: hare", 1), ("I choose the stag.\nChoice: stag", 0), ("stag or hare", None)]
)
def test_choices_are_read(reply, act):
    world, _, run, _ = play(0)
    seen = see(world, run, world.role("player"))
    chats = world.dialogue().say(seen)
    actions, kinds = world.dialogue().hear(seen, chats, [reply] * len(chats))
    if act is None:
        assert (kinds == int(ReplyKind.UNREADABLE)).all()
    else:
        assert (actions["act"] == act).all()


def test_scripts_play_the_same_with_words_and_without():
    without, words = (play(5, talk=talk)[3].series for talk in (False, True))
    assert set(words) == {*without, "promised", "kept"}
    for name, values in without.items():
        assert torch.equal(torch.stack(values).nan_to_num(-9.0), torch.stack(words[name]).nan_to_num(-9.0)), name
    assert float(torch.stack(words["promised"]).sum()) == 0  # scripts say what they did, and promise nothing


def test_a_sentence_reaches_the_other_before_the_move():
    world, players, run, _ = play(0, player=Plays(Plays.Options()), talk=True)
    run, said = advance(world, players, run)
    assert {Reader(run.words, world.lexicon).read(i) for i in said.said["player"].text.flatten().tolist()} == {
        "I choose stag."
    }
    run, step = advance(world, players, run)
    assert (run.state.act == 0).all()
    assert (step.measures["promised"] == 1).all()
    assert (step.measures["kept"] == 1).all()
    promise = world.dialogue().promise
    assert [promise(t) for t in ("I take the hare", "stag, not hare", "I will not take the hare", "Hello")] == [
        2,
        0,
        0,
        0,
    ]


def test_worlds_that_talk_keep_the_contract():
    check_world(Matrix, options=MatrixOptions.model_validate({**STAG, "talk": True}))
    with pytest.raises(ValueError, match="talk: a sentence needs one listener"):
        MatrixOptions(talk=True)


@pytest.mark.parametrize("face", ["world", "fields"])
def test_models_play_on_whatever_they_say(face):
    talker = policies.get("llm/random")
    play(2, player=talker(talker.Options(face=face)), talk=True)
    play(
        2,
        player=talker(talker.Options(face=face)),
        users=6,
        game=None,
        payoffs=[[[[1, 2, 3]] * 2] * 2] * 2,
        labels=None,
    )
