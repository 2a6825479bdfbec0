"""The transformers backend on a real, tiny model: against `generate`, against brute force, and through episodes."""

import sys

import pytest
import torch
from tiny_model import save
from transformers import AutoModelForCausalLM, AutoTokenizer

from populace import registry
from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.local import Local
from populace.agents.llm.policies import Transformers, TransformersOptions
from populace.dialogue import ReplyKind
from populace.errors import MissingExtra, PopulaceError
from populace.rollout import Keep, rollout
from populace.run import start
from populace.testing import check_policy
from populace.testing.tools import made, same

LABELS = ("clear", "vague", "end", "ending")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def raw(folder):
    return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def options(folder, **more):
    return TransformersOptions(**{"model": str(folder), "device": "cpu", "max_reply": 24, "temperature": 1.0, **more})


def asks(count, labels=(), text="how are you"):
    return [
        Ask((("system", "be kind"), ("user", f"{text} {'!' * (i % 7)}{i}")), labels, 7919 * i) for i in range(count)
    ]


def ids(raw, ask):
    chat = [{"role": who, "content": text} for who, text in ask.messages]
    return raw[1].apply_chat_template(chat, add_generation_prompt=True, return_dict=False, return_tensors="pt")


def test_it_is_small(raw):
    assert sum(p.numel() for p in raw[0].parameters()) < 100_000


def test_greedy_replies_are_those_of_generate_one_by_one(folder, raw):
    model, tokenizer = raw
    given = asks(12)
    replies = ask_all(Local(options(folder, temperature=0, batch_tokens=400)), given)
    kinds = set()
    for ask, reply in zip(given, replies, strict=True):
        prompt = ids(raw, ask)
        out = model.generate(prompt, max_new_tokens=24, do_sample=False)[0, prompt.shape[1] :]
        assert reply.text == tokenizer.decode(out, skip_special_tokens=True)
        assert (reply.kind == ReplyKind.OK) == (out[-1].item() == tokenizer.eos_token_id)
        assert (reply.tokens_in, reply.tokens_out) == (prompt.shape[1], len(out))
        kinds.add(reply.kind)
    assert ReplyKind.CUT_OFF in kinds


def label_chances(raw, ask):
    """Probability of each label and then the end, one whole sequence at a time."""
    model, tokenizer = raw
    prompt, found = ids(raw, ask), []
    for label in ask.options:
        tail = torch.tensor([tokenizer(label, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]])
        logits = model(torch.cat((prompt, tail), -1)).logits.log_softmax(-1)
        places = torch.arange(prompt.shape[1] - 1, prompt.shape[1] - 1 + tail.shape[1])
        found.append(logits[0, places, tail[0]].sum())
    return torch.stack(found)


@torch.no_grad()
def test_choices_are_scored_as_whole_sequences_are(folder, raw):
    given = asks(9, LABELS) + asks(3, ("no", "yes"))
    replies = ask_all(Local(options(folder, temperature=0)), given)
    for ask, reply in zip(given, replies, strict=True):
        assert reply.text == ask.options[int(label_chances(raw, ask).argmax())]
        assert reply.kind == ReplyKind.OK
    assert len({len(LABELS), *(reply.tokens_out for reply in replies)}) > 1  # labels of several lengths


@torch.no_grad()
def test_sampled_choices_have_the_models_chances(folder, raw):
    ask, count = asks(1, LABELS)[0], 4000
    # At a temperature at which even the rarest label comes up.
    backend = Local(options(folder, temperature=8.0))
    said = [r.text for r in ask_all(backend, [Ask(ask.messages, ask.options, seed * 104729) for seed in range(count)])]
    chance = torch.softmax(label_chances(raw, ask) / 8.0, -1).tolist()
    for label, expected in zip(LABELS, chance, strict=True):
        sd = (expected * (1 - expected) / count) ** 0.5
        assert said.count(label) / count == pytest.approx(expected, abs=4 * sd)


@torch.no_grad()
@pytest.mark.parametrize("top_p", [1.0, 0.5])
def test_sampled_tokens_have_the_models_chances(folder, raw, top_p):
    ask, count = asks(1)[0], 4000
    backend = Local(options(folder, temperature=0.7, top_p=top_p, max_reply=1, batch_tokens=10**5))
    told = ask_all(backend, [Ask(ask.messages, (), seed * 104729) for seed in range(count)])
    chance = torch.softmax(raw[0](ids(raw, ask)).logits[0, -1] / 0.7, -1)
    sorted_, order = chance.sort(descending=True)
    kept = order[(sorted_.cumsum(-1) - sorted_) < top_p]
    expected = torch.zeros_like(chance)
    expected[kept] = chance[kept] / chance[kept].sum()
    texts = {}
    for token in range(len(chance)):
        # An end is said by no text at all; several tokens may read alike.
        word = raw[1].decode([token], skip_special_tokens=True)
        texts[word] = texts.get(word, 0.0) + expected[token].item()
    assert sum(texts.values()) == pytest.approx(1.0, abs=1e-4)
    said = [reply.text for reply in told]
    for word, share in texts.items():
        sd = max(share * (1 - share), 1e-9) ** 0.5 / count**0.5
        # About 300 words are looked at: five standard deviations, and one more for what is rare.
        assert abs(said.count(word) / count - share) <= 5 * sd + 2 / count


