"""The agency world in words: every game is told with its numbers, and offers may be explained."""

import pytest
import torch

from populace.agents.llm.backends.base import Reply
from populace.agents.llm.backends.fakes import _Fake
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.envs.agency import Agency, AgencyOptions
from populace.envs.agency.games import GAMES
from populace.envs.agency.terms import ACT, ANSWER, OFFER
from populace.population import PlainPopulation
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.testing import check_world
from populace.words import Reader


class Worker(_Fake):
    """Repeats the explanation it was given, and works one hour."""

    voice, greedy = "worker", True

    def say(self, ask):
        last = ask.messages[-1][1]
        if "What do you offer" in last:
            return Reply.of(ask, "Half of it is yours.\nOffer: 0.5, 0.1")
        return Reply.of(ask, f"{last.split(chr(34))[1]} Thanks.\nNumber: 1")


class Works(TextPolicy):
    def open(self):
        return Worker()


def play(ticks, players=None, pairs=6, **options):
    world = Agency(AgencyOptions.model_validate(options), PlainPopulation(pairs, ("taste",)).census)
    players = players or {role: policies.get("equilibrium", within="agency")() for role in ("customer", "assistant")}
    run = start(world, players, PlainPopulation(pairs, ("taste",)), seed=3, worlds=2)
    keep = Keep()
    return world, players, rollout(world, players, run, ticks, keep, check=True), keep


@pytest.mark.parametrize("game", sorted(GAMES))
@pytest.mark.parametrize("talk", [False, True])
def test_what_a_script_would_write_is_read_back(game, talk):
    world, players, run, _ = play(0, game=game, talk=talk)
    for phase, table in (("offer", OFFER), ("act", ACT), ("respond", ANSWER)):
        (role,) = world.acting[phase]
        seen, dialogue = see(world, run, role), world.dialogue()
        exact = see(world, run, role, privileged=True)
        acts, _ = players[role.name].act(exact, None, run.draw().scope("x"))
        chats = dialogue.say(seen)
        assert len(chats) == (12 if game in table else 0)
        actions, kinds = dialogue.hear(seen, chats, dialogue.write(seen, chats, acts))
        assert (kinds == 0).all()
        if chats:
            name = table[game].field
            assert torch.allclose(actions[name], acts[name], atol=1e-3)
            assert "see the game" not in "".join(text for _, text in chats[0].messages)
        run, _ = advance(world, players, run)


@pytest.mark.parametrize("game", sorted(GAMES))
def test_a_seat_is_told_its_numbers(game):
    """What a script in the seat uses changes the text: its type, the terms, what it heard, the market's signal."""
    used = {
        "offer": {"lemons": ("signal",)},
        "act": {
            "contract": ("terms",),
            "cheap-talk": ("type",),
            "delegation-cap": ("type", "terms"),
            "lemons": ("type", "terms"),
            "signalling": ("type",),
            "screening": ("type", "terms"),
            "audit": ("terms",),
        },
        "respond": {"cheap-talk": ("heard",), "signalling": ("heard",)},
    }
    world, players, run, _ = play(0, game=game)
    for phase in world.phases:
        (role,) = world.acting[phase]
        seen = see(world, run, role)
        for name in used[phase].get(game, ()):
            changed = 1.0 - seen[name]
            other = type(seen)({**seen, name: changed}, seen.role, seen.phase, seen.present, seen.dialogue, seen.reader)
            assert world.dialogue().say(other) != world.dialogue().say(seen), name
        run, _ = advance(world, players, run)


def test_the_rules_hold_the_numbers_of_the_options():
    """By hand: with c = 2 effort 1 costs c/2 = 1 point and 2 costs 2 c = 4; risk 3 and variance 4 cost 3 x 4 / 2 =
    6."""
    world, _, run, _ = play(0, game="contract", cost=2.0, risk_aversion=3.0, noise=4.0)
    text = world.dialogue().say(see(world, run, world.role("customer")))[0].messages[0][1]
    assert "0.25 points for e = 0.5, 1 for e = 1 and 4 for e = 2" in text
    assert "lose 6 points" in text
    assert "takes away about 2 of them." in text


def test_scripts_play_the_same_with_words_and_without():
    for game in ("contract", "cheap-talk", "audit"):
        without, words = (play(4, game=game, talk=talk)[3].series for talk in (False, True))
        assert set(words) == set(without)
        for name, values in without.items():
            assert torch.equal(torch.stack(values).nan_to_num(-9.0), torch.stack(words[name]).nan_to_num(-9.0)), name


def test_an_offer_is_explained_and_answered():
    works = {role: Works(Works.Options()) for role in ("customer", "assistant")}
    world, players, run, _ = play(0, works, game="contract", talk=True)
    run, _ = advance(world, players, run)
    run, step = advance(world, players, run)
    read = Reader(run.words, world.lexicon).read
    assert torch.allclose(run.state.terms[..., :2], torch.tensor([0.5, 0.1]))
    assert {read(i) for i in run.state.explanation.flatten().tolist()} == {"Half of it is yours."}
    assert {read(i) for i in step.said["assistant"].text.flatten().tolist()} == {"Half of it is yours. Thanks."}
    assert (run.state.move == 1).all()
    assert (see(world, run, world.role("customer"))["words"] == run.state.words).all()
    advance(world, players, run)


@pytest.mark.parametrize("game", ["contract", "screening", "reputation"])
def test_worlds_that_talk_keep_the_contract(game):
    check_world(Agency, options=AgencyOptions(game=game, talk=True))


@pytest.mark.parametrize("face", ["world", "fields"])
def test_models_play_on_whatever_they_say(face):
    kind = policies.get("llm/random")
    for game in ("contract", "signalling", "reputation"):
        talkers = {role: kind(kind.Options(face=face)) for role in ("customer", "assistant")}
        play(2, talkers, game=game, talk=True)
