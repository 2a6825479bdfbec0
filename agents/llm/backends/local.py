"""A language model in this process, through `transformers`: batches packed by tokens, choices scored in one pass.

Each seat's reply follows from its own seed, whoever else is in the batch (up to the last bits of the arithmetic, which
do depend on the batch; a run repeats on the same machine). How the model is run stands in the room `decoding`.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import torch
from pydantic import Field, field_validator

from populace.agents.llm.backends.base import Ask, Backend, Messages, Reply
from populace.agents.llm.backends.model import ModelOptions
from populace.agents.llm.backends.rehearsal import Range
from populace.agents.llm.decoding.prefixes import Prompt
from populace.dialogue import ReplyKind
from populace.errors import MissingExtra, PopulaceError
from populace.files import name_or_folder

if TYPE_CHECKING:
    from populace.agents.llm.decoding.decoder import Decoder
    from populace.agents.llm.decoding.forms import Guide

Answer = tuple[int, Reply]
"""Position of what was asked, and its reply."""

Done = TypeVar("Done")

ALIKE = 32
"""Prompts whose lengths lie this close may share a batch in any order (choice of ours): more of those with a
common prefix meet, for some padding."""


class LocalOptions(ModelOptions):
    """Which model, where it runs, and how it is sampled."""

    model: str
    """A folder, or an id on the Hugging Face hub; any causal model with a chat template, quantised or adapted ones as
    transformers loads them."""
    _may_be_read = field_validator("model")(name_or_folder)
    revision: str | None = None
    """The hub's branch, tag or commit."""
    device: str | None = None
    """`cpu`, `cuda`, ...; a GPU if there is one when not given."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights; `auto` is what they were saved in."""
    attention: str | None = Field(default=None, pattern="^[a-z0-9_]+$")
    """Implementation of attention, e.g. `sdpa`; transformers' own choice when not given. A kernel of the hub, which is
    code, is refused."""
    temperature: float = Field(default=1.0, ge=0)
    """0: the likeliest reply, and identical prompts are asked once."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Sample among the likeliest tokens of this total probability."""
    max_reply: int = Field(default=256, ge=1)
    """Tokens of a reply at most; one that is longer is cut off."""
    choices: Literal["score", "write"] = "score"
    """Where a reply must be one of some labels: `score` picks among them by the probability that the model would write
    each, and nothing else, and holds other replies to the form that the world asks for, where it has one; `write` lets
    it write, and reads what it wrote."""
    batch_tokens: int = Field(default=16384, ge=1)
    """Tokens in the model at a time, padding and replies included; halved whenever memory runs out."""

    def takes(self, asks: float, read: float, written: Range) -> Range:
        """By tokens a second (assumption of ours, for a small model on a processor to one on a good GPU)."""
        low, likely, high = written
        return Range(read / 20_000 + low / 2_000, read / 2_000 + likely / 200, read / 200 + high / 10)


class Loaded(NamedTuple):
    """A model ready to be asked."""

    model: Any
    tokenizer: Any
    ends: tuple[int, ...]
    """Tokens that end a reply; the first is the one scored after a label."""
    longest: int | None
    """Tokens that fit into its context."""