def test_a_seats_random_numbers_are_its_own_in_any_batch(folder):
    given = asks(10)
    backend = Local(options(folder))
    together = [reply.text for reply in ask_all(backend, given)]
    assert together == [ask_all(Local(options(folder)), [ask])[0].text for ask in given]
    assert together == [reply.text for reply in reversed(ask_all(backend, given[::-1]))]
    assert len(set(together)) == 10


@pytest.mark.parametrize("labels", [(), LABELS])
def test_running_out_of_memory_halves_the_batch(folder, monkeypatch, labels):
    backend, sizes = Local(options(folder)), []
    calm = ask_all(Local(options(folder)), asks(9, labels))
    forward = backend.loaded.model.forward

    def cramped(input_ids, **rest):
        sizes.append(len(input_ids))
        if len(input_ids) > 8:
            raise torch.OutOfMemoryError("no room")
        return forward(input_ids=input_ids, **rest)

    monkeypatch.setattr(backend.loaded.model, "forward", cramped)
    assert [r.text for r in ask_all(backend, asks(9, labels))] == [r.text for r in calm]
    assert max(sizes) > 8
    sizes.clear()
    monkeypatch.setattr(
        backend.loaded.model, "forward", lambda input_ids, **rest: (_ for _ in ()).throw(torch.OutOfMemoryError("none"))
    )
    with pytest.raises(PopulaceError, match="not even one prompt of"):
        ask_all(backend, asks(2, labels))


def test_a_prompt_longer_than_the_context_is_data(folder):
    long = Ask((("user", "x" * 5000),), (), 1)
    replies = ask_all(Local(options(folder)), [asks(1)[0], long])
    assert replies[0].kind in (ReplyKind.OK, ReplyKind.CUT_OFF)
    assert (replies[1].kind, replies[1].faults) == (ReplyKind.FAILED, ("prompt-too-long",))


def test_it_keeps_the_contract_of_policies(folder):
    policy = Transformers(options(folder, memory=40))
    assert policy.backend.loaded.longest == 4096  # loaded before the check looks at what is kept in self
    check_policy(policy, "populace/payoff-v0", "user", worlds=2, ticks=2)


@pytest.mark.parametrize(
    ("world", "role"),
    [
        ("populace/payoff-v0", "user"),
        ("populace/payoff-v0", "assistant"),
        ("populace/drift-v0", "user"),
        ("populace/shopping-v0", "assistant"),
    ],
)
def test_it_plays_whole_episodes_and_they_repeat(folder, world, role, tmp_path):
    def played(**more):
        stage, people = made(world, None, 3, None)
        short = world.split("/")[-1].rsplit("-v", 1)[0]
        players = {
            name: registry.policies.get(policy, within=short)()
            for name, policy in stage.defaults.items()
            if name in stage.cast
        }
        # The four tags are the one long form: fewer tokens than its shortest reply takes are refused beforehand.
        longest = 160 if (world, role) == ("populace/payoff-v0", "assistant") else 12
        players[role] = Transformers(options(folder, max_reply=longest, **more))
        keep = Keep()
        run = start(stage, players, people, seed=2, worlds=2)
        return rollout(stage, players, run, 2, keep), keep

    (first, keep), (again, _) = played(tape=tmp_path / "tape.jsonl"), played()
    assert same(first.state, again.state)
    assert (keep.series["tokens", role, ""][-1] > 0).all()
    replayed, _ = played(tape=tmp_path / "tape.jsonl", replay=True)
    assert same(first.state, replayed.state)
    if role == "user" and world == "populace/payoff-v0":
        # A choice that is scored is always readable.
        assert keep.series["invalid", "user", ""][-1].sum() == 0


def test_templates_without_a_system_and_models_without_a_template(tmp_path):
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + (
        "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}</s>{% endfor %}<|assistant|>"
    )
    (tmp_path / "a").mkdir()
    backend = Local(options(save(tmp_path / "a", refusing)))
    ids_ = backend._prompts([asks(1)[0].messages])[0]
    assert backend.loaded.tokenizer.decode(ids_) == "<|user|>be kind\n\nhow are you 0</s><|assistant|>"
    (tmp_path / "b").mkdir()
    with pytest.raises(PopulaceError, match="has no chat template"):
        ask_all(Local(options(save(tmp_path / "b", None))), asks(1))
    with pytest.raises(PopulaceError, match="cannot load the model"):
        ask_all(Local(options(tmp_path / "nothing")), asks(1))


def test_without_the_package_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r'pip install "populace\[llm\]"'):
        ask_all(Local(options(folder)), asks(1))
