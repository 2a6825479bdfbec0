"""The form of a reply as a JSON Schema, for servers that can be made to keep to one.

Servers want an object at the top: a choice among labels, and a schema of anything but an object, are put into one, and
taken out of it again. Nothing is checked here: what the reply says is the dialogue's to read.
"""

import json
from collections.abc import Sequence
from typing import Any

_KEY = "reply"
"""What is put into an object of ours stands under this name."""


def schema_of(options: Sequence[str], schema: str) -> dict[str, Any] | None:
    """JSON Schema of an object that holds a reply by labels or by a schema; None for free text."""
    if options:
        return _holding({"type": "string", "enum": list(options)})
    if not schema:
        return None
    own: dict[str, Any] = json.loads(schema)
    return own if own.get("type") == "object" else _holding(own)


def reply_in(options: Sequence[str], schema: str, text: str) -> str:
    """The reply out of an object by `schema_of`; the text itself where it is none."""
    try:
        held = json.loads(text)
    except ValueError:
        return text
    if not (isinstance(held, dict) and held.keys() == {_KEY}):
        return text
    if options:
        return str(held[_KEY])
    own = json.loads(schema) if schema else {"type": "object"}
    return text if own.get("type") == "object" else json.dumps(held[_KEY], ensure_ascii=False)


def _holding(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {_KEY: schema}, "required": [_KEY], "additionalProperties": False}
