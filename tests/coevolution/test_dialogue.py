"""The questionnaire in words: what is said is what the tensors hold; replies become answers and positions."""

import re

import pytest
import torch

from populace.agents.llm import Backend, Reply, TextPolicy
from populace.dialogue import ReplyKind
from populace.envs.coevolution import Coevolution, CoevolutionOptions
from populace.envs.coevolution.dialogue import RIDGE, Answered, fit, read_answers
from populace.envs.coevolution.matter import spoken_of
from populace.envs.coevolution.prompts import statements
from populace.population import Census, PlainPopulation
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.wordings import Wordings

VALUES = ("care", "fair_play", "loyalty")
WORDS = Wordings.of("populace.envs.coevolution", "en")
POPULATION = PlainPopulation(6, VALUES, spread=0.5)


def world(**options):
    made = CoevolutionOptions.model_validate(
        {"history": {"series": "still"}, "questionnaire": {"items": 24, "asked": 6}, "bound": 3.0, **options}
    )
    return Coevolution(made, POPULATION.census)


def begun(stage, worlds=4):
    players = {"user": policies.get("sincere", within="coevolution")(), "assistant": policies.get("forfeit")()}
    return players, start(stage, players, POPULATION, seed=2, worlds=worlds)


def answer_by_what_is_written(text):
    """What a reader who knows nothing but the words would answer, and how far it is from doubt."""
    spoken = spoken_of(VALUES, WORDS)
    stands = dict.fromkeys(VALUES, 0.0)
    for size, side, cares in re.findall(r"^- (\S+) (more|less) of this: that (.*)\.$", text, re.MULTILINE):
        name = next(name for name, value in zip(VALUES, spoken, strict=True) if value.cares == cares)
        stands[name] = float(size) * (1 if side == "more" else -1)
    replies = []
    for number, item in re.findall(r"^(\d+)\. (.*)\.$", text, re.MULTILINE):
        lean = 0.0
        for name, value in zip(VALUES, spoken, strict=True):
            lean += stands[name] * ((value.more in item.lower()) - (value.less in item.lower()))
        replies.append((int(number), lean))
    return replies


def test_a_reader_of_the_words_answers_as_the_values_say():
    stage = world()
    _, run = begun(stage)
    observation = see(stage, run, stage.role("user"))
    dialogue = observation.dialogue()
    chats, replies = dialogue.say(observation), []
    for chat in chats:
        leans = answer_by_what_is_written(chat.messages[1][1])
        assert [number for number, _ in leans] == [1, 2, 3, 4, 5, 6]
        replies.append("\n".join(f"{number}: {'yes' if lean > 0 else 'no'}" for number, lean in leans))
    actions, kinds = dialogue.hear(observation, chats, replies)
    lean = ((observation["values"] - observation["centre"]).unsqueeze(-2) * observation["questions"]).sum(-1)
    sure = lean.abs() > 0.0015  # four digits of up to three values below 1 are told, or at least two decimals
    assert sure.float().mean() > 0.9
    assert torch.equal(actions["answers"][sure], (lean > 0).long()[sure])
    assert kinds.sum() == 0


def test_a_position_is_where_its_answers_are_likeliest():
    stage = world()
    players, run = begun(stage)
    run, _ = advance(stage, players, run)
    observation = see(stage, run, stage.role("assistant"))
    shares = torch.rand(4, 1, 1, 6, generator=torch.Generator().manual_seed(0))
    position = fit(shares, observation).double().requires_grad_()
    z = observation["beta"][:, :, None, None] * (
        (position - observation["centre"].unsqueeze(2)).unsqueeze(-2) * observation["questions"].unsqueeze(2)
    ).sum(-1)
    pull = ((position - observation["prior"].unsqueeze(2)) ** 2).sum()
    loss = (torch.nn.functional.softplus(z) - shares * z).mean(-1).sum() + RIDGE / 2 * pull
    (slope,) = torch.autograd.grad(loss, position)
    assert slope.abs().max() < 1e-4


def test_an_assistant_that_agrees_with_nobody_in_particular_speaks_for_the_start():
    stage = world()
    players, run = begun(stage)
    run, _ = advance(stage, players, run)
    observation = see(stage, run, stage.role("assistant"))
    dialogue = observation.dialogue()
    chats = dialogue.say(observation)
    half = "\n".join(f"{k}: 50%" for k in range(1, 7))
    actions, _ = dialogue.hear(observation, chats, [half] * 4)
    # Items are balanced at the start's mean: half for each is that mean itself.
    assert torch.allclose(actions["position"][:, :, 0], observation["prior"], atol=1e-5)
    assert actions["mirror"].tolist() == [[0.0]] * 4
    yes, _ = dialogue.hear(observation, chats, [half.replace("50%", "yes") + "\nmirror: 25%"] * 4)
    gap = (yes["position"][:, :, 0] - observation["centre"]).unsqueeze(-2)
    # Pulled to yes by all items together, it takes the side of yes on their sum.
    assert ((gap * observation["questions"]).sum((-1, -2)) > 0).all()
    assert yes["mirror"].tolist() == [[0.25]] * 4
    assert yes["position"].abs().max() <= 3.0
    said = chats[0].messages[1][1]
    yes = round(6 * observation["shares"][0, 0, 0, 0].item())
    first = next(line for line in said.splitlines() if line.startswith("1. "))
    assert f"({yes or 'None'} of the 6 people said yes: {round(100 * yes / 6)}%.)" in first
    assert "At the start half of them would have said yes to each." in said


