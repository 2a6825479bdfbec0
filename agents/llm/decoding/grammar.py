"""Replies held to a JSON Schema: at every token, only what a valid reply allows can be written.

What is allowed is told by `llguidance`, over the whole vocabulary; the model's chances decide among it, and
temperature, `top_k` and `top_p` apply to what is left.
"""

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from populace.errors import MissingExtra, PopulaceError

COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""How JSON is written, as `json.dumps` does: else a model may write spaces until its limit."""


def check() -> None:
    """Raise MissingExtra where the library is not installed that knows what a schema allows."""
    try:
        import llguidance  # noqa: F401
    except ImportError:
        raise MissingExtra(
            "holding a local model's reply to JSON (or do not constrain it: choices: write)",
            "llguidance",
            "llm",
        ) from None


FAR = 1e15
"""Numbers are held within this, either side of 0: `llguidance` knows no bound with an exponent."""
STEP = 1e-4
"""Numbers are multiples of this, unless their range is less than a hundred of them (chosen here)."""


class Grammars:
    """Knows what schemas allow, in the tokens of a model.

    Args:
        tokenizer: The model's, a fast one.
        vocabulary: Logits that the model has.
        ends: Tokens that end a reply.

    Raises:
        MissingExtra: `llguidance` is not installed.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Sequence[int]) -> None:
        check()
        from llguidance.hf import from_tokenizer

        self.vocabulary = vocabulary
        self._tokens = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=list(ends))

    def begin(self, schemas: Sequence[str]) -> "Held":
        """Replies that begin, one for each schema ("" for none).

        Raises:
            PopulaceError: A schema cannot be followed.
        """
        from llguidance import LLMatcher

        begun: dict[str, Any] = {}
        for schema in schemas:
            if schema and schema not in begun:
                matcher = LLMatcher(self._tokens, _grammar(LLMatcher, schema))
                if matcher.is_error():
                    raise PopulaceError(f"no reply can be held to the schema {schema}: {matcher.get_error()}")
                begun[schema] = matcher
        return Held([begun[schema].deep_copy() if schema else None for schema in schemas], self.vocabulary)


def _grammar(matcher: Any, schema: str) -> str:
    """The grammar of a schema, whose numbers are not too long: a small model may write digits on and on."""
    return str(matcher.grammar_from_json_schema(json.dumps(_bounded(json.loads(schema))), defaults=COMPACT))


def _bounded(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    held = {key: _bounded(value) for key, value in schema.items()}
    if schema.get("type") in ("number", "integer"):
        held["minimum"] = max(-FAR, schema.get("minimum", -FAR))
        held["maximum"] = min(FAR, schema.get("maximum", FAR))
        if schema["type"] == "number" and held["maximum"] - held["minimum"] > 100 * STEP:
            held["multipleOf"] = STEP
    return held


class Held:
    """Replies under way.

    Args:
        matchers: What each row may go on with; None for anything.
        vocabulary: Logits of a model.
    """

    def __init__(self, matchers: list[Any], vocabulary: int) -> None:
        self.matchers, self.vocabulary = matchers, vocabulary

    def masked(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """Logits [rows, vocabulary] without what is not allowed."""
        allowed = torch.ones((len(rows), self.vocabulary), dtype=torch.bool)
        shifts = torch.arange(8, dtype=torch.uint8)
        for k, row in enumerate(rows):
            if self.matchers[row] is not None:
                bits = torch.frombuffer(bytearray(self.matchers[row].compute_bitmask()), dtype=torch.uint8)
                allowed[k] = ((bits.unsqueeze(-1) >> shifts) & 1).flatten()[: self.vocabulary].bool()
        return logits.masked_fill(~allowed.to(logits.device), -torch.inf)

    def take(self, tokens: Sequence[int], rows: Sequence[int]) -> None:
        """What was written next in each row."""
        for token, row in zip(tokens, rows, strict=True):
            if self.matchers[row] is not None:
                self.matchers[row].consume_token(token)
