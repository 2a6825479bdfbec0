"""What asking would take, found out without asking: legal replies are made up, and tokens counted as metering does.

Within `rehearsing`, every policy that has a language model words its asks as always and gets replies from here. No
model is loaded, no server is asked, and no tape is read or written.
"""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from populace.agents.llm.backends.base import Ask, Backend, Reply, tokens
from populace.agents.llm.backends.fakes import fitting
from populace.agents.llm.decoding import legal

TYPICAL = 40
"""Tokens of a free reply: two sentences (assumed)."""
LONGEST = 1024
"""Tokens of a reply at most, where nothing limits it (assumed)."""
_SENTENCE = "I have thought about what you say, and this is what I take from it for the moment. "


class Range(NamedTuple):
    """A number that is not known yet."""

    low: float
    likely: float
    high: float

    def __add__(self, other: object) -> "Range":
        if not isinstance(other, Range):
            return NotImplemented
        return Range(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, factor: float) -> "Range":
        """So many times as much."""
        return Range(self.low * factor, self.likely * factor, self.high * factor)


NONE = Range(0.0, 0.0, 0.0)


class Priced(Protocol):
    """Options of a language model, as far as they say what asking takes."""

    price_in: float
    price_out: float

    def takes(self, asks: float, read: float, written: Range) -> Range:
        """Seconds in which so many asks at once are answered."""
        ...


@dataclass
class Tally:
    """What was asked so far.

    Attributes:
        share: What one of these asks stands for in the run's batches: worlds at a time over worlds rehearsed.
        asks: Asks of models that would be asked (not of those on a tape alone).
        read: Tokens read.
        written: Tokens written: by the shortest legal replies, by typical ones, by the longest ones.
        cost: Money.
        seconds: Time of the models, of one batch of worlds.
        read_cost: Money for what is read, a part of `cost`.
    """

    share: float = 1.0
    asks: int = 0
    read: int = 0
    written: Range = NONE
    cost: Range = NONE
    seconds: Range = NONE
    read_cost: float = 0.0

    def add(self, options: Priced, read: int, written: Sequence[Range]) -> None:
        """One call: so many tokens read in all, and the tokens of each reply."""
        total = Range(*map(sum, zip(*written, strict=True))) if written else NONE
        self.asks, self.read, self.written = self.asks + len(written), self.read + read, self.written + total
        self.read_cost += (paid := read * options.price_in * 1e-6)
        self.cost = self.cost + Range(*(paid + amount * options.price_out * 1e-6 for amount in total))
        self.seconds = self.seconds + options.takes(
            len(written) * self.share, read * self.share, total.times(self.share)
        )

    def embed(self, texts: int, read: int, price: float) -> None:
        """So many texts, with so many tokens, sent to a server of embeddings."""
        self.asks, self.read = self.asks + texts, self.read + read
        self.read_cost += (paid := read * price * 1e-6)
        self.cost = self.cost + Range(paid, paid, paid)


_tally: ContextVar[Tally | None] = ContextVar("populace_rehearsal", default=None)


@contextmanager
def rehearsing(tally: Tally) -> Iterator[Tally]:
    """Within this block nothing is asked, and what would be is counted."""
    token = _tally.set(tally)
    try:
        yield tally
    finally:
        _tally.reset(token)


def current() -> Tally | None:
    """Where asks are counted, or None where models are asked."""
    return _tally.get()


class Rehearsal(Backend):
    """Stands in for a model.

    Args:
        options: The model's.
        free: Whether asking costs nothing: a tape answers.
    """

    voice = "rehearsal"

    def __init__(self, options: Priced, free: bool = False) -> None:
        self.options, self.free = options, free
        self.greedy = getattr(options, "temperature", None) == 0

    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """A legal reply to each."""
        replies = [Reply.of(ask, legal_reply(ask)) for ask in asks]
        if (tally := current()) is not None and not self.free:
            read = sum(reply.tokens_in for reply in replies)
            tally.add(self.options, read, [self._length(*pair) for pair in zip(asks, replies, strict=True)])
        yield from enumerate(replies)

    def _length(self, ask: Ask, reply: Reply) -> Range:
        most = getattr(self.options, "max_reply", None) or max(LONGEST, reply.tokens_out)
        if ask.options:
            lengths = [tokens(label) for label in ask.options]
            held = getattr(self.options, "choices", "") == "score"
            likely = sum(lengths) / len(lengths)
            return _ordered(min(lengths), likely, max(lengths) if held else most)
        shortest = legal.shortest(ask.form) if ask.form and not ask.schema else None
        low = 1 if shortest is None else tokens(shortest)
        if ask.schema:
            low = tokens(json.dumps(_short(json.loads(ask.schema))))
        return _ordered(min(low, most), min(reply.tokens_out, most), most)


def _ordered(low: float, likely: float, high: float) -> Range:
    return Range(min(low, likely), likely, max(likely, high))


def legal_reply(ask: Ask) -> str:
    """A reply that can be read, as long as the ask's form wants it; two sentences where it wants none."""
    draws = random.Random(ask.seed)
    if ask.options:
        return draws.choice(ask.options)
    if ask.schema:
        return json.dumps(_rounded(fitting(json.loads(ask.schema), (draws.random() for _ in itertools.count()))))
    made = legal.typical(ask.form, ask.seed) if ask.form else None
    return made if made is not None else (_SENTENCE * 2)[: 4 * TYPICAL]


def _rounded(value: Any) -> Any:
    """Numbers as a model writes them."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _short(schema: Any) -> Any:
    """About the shortest that fits a schema."""
    if schema["type"] == "object":
        return {key: _short(inner) for key, inner in schema["properties"].items()}
    if schema["type"] == "array":
        return [_short(schema["items"]) for _ in range(schema["minItems"])]
    if schema["type"] == "string":
        return min(schema["enum"], key=len)
    return 1
