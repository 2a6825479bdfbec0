"""A reply that lacks its labelled line is closed: by whom, when, and with what."""

import re

import pytest
import torch
from test_scores import PROMPT, folder, local, raw  # noqa: F401  # fixtures

import populace
from populace import registry
from populace.agents.llm import Ask, Backend, Reply, ask_all
from populace.agents.llm.backends.tape import Tape
from populace.agents.llm.decoding.legal import shortest
from populace.agents.llm.seats.closing import closing, stopped
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.analysis.page import render
from populace.dialogue import Chat, ReplyKind, usable
from populace.replies.ending import lines_of
from populace.rollout import Keep, rollout
from populace.run import start
from populace.testing.tools import made

LINE = Chat(0, 0, (("user", "?"),), form=r"[A-Za-z0-9 ,.'-]{1,300}\nChoice: (Heron|Lark\ 2|nothing)")
TWO = Chat(0, 0, (("user", "?"),), form=r"[a-z .]{1,9}\nGuess: -?[0-9]{1,9}\nGive or take: ([1-9]|0\.[1-9])")
ASKED = Ask((("user", "?"),), seed=1)
LABELS = Chat(0, 0, (("user", "?"),), ("keep", "sell"), lead="Choice: ")


def close(chat, text, kind=ReplyKind.OK):
    return closing(chat, ASKED, Reply(text, kind), seed=3)


@pytest.mark.parametrize(
    ("chat", "labels"),
    [
        (LINE, ["Choice"]),
        (TWO, ["Guess", "Give or take"]),
        (LABELS, ["Choice"]),
        (Chat(0, 0, (), form=r"[a-z]{1,9}\n1\.2: (yes|no)\n2\.2: (yes|no)(\nmirror: [0-9]%)?"), ["1.2", "2.2"]),
        (Chat(0, 0, (), form=r"rating: ([1-9]|10)(\nleave)?"), ["rating"]),
        (Chat(0, 0, (), ("clear", "vague")), []),
        (Chat(0, 0, (), form=r"[A-Za-z]{1,300}"), []),
        (Chat(0, 0, (), form=r"<thinking>[^<]{1,600}</thinking>\n<payoff>\{\"a\": [0-9]\}</payoff>"), []),
        (Chat(0, 0, ()), []),
    ],
)
def test_lines_are_found_in_the_form_that_is_asked_for(chat, labels):
    found = lines_of(chat)
    assert [line.label for line in found] == labels
    for line in found:
        assert re.match(re.escape(line.label), re.sub(r"\\(.)", r"\1", line.form))


@pytest.mark.parametrize(
    ("chat", "text", "said", "form", "lead"),
    [
        (LINE, "The Heron is light.", "The Heron is light.", r"\nChoice: (Heron|Lark\ 2|nothing)", "\nChoice: "),
        (LABELS, "I keep it.", "I keep it.", r"\nChoice:\ (keep|sell)", "\nChoice: "),
        (
            TWO,
            "I think so.\nGuess: 7",
            "I think so.\nGuess: 7",
            r"\nGive or take: ([1-9]|0\.[1-9])",
            "\nGive or take: ",
        ),
        (LINE, "<think>Heron or Lark?</think>The first one.", "The first one.", None, None),
    ],
)
def test_only_the_missing_lines_are_put_behind_the_words(chat, text, said, form, lead):
    ask = close(chat, text)
    assert ask.said == said
    assert (form, lead) == (None, None) or (ask.form, ask.lead) == (form, lead)
    assert (ask.messages, ask.seed) == (ASKED.messages, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "...",
        "Choice: Heron or Lark 2",
        "It is light.\nChoice: 1-3",
        "It is light.\nChoice: Sparrow",
        "I'm sorry, but I can't help with that.",
        "<think>The Heron, I guess",
        "It is light. <think>But the Lark",
    ],
)
def test_what_says_nothing_refuses_thinks_or_contradicts_itself_is_not_closed(text):
    assert close(LINE, text) is None


def test_a_reply_that_was_cut_off_is_closed_behind_its_last_full_stop():
    assert close(LINE, "It is light. And it co", ReplyKind.CUT_OFF).said == "It is light."
    assert close(LINE, 'She said "take it." And', ReplyKind.CUT_OFF).said == 'She said "take it."'
    assert close(LINE, "It is light.\nChoice: He", ReplyKind.CUT_OFF).said == "It is light."
    assert close(LINE, "light and cheap and", ReplyKind.CUT_OFF).said == "light and cheap and"
    assert close(LINE, "It is light.", ReplyKind.FAILED) is None


@pytest.mark.parametrize(
    ("chat", "text", "kept"),
    [
        (LINE, "It is light.\nChoice: Heron\nYou need a fan. Wh", "It is light.\nChoice: Heron"),
        (LINE, "It is light.\n**Choice:** Heron\n- Heron, $12", "It is light.\n**Choice:** Heron"),
        (TWO, "So.\nGuess: 7\nGive or take: 2\n- 7, give or take 2\n", "So.\nGuess: 7\nGive or take: 2"),
        (LINE, "It is light.\nChoice: Heron\nChoice: Lark 2", None),
        (LINE, "It is light.\nChoice: Heron\nNo, wait. The other.", None),
        (LINE, "It is light.\nChoice: He", None),
        (TWO, "So.\nGuess: 7\nand mo", None),
        (Chat(0, 0, (), form=r"[a-z .]{1,9}\nrating: ([1-9]|10)(\nleave)?"), "Bad.\nrating: 2\nleave\n", None),
    ],
)
def test_what_follows_the_last_line_is_not_said_unless_it_takes_it_back(chat, text, kept):
    found = stopped(chat, Reply(text, ReplyKind.CUT_OFF))
    expected = Reply(text, ReplyKind.CUT_OFF) if kept is None else Reply(kept, ReplyKind.OK)
    assert (found.text, found.kind) == (expected.text, expected.kind)


