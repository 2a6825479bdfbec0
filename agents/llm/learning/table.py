"""What one learner learns from in a round: distinct prompts and replies, and who got them with which rating.

Prompts are read once however many users they were put to, so that a round costs the same for 10 or 10,000 users.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from populace.agents.llm.backends.base import Ask
from populace.agents.llm.backends.local import LOGITS, Local, Seat
from populace.agents.llm.decoding.decoder import Decoder
from populace.agents.llm.decoding.prefixes import Prompt
from populace.words import UNWORDED, Reader

Chunk = Callable[[Decoder], Tensor]
"""Log-probabilities of the next entries, as the model stands."""


@dataclass(frozen=True)
class Table:
    """The decisions of one world in a round; items are decisions, entries are distinct replies to distinct prompts.

    Of a prompt whose replies are scored all options are entries, chosen or not; of one that was answered in writing
    those replies are that were given.

    Attributes:
        chunks: Make the log-probabilities of all entries, in order, in batches that fit into memory.
        prompt: [entries] int64, which prompt.
        scored: [entries] bool, whether all replies to that prompt are entries.
        length: [entries] float, tokens.
        reply: Text of each entry.
        count: How many prompts.
        entry: [items] int64.
        reward: [items].
        weight: [items] float, 0 where nothing is learned from an item.
        best: [items] float, 1 for the best.
        worst: [items] float, 1 for the worst.
        outside: [items] float, 1 for decisions that nobody rates.
    """

    chunks: Sequence[Chunk]
    prompt: Tensor
    scored: Tensor
    length: Tensor
    reply: Sequence[str]
    count: int
    entry: Tensor
    reward: Tensor
    weight: Tensor
    best: Tensor
    worst: Tensor
    outside: Tensor

    def by_entry(self, value: Tensor) -> Tensor:
        """Sums of a value of items [items] by entry."""
        return torch.zeros(len(self.prompt)).index_add(0, self.entry, value)

    def by_prompt(self, value: Tensor) -> Tensor:
        """Sums of a value of entries [entries] by prompt [prompts]."""
        return torch.zeros(self.count).index_add(0, self.prompt, value)

    def plays(self, free: Tensor, temperature: float) -> Tensor:
        """Log-probabilities with which replies are given: among the options where they are scored."""
        scaled = free / temperature
        # Less the largest first, as in log_softmax.
        top = torch.full((self.count,), -torch.inf).scatter_reduce(0, self.prompt, scaled.detach(), "amax")
        mass = self.by_prompt(torch.exp(scaled - top[self.prompt]))
        return torch.where(self.scored, scaled - (top + torch.log(mass))[self.prompt], free)

    def divergence(self, now: Tensor, before: Tensor) -> Tensor:
        """KL of the policy `now` from that `before`, mean over the items that are learned from.

        Exact where replies are scored. Where they are written, it is estimated from the replies that were given, by
        exp(d) - 1 - d of the difference d of log-probabilities (Schulman 2020, the estimator k3), which estimates the
        KL of `before` from `now`.
        """
        given = self.by_entry(self.weight)
        visits = self.by_prompt(given)[self.prompt]
        d = now - before
        each = torch.where(self.scored, visits * torch.exp(now) * d, given * (torch.expm1(d) - d))
        return each.sum() / given.sum().clamp(min=1e-12)


@dataclass(frozen=True)
class Items:
    """A world's decisions, [items] each, as `Table` has them; `prompt` and `reply` are ids of texts."""

    prompt: Tensor
    reply: Tensor
    reward: Tensor
    weight: Tensor
    best: Tensor
    worst: Tensor
    outside: Tensor


