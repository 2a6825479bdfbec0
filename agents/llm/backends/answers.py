"""What a server of the OpenAI protocol answered, read without trust: any JSON becomes a reply or a failed try."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from populace.agents.llm.backends.base import Ask, Reply
from populace.agents.llm.backends.faults import NO_USAGE, Failed, classified
from populace.dialogue import ReplyKind

_CUT = frozenset({"length", "max_tokens", "model_length"})
_REFUSED = frozenset({"content_filter", "refusal", "safety"})
"""Reasons why a reply ended there, in any case (OpenAI, Anthropic, Mistral, Google)."""
_SILENT = frozenset({"thinking", "reasoning", "redacted_thinking", "reasoning_text", "summary_text"})
"""Types of parts that are not said to anybody."""
TEMPLATE = 10_000
"""Tokens that a server may add to a prompt (a template, a system prompt of its own); more than a token for every byte
and these is believed of no server (assumed)."""
THINKING = 1_000_000
"""Tokens of hidden thinking that a reply may have taken beside a token for every byte (assumed)."""


def parsed(content: bytes) -> object:
    """The JSON of a body.

    Raises:
        Failed: It is none, or is nested deeper than can be read.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Failed("unreadable-body", True, told=_start(content)) from None


def read(ask: Ask, body: object, headers: Mapping[str, str], secrets: Sequence[str | None] = ()) -> Reply:
    """The reply in the body of a 200.

    Raises:
        Failed: It holds an error, or is no reply.
    """
    error = _error_in(body)
    if error is not None:
        raise classified(*error, headers, secrets)
    held = body if isinstance(body, dict) else {}
    choices = held.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise Failed("unreadable-body", True, told="the answer holds no choices[0].message")
    text, refusal = _texts(message.get("content"))
    refusal = refusal or _words(message.get("refusal"))
    end = str(choice.get("finish_reason") or "").lower()
    if end == "error":
        raise classified(None, "", headers)
    kind = ReplyKind.OK
    if refusal.strip() or end in _REFUSED:
        kind = ReplyKind.REFUSED
    elif end in _CUT:
        kind = ReplyKind.CUT_OFF
    text = _sound(text if text.strip() else refusal)
    return _counted(ask, text, kind, held.get("usage"))


def told_in(content: bytes) -> tuple[int | None, str]:
    """What the body of an answer with another status than 200 says: its own code, if any, and its words."""
    try:
        body = parsed(content)
    except Failed:
        return None, content[:2000].decode("utf-8", "replace")
    return _error_in(body) or _error_in({"error": body}) or (None, "")


def _counted(ask: Ask, text: str, kind: ReplyKind, usage: object) -> Reply:
    """A reply with its tokens: as the server counts them, or estimated where it counts none or what cannot be."""
    estimate = Reply.of(ask, text)
    counts = usage if isinstance(usage, dict) else {}
    asked = sum(len(part.encode("utf-8", "replace")) for _, part in ask.messages)
    read_ = _count(counts.get("prompt_tokens"), 1, asked + TEMPLATE)
    written = _count(counts.get("completion_tokens"), int(bool(text)), len(text.encode()) + THINKING)
    faults = () if read_ is not None and written is not None else (NO_USAGE,)
    return Reply(
        text,
        kind,
        estimate.tokens_in if read_ is None else read_,
        estimate.tokens_out if written is None else written,
        faults,
    )


def _count(given: object, low: int, high: int) -> int | None:
    """A whole number within bounds, or None."""
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
        return None
    return int(given) if given == int(given) and low <= given <= high else None


def _texts(content: object) -> tuple[str, str]:
    """What is said, and a refusal if there is one, in a content that is a text, null, or parts."""
    said, refused = [], []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, dict):
            if part.get("type") in _SILENT:
                continue
            said.append(_words(part.get("text")))
            refused.append(_words(part.get("refusal")))
        elif isinstance(part, str):
            said.append(part)
        elif part is not None:
            raise Failed("unreadable-body", True, told=f"the content is a {type(part).__name__}")
    return "".join(said), "".join(refused)


def _error_in(body: object) -> tuple[int | None, str] | None:
    """Code and words of an error in a body, or None where it holds none."""
    body = body[0] if isinstance(body, list) and body else body
    if not isinstance(body, dict):
        return None
    found = body.get("error") or body.get("errors")
    choices = body.get("choices")
    if not found and isinstance(choices, list) and choices and isinstance(choices[0], dict):
        found = choices[0].get("error")
    if not found and not choices and (body.get("object") == "error" or "detail" in body or body.keys() == {"message"}):
        found = body
    if not found:
        return None
    found = found[0] if isinstance(found, list) else found
    if not isinstance(found, dict):
        return None, _words(found)
    codes = (str(found.get(name)) for name in ("code", "status", "status_code"))
    code = next((int(c) for c in codes if len(c) == 3 and c.isdecimal() and 300 <= int(c) < 600), None)
    return code, " ".join(dict.fromkeys(_strings(found)))


def _strings(found: dict[Any, Any]) -> Iterator[str]:
    """The words of an error, its message first."""
    for name in ("message", "detail", "msg", "error", "type", "code", "status", "param", "raw", "metadata"):
        value = found.get(name)
        if isinstance(value, (dict, list)):
            value = json.dumps(value, ensure_ascii=False)[:1000]
        if isinstance(value, str) and value:
            yield value


def _words(value: object) -> str:
    return value if isinstance(value, str) else ""


def _sound(text: str) -> str:
    """Without halves of surrogate pairs, which are no text and could not be written down."""
    return text.encode("utf-8", "replace").decode()


def _start(content: bytes) -> str:
    shown = " ".join(content[:80].decode("utf-8", "replace").split())
    return f"the answer begins {shown!r}" if shown else "the answer is empty"
