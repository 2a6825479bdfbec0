"""The text face that every role has: all it sees, field by field, and a reply that its fields declare.

One choice is asked for by its labels, one number as a number, anything else as a JSON object by a schema; all three
derive from the role's fields, as spaces and tensors do. Worlds whose own text face a model is to use need none of this.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from populace import replies as words
from populace.agents.llm.seats import field_words as telling
from populace.dialogue import Chat, ReplyKind
from populace.fields import Field
from populace.json_types import JsonObject
from populace.observation import Observation


class FieldsDialogue:
    """Says what a seat sees and hears what it does, in the words of its fields (see `field_words`)."""

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present."""
        return words.ask(observation, lambda shown, world, seat: _chat(observation, shown, world, seat))

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds; a reply that its schema does not allow forfeits."""
        fields = _done(observation)
        masks = _masks(fields, observation)
        return words.fill(
            observation,
            chats,
            replies,
            lambda chat, reply: words.understood(
                reply, lambda said: _read(fields, masks, chat, said) if fields else {}
            ),
        )

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The whole reply where nothing but one text is asked for; else the world puts codes into words."""
        fields = observation.role.done_in(observation.phase)
        if len(fields) != 1 or fields[0].kind != "text" or fields[0].shape != ():
            return {}
        return {fields[0].name: [words.spoken(reply).text.strip() for reply in replies]}

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """Acts in the form that is asked for."""
        fields = _done(observation)
        worlds, seats = next(iter(observation.values())).shape[:2]
        host = {f.name: actions.get(f.name, f.empty(worlds, seats)).cpu() for f in fields}
        replies = []
        if not fields:
            return [_unquoted(observation, actions, chat) for chat in chats]
        for chat in chats:
            said = {f.name: _word(f, host[f.name][chat.world, chat.seat].tolist()) for f in fields}
            (first, *_) = said.values()
            if chat.options:
                replies.append({True: "yes", False: "no"}.get(first, first))
            else:
                replies.append(json.dumps(said if _wrapped(fields) else first))
        return replies


# ------------------------------------------------------------------ what is said


def _done(observation: Observation) -> tuple[Field, ...]:
    """The fields that a reply declares: all but texts and codes that only words can tell."""
    return tuple(f for f in observation.role.done_in(observation.phase) if f.kind != "text" and not f.optional)


def _unquoted(observation: Observation, actions: Mapping[str, Tensor], chat: Chat) -> str:
    """The text of a seat that only speaks; three dots where it is left to the world's phrases."""
    (field, *_) = observation.role.done_in(observation.phase)
    if field.name not in actions or field.shape != ():
        return "..."
    return observation.reader.read(int(actions[field.name][chat.world, chat.seat])) or "..."


def _chat(observation: Observation, shown: Mapping[str, Tensor], world: int, seat: int) -> Chat:
    role, phase = observation.role, observation.phase
    fields = _done(observation)
    system = role.about if role.about.startswith("You ") else f"You are the {role.name}. {role.about}".strip()
    known = list(telling.seen(observation, shown, world, seat))
    lines = ["What you know:", *known, ""] if known else []
    if not fields:
        asked = [f"- {telling.sentence(f.about)}" for f in role.done_in(phase) if f.kind == "text"]
        lines += ["What you are asked for:", *asked, "", "Reply with the words that you say, and nothing else."]
        return Chat(world, seat, (("system", system), ("user", "\n".join(lines))))
    legal = {name: mask[world, seat] for name, mask in _masks(fields, shown).items()}
    options: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    schema = ""
    if not asked_schema(fields):
        (f,) = fields
        options = tuple(telling.labels(f, legal.get(f.name)))
        listed = tuple(telling.explained(f, legal.get(f.name)))
        what = "one of these names" if f.kind != "flag" else "one of these words"
        lines += [f"What you decide: {telling.sentence(f.about)}", f"Reply with {what}, and nothing else:"]
        lines += [f"- {line}" for line in listed]
    else:
        schema = json.dumps(schema_of(fields, legal))
        if _wrapped(fields):
            keys = "these keys" if len(fields) > 1 else "this key"
            lines += [f"What you decide. Reply with a JSON object that has {keys}, and nothing else:"]
            lines += [line for f in fields for line in telling.done(f, legal.get(f.name))]
        else:
            (f,) = fields
            lines += [
                f"What you decide: {telling.sentence(f.about)}",
                f"Reply with {telling.number(f)}, and nothing else.",
            ]
    return Chat(world, seat, (("system", system), ("user", "\n".join(lines))), options, schema, listed=listed)


