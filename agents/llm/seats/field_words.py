"""Fields in words: what a seat sees and what it may do, for a person who knows nothing but these words."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from populace.fields import LIMIT, Field, Role
from populace.observation import Observation
from populace.template_worker import figure

Axes = tuple[str | tuple[str, ...], ...]


# ------------------------------------------------------------------ what is seen


def seen(observation: Observation, host: Mapping[str, Tensor], world: int, seat: int) -> Iterator[str]:
    """A line for everything that a seat sees: fields that hold nothing, and codes that words say, are left out.

    Args:
        observation: Whose fields they are.
        host: Field -> [worlds, seats, *shape], on the CPU.
        world: Of the seat.
        seat: Its number.
    """
    own = {name: value[world, seat].tolist() for name, value in host.items()}
    said = {f.name: _read(own[f.name], observation.reader.read) for f in _shown(observation.role, own) if _text(f)}
    coded = {code for f in _shown(observation.role, own) if _text(f) and _any(said[f.name]) for code in f.carries}
    for f in observation.role.seen_in(observation.phase):
        if f.name in own and f.name not in coded:
            held = _held(f, own)
            if held is not False:
                yield from _told(f, said.get(f.name, own[f.name]), held)


def _shown(role: Role, own: Mapping[str, Any]) -> Iterator[Field]:
    return (f for f in role.sees if f.name in own)


def _text(f: Field) -> bool:
    return f.kind == "text"


def _read(ids: Any, read: Callable[[int], str]) -> Any:
    return [_read(part, read) for part in ids] if isinstance(ids, list) else read(ids)


def _any(said: Any) -> bool:
    return any(map(_any, said)) if isinstance(said, list) else bool(said)


def _held(f: Field, own: Mapping[str, Any]) -> Any:
    """Where a field holds anything: bool, or nested lists of bool like its value."""
    if f.given in ("", "never"):
        return not f.given
    opposite, flag = f.given.startswith("not "), own.get(f.given.removeprefix("not "), True)

    def turned(x: Any) -> Any:
        return [turned(one) for one in x] if isinstance(x, list) else bool(x) != opposite

    return turned(flag)


def _told(f: Field, value: Any, held: Any) -> Iterator[str]:
    about = f.about.rstrip(".") + (f", {_range(f)}" if f.ends is not None else "") + _legend(f, value)
    if len(f.shape) < 2:
        found = _entries(f, value, held, f.axes) if f.shape else [_one(f, value)]
        yield f"- {about}: {'; '.join(found) or _nothing(f)}"
        return
    rows = list(_rows(f, value, held, f.axes, "  "))
    yield f"- {about}:{'' if rows else f' {_nothing(f)}'}"
    yield from rows


def _nothing(f: Field) -> str:
    return "nothing" if _text(f) else "none"


def _legend(f: Field, value: Any) -> str:
    """What the labels of several values mean, those that are among them."""
    if not f.shape or not f.meanings:
        return ""
    called = f.names or f.labels
    found = sorted({int(x) for x in _flat(value) if 0 <= x < len(called)})
    told = [f"{called[k]} is {f.meanings[k]}" for k in found if f.meanings[k]]
    return f" ({'; '.join(told)})" if told else ""


def _flat(value: Any) -> Iterator[float]:
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    else:
        yield value


def _rows(f: Field, value: Any, held: Any, axes: Axes, indent: str) -> Iterator[str]:
    """A line for each entry of the first dimension that holds anything, and below it those of the next ones."""
    for name, one, here in _each(value, held, axes):
        if not isinstance(one[0], list):
            if entries := _entries(f, one, here, axes[1:]):
                yield f"{indent}- {name}: {'; '.join(entries)}"
        elif rows := list(_rows(f, one, here, axes[1:], indent + "  ")):
            yield f"{indent}- {name}:"
            yield from rows


def _entries(f: Field, value: Any, held: Any, axes: Axes) -> list[str]:
    """`name: value` of each entry of the last dimension that holds anything."""
    return [f"{name}: {_one(f, one)}" for name, one, here in _each(value, held, axes) if name and here and _is(f, one)]


def _is(f: Field, value: Any) -> bool:
    """Whether an entry holds anything: a text that was said, or a place that there is."""
    return bool(value) if _text(f) else not f.names or value >= 0


def _each(value: Any, held: Any, axes: Axes) -> Iterator[tuple[str, Any, Any]]:
    named = axes[0] if axes else ""
    for k, one in enumerate(value):
        name = f"{named} {k + 1}".strip() if isinstance(named, str) else named[k]
        yield name, one, held[k] if isinstance(held, list) else held


def _one(f: Field, value: Any) -> str:
    """One value; texts are quoted, and a label that needs it has its meaning beside it."""
    if _text(f):
        return json.dumps(value, ensure_ascii=False) if value else _nothing(f)
    said = f.words(value)
    called = f.names or f.labels
    if f.shape or not f.meanings or said not in called:
        return said
    meaning = f.meanings[called.index(said)]
    return f"{said} ({meaning})" if meaning else said


# ------------------------------------------------------------------ what is done


def labels(f: Field, legal: Tensor | None) -> list[str]:
    """The labels of a choice, a flag or a place in a list that are legal now."""
    named = ("no", "yes") if f.kind == "flag" else f.names or f.labels
    return [label for k, label in enumerate(named) if legal is None or bool(legal[k])]


def explained(f: Field, legal: Tensor | None) -> list[str]:
    """The legal labels, each with what it means."""
    meaning = dict(zip(f.names or f.labels, f.meanings, strict=False))
    return [f"{label}: {meaning[label]}" if meaning.get(label) else label for label in labels(f, legal)]


def labelled(f: Field) -> bool:
    """Whether a value is said by a name: a choice, a flag, or a place in a list."""
    return f.kind in ("choice", "flag") or bool(f.names)


def done(f: Field, legal: Tensor | None) -> Iterator[str]:
    """A line for what is decided as a key of a JSON object, and below it the labels with their meanings."""
    legal = legal if f.shape == () else None
    named = labelled(f) and f.kind != "flag" and bool(f.meanings)
    value = "one of the names below" if named else _value(f, legal)
    yield f'- "{f.name}": {sentence(f.about)} Give {_nested(f, value)}.'
    if named:
        yield from (f"  - {line}" for line in explained(f, legal))


def sentence(about: str) -> str:
    """What is said of a field, with a mark at its end."""
    return about if about.endswith((".", "?", "!")) else f"{about}."


def _nested(f: Field, value: str) -> str:
    """`a list of 2, one for each audience (young, old); each is a list of 5 ...; each is a number`."""
    parts = []
    for k, size in enumerate(f.shape):
        named = f.axes[k] if k < len(f.axes) else ""
        if isinstance(named, str):
            which = f", one for each {named}" if named else ""
        else:
            told = [name for name in named if name]
            which = f", for {listed(told)}" + (", and 0 for the rest" if len(told) < size else "")
        parts.append(f"a list of {size}{which}")
    return "; each is ".join([*parts, value])


def _value(f: Field, legal: Tensor | None) -> str:
    if f.kind == "flag":
        return "true or false"
    if labelled(f):
        return f"one of these names: {', '.join(labels(f, legal))}"
    return number(f)


def number(f: Field) -> str:
    """`a number from 0 (not at all) to 1 (fully)`."""
    return f"{'a whole number' if f.kind == 'count' else 'a number'} {_range(f)}".strip()


def _range(f: Field) -> str:
    """`from 0 (not at all) to 1 (fully)`, `of at least 0`, or nothing where there is no bound."""
    ends = [f" ({end})" if end else "" for end in f.ends or ("", "")]
    low, high = (f"{figure(x)}{end}" if abs(x) < LIMIT else "" for x, end in zip((f.low, f.high), ends, strict=True))
    if low and high:
        return f"from {low} to {high}"
    return f"of at least {low}" if low else f"of at most {high}" if high else ""


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