class Seat(NamedTuple):
    """One thing asked."""

    place: int
    """Position among the asks."""
    prompt: Prompt
    seed: int
    form: str = ""


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

    @cached_property
    def decoder(self) -> "Decoder":
        """The model, ready to be run."""
        from populace.agents.llm.decoding.decoder import Decoder

        return Decoder(self.loaded.model, self.loaded.ends, self.options.temperature, self.options.top_p)

    @cached_property
    def _guide(self) -> "Guide":
        from populace.agents.llm.decoding.forms import Guide

        return Guide(self.loaded.tokenizer, self.loaded.ends)

    def complete(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Replies, batch by batch: seats that choose among the same labels together, and all that write."""
        self.decoder.forget()  # what an unfinished call has left behind
        prompts = self._prompts([ask.messages for ask in asks])
        groups: dict[tuple[str, ...], list[Seat]] = {}
        for i, (ask, prompt) in enumerate(zip(asks, prompts, strict=True)):
            scored = ask.options if self.options.choices == "score" else ()
            held = ask.form if self.options.choices == "score" else ""
            groups.setdefault(scored, []).append(Seat(i, prompt, ask.seed, held))
        for options, seats in groups.items():
            labels = self._labels(options)
            room = (self.loaded.longest or sys.maxsize) - max(map(len, labels), default=self.options.max_reply)
            for seat in seats:
                if len(seat.prompt) > room:
                    yield seat.place, Reply("", ReplyKind.FAILED, faults=("prompt-too-long",))
            seats = [seat for seat in seats if len(seat.prompt) <= room]
            yield from self._choose(seats, options, labels) if options else self._write(seats)
        self.decoder.forget()

    def _choose(self, seats: Sequence[Seat], options: Sequence[str], labels: list[Prompt]) -> Iterator[Answer]:
        """One label per seat: seats with the same prompt share its scores; each samples with its own random numbers."""
        alike: dict[Prompt, list[Seat]] = {}
        for seat in seats:
            alike.setdefault(seat.prompt, []).append(seat)

        def score(batch: Sequence[Seat]) -> list[list[float]]:
            return self.decoder.score([seat.prompt for seat in batch], labels).tolist()

        for batch, scores in self._batches([same[0] for same in alike.values()], score, labels):
            told = [(seat, row) for one, row in zip(batch, scores, strict=True) for seat in alike[one.prompt]]
            picked = self.decoder.pick([row for _, row in told], [seat.seed for seat, _ in told])
            for (seat, _), k in zip(told, picked, strict=True):
                yield seat.place, Reply(options[k], ReplyKind.OK, len(seat.prompt), len(labels[k]))

    def _write(self, seats: Sequence[Seat]) -> Iterator[Answer]:
        """What each seat writes, token by token."""

        def write(batch: Sequence[Seat]) -> list[list[int]]:
            prompts, seeds, forms = zip(*((seat.prompt, seat.seed, seat.form) for seat in batch), strict=True)
            return self.decoder.write(
                prompts, seeds, self.options.max_reply, forms, self._guide if any(forms) else None
            )

        for batch, written in self._batches(seats, write):
            whole = [tokens[-1] in self.loaded.ends for tokens in written]
            cut = [tokens[:-1] if ended else tokens for tokens, ended in zip(written, whole, strict=True)]
            texts = self.loaded.tokenizer.batch_decode(cut, skip_special_tokens=True)
            for seat, tokens, ended, text in zip(batch, written, whole, texts, strict=True):
                kind = ReplyKind.OK if ended else ReplyKind.CUT_OFF
                yield seat.place, Reply(text, kind, len(seat.prompt), len(tokens))

    # ------------------------------------------------------------------ batches

    def _batches(
        self, seats: Sequence[Seat], work: Callable[[Sequence[Seat]], list[Done]], labels: Sequence[Prompt] = ()
    ) -> Iterator[tuple[list[Seat], list[Done]]]:
        """Batches that fit into the budget, the longest prompts first, and what is made of them."""
        # Within some length, prompts with a common prefix lie together.
        waiting = sorted(seats, key=lambda seat: (_rounded(len(seat.prompt)), seat.prompt), reverse=True)
        while waiting:
            rows, behind = self.decoder.width(labels) if labels else (1, self.options.max_reply)
            count = max(1, self._budget // (rows * (_rounded(len(waiting[0].prompt)) + behind)))
            batch, waiting = waiting[:count], waiting[count:]
            yield batch, self._halving(work, batch)

    def _halving(self, work: Callable[[Sequence[Seat]], list[Done]], batch: Sequence[Seat]) -> list[Done]:
        """Work through a batch; where memory runs out, in halves, and with half the budget from then on."""
        try:
            with torch.inference_mode():
                return work(batch)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise PopulaceError(
                    f"not even one prompt of {len(batch[0].prompt)} tokens fits into the memory beside "
                    f"{self.options.model}: lower max_reply or memory, or take a smaller model"
                ) from None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._budget = max(1, self._budget // 2)
        half = len(batch) // 2
        return self._halving(work, batch[:half]) + self._halving(work, batch[half:])

    # ------------------------------------------------------------------ prompts

    def _prompts(self, talks: Sequence[Messages]) -> list[Prompt]:
        """Tokens of each conversation; equal ones are made once."""
        unique = list(dict.fromkeys(talks))
        known = dict(zip(unique, self._templated(unique), strict=True))
        return [known[messages] for messages in talks]

    def _templated(self, talks: Sequence[Messages]) -> list[Prompt]:
        from jinja2 import TemplateError

        chats = [[{"role": who, "content": text} for who, text in messages] for messages in talks]
        try:
            ids = self.loaded.tokenizer.apply_chat_template(chats, add_generation_prompt=True, return_dict=False)
        except TemplateError:
            if not any(messages[0][0] == "system" for messages in talks):
                raise
            # Some templates know no system: what it says then opens the first message.
            ids = self._templated([_without_system(messages) for messages in talks])
        return [tuple(prompt) for prompt in ids]

    def _labels(self, options: Sequence[str]) -> list[Prompt]:
        """Tokens of each label and of the end of the reply, so that `1` is not mistaken for the start of `12`."""
        ends, tokenizer = self.loaded.ends[:1], self.loaded.tokenizer
        return [(*tokenizer(label, add_special_tokens=False)["input_ids"], *ends) for label in options]


def _rounded(length: int) -> int:
    """Up to the next multiple of `ALIKE`."""
    return -(-length // ALIKE) * ALIKE


def _without_system(messages: Messages) -> Messages:
    if messages[0][0] != "system":
        return messages
    (_, system), (who, first), *rest = messages
    return ((who, f"{system}\n\n{first}"), *rest)


def load(options: LocalOptions) -> Loaded:
    """Model and tokenizer; torch's global generator, which transformers uses for missing weights, stays as it was.

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
        with torch.random.fork_rng(devices=[]), _no_bars():
            tokenizer = AutoTokenizer.from_pretrained(options.model, revision=options.revision, trust_remote_code=False)
            model: Any = AutoModelForCausalLM.from_pretrained(
                options.model, revision=options.revision, dtype=options.dtype, trust_remote_code=False, **extra
            )
    except Exception as error:  # what a folder holds can fail in any way
        raise cannot_load(options.model, error) from error
    if tokenizer.chat_template is None:
        raise PopulaceError(
            f"{options.model!r} has no chat template: take a model that was made for conversation (its name often ends "
            "in -Instruct or -Chat), or save its tokenizer with a chat_template"
        )
    # What was dealt out over devices, or lies on a GPU because its weights cannot be moved, stays.
    if getattr(model, "hf_device_map", None) is None and model.device.type != torch.device(device).type:
        model = model.to(device)
    ends = model.generation_config.eos_token_id
    found = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    own = tokenizer.eos_token_id
    found = [own, *(end for end in found if end != own)] if own is not None else found
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    model.train(False)
    return Loaded(model, tokenizer, tuple(found), longest)


def cannot_load(model: str, error: Exception) -> PopulaceError:
    """What to tell of a model that transformers cannot load, or whose folder holds code."""
    if "trust_remote_code" in str(error):
        return PopulaceError(
            f"the model {model!r} brings code of its own, and code in a model's folder is never run: take a model that "
            "transformers knows, or write a policy that loads this one (docs/security.md)"
        )
    if isinstance(error, UnpicklingError):
        return PopulaceError(
            f"cannot load the model {model!r}: its weights are pickled, and hold more than numbers; ask for them in "
            "the safetensors format"
        )
    why = "".join(filter(str.isprintable, (str(error).splitlines() or [type(error).__name__])[0]))
    return PopulaceError(
        f"cannot load the model {model!r}: {why}; it must be a folder with weights and tokenizer in the transformers "
        "format, or an id on the hub"
    )


@contextmanager
def _no_bars() -> Iterator[None]:
    """No progress bars of transformers: a run has one of its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
