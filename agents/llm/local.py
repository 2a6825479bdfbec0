"""A language model in this process, through `transformers`: batches packed by tokens, choices scored in one pass.

Replies are decoded here rather than by `generate`, whose sampling takes its luck from torch's global generator: each
seat's tokens follow from its own seed, whoever else is in the batch (up to the last bits of the arithmetic, which do
depend on the batch; a run repeats on the same machine).
"""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from populace.agents.llm.backends import Ask, Backend, Messages, Reply
from populace.agents.llm.seats import SeatOptions, TextPolicy
from populace.dialogue import ReplyKind
from populace.draw import uniform_from
from populace.errors import MissingExtra, PopulaceError


class LocalOptions(SeatOptions):
    """Which model, where it runs, and how it is sampled."""

    model: str
    """A folder, or an id on the Hugging Face hub; any causal model with a chat template, quantised or adapted ones as
    transformers loads them."""
    revision: str | None = None
    """The hub's branch, tag or commit."""
    device: str | None = None
    """`cpu`, `cuda`, ...; a GPU if there is one when not given."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights; `auto` is what they were saved in."""
    attention: str | None = None
    """Implementation of attention, e.g. `sdpa`; transformers' own choice when not given."""
    temperature: float = Field(default=1.0, ge=0)
    """0: the likeliest reply, and identical prompts are asked once."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Sample among the likeliest tokens of this total probability."""
    max_reply: int = Field(default=256, ge=1)
    """Tokens of a reply at most; one that is longer is cut off."""
    choices: Literal["score", "write"] = "score"
    """Where a reply must be one of some labels: `score` picks among them by the probability that the model would write
    each, and nothing else; `write` lets it write, and reads what it wrote."""
    batch_tokens: int = Field(default=16384, ge=1)
    """Tokens in the model at a time, padding and replies included; halved whenever memory runs out."""


class Loaded(NamedTuple):
    """A model ready to be asked."""

    model: Any
    tokenizer: Any
    ends: tuple[int, ...]
    """Tokens that end a reply; the first is the one scored after a label."""
    longest: int | None
    """Tokens that fit into its context."""


