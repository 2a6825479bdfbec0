"""Scripts in words: what they do is written, heard, and is what they did, as far as words can say it."""

from dataclasses import replace

import pytest
import torch

from populace.dialogue import Writes
from populace.envs.coevolution.dialogue import read_answers
from populace.envs.culture.wording import MOST
from populace.envs.payoff.dialogue import act_of
from populace.envs.payoff.wording import response, sentences_of
from populace.envs.shopping.catalogues import open_catalogue
from populace.envs.shopping.dialogue import TinMenDialogue
from populace.envs.shopping.wording import coded
from populace.policy import is_field
from populace.registry import policies
from populace.run import advance, see, start
from populace.scenarios import build, library, load
from populace.testing.tools import AnyLegal, made
from populace.wordings import Wordings

EVERY_PHASE = ["offer", "delegate", "search", "message", "decide", "audit"]
STAGES = [
    ("coevolution", {}, 4),
    ("coevolution", {"assistants": 2, "questionnaire": {"asked": 3, "beta": 9.0}}, 5),
    ("lockin", {}, 4),
    ("lockin", {"assistants": 2, "order": "simultaneous", "sigma": 30.0}, 3),
    ("shopping", {"catalogue": "goods", "phases": EVERY_PHASE}, 4),
    ("shopping", {"catalogue": "tin-men-loyalty", "conditions": ["both", "principal-only", "user-only", "neither"]}, 8),
    ("shopping", {"catalogue": "tin-men-harm", "conditions": ["public", "user-only"]}, 4),
    ("shopping", {"catalogue": "flights", "phases": ["delegate", "message", "decide"]}, 4),
    ("shopping", {"catalogue": "hotels", "order": "shuffled"}, 4),
    ("shopping", {"catalogue": "shelf-of-eight"}, 4),
    ("payoff", {}, 6),
    ("payoff", {"stated": True, "harm": {"share": 0.5, "spotted": 0.5}, "misread": 0.2}, 6),
    ("payoff", {"conflict": 0.9, "questions": {"number": 2}, "pricing": {"policy": "per_token"}}, 6),
    ("drift", {"audit_budget": 0.25, "cue_accuracy": 0.7}, 6),
    ("drift", {"probes": 0, "topics": ["booking", "politics"], "biased_share": 0.5}, 4),
    ("culture", {}, 6),
    (
        "culture",
        {
            "layers": [{"name": "Family"}, {"name": "media, press", "kind": "complete"}],
            "survey": {"cultures": ["latin", "latin-america", "far east"], "options": 3, "questions": 9},
            "rounds": 1,
            "order": "shuffled",
            "asked": 7,
            "references": 5,
        },
        6,
    ),
]


TRUE = torch.tensor(True)


def acting(stage, people, players, ticks, worlds=2):
    """What each role is asked and does, phase by phase; the dialogue is shown no ground truth."""
    run = start(stage, players, people, seed=3, worlds=worlds)
    for _ in range(ticks * len(stage.phases)):
        for role in stage.acting[stage.phases[run.phase]]:
            policy = players[role.name]
            seen = see(stage, run, role, policy.privileged)
            actions, _ = policy.act(seen, run.memory[role.name], run.draw().scope(f"act/{role.name}"))
            yield see(stage, run, role), dict(actions)
        run, _ = advance(stage, players, run)


def check(stage, observation, actions, most=40):
    """Write, hear and compare; returns how many replies."""
    dialogue, kind = observation.dialogue(), actions.pop("kind", None)
    assert isinstance(dialogue, Writes)
    # An act that is marked invalid has no words.
    chats = [c for c in dialogue.say(observation) if kind is None or kind[c.world, c.seat] == 0][:most]
    written = dialogue.write(observation, chats, actions)
    assert written == dialogue.write(observation, chats[::-1], actions)[::-1]
    heard, kinds = dialogue.hear(observation, chats, written)
    assert kinds.count_nonzero() == 0, written
    name = stage.id.removeprefix("populace/").removesuffix("-v0")
    for chat, reply in zip(chats, written, strict=True):
        at = (chat.world, chat.seat)
        own = {field: value[at] for field, value in actions.items() if is_field(field)}
        shown = {field: value[at] for field, value in observation.items()}
        same(name, shown, own, {field: value[at] for field, value in heard.items()}, reply)
    return len(chats)


def same(world, shown, did, heard, reply):
    """Whether one seat's actions are heard as they were done; exceptions are those of words, each with its reason."""
    for field, value in did.items():
        found, case = heard[field], (world, field)
        if case == ("drift", "rating"):  # whole points of ten, and the form ends at 1 and 10
            assert abs(found - value.clamp(0.0, 1.0)) <= 1 / 18 + 1e-6
        elif field in ("rank", "rate", "factor"):  # two decimals
            assert torch.all((found - value).abs() <= 0.00501)
        elif case == ("payoff", "words"):  # what counts is the length of what was written
            said = reply.partition("<response>")[2] or reply  # in the plain form the reply is the response
            assert found == len(said.removesuffix("</response>").split())
        elif case == ("payoff", "reasoning"):  # likewise: what stands before the response
            assert found == max(0, reply.find("<response>"))
        elif case == ("payoff", "stated"):  # one decimal
            assert torch.all((found - value.clamp(-5.0, 5.0)).abs() <= 0.05001)
        elif case == ("coevolution", "position"):  # a position is told by answers alone, in whole percents
            gaps = ((value - shown["centre"]).unsqueeze(-2) * shown["questions"]).sum(-1)
            chance = torch.sigmoid(shown["beta"] * gaps)
            read = read_answers(reply, *chance.shape, percentages=True)
            assert torch.all((torch.tensor(read.shares) - chance).abs() <= 0.00501)
        elif field == "mirror":  # whole percents
            assert abs(found - value) <= 0.00501
        elif case == ("lockin", "mean"):  # four digits
            assert abs(found - value) <= 5.001e-4 * abs(value)
        elif field == "log_precision":  # four digits of the standard error, and beyond 1e304 there are no numbers
            assert abs(found - value.clamp(-1400.0, 1400.0)) <= 1.01e-3
        elif field in ("disclose", "persuade", "claim"):  # all readers get one explanation
            assert torch.equal(found, shown["readers"] & (shown["readers"] & value & did.get("explain", TRUE)).any())
        elif field == "partner":  # no words: whom one meets is a place in a list that is not shown
            pass
        elif field == "references":  # a line of names has an end
            assert torch.equal(found, value.clamp(max=MOST))
        elif field == "positive":  # a share of the names written
            names = did["references"].clamp(max=MOST).sum(-1)
            assert torch.all((found - value).abs()[names > 0] <= (0.5 / names + 1e-6)[names > 0])
        else:
            assert torch.equal(found, value), (case, found, value, reply)


