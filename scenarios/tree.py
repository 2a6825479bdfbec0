"""Values with their place (file, line, column): the tree between scenario text and options."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from populace.errors import ScenarioError
from populace.files import is_file
from populace.names import fault
from populace.options import Options

MAX_DEPTH = 50
"""Deepest nesting."""


@dataclass(frozen=True)
class Place:
    """Where something was given: in a file, or by a note such as `--set a.b=1`; neither for Python mappings."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    note: str = ""


Value = dict[str, "Node"] | list["Node"] | str | int | float | bool | None


@dataclass(frozen=True)
class Node:
    """A value, where it stands, and where its key stands if it has one."""

    value: Value
    place: Place
    key: Place | None = None
    given: str | None = None
    """What was written, where the value is the full path that it stands for."""

    @property
    def spot(self) -> Place:
        """Where to point at: the key of a block and of nothing, a scalar itself."""
        here = self.value is not None and not isinstance(self.value, (dict, list))
        return self.place if here or self.key is None else self.key

    def get(self, *path: str | int) -> "Node | None":
        """The node at `path`, or None."""
        node: Node | None = self
        for part in path:
            inside = node.value if node is not None else None
            if isinstance(inside, dict):
                node = inside.get(str(part))
            elif isinstance(inside, list) and isinstance(part, int) and part < len(inside):
                node = inside[part]
            else:
                return None
        return node

    def walk(self) -> Iterator["Node"]:
        """This node and all below it."""
        yield self
        if isinstance(self.value, (dict, list)):
            for node in self.value.values() if isinstance(self.value, dict) else self.value:
                yield from node.walk()


def fail(message: str, place: Place, hint: str = "") -> ScenarioError:
    """The error of one mistake at `place`."""
    note = f" (from {place.note})" if place.note else ""
    return ScenarioError(message + note, file=place.file, line=place.line, column=place.column, hint=hint)


def plain(node: Node) -> Any:
    """The values alone, as dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def shown(node: Node) -> object:
    """The values alone, as they are named in labels: a file as it was written, and by its name if by a full path."""
    if isinstance(node.value, dict):
        return {key: shown(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [shown(item) for item in node.value]
    if isinstance(node.value, str) and os.path.isabs(node.value) and is_file(node.value):
        return node.given if node.given and not os.path.isabs(node.given) else os.path.basename(node.value)
    return node.value


def from_python(value: object, depth: int = 0, path: str = "the scenario") -> Node:
    """The tree of a mapping given in Python; its places are empty.

    Raises:
        ScenarioError: It holds something that cannot stand in a scenario file.
    """
    nowhere = Place()
    if depth > MAX_DEPTH:
        raise fail(f"{path.split('.')[0]} is nested more than {MAX_DEPTH} deep, or holds itself", nowhere)
    if isinstance(value, Options):
        value = value.model_dump(mode="json", exclude_unset=True, by_alias=True)
    elif isinstance(value, Path):
        value = str(value)
    elif getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, str) and (wrong := fault(value, lines=True)):
        raise fail(f"{path} holds {wrong}; leave it out", nowhere)
    if value is None or isinstance(value, (str, int, float, bool)):
        return Node(value, nowhere)
    inner = f"{path}." if depth else ""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                raise fail(f"{path} has the key {key!r}: keys are text", nowhere)
            if wrong := fault(str(key)):
                raise fail(f"a key of {path} holds {wrong}; leave it out", nowhere)
        return Node({str(k): from_python(v, depth + 1, f"{inner}{k}") for k, v in value.items()}, nowhere)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return Node([from_python(v, depth + 1, f"{inner}{i}") for i, v in enumerate(value)], nowhere)
    raise fail(
        f"{path}: a {type(value).__name__} cannot stand in a scenario; give numbers, text, lists, mappings", nowhere
    )


def nested(path: str, node: Node) -> Node:
    """`node` inside mappings, one a part of the dotted `path`."""
    for part in reversed(path.split(".")):
        node = Node({part: replace(node, key=node.key or node.place)}, node.place)
    return node
