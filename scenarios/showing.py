"""What `populace show` and `populace new` write: a scenario's text, a world's roles and fields, a policy's options."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from populace import registry
from populace.errors import PopulaceError, UnknownName
from populace.fields import Field
from populace.policy import Policy
from populace.population import Census
from populace.scenarios.loader import find, library
from populace.scenarios.source import on_one_line
from populace.world import AnyWorld


def describe(name: str) -> dict[str, object]:
    """Kind, name and `text` of a scenario, world, policy or measure.

    Raises:
        UnknownName: Nothing is called so.
    """
    if name in library():
        return {"kind": "scenario", "name": name, "text": library_text(name)}
    if name in registry.worlds.names():
        return _world(name, registry.worlds.get(name))
    if name in registry.policies.names() or ":" in name:
        return _policy(name, registry.policies.get(name))
    for kind, how in ((registry.measures, "run.measure({!r})"), (registry.recorded, "record: {{measures: [{}]}}")):
        if name in kind.names():
            return _measure(name, kind.get(name), how.format(name))
    known = [*library(), *registry.worlds.names(), *registry.policies.names(), *registry.measures.names()]
    known += registry.recorded.names()
    # Scenarios call a world's own policies by their last name.
    known = [full for full in known if full.endswith(f"/{name}")] or known
    raise UnknownName("scenario, world, policy or measure", name, known)


def library_text(name: str) -> str:
    """The YAML text of a library scenario, populace's own or a plug-in's."""
    return find(name).read_text(encoding="utf-8")


def write_new(path: Path, base: str) -> Path:
    """Write a file that extends library scenario `base`, with its text below as comments to take from.

    Raises:
        PopulaceError: The file exists already, or its folder does not.
        UnknownName: There is no such library scenario.
    """
    if base not in library():
        raise UnknownName("scenario", base, library())
    if path.exists():
        raise PopulaceError(f"{path} exists already: choose another name")
    if not path.parent.is_dir():
        raise PopulaceError(f"there is no folder {path.parent}: make it first, or choose another place for {path.name}")
    lines = library_text(base).splitlines()
    own = [f"name: {path.stem}" if line.startswith("name:") else line for line in lines]
    text = "\n".join(line for line in own if "yaml-language-server" not in line)
    try:
        path.write_text(text.lstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise PopulaceError(f"cannot write {path}: {error.strerror}") from None
    return path


def _world(name: str, world: type[AnyWorld]) -> dict[str, Any]:
    fields = world.Options.model_fields
    needed = [key for key, field in fields.items() if field.is_required()]
    lines = [f"{name}: {sentence(world.__doc__)}", "", "options (under `world:`)", *_options(world.Options)]
    roles: list[dict[str, Any]] = []
    if not needed:
        people = world.population(4, world.Options())
        census = people.census if people is not None else Census(4, ("a", "b", "c"))
        for role in world(world.Options(), census).roles():
            roles.append(
                {
                    "name": role.name,
                    "seats": role.seats,
                    "phases": role.phases,
                    "default": world.defaults.get(role.name),
                }
            )
            lines += [
                "",
                f"role {role.name}: acts in {', '.join(role.phases)}; "
                f"{f'by default {default}' if (default := world.defaults.get(role.name)) else 'no default policy'}",
            ]
            for verb, several in (("sees", role.sees), ("does", role.does)):
                for f in several:
                    lines += [f"  {verb} {f.name} ({_form(f)}): {f.about}", *_meanings(f)]
    manifest = registry.manifests.get(name)
    docs = manifest.docs if manifest is not None else ""
    if manifest is not None and manifest.policies:
        lines += ["", f"policies: {', '.join(manifest.policies)}"]
    if docs:
        lines += ["", f"described in {docs}"]
    return {
        "kind": "world",
        "name": name,
        "roles": roles,
        "docs": docs,
        "schema": world.Options.model_json_schema(),
        "text": "\n".join(lines),
    }


def _policy(name: str, policy: type[Policy]) -> dict[str, Any]:
    lines = [f"{name}: {sentence(policy.__doc__)}", "", "options (beside `policy:`)", *_options(policy.Options)]
    return {"kind": "policy", "name": name, "schema": policy.Options.model_json_schema(), "text": "\n".join(lines)}


def _measure(name: str, measure: object, how: str) -> dict[str, Any]:
    lines = [f"{name}: {sentence(measure.__doc__)}", "", f"how to get it: {how}"]
    return {"kind": "measure", "name": name, "text": "\n".join(lines)}


def _form(f: Field) -> str:
    """A field's kind, and its shape where it has one: `real, 4 x 2`."""
    return ", ".join((f.kind, " x ".join(map(str, f.shape)))) if f.shape else f.kind


def _meanings(f: Field) -> list[str]:
    """What the labels of a field mean, a line each."""
    return [
        f"    {label}: {meaning}" for label, meaning in zip(f.names or f.labels, f.meanings, strict=False) if meaning
    ]


def _options(options: type[BaseModel]) -> list[str]:
    lines = []
    for key, field in options.model_fields.items():
        default = "required" if field.is_required() else default_of(field.get_default(call_default_factory=True))
        lines.append(f"  {key}: {sentence(field.description)} ({default})")
    return lines or ["  none"]


def default_of(value: object) -> str:
    """A default as it would be written in a scenario file, on one line."""
    if value is None:
        return "not given by default"
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True)
    return f"default {on_one_line(to_jsonable_python(value))}"


def sentence(text: str | None) -> str:
    """The first paragraph of a docstring on one line, however its lines were wrapped."""
    return " ".join((text or "").strip().split("\n\n")[0].split())
