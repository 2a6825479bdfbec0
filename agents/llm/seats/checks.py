"""Checks of a model's seats before anything is asked."""

import json
from functools import lru_cache
from typing import Any

from populace.agents.llm.backends.base import tokens
from populace.agents.llm.decoding.legal import shortest
from populace.agents.llm.decoding.whole import replies_of
from populace.errors import PopulaceError


def scores(options: object) -> bool:
    """Whether a model with these options is constrained to legal replies, rather than writing freely."""
    return getattr(options, "choices", "") == "score"


def room(options: object, role: str, schema: str = "", form: str = "") -> None:
    """Refuse a limit of tokens within which no legal reply has room; tokens are reckoned from bytes.

    Args:
        options: The policy's.
        role: Who is asked, for the message.
        schema: JSON Schema of the reply, or "".
        form: The regular form of the reply, or "".

    Raises:
        PopulaceError: `max_reply` is shorter than the shortest legal reply.
    """
    most = getattr(options, "max_reply", None)
    if most is None or (scores(options) and replies_of(form)):
        return
    text = _least(schema, form)
    if text is not None and tokens(text) > most:
        raise PopulaceError(
            f"max_reply: {most} tokens are too few for {role!r}: the shortest legal reply there takes about "
            f"{tokens(text)}, such as {text[:60]!r}{'...' if len(text) > 60 else ''}; raise it to at least "
            f"{2 * tokens(text)}, or leave it out"
        )


@lru_cache(maxsize=1024)
def _least(schema: str, form: str) -> str | None:
    """About the shortest legal reply; None where that is not known."""
    if schema:
        return json.dumps(_fitting(json.loads(schema)))
    return shortest(form) if form else None


def _fitting(schema: Any) -> Any:
    if schema["type"] == "object":
        return {key: _fitting(inner) for key, inner in schema["properties"].items()}
    if schema["type"] == "array":
        return [_fitting(schema["items"]) for _ in range(schema["minItems"])]
    return min(schema["enum"], key=len) if schema["type"] == "string" else 1