def test_audiences_are_answered_apart():
    census = Census(6, VALUES, segments=("old", "young"))
    stage = Coevolution(world(audience="segment").options, census)
    players, run = begun(stage)
    run, _ = advance(stage, players, run)
    observation = see(stage, run, stage.role("assistant"))
    dialogue = observation.dialogue()
    chats = dialogue.say(observation)
    # The segment `young` has nobody in it, so that nothing is told of it; its answers are asked for all the same.
    assert "old people" in chats[0].messages[1][1]
    assert "1 for the old people, 2 for the young people" in chats[0].messages[1][1]
    assert not re.search(r"of the \d+ young", chats[0].messages[1][1])
    lines = [f"{a}.{k}: {'yes' if a == 1 else 'no'}" for a in (1, 2) for k in range(1, 7)]
    actions, kinds = dialogue.hear(observation, chats, ["\n".join(lines)] * 4)
    assert kinds.sum() == 0
    away = actions["position"] - observation["centre"].unsqueeze(2)
    assert torch.allclose(away[:, :, 0], -away[:, :, 1], atol=1e-4)  # opposite answers, opposite sides of the start
    _, kinds = dialogue.hear(observation, chats, ["\n".join(line[2:] for line in lines[:6])] * 4)
    assert (kinds == int(ReplyKind.UNREADABLE)).all()  # for whom?


READ = {
    "1: yes\n2: no": Answered([[1.0, 0.0]]),
    "Sure!\n1. yes": ReplyKind.UNREADABLE,
    "- 1) YES\n- 2) No.": Answered([[1.0, 0.0]]),
    "1: 70%\n2: 30.5 %\nmirror: 40%": Answered([[0.7, 0.305]], 0.4),
    "1: yes\n1: no\n2: no": ReplyKind.UNREADABLE,
    "1: yes\n3: no": ReplyKind.UNREADABLE,
    "1: 170%\n2: no": ReplyKind.UNREADABLE,
    "1: yes\n" + "9" * 5000 + ": no": ReplyKind.UNREADABLE,
    "1: yes": ReplyKind.CUT_OFF,
    "2: yes": ReplyKind.UNREADABLE,
    "1: yes\n2: no\nmirror: 140%": ReplyKind.UNREADABLE,
    "I can't help with that.": ReplyKind.REFUSED,
    "": ReplyKind.UNREADABLE,
    "1: yesterday\n2: no": ReplyKind.UNREADABLE,
    "1: 1\n2: 0": ReplyKind.UNREADABLE,
}


@pytest.mark.parametrize("reply", READ)
def test_replies_are_read_strictly_in_content(reply):
    read = read_answers(reply, 1, 2, percentages=True)
    if isinstance(read, Answered):
        assert read.shares[0] == pytest.approx(READ[reply].shares[0])
        assert read.mirror == READ[reply].mirror
    else:
        assert read == READ[reply]


def test_people_answer_yes_or_no_only():
    assert read_answers("1: 70%\n2: no", 1, 2, percentages=False) == ReplyKind.UNREADABLE


def test_statements_are_plain_sentences_that_hold_their_loadings():
    values = ("religion", "democracy", "fair_play")
    items = [[1.0, -1.0, 0.0], [0.5, 0.0, 1.0], [0.0, -0.25, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, -1.0]]
    assert statements(WORDS, values, items) == [
        "Religion should have a larger place in life, and the people should decide less.",
        "Religion should have a larger place in life (this counts 0.5 times), and there should be more fair play.",
        "The people should decide less (this counts 0.25 times), and there should be less fair play.",
        "Things should stay as they are.",
        "Religion should have a larger place in life, the people should decide more, and there should be less fair "
        "play.",
    ]


class Reader(TextPolicy):
    """Reads the words and nothing else; as an assistant it answers as most people did."""

    def open(self):
        class Model(Backend):
            greedy = True

            def complete(self, asks):
                for i, ask in enumerate(asks):
                    text = ask.messages[-1][1]
                    told = re.findall(r"^(\d+)\. .*\((\w+) of the 6 people said yes", text, re.MULTILINE)
                    if told:
                        yes = {"None": 0}
                        said = "\n".join(f"{k}: {100 * int(yes.get(n, n)) / 6:.0f}%" for k, n in told)
                    else:
                        leans = answer_by_what_is_written(text)
                        said = "\n".join(f"{k}: {'yes' if lean > 0 else 'no'}" for k, lean in leans)
                    yield i, Reply.of(ask, said)

        return Model()


def test_readers_play_both_seats_for_whole_episodes():
    stage, keep = world(), Keep()
    players = {"user": Reader(), "assistant": Reader()}
    run = start(stage, players, POPULATION, seed=2, worlds=3)
    rollout(stage, players, run, 5, keep)
    for role in ("user", "assistant"):
        assert [series.sum().item() for series in keep.series["invalid", role, ""]] == [0.0] * 5
