"""A language model in this process, through `transformers`: batches packed by tokens, choices scored in one pass.

Each seat's reply follows from its own seed, whoever else is in the batch (up to the last bits of the arithmetic, which
do depend on the batch; a run repeats on the same machine). How the model is run stands in the room `decoding`.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch
from torch import Tensor

from populace.agents.llm.backends.base import Ask, Backend, Messages, Reply
from populace.agents.llm.backends.loading import Loaded, load, sampling
from populace.agents.llm.backends.local_options import LocalOptions
from populace.agents.llm.decoding.prefixes import Prompt, alike
from populace.agents.llm.decoding.whole import replies_of
from populace.dialogue import ReplyKind
from populace.errors import PopulaceError

if TYPE_CHECKING:
    from populace.agents.llm.decoding.decoder import Decoder
    from populace.agents.llm.decoding.forms import Guide
    from populace.agents.llm.decoding.grammar import Grammars

__all__ = ["Local", "LocalOptions", "load"]

Answer = tuple[int, Reply]
"""Position of what was asked, and its reply."""

Done = TypeVar("Done")

LOGITS = 1 << 27
"""Numbers that the logits of a batch of scored labels may hold (chosen here): 512 MiB of float32."""
KNOWN = 4096
"""Conversations whose tokens are kept at most (chosen here)."""
ALIKE = 32
"""Prompts whose lengths lie this close may share a batch in any order (chosen here): more of those with a
common prefix meet, for some padding."""


class Seat(NamedTuple):
    """One thing asked."""

    place: int
    """Position among the asks."""
    prompt: Prompt
    """With the tokens of the lead."""
    seed: int
    form: str = ""
    begun: str = ""
    """What of the reply stands in the prompt already."""
    schema: str = ""


class Choice(NamedTuple):
    """What is scored: whole replies, and what all of them begin with."""

    replies: tuple[str, ...] = ()
    lead: str = ""
    line: bool = False
    """Whether a line may end them, and not only the reply."""


class Local(Backend):
    """A model of `transformers`, loaded when first asked.

    Args:
        options: Which and how.
    """

    faults = ("prompt-too-long",)
    closes = True

    def __init__(self, options: LocalOptions) -> None:
        o = self.options = options
        self.greedy = o.temperature == 0
        self.voice = json.dumps(
            ["transformers", o.model, o.revision, o.dtype, o.temperature, o.top_p, o.max_reply, o.choices]
            + [own for own in (o.top_k, o.repetition_penalty) if own is not None]
            + ([] if o.lead else ["no lead"])
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

    def describe(self) -> dict[str, object]:
        """The commit of the hub that was loaded, where the model is no folder."""
        loaded = self.__dict__.get("loaded")
        commit = None if loaded is None else getattr(loaded.model.config, "_commit_hash", None)
        return {} if commit is None else {"commit": str(commit)}

    @cached_property
    def decoder(self) -> "Decoder":
        """The model, ready to be run."""
        from populace.agents.llm.decoding.decoder import Decoder

        o, found = self.options, self.loaded
        drawn = sampling(o, found.model.generation_config)
        return Decoder(found.model, found.ends, drawn, 1.0 if o.temperature is None else o.temperature)

    @cached_property
    def _guide(self) -> "Guide":
        from populace.agents.llm.decoding.forms import Guide

        return Guide(self.loaded.tokenizer, self.loaded.ends)

    @cached_property
    def _grammars(self) -> "Grammars":
        from populace.agents.llm.decoding.grammar import Grammars

        found = self.loaded
        return Grammars(found.tokenizer, self.vocabulary, found.ends)

    def complete(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Replies, batch by batch: seats that choose among the same replies together, and all that write."""
        self.decoder.forget()  # what an unfinished call has left behind
        for choice, seats, labels in self.grouped(asks):
            room = (self.loaded.longest or sys.maxsize) - max(map(len, labels), default=self.options.max_reply)
            for seat in seats:
                if len(seat.prompt) > room:
                    yield seat.place, Reply("", ReplyKind.FAILED, faults=("prompt-too-long",))
            seats = [seat for seat in seats if len(seat.prompt) <= room]
            yield from self._choose(seats, choice, labels) if labels else self._write(seats)
        self.decoder.forget()

    def grouped(self, asks: Sequence[Ask]) -> list[tuple[Choice, list[Seat], list[Prompt]]]:
        """What is asked, in tokens: seats that choose among the same replies, with the tokens of each, and all that
        write, with none.
        """
        prompts = self._prompts([ask.messages for ask in asks])
        groups: dict[Choice, list[Seat]] = {}
        if not self.options.lead:
            asks = [ask if ask.said else replace(ask, lead="") for ask in asks]
        for i, (ask, prompt) in enumerate(zip(asks, prompts, strict=True)):
            held = self.options.choices == "score" or bool(ask.said)  # what is closed is always held to its form
            prompt = (*prompt, *self.tokens(ask.said)) if ask.said else prompt
            choice = _choice(ask) if held else Choice()
            begun = ask.lead.rstrip() if held and not choice.replies else ""
            begins = (*prompt, *self.tokens(begun)) if begun else prompt
            form, schema = (ask.form, ask.schema) if held else ("", "")
            groups.setdefault(choice, []).append(Seat(i, begins, ask.seed, form, begun, schema))
        found = []
        for choice, seats in groups.items():
            lead, labels = self._scored(choice)
            if lead:
                seats = [seat._replace(prompt=(*seat.prompt, *lead)) for seat in seats]
            found.append((choice, seats, labels))
        return found

    @contextmanager
    def wearing(self, weights: Mapping[str, Tensor]) -> Iterator["Decoder"]:
        """Within this block the model has these weights, by the names of its parameters, beside its other ones.

        Gradients flow into them. Nothing that was read with other weights is used.
        """
        decoder, before = self.decoder, self.decoder.own
        decoder.forget()
        decoder.own = weights
        try:
            yield decoder
        finally:
            decoder.forget()
            decoder.own = before

    def closers(self, choice: Choice) -> Prompt:
        """Tokens any of which may end a scored reply; () for the end of a reply alone."""
        return self._closers if choice.line else ()

    def _choose(self, seats: Sequence[Seat], choice: Choice, labels: list[Prompt]) -> Iterator[Answer]:
        """One reply per seat: seats with the same prompt share its scores; each samples with its own random numbers."""
        same: dict[Prompt, list[Seat]] = {}
        for seat in seats:
            same.setdefault(seat.prompt, []).append(seat)
        closers = self.closers(choice)

        def score(batch: Sequence[Seat]) -> list[list[float]]:
            return self.decoder.score([seat.prompt for seat in batch], labels, closers).tolist()

        for batch, scores in self._batches([some[0] for some in same.values()], score, labels):
            told = [(seat, row) for one, row in zip(batch, scores, strict=True) for seat in same[one.prompt]]
            picked = self.decoder.pick([row for _, row in told], [seat.seed for seat, _ in told])
            for (seat, row), k in zip(told, picked, strict=True):
                # Two digits: the last bits of the arithmetic depend on the batch, and what is recorded must not.
                mass = float(f"{min(1.0, sum(map(math.exp, row))):.1e}")
                said = choice.replies[k]
                yield seat.place, Reply(said, ReplyKind.OK, len(seat.prompt), len(labels[k]), mass=mass)

    def _write(self, seats: Sequence[Seat]) -> Iterator[Answer]:
        """What each seat writes, token by token."""

        def write(batch: Sequence[Seat]) -> list[list[int]]:
            prompts, forms, begun, schemas = ([getattr(seat, name) for seat in batch] for name in _WRITTEN)
            held = self._grammars.begin(schemas) if any(schemas) else None
            return self.decoder.write(
                prompts,
                [seat.seed for seat in batch],
                self.options.max_reply,
                forms,
                self._guide if any(forms) else None,
                begun,
                held,
            )

        for batch, written in self._batches(seats, write):
            whole = [tokens[-1] in self.loaded.ends for tokens in written]
            cut = [tokens[:-1] if ended else tokens for tokens, ended in zip(written, whole, strict=True)]
            texts = self.loaded.tokenizer.batch_decode(cut, skip_special_tokens=True)
            for seat, tokens, ended, text in zip(batch, written, whole, texts, strict=True):
                kind = ReplyKind.OK if ended else ReplyKind.CUT_OFF
                yield (
                    seat.place,
                    Reply(seat.begun + text, kind, len(seat.prompt), len(tokens), written=tuple(tokens)),
                )

    # ------------------------------------------------------------------ batches

    def _batches(
        self, seats: Sequence[Seat], work: Callable[[Sequence[Seat]], list[Done]], labels: Sequence[Prompt] = ()
    ) -> Iterator[tuple[list[Seat], list[Done]]]:
        """Batches that fit into the budget, the longest prompts first, and what is made of them."""
        # Within some length, prompts with a common prefix lie together.
        waiting = sorted(seats, key=lambda seat: (_rounded(len(seat.prompt)), seat.prompt), reverse=True)
        while waiting:
            rows, behind = self.decoder.width(labels) if labels else (1, self.options.max_reply)
            count = self._budget // (rows * (_rounded(len(waiting[0].prompt)) + behind))
            if labels:
                count = min(count, LOGITS // (rows * (behind + 1) * self.vocabulary))
            count = max(1, count)
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
                    f"not even one prompt of {len(batch[0].prompt)} tokens fits into the memory together with "
                    f"{self.options.model}: lower max_reply or memory, or take a smaller model"
                ) from None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._budget = max(1, self._budget // 2)
        half = len(batch) // 2
        return self._halving(work, batch[:half]) + self._halving(work, batch[half:])

    # ------------------------------------------------------------------ prompts

    def _prompts(self, talks: Sequence[Messages]) -> list[Prompt]:
        """Tokens of each conversation; equal ones are made once, also those of earlier calls."""
        known, unique = self._known, list(dict.fromkeys(talks))
        new = [messages for messages in unique if messages not in known]
        if len(known) + len(new) > KNOWN:
            known.clear()
            new = unique
        known.update(zip(new, self._templated(new), strict=True) if new else ())
        return [known[messages] for messages in talks]

    @cached_property
    def _known(self) -> dict[Messages, Prompt]:
        """Tokens of conversations, which depend on nothing else: a learner asks the same ones several times a round."""
        return {}

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

    def tokens(self, text: str) -> Prompt:
        """Tokens of a text by itself."""
        return tuple(self.loaded.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _labels(self, options: Sequence[str]) -> list[Prompt]:
        """Tokens of each label and of the end of the reply, so that `1` is not mistaken for the start of `12`."""
        return self._scored(Choice(tuple(options)))[1]

    def _scored(self, choice: Choice) -> tuple[Prompt, list[Prompt]]:
        """Tokens that all replies begin with, within their lead, and those of each reply behind them.

        The lead and a label are made into tokens together, as a model writes them: the space of `act: ` belongs to the
        token of the label. An end comes last.
        """
        found = [self.tokens(reply) for reply in choice.replies]
        lead = self.tokens(choice.lead) if found and choice.lead else ()
        for tokens in found:
            lead = lead[: min(alike(lead, tokens), len(tokens) - 1)] if lead else ()
        ends = (self._closers if choice.line else self.loaded.ends)[:1]
        return lead, [(*tokens[len(lead) :], *ends) for tokens in found]

    @cached_property
    def _closers(self) -> Prompt:
        """Tokens that end a line: ends of the reply, and all that begin with a line break."""
        mark = self.loaded.tokenizer.convert_ids_to_tokens(self.tokens("a\n")[-1])
        if "\n" not in self.loaded.tokenizer.decode(self.tokens("a\n")[-1:]):
            return self.loaded.ends
        breaks = (number for token, number in self.loaded.tokenizer.get_vocab().items() if token.startswith(mark))
        return tuple(dict.fromkeys((*self.loaded.ends, *sorted(breaks))))

    @cached_property
    def vocabulary(self) -> int:
        """Tokens that the model knows."""
        return int(self.loaded.model.config.get_text_config().vocab_size)


_WRITTEN = ("prompt", "form", "begun", "schema")


def _choice(ask: Ask) -> Choice:
    """What of an ask is scored whole, if anything."""
    if ask.options:
        return Choice(tuple(ask.lead + option for option in ask.options), ask.lead, bool(ask.lead))
    return Choice(replies_of(ask.form), ask.lead, bool(ask.said))


def _rounded(length: int) -> int:
    """Up to the next multiple of `ALIKE`."""
    return -(-length // ALIKE) * ALIKE


def _without_system(messages: Messages) -> Messages:
    if messages[0][0] != "system":
        return messages
    (_, system), (who, first), *rest = messages
    return ((who, f"{system}\n\n{first}"), *rest)