def asked_schema(fields: Sequence[Field]) -> str:
    """The JSON Schema that is asked for, as text, whatever is legal at the time; "" where a label is asked for."""
    alone = len(fields) == 1 and telling.labelled(fields[0]) and fields[0].shape == ()
    return "" if alone else json.dumps(schema_of(fields))


def schema_of(fields: Sequence[Field], legal: Mapping[str, Tensor] | None = None) -> JsonObject:
    """The JSON Schema of a reply: a bare number for one real or count, else an object with a key a field.

    Args:
        fields: What is done.
        legal: Field -> [*shape, labels] bool, legal options of masked choices.
    """
    legal = legal or {}
    each = {f.name: _schema(f, legal.get(f.name)) for f in fields}
    if not _wrapped(fields):
        return each[fields[0].name]
    return {"type": "object", "properties": each, "required": list(each), "additionalProperties": False}


def _wrapped(fields: Sequence[Field]) -> bool:
    return len(fields) > 1 or telling.labelled(fields[0]) or fields[0].shape != ()


def _schema(f: Field, legal: Tensor | None) -> JsonObject:
    one: JsonObject
    if f.kind == "flag":
        one = {"type": "boolean"}
    elif telling.labelled(f):
        # Masks of several choices at once may differ from one to the next; what is illegal is then told by `hear`.
        one = {"type": "string", "enum": telling.labels(f, legal if f.shape == () else None)}
    else:
        one = {"type": "integer" if f.kind == "count" else "number"}
        one |= {key: bound for key, bound in (("minimum", f.low), ("maximum", f.high)) if math.isfinite(bound)}
    for size in reversed(f.shape):
        one = {"type": "array", "items": one, "minItems": size, "maxItems": size}
    return one


def _masks(fields: Sequence[Field], observation: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f.name: observation[f"{f.name}_mask"].cpu() for f in fields if f"{f.name}_mask" in observation}


def _word(f: Field, value: Any) -> Any:
    if isinstance(value, list):
        return [_word(f, one) for one in value]
    if f.kind == "choice" or f.names:
        return (f.names or f.labels)[value]
    return float(str(np.float32(value))) if f.kind == "real" else value


# ------------------------------------------------------------------ what is heard


def _read(fields: Sequence[Field], masks: Mapping[str, Tensor], chat: Chat, said: str) -> JsonObject | ReplyKind | None:
    """Field -> value or nested list of values, in tensors' numbers; or the kind of failure."""
    if chat.options:
        place = words.choice(words.plain(said), chat.options)
        (f,) = fields
        return None if place is None else {f.name: _numbers(f, chat.options[place], f.shape, None)}
    text = words.unfenced(said)
    try:
        given = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        if text.startswith("{") and error.pos >= len(text.rstrip()) - 1:
            return ReplyKind.CUT_OFF
        return _bare(fields, said)
    except (ValueError, RecursionError):
        return None
    if not _wrapped(fields):
        given = {fields[0].name: given}
    if not isinstance(given, dict) or set(given) != {f.name for f in fields}:
        return None
    try:
        return {
            f.name: _numbers(
                f, given[f.name], f.shape, masks[f.name][chat.world, chat.seat] if f.name in masks else None
            )
            for f in fields
        }
    except (ValueError, OverflowError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> JsonObject:
    """An object without a key that stands twice.

    Raises:
        ValueError: One does.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(pairs)
    return found


def _bare(fields: Sequence[Field], said: str) -> JsonObject | None:
    """One number that is stated in a sentence or in markdown."""
    number = None if _wrapped(fields) else words.number(words.plain(said))
    try:
        return None if number is None else {fields[0].name: _numbers(fields[0], number, (), None)}
    except ValueError:
        return None


def _numbers(f: Field, value: Any, shape: tuple[int, ...], legal: Tensor | None) -> Any:
    """A value as tensors hold it.

    Raises:
        ValueError: It is not of the field's kind, shape or range, or not legal now.
    """
    if shape:
        if not isinstance(value, list) or len(value) != shape[0]:
            raise ValueError(value)
        return [_numbers(f, one, shape[1:], None if legal is None else legal[k]) for k, one in enumerate(value)]
    if f.kind == "flag":
        if isinstance(value, str):
            value = {"yes": True, "no": False}.get(value.lower())
        if not isinstance(value, bool):
            raise ValueError(value)
        return value
    if f.kind == "choice" or f.names:
        place = (f.names or f.labels).index(value) if isinstance(value, str) else -1
        if place < 0 or (legal is not None and not bool(legal[place])):
            raise ValueError(value)
        return place
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (f.kind == "count" and not whole):
        raise ValueError(value)
    if not (math.isfinite(value) and f.low <= value <= f.high):
        raise ValueError(value)
    return int(value) if f.kind == "count" else float(value)
