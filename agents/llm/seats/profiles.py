"""Personas of models: a user's traits and values in words, by a template that a scenario can replace.

Templates are Jinja2, rendered in its sandbox, within limits of time and length. They may use `role`, `about`, `seat`
(from 1), `phase`, `seen` (what the seat sees, field by field) and, where seats are the population's users, `segment`,
`values` and `traits` (by name; words for traits that are no quantities). Only such a role is told its user's profile:
an assistant knows no more of its user than a script does.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from torch import Tensor

from populace import templates
from populace.errors import PopulaceError, UnknownName, did_you_mean
from populace.fields import Role
from populace.files import FileError, changed, text
from populace.population import People
from populace.template_worker import LONGEST, environment
from populace.templates import TemplateFailed

TEMPLATES: dict[str, str] = {
    "traits": (
        "You are user {{ seat }}{% if segment != 'everyone' %} of the segment {{ segment|words }}{% endif %}."
        "{% if traits %} {% for name, x in traits.items() %}"
        "{{ name|words }} {{ x|number }}{{ '.' if loop.last else ', ' }}{% endfor %}{% endif %}"
    ),
    "values": (
        "You are user {{ seat }}{% if segment != 'everyone' %} of the segment {{ segment|words }}{% endif %}."
        "{% if values %} Your values: {% for name, x in values.items() %}"
        "{{ name|words }} {{ x|number }}{{ '.' if loop.last else ', ' }}{% endfor %}{% endif %}"
    ),
    "full": (
        "You are user {{ seat }}{% if segment != 'everyone' %} of the segment {{ segment|words }}{% endif %}."
        "{% if values %} Your values: {% for name, x in values.items() %}"
        "{{ name|words }} {{ x|number }}{{ '.' if loop.last else ', ' }}{% endfor %}{% endif %}"
        "{% if traits %} What you are like: {% for name, x in traits.items() %}"
        "{{ name|words }} {{ x|number }}{{ '.' if loop.last else ', ' }}{% endfor %}{% endif %}"
    ),
}
"""Templates that a persona may name."""

KNOWN = ("role", "about", "seat", "phase", "seen", "segment", "values", "traits")
"""What templates may use."""


def text_of(persona: str) -> str:
    """The template's text: one of `TEMPLATES` by name, a file that ends in `.j2`, or the text itself.

    Raises:
        PopulaceError: The file cannot be read.
    """
    if persona in TEMPLATES:
        return TEMPLATES[persona]
    if not is_path(persona):
        return persona
    try:
        return _text_in(persona, changed(persona))
    except FileError as error:
        raise PopulaceError(
            f"persona: the template {persona} cannot be read: {error}; give a file that ends in .j2, one of "
            f"{', '.join(TEMPLATES)}, or the text itself"
        ) from None


def is_path(persona: str) -> bool:
    """Whether a persona names a file, rather than a template of the library or the text itself."""
    return persona.endswith(".j2") and "\n" not in persona and "{" not in persona


@lru_cache(maxsize=64)
def _text_in(file: str, time: int) -> str:
    """A template's text, read again when its file was changed."""
    return text(file)


def check(persona: str) -> None:
    """Raise PopulaceError where a persona is too long or no template, uses unknown names, or its file is not there."""
    text = text_of(persona)
    if persona in TEMPLATES:
        return
    where = f"persona {persona}" if is_path(persona) else "persona"
    if not _is_template(text):
        if len(text) > LONGEST:
            raise PopulaceError(f"{where}: it has {len(text):,} characters; a text has {LONGEST:,} at most")
        return
    used = _used(text)
    if isinstance(used, TemplateFailed):
        what = f"line {used.line} of the template is no Jinja2" if used.kind == "syntax" else "the template fails"
        raise PopulaceError(f"{where}: {what}: {used.message}")
    for name in used:
        if name not in KNOWN:
            raise PopulaceError(str(UnknownName(f"name in {where}", name, KNOWN)))


