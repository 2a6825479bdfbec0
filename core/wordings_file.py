"""Reads tables of wordings: YAML of a few flat mappings of texts, each with its line; nothing else of YAML is read."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from populace.errors import PopulaceError, did_you_mean
from populace.files import text
from populace.names import fault, quoted

MOST = 1 << 20
"""Largest file that is read, in bytes."""
DEPTH = 4
"""Deepest nesting: the table, a part, an entry, its texts."""


class Entry(NamedTuple):
    """A text or several, and where it stands: `file:line`, or None."""

    value: str | Sequence[str]
    place: str | None


class _Refused(Exception):
    def __init__(self, what: str, mark: Any) -> None:
        super().__init__(what)
        self.what, self.mark = what, mark


class _Plain(Composer):
    """Composes nodes without aliases, and so deep at most."""

    deep = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node and all below it."""
        event = self.parser.peek_event()
        if type(event).__name__ == "AliasEvent":
            raise _Refused("an alias (*name) cannot stand here; write the text out", event.start_mark)
        self.deep += 1
        if self.deep > DEPTH:
            raise _Refused(f"nested more than {DEPTH} deep", event.start_mark)
        node = super().compose_node(parent, index)
        self.deep -= 1
        return node


def read(path: str, parts: Sequence[str]) -> dict[str, dict[str, Entry]]:
    """The parts of a table in a file, YAML or JSON.

    Raises:
        FileError: The file cannot be read.
        PopulaceError: It is no table; with its line.
    """
    return parsed(text(path, most=MOST), path, parts)


def parsed(source: str, name: str, parts: Sequence[str]) -> dict[str, dict[str, Entry]]:
    """The parts of a table: part -> name -> its text or texts; a part that is one text is named as the part.

    Args:
        source: YAML.
        name: The file, for messages.
        parts: Parts that it may have; those that it has not are empty.

    Raises:
        PopulaceError: It is no such table; with its line.
    """
    reader = YAML(typ="safe", pure=True)
    reader.Composer = _Plain
    try:
        root = reader.compose(StringIO(source))
        found: dict[str, dict[str, Entry]] = {part: {} for part in parts}
        for part, node in _items(root, "a mapping of the parts of a table"):
            key = str(part.value)
            if key not in found:
                there = f"{did_you_mean(key, parts)}; there are: {', '.join(parts)}"
                raise _Refused(f"unknown part {quoted(key)}{there}", part.start_mark)
            if isinstance(node.value, str):
                found[key][key] = Entry(_text(node), _place(name, node))
                continue
            _fill(found[key], node, "", name)
        return found
    except _Refused as error:
        raise PopulaceError(f"{name}:{error.mark.line + 1}: {error.what}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise PopulaceError(f"{name}{line}: this is not YAML: {error.problem or error.context}") from None
    except (YAMLError, ValueError, AssertionError, RecursionError) as error:
        raise PopulaceError(f"{name}: this is not YAML: {(str(error) or 'nested too deep').splitlines()[0]}") from None


def _fill(found: dict[str, Entry], node: Any, before: str, name: str) -> None:
    for key, item in _items(node, "a mapping of names to texts"):
        full = f"{before}{key.value}"
        if full in found:
            raise _Refused(f"{quoted(full)} is given twice", key.start_mark)
        if isinstance(item.value, str):
            found[full] = Entry(_text(item), _place(name, key))
        elif _is_list(item) and item.value and all(isinstance(part.value, str) for part in item.value):
            found[full] = Entry(tuple(_text(part) for part in item.value), _place(name, key))
        elif _is_list(item):
            raise _Refused(f"{quoted(full)}: expected a text or a list of texts", key.start_mark)
        else:
            _fill(found, item, f"{full}.", name)


def _items(node: Any, what: str) -> list[tuple[Any, Any]]:
    if node is None or isinstance(node.value, str) or _is_list(node):
        raise _Refused(f"expected {what}", node.start_mark if node is not None else _Start())
    for key, _ in node.value:
        if not isinstance(key.value, str):
            raise _Refused("a name must be a text", key.start_mark)
        if wrong := fault(key.value):
            raise _Refused(f"the name holds {wrong}; leave it out", key.start_mark)
    return list(node.value)


class _Start:
    line = 0


def _is_list(node: Any) -> bool:
    return str(node.tag).endswith(":seq")


def _text(node: Any) -> str:
    if wrong := fault(node.value, lines=True):
        raise _Refused(f"the text holds {wrong}; leave it out", node.start_mark)
    return str(node.value)


def _place(name: str, node: Any) -> str:
    return f"{name}:{node.start_mark.line + 1}"


__all__ = ["Entry", "Mapping", "parsed", "read"]