class Local(Backend):
    """A model of `transformers`, loaded when first asked.

    Args:
        options: Which and how.
    """

    faults = ("prompt-too-long",)

    def __init__(self, options: LocalOptions) -> None:
        o = self.options = options
        self.greedy = o.temperature == 0
        self.voice = json.dumps(
            ["transformers", o.model, o.revision, o.dtype, o.temperature, o.top_p, o.max_reply, o.choices]
        )
        self._budget = o.batch_tokens

    @cached_property
    def loaded(self) -> Loaded:
        """The model and its tokenizer.

        Raises:
            MissingExtra: `transformers` is not installed.
            PopulaceError: The model cannot be loaded, or has no chat template.
        """
        return load(self.options)

    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """Replies, batch by batch: scored choices first, then what is written."""
        prompts = [self._prompt(ask.messages) for ask in asks]
        groups: dict[tuple[str, ...], list[int]] = {}
        for i, ask in enumerate(asks):
            scored = ask.options if self.options.choices == "score" else ()
            needs = len(prompts[i]) + max((len(ids) for ids in self._labels(scored)), default=self.options.max_reply)
            if self.loaded.longest is not None and needs > self.loaded.longest:
                yield i, Reply("", ReplyKind.FAILED, faults=("prompt-too-long",))
            else:
                groups.setdefault(scored, []).append(i)
        for options, places in groups.items():
            places.sort(key=lambda i: len(prompts[i]), reverse=True)
            while places:
                count = self._fits(len(prompts[places[0]]), options)
                batch, places = places[:count], places[count:]
                ready = self._halving([prompts[i] for i in batch], [asks[i].seed for i in batch], options)
                yield from zip(batch, ready, strict=True)

    def _fits(self, longest: int, options: Sequence[str]) -> int:
        """How many prompts as long as this one fit into the budget; always one."""
        if not options:
            return max(1, self._budget // (longest + self.options.max_reply))
        return max(1, self._budget // (len(options) * (longest + max(len(ids) for ids in self._labels(options)))))

    def _halving(self, prompts: list[list[int]], seeds: list[int], options: tuple[str, ...]) -> list[Reply]:
        """Work through a batch; where memory runs out, in halves, and with half the budget from then on."""
        try:
            with torch.inference_mode():
                return self._score(prompts, seeds, options) if options else self._write(prompts, seeds)
        except torch.OutOfMemoryError:
            if len(prompts) == 1:
                raise PopulaceError(
                    f"not even one prompt of {len(prompts[0])} tokens fits into the memory beside {self.options.model}:"
                    " lower max_reply or memory, or take a smaller model"
                ) from None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._budget = max(1, self._budget // 2)
        half = len(prompts) // 2
        first = self._halving(prompts[:half], seeds[:half], options)
        return first + self._halving(prompts[half:], seeds[half:], options)

    # ------------------------------------------------------------------ prompts

    def _prompt(self, messages: Messages) -> list[int]:
        from jinja2 import TemplateError

        try:
            return self._templated(messages)
        except TemplateError:
            # Some templates know no system: what it says then opens the first message.
            (_, system), (who, first), *rest = messages
            return self._templated(((who, f"{system}\n\n{first}"), *rest))

    def _templated(self, messages: Messages) -> list[int]:
        chat = [{"role": who, "content": text} for who, text in messages]
        ids = self.loaded.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
        return list(ids)

    def _labels(self, options: Sequence[str]) -> list[list[int]]:
        """Tokens of each label and of the end of the reply, so that `1` is not mistaken for the start of `12`."""
        ends = list(self.loaded.ends[:1])
        return [[*self.loaded.tokenizer(label, add_special_tokens=False)["input_ids"], *ends] for label in options]

    def _padded(self, prompts: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Token ids and mask [rows, longest], padded on the left."""
        longest, device = max(map(len, prompts)), self.loaded.model.device
        ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
        return ids, torch.arange(longest, device=device) >= longest - lengths.unsqueeze(-1)

    def _forward(self, ids: Tensor, mask: Tensor, past: Any, last: int) -> tuple[Tensor, Any]:
        """Log-probabilities [rows, last, vocabulary] float32 after the last tokens of `ids`, and the cache."""
        places = (mask.long().cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        out = self.loaded.model(
            input_ids=ids,
            attention_mask=mask.long(),
            position_ids=places,
            past_key_values=past,
            use_cache=True,
            logits_to_keep=last,
        )
        return torch.log_softmax(out.logits[:, -last:].float(), dim=-1), out.past_key_values

    # ------------------------------------------------------------------ choosing

    def _score(self, prompts: list[list[int]], seeds: list[int], options: tuple[str, ...]) -> list[Reply]:
        """One label a prompt, by the probability of writing it: prompts are computed once for all labels."""
        labels, rows = self._labels(options), len(prompts)
        ids, mask = self._padded(prompts)
        first, past = self._forward(ids, mask, None, 1)
        width = max(map(len, labels))
        table = torch.tensor([label + [0] * (width - len(label)) for label in labels], device=ids.device)
        real = torch.tensor([[k < len(label) for k in range(width)] for label in labels], device=ids.device)
        score = first[:, 0][:, table[:, 0]]
        if width > 1:
            past.batch_repeat_interleave(len(labels))
            begun, wide = table[:, :-1].repeat(rows, 1), mask.repeat_interleave(len(labels), 0)
            wide = torch.cat((wide, torch.ones_like(begun, dtype=torch.bool)), dim=-1)
            after, _ = self._forward(begun, wide, past, width - 1)
            follow = after.gather(-1, table[:, 1:].repeat(rows, 1).unsqueeze(-1)).squeeze(-1)
            score = score + (follow.unflatten(0, (rows, -1)) * real[:, 1:]).sum(-1)
        if self.greedy:
            picked = score.argmax(-1)
        else:
            picked = _pick(torch.softmax(score / self.options.temperature, -1), _uniform(seeds, 0, ids.device))
        return [
            Reply(options[k], tokens_in=len(prompt), tokens_out=len(labels[k]))
            for k, prompt in zip(picked.tolist(), prompts, strict=True)
        ]

    # ------------------------------------------------------------------ writing

    def _write(self, prompts: list[list[int]], seeds: list[int]) -> list[Reply]:
        """Token by token, all rows together; rows that have ended leave the batch once they are half of it."""
        ids, mask = self._padded(prompts)
        ends = torch.tensor(self.loaded.ends, device=ids.device, dtype=torch.int64)
        written: list[list[int]] = [[] for _ in prompts]
        alive, past, ended = list(range(len(prompts))), None, torch.zeros(len(prompts), dtype=torch.bool)
        for step in range(self.options.max_reply):
            said, past = self._forward(ids, mask, past, 1)
            token = self._next(said[:, 0], [seeds[i] for i in alive], step)
            over = ended | torch.isin(token, ends).cpu()
            for i, word, was in zip(alive, token.tolist(), ended.tolist(), strict=True):
                if not was:
                    written[i].append(word)
            ended = over
            if bool(ended.all()):
                break
            ids, mask = token.unsqueeze(-1), torch.cat((mask, torch.ones_like(mask[:, :1])), dim=-1)
            if 2 * int(ended.sum()) >= len(alive):
                left = (~ended).nonzero().squeeze(-1)
                past.batch_select_indices(left.to(ids.device))
                ids, mask = ids[left.to(ids.device)], mask[left.to(ids.device)]
                alive, ended = [alive[k] for k in left.tolist()], ended[left]
        return [self._reply(prompt, tokens) for prompt, tokens in zip(prompts, written, strict=True)]

    def _next(self, said: Tensor, seeds: list[int], step: int) -> Tensor:
        """The next token of every row, [rows]."""
        if self.greedy:
            return said.argmax(-1)
        chance, order = torch.softmax(said / self.options.temperature, -1).sort(stable=True, dim=-1, descending=True)
        # The token that crosses top_p is still in.
        chance = torch.where(chance.cumsum(-1) - chance < self.options.top_p, chance, 0.0)
        place = _pick(chance, _uniform(seeds, step, said.device))
        return order.gather(-1, place.unsqueeze(-1)).squeeze(-1)

    def _reply(self, prompt: list[int], tokens: list[int]) -> Reply:
        whole = bool(tokens) and tokens[-1] in self.loaded.ends
        text = self.loaded.tokenizer.decode(tokens[:-1] if whole else tokens, skip_special_tokens=True)
        return Reply(text, ReplyKind.OK if whole else ReplyKind.CUT_OFF, len(prompt), len(tokens))


def _uniform(seeds: Sequence[int], step: int, device: torch.device) -> Tensor:
    """A number in [0, 1) for each seed at a step, [rows, 1]."""
    keys = torch.tensor(list(seeds), dtype=torch.int64, device=device)
    return uniform_from(keys, torch.tensor([step], dtype=torch.int32, device=device))


def _pick(weights: Tensor, uniform: Tensor) -> Tensor:
    """An index with probability proportional to weights [rows, options], by inversion of uniform [rows, 1]."""
    total = weights.cumsum(-1)
    last = torch.where(weights > 0, torch.arange(weights.shape[-1], device=weights.device), 0).amax(-1)
    return torch.minimum((total <= uniform * total[:, -1:]).sum(-1), last)


def load(options: LocalOptions) -> Loaded:
    """Model and tokenizer; torch's global luck, which transformers uses for weights that a file lacks, stays as it was.

    Raises:
        MissingExtra: `transformers` is not installed.
        PopulaceError: The model cannot be loaded, or has no chat template.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise MissingExtra("the policy llm/transformers", "transformers", "llm") from None
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    extra = {} if options.attention is None else {"attn_implementation": options.attention}
    try:
        with torch.random.fork_rng(devices=[]):
            tokenizer = AutoTokenizer.from_pretrained(options.model, revision=options.revision)
            model: Any = AutoModelForCausalLM.from_pretrained(
                options.model, revision=options.revision, dtype=options.dtype, **extra
            )
    except (OSError, ValueError, ImportError) as error:
        raise PopulaceError(
            f"cannot load the model {options.model!r}: {str(error).splitlines()[0]}; it must be a folder with weights "
            "and tokenizer in the transformers format, or an id on the hub"
        ) from error
    if tokenizer.chat_template is None:
        raise PopulaceError(
            f"{options.model!r} has no chat template: take a model that was made for conversation (its name often ends "
            "in -Instruct or -Chat), or save its tokenizer with a chat_template"
        )
    if getattr(model, "hf_device_map", None) is None and not getattr(model, "is_quantized", False):
        model = model.to(device)
    ends = model.generation_config.eos_token_id
    found = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    own = tokenizer.eos_token_id
    found = [own, *(end for end in found if end != own)] if own is not None else found
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    model.train(False)
    return Loaded(model, tokenizer, tuple(found), longest)


class Transformers(TextPolicy):
    """Seats of a model in this process."""

    Options = LocalOptions
    options: LocalOptions

    def open(self) -> Backend:
        """The model; it is loaded when first asked."""
        return Local(self.options)
