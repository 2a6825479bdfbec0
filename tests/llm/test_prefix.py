"""Equal prompts and shared beginnings are run once, and nobody's reply changes, whatever cache a model has."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import save
from transformers import (
    AutoTokenizer,
    BloomConfig,
    FalconH1Config,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
)
from transformers.models.auto import AutoModelForCausalLM

from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.decoding import decoder
from populace.agents.llm.decoding.prefixes import WORTH, share

LABELS = ("clear", "vague", "end", "ending")
RULES = "the user asks and you choose: " * 8
QUESTIONS = ("how clear is it? " * 5, "how vague is the other one? " * 4)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"))


def local(folder, **more):
    """At its usual temperature (8) even the rarest label comes up; what is written at it hardly ends."""
    more = {"temperature": 8.0, **more}
    return Local(LocalOptions(**{"model": str(folder), "device": "cpu", "max_reply": 24, **more}))


def asks(count, labels=(), distinct=None):
    """Rules that all share, a question that every other seat shares, and some words of its own, of several lengths."""
    distinct = distinct or count
    return [
        Ask(
            (("system", RULES), ("user", f"{QUESTIONS[i % distinct % 2]}{'!' * (i % distinct % 5)}{i % distinct}")),
            labels,
            7919 * i,
        )
        for i in range(count)
    ]


class Counted:
    """Counts the tokens that go through a model, padding too, and the passes."""

    def __init__(self, backend):
        self.tokens = self.passes = 0
        backend.loaded.model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, model, args, kwargs):
        self.tokens += kwargs["input_ids"].numel()
        self.passes += 1


def texts(backend, given_):
    return [reply.text for reply in ask_all(backend, given_)]


def apart(monkeypatch):
    """From here on nothing is shared."""
    monkeypatch.setattr(decoder, "share", lambda prompts, known, behind=0: None)


PROMPTS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple), min_size=1, max_size=12)


@given(PROMPTS, st.just([]) | PROMPTS)
def test_what_is_shared_are_beginnings_and_they_save_tokens(prompts, known):
    parts = share(prompts, known)
    if parts is None:
        return
    own, beginnings, whose = parts
    longest = max(map(len, prompts))
    for prompt, k in zip(prompts, whose, strict=True):
        before = max(len(prompt) - own, 0)
        assert prompt[:before] == beginnings[k][:before]
        assert len(beginnings[k]) >= before
    ran = len(prompts) * own + (0 if beginnings is known else len(beginnings) * max(map(len, beginnings)))
    assert 1 <= own < longest
    assert ran <= WORTH * len(prompts) * longest


def test_beginnings_of_several_kinds_are_found():
    rules, a, b = tuple(range(50)), tuple(range(100, 140)), tuple(range(200, 240))
    prompts = [rules + half + (300 + i, 7) for i in range(10) for half in (a, b)]
    assert share(prompts) == (2, [rules + a, rules + b], [0, 1] * 10)
    assert share(prompts, [rules + b, rules + a]) == (2, [rules + b, rules + a], [1, 0] * 10)
    assert share([rules, tuple(range(60, 110))]) is None
    assert share([rules]) is None


@pytest.mark.parametrize("labels", [(), LABELS])
@pytest.mark.parametrize("temperature", [0.0, 1.0, 8.0])
def test_shared_beginnings_are_run_once_and_change_no_reply(folder, labels, temperature, monkeypatch):
    # Sampled replies are equal too: the same random number picks another token only where it lies within rounding
    # of a border, some 10^-6 of all draws, and these are some hundreds.
    shared, alone = local(folder, temperature=temperature), local(folder, temperature=temperature)
    few, many = Counted(shared), Counted(alone)
    told = texts(shared, asks(30, labels))
    prompts = shared._prompts([ask.messages for ask in asks(30)])
    apart(monkeypatch)
    assert told == texts(alone, asks(30, labels))
    plain = 30 * max(map(len, prompts))
    rules = len(shared._prompts([(("system", RULES),)])[0]) - 1
    # Rules once, two questions, and at most 12 tokens of each seat's own; labels and replies are run either way.
    least = rules + 2 * max(map(len, prompts)) + 30 * 12
    assert least < WORTH * plain
    assert many.tokens - few.tokens >= plain - least


@pytest.mark.parametrize("labels", [(), LABELS])
def test_equal_prompts_are_read_once_and_each_seat_keeps_its_random_numbers(folder, labels):
    shared = local(folder, max_reply=3)
    counted = Counted(shared)
    told = texts(shared, asks(40, labels, distinct=1))
    prompt = len(shared._prompts([asks(1)[0].messages])[0])
    behind = sum(map(len, shared._labels(labels))) - len(labels) if labels else 2 * 40
    assert counted.tokens <= prompt + behind
    assert len(set(told)) > 1
    assert told == [texts(local(folder, max_reply=3), [ask])[0] for ask in asks(40, labels, distinct=1)]


def test_a_beginning_is_read_once_for_all_batches_of_a_tick(folder):
    backend = local(folder, max_reply=1, batch_tokens=1000)
    given_ = [Ask((("system", RULES), ("user", f"{i % 2} {i}")), (), i) for i in range(40)]
    longest = max(map(len, backend._prompts([ask.messages for ask in given_])))
    counted = Counted(backend)
    ask_all(backend, given_)
    batches = counted.passes - 1
    assert batches >= 5
    assert counted.tokens <= longest + 40 * 8
    ask_all(backend, given_)
    assert counted.passes == 2 * (batches + 1)  # nothing is kept for the next tick


@pytest.mark.parametrize("labels", [(), LABELS])
def test_one_alone_is_read_as_it_is(folder, labels):
    backend = local(folder, max_reply=1)
    counted = Counted(backend)
    told = ask_all(backend, asks(1, labels))
    prompt = len(backend._prompts([asks(1)[0].messages])[0])
    assert told[0].tokens_in == prompt
    # `end` and `ending` begin alike: what they begin with is run once.
    labelled = backend._labels(labels)
    begun = {label[:d] for label in labelled for d in range(1, len(label))}
    assert len(begun) < sum(map(len, labelled)) - len(labels) or not labels
    assert (counted.passes, counted.tokens - prompt) == (1, len(begun))


@pytest.mark.parametrize("labels", [(), LABELS])
def test_running_out_of_memory_halves_what_is_shared_too(folder, monkeypatch, labels):
    calm, backend, sizes = texts(local(folder), asks(20, labels, 12)), local(folder), []
    forward = backend.loaded.model.forward

    def cramped(input_ids, **rest):
        sizes.append(len(input_ids))
        if len(input_ids) > 4:
            raise torch.OutOfMemoryError("no room")
        return forward(input_ids=input_ids, **rest)

    monkeypatch.setattr(backend.loaded.model, "forward", cramped)
    assert texts(backend, asks(20, labels, 12)) == calm
    assert max(sizes) > 4


SMALL = {"vocab_size": 320, "hidden_size": 48, "num_hidden_layers": 2, "initializer_range": 0.15, "eos_token_id": 1}
HEADS = {"intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512}
ODD = {
    "llama": lambda: LlamaConfig(**SMALL, **HEADS),
    "sliding windows": lambda: MistralConfig(**SMALL, **HEADS, sliding_window=16),
    "windows in some layers": lambda: Gemma3TextConfig(
        **SMALL, **HEADS, head_dim=12, sliding_window=16, layer_types=["sliding_attention", "full_attention"]
    ),
    "learned positions": lambda: GPT2Config(
        vocab_size=320, n_embd=48, n_layer=2, n_head=4, n_positions=512, initializer_range=0.15, eos_token_id=1
    ),
    "positions by distance": lambda: BloomConfig(**{**SMALL, "n_layer": 2, "n_head": 4}),
    "a state, no keys": lambda: MambaConfig(**SMALL, state_size=8),
    "keys and a state": lambda: FalconH1Config(
        **SMALL, **HEADS, mamba_d_ssm=48, mamba_n_heads=4, mamba_d_head=12, mamba_d_state=8, mamba_n_groups=1
    ),
}
PLAIN = {"llama": (True, True), "learned positions": (True, True), "positions by distance": (True, False)}
"""Whether beginnings are shared and labels read side by side."""


@pytest.fixture(scope="session", params=list(ODD))
def odd(request, tmp_path_factory):
    folder = save(tmp_path_factory.mktemp("odd"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(ODD[request.param]())
        model.save_pretrained(folder)
    return folder, request.param


def ids(tokenizer, ask):
    chat = [{"role": who, "content": text} for who, text in ask.messages]
    return tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False, return_tensors="pt")


def one_by_one(folder, given_, length):
    """What transformers' own `generate` says to each alone."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    found = []
    for ask in given_:
        prompt = ids(tokenizer, ask)
        out = model.generate(prompt, max_new_tokens=length, do_sample=False)[0, prompt.shape[1] :]
        found.append(tokenizer.decode(out, skip_special_tokens=True))
    return found


