"""Local models on seats: beside one `generate` call an agent, and beside a decode loop by hand on the same model.

The model has random weights: Llama's form, 5.3 million parameters (hidden 256, 4 layers, 4,096 tokens), float32.
Prompts have 32 tokens, replies 64, all sampled at temperature 1. Ours starts at messages and ends at texts; the loop by
hand is given tokens and leaves tokens. What is compared takes turns in one process.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial
from pathlib import Path
from unittest.mock import patch

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, StaticCache

from benchmarks import timing
from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.decoding import decoder as decoding
from populace.agents.llm.policies import Transformers, TransformersOptions
from populace.envs.payoff import Payoff
from populace.registry import policies
from populace.rollout import rollout
from populace.run import start

PROMPT, REPLY, SEATS = 32, 64, (1, 16, 128, 1024)
CHUNK = 128
"""Rows of the loop by hand: more are no faster on two cores."""
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
ROOT = Path(__file__).parent.parent


@lru_cache(maxsize=1)
def folder() -> Path:
    """Model and tokenizer on disk, as a user's would be; the tokens are learned from our own docs and code."""
    place = Path(tempfile.mkdtemp(prefix="populace-bench-"))
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=["</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words.train([str(file) for kind in ("docs/*.md", "envs/*/*.py") for file in sorted(ROOT.glob(kind))], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", pad_token="</s>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(place)
    llama(256, 688, 4, 4, 4, 4096).save_pretrained(place)
    return place


def llama(hidden: int, inner: int, layers: int, heads: int, groups: int, tokens: int) -> LlamaForCausalLM:
    """A model of random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=tokens,
            hidden_size=hidden,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=groups,
            max_position_embeddings=2048,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=0,
        )
        return LlamaForCausalLM(config).eval()


def local(**more: object) -> Local:
    """Ours, loaded."""
    options = {"model": str(folder()), "device": "cpu", "max_reply": REPLY, "attention": "sdpa", **more}
    backend = Local(LocalOptions.model_validate(options))
    assert backend.decoder
    return backend


@lru_cache(maxsize=1)
def words() -> list[str]:
    """Words that are one token each."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder())
    whole = sorted(token[1:] for token in tokenizer.get_vocab() if token[0] == "Ġ")
    return [word for word in whole if word.isascii() and word.isalpha() and len(tokenizer(word)["input_ids"]) == 1]


def asks(seats: int, own: int = PROMPT, shared: int = 0, distinct: int = 0, labels: int = 0) -> list[Ask]:
    """Prompts of `shared` common and `own` random words, each word a token; `distinct` ones in turn, where given."""
    rng, vocabulary = random.Random(seats), words()
    before = rng.choices(vocabulary, k=shared)
    tails = [" ".join([*before, *rng.choices(vocabulary, k=own)]) for _ in range(distinct or seats)]
    options = tuple(vocabulary[:labels])
    return [Ask((("user", tails[i % len(tails)]),), options, 104729 * (i + 1)) for i in range(seats)]


def in_turns(works: Mapping[str, Callable[[], int]], repeats: int = 3) -> dict[str, float]:
    """Units a second of each work, which returns its units: the median of `repeats` turns; before several, one more."""
    rates: dict[str, list[float]] = {name: [] for name in works}
    warm = int(repeats > 1)
    for turn in range(warm + repeats):
        for name, work in works.items():
            timing.synchronise()
            began = time.perf_counter()
            units = work()
            timing.synchronise()
            if turn >= warm:
                rates[name].append(units / (time.perf_counter() - began))
    return {name: sorted(found)[len(found) // 2] for name, found in rates.items()}


def one_call_each(backend: Local, given: Sequence[Ask]) -> int:
    """(a): what most simulators do, an agent after another. Returns the tokens written."""
    model, tokenizer = backend.loaded.model, backend.loaded.tokenizer
    written = 0
    for ask in given:
        chat = [{"role": who, "content": text} for who, text in ask.messages]
        ids = tokenizer.apply_chat_template(chat, return_tensors="pt", return_dict=True)
        out = model.generate(**ids, max_new_tokens=REPLY, do_sample=True, top_k=0, pad_token_id=0)
        new = out[0, ids["input_ids"].shape[1] :]
        tokenizer.decode(new)
        written += len(new)
    return written


@torch.inference_mode()
def by_hand(model: LlamaForCausalLM, prompts: torch.Tensor, static: bool) -> int:
    """(b): a batched loop on prompts [rows, tokens] of one length, no padding, no ends. Returns the tokens written."""
    written = 0
    for ids in prompts.split(CHUNK):
        rows, length = ids.shape
        room = length + REPLY
        past = StaticCache(config=model.config, max_cache_len=room) if static else DynamicCache(config=model.config)
        said = torch.empty(rows, REPLY, dtype=torch.int64, device=ids.device)
        places = torch.arange(length, device=ids.device).expand(rows, -1)
        for step in range(REPLY):
            out = model(input_ids=ids, position_ids=places, past_key_values=past, use_cache=True, logits_to_keep=1)
            total = out.logits[:, -1].float().softmax(-1).cumsum(-1)
            ids = torch.searchsorted(total, torch.rand(rows, 1, device=ids.device) * total[:, -1:], right=True)
            ids = ids.clamp_(max=total.shape[-1] - 1)
            said[:, step : step + 1] = ids
            places = places[:, -1:] + 1
        written += len(said.tolist()) * REPLY
    return written


def written(backend: Local, given: Sequence[Ask]) -> int:
    """Ours. Returns the tokens written."""
    return sum(reply.tokens_out for reply in ask_all(backend, given))


def writing() -> Iterator[timing.Row]:
    """Tokens a second of replies of 64 tokens: ours, one call each, by hand."""
    backend, alone, one, best = local(), asks(4), 0.0, ""
    model = backend.loaded.model
    for seats in SEATS:
        given = asks(seats)
        prompts = torch.tensor(backend._prompts([ask.messages for ask in given]))
        assert prompts.shape == (seats, PROMPT)
        works: dict[str, Callable[[], int]] = {
            "ours": partial(written, backend, given),
            "DynamicCache": partial(by_hand, model, prompts, False),
            "StaticCache": partial(by_hand, model, prompts, True),
        }
        if seats <= CHUNK:
            found = in_turns({**works, "a": partial(one_call_each, backend, alone[:seats])})
            one, best = found["a"], max(("DynamicCache", "StaticCache"), key=found.__getitem__)
        else:
            found = in_turns({name: works[name] for name in ("ours", best)}, repeats=1)
        ratio, aim = found["ours"] / one, "; aim 15" if seats == CHUNK else ""
        yield f"{seats:,} seats, tokens written", found["ours"], "tokens/s", f"{ratio:.1f} of (a){aim}"
        yield "  (a) one `generate` call an agent", one, "tokens/s", "as above" if seats > CHUNK else ""
        share = found["ours"] / found[best]
        yield "  (b) a batched loop by hand", found[best], "tokens/s", f"{best}; ours is {share:.2f} of it; aim .8"


def decided(backend: Local, given: Sequence[Ask], shared: bool = True) -> int:
    """Ours, choosing. Returns the decisions."""
    with nullcontext() if shared else patch.object(decoding, "share", lambda *_: None):
        return len(ask_all(backend, given))


def choosing() -> Iterator[timing.Row]:
    """Decisions a second among four labels by their log-probabilities; shared beginnings; equal prompts."""
    backend = local()
    alone = [[ask] for ask in asks(32, labels=4)]
    slow = in_turns(
        {
            "written": lambda: len(alone[:4]) * bool(one_call_each(backend, [ask for one in alone[:4] for ask in one])),
            "alone": lambda: sum(decided(backend, one) for one in alone),
        }
    )
    yield "written in 64 tokens, an agent after another", slow["written"], "decisions/s", ""
    yield "by logits, an agent after another", slow["alone"], "decisions/s", ""
    for seats in SEATS:
        found = in_turns({"": partial(decided, backend, asks(seats, labels=4))})[""]
        aim = "; aim 100" if seats == CHUNK else ""
        remark = f"{found / slow['written']:,.0f} of written, an agent after another{aim}"
        yield f"{seats:,} seats, by logits", found, "decisions/s", remark
    for seats in (16, CHUNK):
        given = asks(seats, 16, 256, labels=4)
        rates = in_turns({str(way): partial(decided, backend, given, way) for way in (True, False)})
        remark = f"{rates['True'] / rates['False']:.1f} of {rates['False']:.0f}, where each seat runs it; aim 8"
        yield f"{seats} seats, 256 tokens shared, 16 of their own", rates["True"], "decisions/s", remark
    parts = (1, 8, 64)
    many = {part: asks(SEATS[-1], distinct=SEATS[-1] // part, labels=4) for part in parts}
    rates = in_turns({str(part): partial(decided, backend, given) for part, given in many.items()})
    for part in parts:
        gain = f"{rates[str(part)] / rates['1']:.1f} of all distinct; aim {0.75 * part:g}"
        what = f"{SEATS[-1]:,} seats, {SEATS[-1] // part:,} distinct prompts"
        yield what, rates[str(part)], "decisions/s", "" if part == 1 else gain


def policy() -> Iterator[timing.Row]:
    """Whole ticks of a world: what the text policy takes beside the model: to render, tokenise, decode and read."""
    for role, what in (("user", "chosen"), ("assistant", "written")):
        worlds, users, ticks = 8, 8, 2
        options = Payoff.Options.model_validate({"turns": ticks + 1})
        population = Payoff.population(users, options)
        assert population is not None
        world = Payoff(options, population.census)
        players = {name: policies.get(default, "payoff")() for name, default in world.defaults.items()}
        player = Transformers(TransformersOptions(model=str(folder()), device="cpu", max_reply=REPLY))
        players[role] = player
        run = rollout(world, players, start(world, players, population, seed=0, worlds=worlds), 1)
        backend = player.backend
        assert isinstance(backend, Local)
        inside, calls = [0.0], [0]

        def timed(work: Callable[..., object], inside: list[float], calls: list[int]) -> Callable[..., object]:
            def run_(prompts: Sequence[object], *rest: object) -> object:
                began = time.perf_counter()
                found = work(prompts, *rest)
                inside[0] += time.perf_counter() - began
                calls[0] += len(prompts)
                return found

            return run_

        decoder = backend.decoder
        with (
            patch.object(decoder, "score", timed(decoder.score, inside, calls)),
            patch.object(decoder, "write", timed(decoder.write, inside, calls)),
        ):
            began = time.perf_counter()
            rollout(world, players, run, ticks)
            total = time.perf_counter() - began
        seats = worlds * users * ticks
        remark = f"{1e3 * (total - inside[0]) / seats:.2f} ms a seat beside {1e3 * inside[0] / seats:.2f} in the model"
        yield (
            f"payoff, {worlds * users} {role}s' acts {what}: beside the model",
            1 - inside[0] / total,
            "of a tick",
            remark,
        )


def rows() -> Iterator[timing.Row]:
    """All that needs no GPU."""
    yield from writing()
    yield from choosing()
    yield from policy()


def gpu() -> Iterator[timing.Row]:
    """A model of 0.8 billion random weights in bfloat16, beside what the memory's bandwidth allows."""
    if not torch.cuda.is_available():
        yield "skipped: no GPU here", "-", "", ""
        return
    with torch.device("cuda"):
        model = llama(2048, 8192, 12, 32, 8, 32_000).to(torch.bfloat16)
    weights = sum(part.numel() for part in model.parameters()) - model.model.embed_tokens.weight.numel()
    # A step reads all weights but the embeddings, of which it reads a row per token.
    bound = timing.copy_bandwidth("cuda", 4096) / (weights * 2)
    yield f"{torch.cuda.get_device_name()}: a step's weights ({2e-9 * weights:.2f} GB) read", bound, "times/s", "bound"
    decoder = decoding.Decoder(model, (), 1.0)
    for count in (1, 4, 16, 64, 256):
        prompts = torch.randint(1, 32_000, (count, 128), generator=torch.Generator().manual_seed(0))
        listed, placed = [tuple(row) for row in prompts.tolist()], prompts.cuda()

        def ours(listed: Sequence[tuple[int, ...]] = listed) -> int:
            with torch.inference_mode():
                return sum(map(len, decoder.write(listed, range(len(listed)), REPLY)))

        found = in_turns(
            {
                "ours": ours,
                "DynamicCache": partial(by_hand, model, placed, False),
                "StaticCache": partial(by_hand, model, placed, True),
            }
        )
        best = max(("DynamicCache", "StaticCache"), key=found.__getitem__)
        remark = (
            f"{found['ours'] / (bound * count):.2f} of the bound, {found['ours'] / found[best]:.2f} of by hand ({best})"
        )
        yield f"{count} rows, 128 tokens read and {REPLY} written", found["ours"], "tokens/s", remark
