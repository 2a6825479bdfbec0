"""Scores mean what they say: leads, dealt orders, whole replies of small forms, and measures of both."""

import itertools
import math
import re
from dataclasses import replace

import pytest
import torch
from test_writes import STAGES
from tiny_model import save
from transformers import AutoModelForCausalLM, AutoTokenizer

from populace import builder
from populace.agents.llm import Ask, Backend, Reply, TextPolicy, ask_all
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.decoding.whole import WHOLE, replies_of
from populace.agents.llm.policies import Malformed, MalformedOptions, Pocket
from populace.agents.llm.seats.options import SeatOptions
from populace.analysis import report
from populace.dialogue import Chat, dealt
from populace.envs.drift.claims import ACTS
from populace.errors import PopulaceError
from populace.measures import OfSeats, recorded
from populace.registry import policies
from populace.run import advance, see, start
from populace.scenarios import load, runner
from populace.testing.tools import made

PROMPT = (("system", "be kind"), ("user", "clear or vague or end?"))
LABELS = ("clear", "vague", "end", "ending")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def raw(folder):
    return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def local(folder, **more):
    return Local(LocalOptions(**{"model": str(folder), "device": "cpu", "temperature": 1.0, "max_reply": 24, **more}))


@torch.no_grad()
def chances(raw, replies, closers):
    """Log-probability of each reply behind the prompt, and then any of the closers, one whole sequence at a time."""
    model, tokenizer = raw
    chat = [{"role": who, "content": text} for who, text in PROMPT]
    prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    found = []
    for reply in replies:
        tail = tokenizer(reply, add_special_tokens=False)["input_ids"]
        logits = model(torch.tensor([prompt + tail])).logits[0, len(prompt) - 1 :].log_softmax(-1)
        steps = logits[:-1].gather(-1, torch.tensor(tail).unsqueeze(-1)).sum()
        found.append(steps + logits[-1, closers].logsumexp(-1))
    return torch.stack(found)


def test_a_label_is_scored_behind_its_lead_up_to_the_end_of_its_line(folder, raw):
    model, tokenizer = raw
    breaks = [i for token, i in tokenizer.get_vocab().items() if tokenizer.decode([i]).startswith("\n")]
    whole = chances(raw, [f"act: {label}" for label in LABELS], [tokenizer.eos_token_id, *breaks])
    # What all begin with is given, and counts for nothing.
    (lead,) = chances(raw, ["act:"], list(range(len(tokenizer))))
    for backend in (local(folder), local(folder, attention="eager")):
        replies = ask_all(backend, [Ask(PROMPT, LABELS, 7919 * k, lead="act: ") for k in range(4000)])
        assert {reply.text for reply in replies} <= {f"act: {label}" for label in LABELS}
        assert replies[0].mass == pytest.approx(float((whole - lead).exp().sum()), rel=0.05)
        expected = torch.softmax(whole, -1).tolist()
        for label, chance in zip(LABELS, expected, strict=True):
            share = sum(reply.text == f"act: {label}" for reply in replies) / len(replies)
            assert share == pytest.approx(chance, abs=4 * (chance * (1 - chance) / len(replies)) ** 0.5 + 1e-9)


def test_a_model_without_a_lead_scores_bare_labels(folder, raw):
    (reply,) = ask_all(local(folder, lead=False), [Ask(PROMPT, LABELS, 5, lead="act: ")])
    assert reply.text in LABELS
    assert reply.mass == pytest.approx(float(chances(raw, LABELS, [raw[1].eos_token_id]).exp().sum()), rel=0.05)


def test_a_small_form_is_drawn_by_the_chances_of_its_whole_replies(folder, raw):
    form = r"rating: ([1-9]|10)(\nleave)?"
    texts = [f"rating: {k}{end}" for k in range(1, 11) for end in ("", "\nleave")]
    exact = torch.softmax(chances(raw, texts, [raw[1].eos_token_id]), -1)
    leave, count = float(exact[1::2].sum()), 4000
    replies = ask_all(local(folder), [Ask(PROMPT, (), 7919 * k, form=form) for k in range(count)])
    assert {reply.text for reply in replies} <= set(texts)
    share = sum(reply.text.endswith("leave") for reply in replies) / count
    assert share == pytest.approx(leave, abs=4 * (leave * (1 - leave) / count) ** 0.5 + 1e-9)
    assert not math.isnan(replies[0].mass)


@pytest.mark.parametrize(
    ("form", "count"),
    [
        (r"rating: ([1-9]|10)\nleave: (yes|no)", 20),
        ("(a|b)?", 3),
        ("\n".join(f"{k}: (yes|no)" for k in range(1, 9)), 256),
        ("\n".join(f"{k}: (yes|no)" for k in range(1, 10)), 0),  # 512 are too many
        (r"[^<]{1,600}", 0),
        ("a+", 0),
        (r"[\u0430-\u044f]", 0),
        ("", 0),
    ],
)
def test_small_forms_are_written_out(form, count):
    found = replies_of(form)
    assert len(found) == len(set(found)) == count <= WHOLE
    assert all(re.fullmatch(form, text) for text in found)


CHAT = Chat(0, 0, (("system", "Pick one of a, b or c."), ("user", "a or b?")), ("a", "b", "c"), listed=("a", "b", "c"))


def test_options_are_listed_in_any_order_and_nothing_else_moves():
    for order in itertools.permutations(range(3)):
        x, y, z = (CHAT.options[k] for k in order)
        turned = dealt(CHAT, order)
        assert turned.messages == (("system", f"Pick one of {x}, {y} or {z}."), ("user", "a or b?"))
        assert turned.options == CHAT.options
    with pytest.raises(PopulaceError, match="lists 'a, b, d'"):
        dealt(replace(CHAT, listed=("a", "b", "d")), (0, 2, 1))


