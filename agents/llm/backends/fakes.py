"""Fake language models, to try out a set-up without a real one: random, echo, scripted, stubborn, malformed.

They are deterministic (their random numbers come with the ask), free, and go through the same code as real models.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Self

from pydantic import model_validator

from populace.agents.llm.backends.base import Ask, Backend, Reply, uniform
from populace.agents.llm.decoding import patterns
from populace.dialogue import ReplyKind
from populace.json_types import Json, JsonObject
from populace.options import Options
from populace.replies import REFUSAL

WORDS = 12
"""Words of a random reply where there are no options."""


class _Fake(Backend):
    """One reply an ask, made by `say`."""

    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """Every reply, in order."""
        for i, ask in enumerate(asks):
            yield i, self.say(ask)

    def say(self, ask: Ask) -> Reply:
        raise NotImplementedError


class RandomBackend(_Fake):
    """One of the options, anything that fits the schema, or words of the prompt in random order."""

    voice = "random"

    def say(self, ask: Ask) -> Reply:
        """The reply."""
        if ask.options:
            return Reply.of(ask, ask.lead + ask.options[int(uniform(ask.seed) * len(ask.options))])
        if ask.schema:
            uniforms = (uniform(ask.seed, lane) for lane in itertools.count())
            return Reply.of(ask, json.dumps(fitting(json.loads(ask.schema), uniforms)))
        words = ask.messages[-1][1].split() or ["nothing"]
        return Reply.of(ask, " ".join(words[int(uniform(ask.seed, k) * len(words))] for k in range(WORDS)))


def fitting(schema: JsonObject, uniforms: Iterator[float]) -> Json:
    """Something that fits a JSON Schema of the kinds we write; without a bound, numbers are within 10 of the other.

    Args:
        schema: Objects, arrays of a fixed size, numbers, booleans and labels.
        uniforms: Numbers in [0, 1), one is taken for every value.
    """
    kind = schema["type"]
    if kind == "object":
        return {name: fitting(inner, uniforms) for name, inner in schema["properties"].items()}
    if kind == "array":
        return [fitting(schema["items"], uniforms) for _ in range(schema["minItems"])]
    if kind == "boolean":
        return next(uniforms) < 0.5
    if kind == "string":
        return schema["enum"][int(next(uniforms) * len(schema["enum"]))]
    low = schema.get("minimum", schema.get("maximum", 0) - 10)
    high = schema.get("maximum", low + 10)
    return int(low + next(uniforms) * (high - low + 1)) if kind == "integer" else low + next(uniforms) * (high - low)


class EchoBackend(_Fake):
    """The last message, word for word."""

    voice, greedy = "echo", True

    def say(self, ask: Ask) -> Reply:
        """The reply."""
        return Reply.of(ask, ask.messages[-1][1])


class StubbornBackend(_Fake):
    """The same reply to everything."""

    greedy = True

    def __init__(self, reply: str | None = None) -> None:
        self.reply, self.voice = reply, f"stubborn {reply!r}"

    def say(self, ask: Ask) -> Reply:
        """The reply."""
        first = ask.lead + ask.options[0] if ask.options else "No."
        return Reply.of(ask, first if self.reply is None else self.reply)


class Rule(Options):
    """What is said when."""

    when: str
    """A regular expression, looked for in the last message, whatever its case."""
    say: str
    """The reply; `\\1` stands for what the first group found."""

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        try:
            patterns.compiled(self.when)
        except ValueError as error:
            raise ValueError(f"when: {error}") from None
        return self


class ScriptedBackend(_Fake):
    """Rules: the first whose pattern is found in the last message gives the reply."""

    greedy = True

    def __init__(self, rules: Sequence[Rule], otherwise: str = "") -> None:
        self.rules, self.otherwise = tuple(rules), otherwise
        self.voice = f"scripted {[(rule.when, rule.say) for rule in self.rules]} {otherwise!r}"

    def say(self, ask: Ask) -> Reply:
        """The reply."""
        last = ask.messages[-1][1]
        for rule in self.rules:
            found = patterns.search(patterns.compiled(rule.when), last)
            if found is not None:
                return Reply.of(ask, found.expand(rule.say))
        return Reply.of(ask, self.otherwise)


BROKEN = (
    ("", ReplyKind.OK),
    ("{'choice': [[[", ReplyKind.OK),
    ("Well, it dep", ReplyKind.CUT_OFF),
    (REFUSAL, ReplyKind.REFUSED),
    ("", ReplyKind.TIMED_OUT),
    ("", ReplyKind.FAILED),
)
"""Ways in which replies break, equally likely: nothing, gibberish, cut off, refused, too late, no server."""


class MalformedBackend(StubbornBackend):
    """Broken replies of every kind, to see that a set-up counts them and lives."""

    greedy = False

    def __init__(self, share: float = 1.0, reply: str | None = None) -> None:
        super().__init__(reply)
        self.share, self.voice = share, f"malformed {share:g} {reply!r}"

    def say(self, ask: Ask) -> Reply:
        """The reply."""
        if uniform(ask.seed) >= self.share:
            return super().say(ask)
        text, kind = BROKEN[int(uniform(ask.seed, 1) * len(BROKEN))]
        return Reply.of(ask, text, kind)