@pytest.mark.parametrize("acts", ["script", "any legal"])
@pytest.mark.parametrize(("name", "options", "users"), STAGES)
def test_what_a_script_does_is_heard_as_it_was_done(name, options, users, acts):
    stage, people = made(f"populace/{name}-v0", options, users, None)
    scripts = {role: policies.get(stage.defaults.get(role, "random"), within=name)() for role in stage.cast}
    players = scripts if acts == "script" else {role: AnyLegal() for role in stage.cast}
    told = dict.fromkeys(((role.name, phase) for phase in stage.phases for role in stage.acting[phase]), 0)
    for observation, actions in acting(stage, people, players, ticks=3):
        told[observation.role.name, observation.phase] += check(stage, observation, actions)
    assert all(told.values())


APART = {
    "talk-culture": "tests/culture/test_talk.py",
    "talk-payoff": "tests/payoff/test_talk.py",
    "talk-shopping": "tests/shopping/test_talk.py",
}
"""Scenarios whose seats say different things to different readers, answer a question back, or name some of what they
did (in talk-culture the two cultures that they follow most): the tests named here compare words with acts."""
TALKING = [name for name in library() if load(name).cells[0].world_id.split("/")[1][:-3] not in ("matrix", "agency")]
TALKING = [name for name in TALKING if name not in APART]


@pytest.mark.parametrize("name", TALKING)
def test_every_arm_of_the_library_can_be_put_into_words(name):
    told = 0
    for cell in {cell.arm.split("[")[0]: cell for cell in load(name).cells}.values():
        built = build(cell)
        for observation, actions in acting(built.world, built.population, built.policies, ticks=2, worlds=1):
            told += check(built.world, observation, actions, most=20)
    assert told > 0


# ---------------------------------------------------------------------- payoff


@pytest.mark.parametrize("act", range(5))
def test_a_response_is_read_as_its_act_and_comes_near_the_wanted_length(act):
    table = Wordings.of("populace.envs.payoff", "en")
    sentences, last = sentences_of(table, act)
    longest = len(" ".join((*sentences, *last)).split())
    step = max(len(sentence.split()) for sentence in sentences)
    for words in range(0, 400, 3):
        said = response(table, act, words)
        assert act_of(said, safe=True) == act
        assert act > 2 or act_of(said) == act
        # Lengths on offer are a sentence apart, so the nearest is half a sentence away at most.
        if len(response(table, act, 0).split()) <= words <= longest:
            assert abs(len(said.split()) - words) <= step / 2


# ---------------------------------------------------------------------- coevolution


def test_the_values_of_the_start_are_heard_exactly():
    """They are balanced on every item: half agreed to all is the prior, where the fit begins and stays."""
    stage, people = made("populace/coevolution-v0", {}, 5, None)
    players = {"user": policies.get("sincere", within="coevolution")(), "assistant": AnyLegal()}
    run, _ = advance(stage, players, start(stage, players, people, seed=0, worlds=2))
    observation = see(stage, run, stage.role("assistant"))
    dialogue, prior = observation.dialogue(), observation["prior"].unsqueeze(2)
    chats = dialogue.say(observation)
    said = dialogue.write(observation, chats, {"position": prior, "mirror": torch.zeros(2, 1)})
    assert all("mirror" not in reply and reply.count(": 50%") == 8 for reply in said)
    heard, _ = dialogue.hear(observation, chats, said)
    assert torch.allclose(heard["position"], prior, atol=1e-5)


# ---------------------------------------------------------------------- shopping


@pytest.mark.parametrize("company", ["the price", "Budget & Sons", "The Nothing", "Cheapest"])
def test_a_company_called_by_a_word_of_the_reason_is_not_disclosed_by_it(company):
    stage, people = made("populace/shopping-v0", {"catalogue": "flights"}, 6, None)
    players = {"assistant": policies.get("random", within="shopping")()}
    for observation, actions in acting(stage, people, players, ticks=1):
        dialogue = TinMenDialogue(stage.wordings, replace(stage.catalogue, company=company), stage.options.masks)
        chats = dialogue.say(observation)
        heard, kinds = dialogue.hear(observation, chats, dialogue.write(observation, chats, actions))
        assert not heard["disclose"].any()
        assert not kinds.any()


def test_explanations_are_coded_as_before():
    loyalty = open_catalogue("tin-men-loyalty", 0.1, None)
    said = "explanation: shell is the perfect match, as batteries are a burden."
    assert coded(said, loyalty.company) == {"disclose": True, "persuade": True, "claim": True}
    assert coded("explanation: it is cheap.", loyalty.company) == dict.fromkeys(
        ("disclose", "persuade", "claim"), False
    )