@pytest.mark.parametrize(("name", "options", "users"), STAGES)
def test_every_world_lists_its_options_as_it_says(name, options, users):
    stage, people = made(f"populace/{name}-v0", options, users, None)
    players = {role: policies.get(stage.defaults.get(role, "random"), within=name)() for role in stage.cast}
    run = start(stage, players, people, seed=3, worlds=1)
    for _ in stage.phases:
        for role in stage.acting[stage.phases[run.phase]]:
            observation = see(stage, run, role)
            for chat in observation.dialogue().say(observation):
                if len(chat.listed) > 1:
                    order = tuple(reversed(range(len(chat.listed))))
                    turned = dealt(chat, order)
                    assert sorted("".join(t for _, t in turned.messages)) == sorted(
                        "".join(t for _, t in chat.messages)
                    )
                    back = replace(turned, listed=tuple(chat.listed[k] for k in order))
                    assert dealt(back, order).messages == chat.messages
                if chat.options:  # a bare label is readable, and so is one behind the lead
                    for said in (chat.options[-1], chat.lead + chat.options[-1]):
                        kinds = observation.dialogue().hear(observation, [chat], [said])[1]
                        assert int(kinds[chat.world, chat.seat]) == 0, said
        run, _ = advance(stage, players, run)


class First(Backend):
    """Whatever is listed first."""

    voice = "first"

    def complete(self, asks):
        for i, ask in enumerate(asks):
            shown = min(ask.options, key=lambda option: ask.messages[0][1].index(option))
            yield i, Reply.of(ask, ask.lead + shown)


class FirstSeats(TextPolicy):
    def open(self):
        return First()


@pytest.mark.parametrize("order", ["dealt", "stated"])
def test_a_liking_for_a_place_is_measured_and_is_none_for_an_option(order):
    stage, people = made("populace/drift-v0", {"probes": 0}, 700, None)
    players = {"assistant": FirstSeats(SeatOptions(order=order)), "user": policies.get("candid", within="drift")()}
    run = start(stage, players, people, seed=3, worlds=2)
    while stage.phases[run.phase] != "speak":
        run, _ = advance(stage, players, run)
    run, _ = advance(stage, players, run)
    found = recorded(run.counts)
    assert found[OfSeats("first option", "assistant")].tolist() == [1.0, 1.0]
    assert found[OfSeats("mass", "assistant")].isnan().all()  # nothing was scored
    counts = torch.bincount(run.state.act.flatten(), minlength=len(ACTS)) / 1400
    expected = torch.full((7,), 1 / 7) if order == "dealt" else torch.eye(7)[0]
    assert (counts - expected).abs().max() < 4 * (6 / 49 / 1400) ** 0.5
    # Each world has the same orders alone.
    alone = start(stage, players, people, seed=3, worlds=torch.tensor([1]))
    while alone.phase < run.phase:
        alone, _ = advance(stage, players, alone)
    assert torch.equal(alone.state.act[0], run.state.act[1])


def test_the_shipped_model_is_asked_in_the_order_it_was_trained_on():
    assert Pocket().options.order == "stated"
    assert SeatOptions().order == "dealt"


def spoken(share):
    stage, people = made("populace/drift-v0", {"probes": 0}, 40, None)
    dishonest = Malformed(MalformedOptions(share=share, reply="act: affirm_falsehood"))
    players = {"assistant": dishonest, "user": policies.get("candid", within="drift")()}
    run = start(stage, players, people, seed=3, worlds=2)
    while stage.phases[run.phase] != "rate":
        run, _ = advance(stage, players, run)
    return stage.measure(run.state), run.state


def test_a_forfeit_is_not_honest():
    told, _ = spoken(1.0)
    of_answers = [
        name for name in told if name.split("/")[0] in ("dishonest", "lie", "mask", "act", "honesty", "hiding")
    ]
    assert len(of_answers) > 20
    assert all(told[name].isnan().all() for name in of_answers)
    # Where some could be read, these alone count: all of them affirm falsehoods.
    some, state = spoken(0.5)
    assert 0 < float(state.answered.float().mean()) < 1
    assert some["act/benign/affirm_falsehood"].tolist() == [1.0, 1.0]


def test_the_report_warns_of_seats_that_could_not_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "USERS", 6)
    head = {"schema": 1, "name": "broken", "world": {"id": "populace/drift-v0"}, "worlds": 2, "horizon": 2}
    arms = {"script": {}, "broken": {"agents.assistant": "llm/malformed"}}
    folder = runner.run(load({**head, "arms": arms, "reference": "script"}), tmp_path / "run")
    page = report(folder).read_text(encoding="utf-8")
    assert "In the arm broken, all of the acts of the assistant could not be used" in page
    assert "In the arm script" not in page.split("<main>")[0]


def test_a_limit_that_no_legal_reply_fits_is_told_before_anything_is_asked():
    stage, people = made("populace/payoff-v0", None, 4, None)

    class Never(Backend):
        def complete(self, asks):
            raise AssertionError("asked")

    class Short(Pocket):
        def open(self):
            return Never()

    assistant = Short(Pocket.Options(max_reply=16))
    players = {"assistant": assistant, "user": policies.get("logit", within="payoff")()}
    run = start(stage, players, people, seed=3, worlds=1)
    run, _ = advance(stage, players, run)
    assert stage.phases[run.phase] == "respond"
    with pytest.raises(PopulaceError, match="max_reply: 16 tokens are too few for 'assistant'"):
        advance(stage, players, run)
    fields = Pocket(Pocket.Options(max_reply=4, face="fields"))
    with pytest.raises(PopulaceError, match="max_reply: 4 tokens are too few for 'assistant'"):
        fields.check_role(stage.role("assistant"), stage.dialogue())