def uses(persona: str) -> dict[str, frozenset[str] | None]:
    """What a persona tells of a user: `segment`, `values` and `traits`, as far as it uses them.

    Returns:
        Those of the three that the template names, each with the single names that it takes (`traits.age`); None where
        it takes them all, or in a way that only rendering could tell.

    Raises:
        PopulaceError: The persona is no template, or its file cannot be read.
    """
    text = text_of(persona)
    found = templates.uses(text) if _is_template(text) else {}
    return {name: found[name] for name in ("segment", "values", "traits") if name in found}


@lru_cache(maxsize=64)
def _used(text: str) -> list[str] | TemplateFailed:
    """The names that a template uses, or why it fails: what takes too long is tried once, not for every arm."""
    try:
        return templates.names(text)
    except TemplateFailed as error:
        return error


def _is_template(text: str) -> bool:
    """Whether there is anything to render: without these marks Jinja2 gives back the text as it is."""
    return any(mark in text for mark in ("{{", "{%", "{#"))


def render(
    persona: str,
    role: Role,
    phase: str,
    seen: Mapping[str, Tensor],
    who: People | None,
    places: Sequence[tuple[int, int]],
) -> list[str]:
    """The persona of each seat.

    Args:
        persona: A template's name, file or text.
        role: The seats' role.
        phase: The phase they act in.
        seen: Field -> [worlds, seats, *shape], their observation on the host.
        who: The people, on the host; None where the role's seats are no users.
        places: World and seat of each.

    Raises:
        PopulaceError: The template uses what is not known here, fails, or takes too long.
    """
    known = []
    for world, seat in places:
        told: dict[str, Any] = {"role": role.name, "about": role.about, "seat": seat + 1, "phase": phase}
        told["seen"] = {name: value[world, seat].tolist() for name, value in seen.items()}
        known.append(told if who is None else told | user(who, world, seat))
    if persona in TEMPLATES:
        return [str(_ours(persona).render(told)).strip() for told in known]
    try:
        return [text.strip() for text in templates.rendered(text_of(persona), known)]
    except TemplateFailed as error:
        if error.kind != "undefined":
            raise
        without = "" if who is not None else f"; of {role.name}s no segment, values or traits are known"
        near = _nearest(error.message, known[error.at])
        raise PopulaceError(
            f"persona: {error.message}{near}{without}; a template knows {_names(known[error.at])}"
        ) from None


@lru_cache(maxsize=len(TEMPLATES))
def _ours(name: str) -> Any:
    return environment().from_string(TEMPLATES[name])


def user(people: People, world: int, seat: int) -> dict[str, object]:
    """A user's `segment`, `values` and `traits`, by name; words for traits that are no quantities."""
    census = people.census
    names = census.segments or ("everyone",)
    traits: dict[str, float | str] = {}
    for name, numbers in people.traits.items():
        x, labels = float(numbers[world, seat]), census.labels.get(name)
        traits[name] = labels[int(x)] if labels else x
    values = people.values[world, seat].tolist()
    return {
        "segment": names[int(people.segment[world, seat])],
        "values": dict(zip(census.values, values, strict=False)),
        "traits": traits,
    }


def _names(known: Mapping[str, Any]) -> str:
    inner = [f"{name}: {', '.join(value)}" for name, value in known.items() if isinstance(value, dict) and value]
    return ", ".join(known) + (f" ({'; '.join(inner)})" if inner else "")


def _nearest(message: str, known: Mapping[str, Any]) -> str:
    """A near miss among all that is known, for a name that is quoted in Jinja2's message."""
    quoted = [part for k, part in enumerate(message.split("'")) if k % 2]
    names = [*known, *(name for value in known.values() if isinstance(value, dict) for name in value)]
    hint = did_you_mean(quoted[-1], names) if quoted else ""
    return hint if "did you mean" in hint else ""
