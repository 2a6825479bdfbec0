"""Lock-in in words: the same measures as without; estimates in the unit of what is guessed."""

import math
import re
from dataclasses import replace

import pytest
import torch
from lockin_stage import lockin
from talk_checks import same_measures

from populace import tree
from populace.agents.llm import Backend, Reply, TextPolicy
from populace.dialogue import ReplyKind
from populace.envs.lockin import LockIn, LockInOptions
from populace.envs.lockin.matter import matter_of
from populace.envs.lockin.prompts import words_of
from populace.errors import PopulaceError
from populace.rollout import Keep, rollout
from populace.run import advance, see, start
from populace.testing import check_world
from populace.words import Reader


class Pooler(TextPolicy):
    """Sums precisions weighted by trust, out of the words alone."""

    def open(self):
        class Model(Backend):
            def complete(self, asks):
                for i, ask in enumerate(asks):
                    last = re.sub(r"(?<=[0-9]),(?=[0-9]{3})", "", ask.messages[-1][1])
                    told = re.findall(r"^- (\S+) [^,]+, give or take (\S+)$", last, re.MULTILINE)
                    trust = float(re.search(r"as (\S+) hundredths", last)[1]) / 100.0
                    weights = [trust / float(off) ** 2 for _, off in told]
                    mean = sum(w * float(m) for w, (m, _) in zip(weights, told, strict=True)) / sum(weights)
                    error = sum(weights) ** -0.5
                    yield i, Reply.of(ask, f"I take the middle.\nGuess: {mean:.8g}\nGive or take: {error:.8g}")

        return Model()


def _play(ticks=4, player=None, **options):
    world, policies, run = lockin(users=5, **options)
    if player is not None:
        policies = {"assistant": player}
        run = start(world, policies, LockIn.population(5, world.options), seed=1, worlds=8)
    keep = Keep()
    return world, policies, rollout(world, policies, run, ticks, keep), keep