class Forgetful(Backend):
    """Says words only; where it may go on, the first value that is allowed."""

    voice, closes, greedy = "forgetful", True, False

    def __init__(self, say="I see.", closes=True):
        self.say, self.closes, self.asks = say, closes, []

    def complete(self, asks):
        self.asks += asks
        for place, ask in enumerate(asks):
            text = self.say
            if ask.said:
                assert ask.said in self.say
                text = shortest(ask.form)
            yield place, Reply.of(ask, text)


def played(backend, world="drift", role="user", options=None, **seat):
    stage, people = made(f"populace/{world}-v0", options or {"matter": "claims"}, 6, None)
    players = {name: registry.policies.get(stage.defaults.get(name, "random"), within=world)() for name in stage.cast}

    class Own(TextPolicy):
        def open(self):
            return backend

    players[role] = Own(Own.Options(**seat))
    keep = Keep()
    run = rollout(stage, players, start(stage, players, people, seed=5, worlds=2), 2, keep)
    return run, {(str(key.measure), key.role): torch.stack(v) for key, v in keep.series.items() if hasattr(key, "role")}


def test_closed_replies_are_acts_of_a_kind_of_their_own_and_are_not_asked_again():
    backend = Forgetful()
    _, found = played(backend)
    assert (found["closed", "user"] == 0.5).all()  # it asks, which is free, and rates
    assert (found["invalid", "user"] == 0).all()
    assert not any("could not be read" in str(ask.messages) for ask in backend.asks)


def test_servers_without_scores_ask_again_and_then_forfeit():
    backend = Forgetful(closes=False)
    _, found = played(backend)
    assert (found["unreadable", "user"] == 0.5).all()
    assert (found["closed", "user"] == 0).all()
    assert any("could not be read" in str(ask.messages) for ask in backend.asks)
    assert not any(ask.said for ask in backend.asks)
    _, off = played(Forgetful(), close=False)
    assert (off["unreadable", "user"] == 0.5).all()


def test_what_contradicts_itself_is_unreadable_still():
    _, found = played(Forgetful("I see.\nrating: 25"))
    assert (found["unreadable", "user"] == 0.5).all()
    kinds = torch.tensor([int(kind) for kind in ReplyKind], dtype=torch.int8)
    assert usable(kinds).tolist() == [kind in (ReplyKind.OK, ReplyKind.CLOSED) for kind in ReplyKind]


def test_what_was_said_stays_what_was_said_and_the_report_tells_the_share(tmp_path, monkeypatch):
    from populace.agents.llm.policies import Echo

    monkeypatch.setattr(Echo, "open", lambda self: Forgetful("A day. A night and"))
    scenario = {"schema": 1, "extends": "talk-drift", "name": "t", "worlds": 2, "horizon": 2, "population": {"size": 6}}
    run = populace.simulate({**scenario, "agents": {"user": "llm/echo"}}, out=tmp_path / "r")
    said = run.talk[(run.talk["role"] == "user") & (run.talk["phase"] == "rate")]
    assert set(said["text"]) == {"A day. A night and"} == set(said["reply"])
    assert set(said["kind"]) == {"closed"}
    page = render(run)
    assert "closed" in page


def test_a_tape_closes_as_the_run_that_it_was_recorded_in(tmp_path):
    tape = tmp_path / "t.jsonl"
    first, _ = played(Tape(Forgetful(), tape))
    again, found = played(Tape(None, tape))
    assert (found["closed", "user"] == 0.5).all()  # it asks, which is free, and rates
    assert torch.equal(first.state.rating, again.state.rating)


def test_a_local_model_goes_on_behind_its_words_by_its_own_chances(folder, raw):  # noqa: F811
    model, tokenizer = raw
    asks = [
        Ask(PROMPT, seed=7919 * k, form=r"\nact: (clear|vague|end)", lead="\nact: ", said="It is so.")
        for k in range(4000)
    ]
    chat = [{"role": who, "content": text} for who, text in PROMPT]
    prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    prompt = prompt + tokenizer("It is so.", add_special_tokens=False)["input_ids"]
    breaks = [i for token, i in tokenizer.get_vocab().items() if tokenizer.decode([i]).startswith("\n")]
    whole = []
    for label in ("clear", "vague", "end"):
        tail = tokenizer(f"\nact: {label}", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([prompt + tail])).logits[0, len(prompt) - 1 :].log_softmax(-1)
        ended = logits[-1, [tokenizer.eos_token_id, *breaks]].logsumexp(-1)
        whole.append(logits[:-1].gather(-1, torch.tensor(tail).unsqueeze(-1)).sum() + ended)
    expected = torch.stack(whole).softmax(-1).tolist()
    for choices in ("score", "write"):  # whatever the model may write, what is closed is scored
        texts = [reply.text for reply in ask_all(local(folder, choices=choices), asks)]
        assert set(texts) <= {f"\nact: {label}" for label in ("clear", "vague", "end")}
        for label, chance in zip(("clear", "vague", "end"), expected, strict=True):
            share = texts.count(f"\nact: {label}") / len(texts)
            assert share == pytest.approx(chance, abs=4 * (chance * (1 - chance) / len(texts)) ** 0.5 + 1e-9)


def test_many_values_are_written_within_their_form(folder):  # noqa: F811
    form = r"\nGuess: -?[0-9]{1,4}\nGive or take: [1-9][0-9]{0,2}"
    asks = [Ask(PROMPT, seed=k, form=form, lead="\nGuess: ", said="So.") for k in range(8)]
    for reply in ask_all(local(folder, choices="write", max_reply=60), asks):
        assert re.fullmatch(form, reply.text), reply