@torch.no_grad()
def chances(folder, given_):
    """Log-probability of each label and then the end, one whole sequence at a time, [asks, labels]."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    rows = []
    for ask in given_:
        prompt, row = ids(tokenizer, ask), []
        for label in ask.options:
            tail = torch.tensor([[*tokenizer(label, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]])
            logits = model(torch.cat((prompt, tail), -1)).logits.log_softmax(-1)
            places = torch.arange(prompt.shape[1] - 1, prompt.shape[1] - 1 + tail.shape[1])
            row.append(logits[0, places, tail[0]].sum())
        rows.append(torch.stack(row))
    return torch.stack(rows)


def test_any_cache_writes_what_generate_writes(odd):
    folder, kind = odd
    given_ = asks(14, distinct=9)
    backend = local(folder, temperature=0, max_reply=12)
    assert texts(backend, given_) == one_by_one(folder, given_, 12)
    assert (backend.decoder.plain, backend.decoder.trees) == PLAIN.get(kind, (False, False))


def test_any_cache_scores_as_whole_sequences_are(odd):
    folder, _ = odd
    given_ = asks(9, LABELS)
    backend = local(folder, temperature=0)
    labels, prompts = backend._labels(LABELS), backend._prompts([ask.messages for ask in given_])
    with torch.inference_mode():
        scores = backend.decoder.score(prompts, labels)
    # Float32 sums of up to six log-probabilities of some units each.
    torch.testing.assert_close(scores, chances(folder, given_), atol=2e-4, rtol=0)


@pytest.mark.parametrize("labels", [(), LABELS])
def test_a_model_that_gives_no_cache_is_run_anew_each_time(folder, labels, monkeypatch):
    backend, calm = local(folder, attention="eager"), texts(local(folder), asks(10, labels, 6))
    forward = backend.loaded.model.forward

    def bare(input_ids, **rest):
        rest["use_cache"] = False
        assert rest.pop("past_key_values", rest.pop("cache", None)) is None
        return forward(input_ids=input_ids, **rest)

    monkeypatch.setattr(backend.loaded.model, "forward", bare)
    backend.decoder.trees = False  # as for a model whose attention takes no mask of ours
    assert texts(backend, asks(10, labels, 6)) == calm
    assert not backend.decoder.cached


@pytest.mark.parametrize("labels", [(), LABELS])
def test_eager_attention_and_looks_now_and_then_say_the_same(folder, labels):
    backend, calm = local(folder, attention="eager"), texts(local(folder), asks(20, labels, 12))
    backend.decoder.look = 4
    assert backend.decoder.trees
    assert texts(backend, asks(20, labels, 12)) == calm


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("labels", [(), LABELS])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_gpu_says_what_the_cpu_says(folder, labels, attention):
    given_ = asks(40, labels, 12)
    for temperature in (0.0, 8.0):
        here, there = (
            local(folder, temperature=temperature, attention=attention, device=device) for device in ("cpu", "cuda")
        )
        assert texts(here, given_) == texts(there, given_)