def test_there_are_twenty_four_quantities_that_stay_above_zero():
    matter = matter_of("quantities")
    assert len(set(matter.question)) == len(matter.question) == 24
    for question, base, step in zip(matter.question, matter.base, matter.step, strict=True):
        assert question.startswith("how ")
        assert base >= 10 * step > 0


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("how far,km,x,1", r"line 2, column 'base'"),
        ("how far,km,5,0", r"line 2, column 'step'"),
        ("how far,km,5,1\nhow far,m,1,1", r"line 3, column 'question': this quantity stands in line 2"),
        (",km,5,1", r"line 2, column 'question': missing"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line_and_column(tmp_path, rows, wrong):
    path = tmp_path / "own.csv"
    path.write_text(f"question,unit,base,step\n{rows}\n", encoding="utf-8")
    with pytest.raises(PopulaceError, match=wrong):
        lockin(matter=str(path))


@pytest.mark.parametrize("options", [{}, {"assistants": 2, "order": "simultaneous", "lambda_peer": 0.1}])
@pytest.mark.parametrize("assistant", ["aggregate", "silent"])
def test_measures_are_the_same_to_the_bit_with_words_and_without(options, assistant):
    runs = (_play(5, matter=matter, assistant=assistant, **options)[3] for matter in (None, "quantities"))
    same_measures(*runs)


def test_the_world_keeps_the_contract():
    check_world(LockIn, options=LockInOptions(matter="quantities"))


def test_quantities_belong_to_worlds():
    _, _, run, _ = _play(1, matter="quantities")
    _, _, alone, _ = _play(1, matter="quantities", worlds=torch.tensor([5]))
    assert int(alone.state.quantity[0]) == int(run.state.quantity[5])
    assert len(run.state.quantity.unique()) > 1


def test_advance_copies_nothing_to_the_host():
    """On the meta device any copy to the host fails."""
    world, _, run, _ = _play(1, matter="quantities")
    actions = {"assistant": {f.name: f.empty(8, 1, "meta") for f in world.cast["assistant"].does}}
    state, draw = tree.tree_map(lambda tensor: tensor.to("meta"), run.state), run.draw()
    step = world.advance(state, "advise", actions, replace(draw, keys=draw.keys.to("meta")).scope("advance"))
    assert step.said["assistant"].text.device.type == "meta"


def test_what_a_script_says_is_its_estimate_in_its_unit():
    world, policies, run, _ = _play(2, matter="quantities")
    matter, read = matter_of("quantities"), Reader(run.words, world.lexicon).read
    run, step = advance(world, policies, run)
    for w in range(8):
        row, mean = int(run.state.quantity[w]), float(run.state.assistant.mean[w, 0])
        said = read(int(step.said["assistant"].text[w, 0]))
        value = float(re.search(rf"([0-9.]+) {matter.unit[row]}", said)[1])
        assert (value - matter.base[row]) / matter.step[row] == pytest.approx(mean, abs=0.0501 + 1e-5 * value)
    world, policies, run, _ = _play(0, matter="quantities", assistant="silent")
    run, step = advance(world, policies, run)
    assert {read(i) for i in step.said["assistant"].text.flatten().tolist()} <= {"I do not know.", "I cannot say."}


def test_a_reader_of_the_words_believes_what_the_aggregate_does():
    text = _play(6, Pooler(Pooler.Options()), matter="quantities")[2]
    script = _play(6, matter="quantities")[2]
    # Four digits of a base of a dozen steps or more are told, and two decimals in any case: 5e-3 of a step at most.
    assert torch.allclose(text.state.assistant.mean, script.state.assistant.mean, atol=5e-3)
    assert torch.allclose(text.state.assistant.log_precision, script.state.assistant.log_precision, atol=2e-2)


def test_replies_are_words_first_and_two_lines_last():
    world, _, run, _ = _play(0, matter="quantities", worlds=torch.tensor([0]))
    seen, dialogue = see(world, run, world.role("assistant")), world.dialogue()
    chats, matter, row = dialogue.say(seen), matter_of("quantities"), int(run.state.quantity[0])
    base, step, unit = matter.base[row], matter.step[row], matter.unit[row]

    def read(reply):
        actions, kinds = dialogue.hear(seen, chats, [reply])
        return float(actions["mean"]), float(actions["log_precision"]), int(kinds)

    guess = f"{base + 2 * step:.10g}"
    mean, log, kind = read(f"So I think.\n**Guess:** {guess} {unit}\nGive or take: {step / 2:.10g}")
    assert (mean, log, kind) == (pytest.approx(2.0, abs=1e-5), pytest.approx(2 * math.log(2), abs=1e-5), 0)
    unclear, cut = int(ReplyKind.UNREADABLE), int(ReplyKind.CUT_OFF)
    assert read(f"Guess: {guess}")[2] == cut
    assert read(f"Guess: {guess}\nGive or take: 0")[2] == unclear
    assert read(f"Guess: {guess} to 900\nGive or take: 1")[2] == unclear
    assert read(f"Guess: {guess}\nGuess: 1\nGive or take: 1")[2] == unclear
    labels = ("Guess", "Give or take")
    assert words_of("Well.\nGuess: 3\nGive or take: 1", labels) == "Well."
    assert words_of("Guess: 3\nGive or take: 1", labels) is None


def test_what_a_script_would_write_is_read_back():
    world, policies, run, _ = _play(1, matter="quantities", assistants=2)
    seen = see(world, run, world.role("assistant"))
    acts, _ = policies["assistant"].act(seen, None, run.draw().scope("x"))
    dialogue, chats = world.dialogue(), world.dialogue().say(seen)
    actions, kinds = dialogue.hear(seen, chats, dialogue.write(seen, chats, acts))
    assert (kinds == 0).all()
    assert torch.allclose(actions["mean"], acts["mean"], atol=1e-2)
    assert torch.allclose(actions["log_precision"], acts["log_precision"], atol=1e-2)


def test_an_assistant_is_told_how_much_each_counts():
    trust = [[0.0] * 6 for _ in range(5)] + [[0.5, 1.0, 2.0, 0.1, 0.2, 0.0]]
    for row in trust[:5]:
        row[5] = 1.0
    world, _, run, _ = _play(0, matter="quantities", trust=tuple(map(tuple, trust)))
    last = world.dialogue().say(see(world, run, world.role("assistant")))[0].messages[-1][1]
    for words in ("50 hundredths of a full opinion", "as a full opinion", "as 2 full opinions", "as 10 hundredths"):
        assert words in last