def tabulate(items: Items, reader: Reader, local: Local) -> Table | None:
    """The table of one world's decisions; None where there are none to learn from."""
    asked = (items.prompt != UNWORDED) & ((items.weight > 0) | (items.worst > 0) | (items.outside > 0))
    ids = torch.stack((items.prompt[asked], items.reply[asked])).cpu()
    if not ids.shape[1]:
        return None
    pairs, which = torch.unique(ids, dim=1, return_inverse=True)
    prompts, of_pair = torch.unique(pairs[0], return_inverse=True)
    asks = [ask_of(reader.read(found)) for found in prompts.tolist()]
    said = [json.loads(reader.read(found)) for found in pairs[1].tolist()]
    made = _Entries(local)
    places: dict[tuple[int, str], int] = {}
    for choice, seats, labels in local.grouped(asks):
        if labels:
            made.choose(seats, labels, local.closers(choice), choice.replies, places)
    entry = []
    begins = {seat.place: seat.prompt for _, seats, labels in local.grouped(asks) if not labels for seat in seats}
    for prompt, (text, tokens) in zip(of_pair.tolist(), said, strict=True):
        key = (prompt, text)
        if key not in places:
            if prompt not in begins or not tokens:
                entry.append(-1)  # a reply that is none of the options, or whose tokens are not known
                continue
            places[key] = made.write(prompt, begins[prompt], tuple(tokens), text)
        entry.append(places[key])
    of_item = torch.tensor(entry)[which]
    known = of_item >= 0
    host = [value[asked].cpu()[known] for value in (items.reward, items.weight, items.best, items.worst, items.outside)]
    return Table(
        made.chunks(),
        torch.tensor(made.prompt),
        torch.tensor(made.scored),
        torch.tensor(made.length, dtype=torch.float32),
        made.reply,
        len(asks),
        of_item[known],
        *host,
    )


class _Entries:
    """Gathers entries, and how their log-probabilities are computed."""

    def __init__(self, local: Local) -> None:
        self.local = local
        self.prompt: list[int] = []
        self.scored: list[bool] = []
        self.length: list[int] = []
        self.reply: list[str] = []
        self._chunks: list[Chunk] = []
        self._written: list[tuple[Prompt, Prompt]] = []

    def choose(
        self,
        seats: Sequence[Seat],
        labels: list[Prompt],
        closers: Prompt,
        replies: Sequence[str],
        places: dict[tuple[int, str], int],
    ) -> None:
        """All options of these prompts."""
        begins = [seat.prompt for seat in seats]
        rows, behind = self.local.decoder.width(labels)
        vocabulary = self.local.vocabulary
        longest = max(map(len, begins))
        most = max(
            1,
            min(
                self.local.options.batch_tokens // (rows * (longest + behind)),
                LOGITS // (rows * (behind + 1) * vocabulary),
            ),
        )
        for first in range(0, len(begins), most):
            part = begins[first : first + most]
            self._chunks.append(partial(_scored, part, labels, closers))
        for seat in seats:
            for label, text in zip(labels, replies, strict=True):
                places[seat.place, text] = len(self.prompt)
                self._add(seat.place, True, len(label), text)

    def write(self, prompt: int, begins: Prompt, tokens: Prompt, text: str) -> int:
        """A reply that was written; returns its entry."""
        self._written.append((begins, tokens))
        self._add(prompt, False, len(tokens), text)
        return len(self.prompt) - 1

    def _add(self, prompt: int, scored: bool, length: int, text: str) -> None:
        self.prompt.append(prompt)
        self.scored.append(scored)
        self.length.append(length)
        self.reply.append(text)

    def chunks(self) -> list[Chunk]:
        """Of all entries, in their order."""
        found = list(self._chunks)
        first = 0
        while first < len(self._written):
            longest, last = 0, first
            while last < len(self._written):
                width = max(longest, sum(map(len, self._written[last])))
                if last > first and width * (last - first + 1) > self.local.options.batch_tokens:
                    break
                longest, last = width, last + 1
            prompts, replies = zip(*self._written[first:last], strict=True)
            found.append(partial(_followed, prompts, replies))
            first = last
        return found


def ask_of(text: str) -> Ask:
    """What was asked, as it is kept for a learner (`TextPolicy.talk`)."""
    messages, options, lead, form, schema = json.loads(text)
    return Ask(tuple((who, said) for who, said in messages), tuple(options), 0, schema, form, lead)


def _scored(prompts: Sequence[Prompt], labels: Sequence[Prompt], closers: Prompt, decoder: Decoder) -> Tensor:
    return decoder.score(prompts, labels, closers).flatten()


def _followed(prompts: Sequence[Prompt], replies: Sequence[Prompt], decoder: Decoder) -> Tensor:
    return decoder.follow(prompts, replies)
