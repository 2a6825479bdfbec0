"""The form of a reply as a JSON Schema, for servers that can be made to keep to one.

Servers want an object at the top: a choice among labels, a reply of a regular form, and a schema of anything but an
object, are put into one, and taken out of it again. A form of few replies is sent as these replies, which every server
knows; another one as a `pattern`, unless it goes over several lines: some servers then write line breaks into JSON as
they are, which is no JSON. Nothing is checked here: what the reply says is the dialogue's to read.
"""

import json
from collections.abc import Sequence

from populace.agents.llm.decoding.whole import replies_of
from populace.json_types import JsonObject

_KEY = "reply"
"""Key of the object into which a schema that is not an object is wrapped."""


def schema_of(options: Sequence[str], schema: str, form: str = "") -> JsonObject | None:
    """JSON Schema of an object that holds a reply by labels, by a schema or by a form; None for free text."""
    if options:
        return _holding({"type": "string", "enum": list(options)})
    if schema:
        own: JsonObject = json.loads(schema)
        return own if own.get("type") == "object" else _holding(own)
    if not form:
        return None
    if few := replies_of(form):
        return _holding({"type": "string", "enum": list(few)})
    return None if "\n" in form or "\\n" in form else _holding({"type": "string", "pattern": f"^({form})$"})


def reply_in(options: Sequence[str], schema: str, text: str) -> str:
    """The reply out of an object by `schema_of`; the text itself where it is none."""
    held = _object(text)
    if held is None or held.keys() != {_KEY}:
        return text
    if options or not schema:
        return str(held[_KEY])
    own = json.loads(schema)
    return text if own.get("type") == "object" else json.dumps(held[_KEY], ensure_ascii=False)


def keeps(schema: JsonObject, text: str) -> bool:
    """Whether a text is an object with the keys that a schema of `schema_of` wants: else it was passed over."""
    held = _object(text)
    return held is not None and held.keys() == set(schema.get("properties", {}))


def _object(text: str) -> JsonObject | None:
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


def _holding(schema: JsonObject) -> JsonObject:
    return {"type": "object", "properties": {_KEY: schema}, "required": [_KEY], "additionalProperties": False}
