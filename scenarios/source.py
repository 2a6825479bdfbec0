"""Scenario text to and from a tree of values, each with its place: file, line and column.

YAML is read by the core schema of YAML 1.2, where `no`, `on` and `yes` are text, and only as far as composing nodes: no
tag ever makes a Python object. Size, depth and the number of nodes (aliases expanded) are bounded before values are
made of them.
"""

import math
import os
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.representer import SafeRepresenter

from populace.files import FileError, opened
from populace.names import fault
from populace.scenarios.tree import MAX_DEPTH, Node, Place, fail, from_python, plain

MAX_BYTES = 4 << 20
"""Largest file that is read."""
MAX_NODES = 100_000
"""Most values and keys of a file, aliases expanded."""

_TAG = "tag:yaml.org,2002:"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_YAML_1_1 = re.compile(r"(?i)y|yes|n|no|on|off|true|false|null|~")
"""Text that readers of YAML 1.1 take for something else."""


def read(path: Path, contents: list[bytes] | None = None) -> Node:
    """The tree of a file; its content is added to `contents`.

    Raises:
        ScenarioError: It is not there, too large, no text, or no YAML.
    """
    here = Place(str(path))
    try:
        with opened(path, own=True) as file:
            size = os.fstat(file.fileno()).st_size
            raw = file.read(MAX_BYTES + 1) if size <= MAX_BYTES else b""
    except (FileError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).removeprefix(f"cannot read {path}: ")
        raise fail(f"cannot read the scenario: {why}", here) from None
    if max(size, len(raw)) > MAX_BYTES:
        raise fail(
            f"the file has {max(size, len(raw)) / 1e6:,.1f} MB; a scenario has at most {MAX_BYTES / 1e6:.1f} MB", here
        )
    if contents is not None:
        contents.append(raw)
    return parse(_decode(raw, here), str(path))


def _decode(raw: bytes, here: Place) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise fail("the file is UTF-16 text; save it as UTF-8", here)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise fail(
            f"byte 0x{raw[error.start]:02x} is not UTF-8 text; a scenario is YAML saved as UTF-8",
            Place(here.file, line, column),
        ) from None


def parse(text: str, file: str | None = None, note: str = "") -> Node:
    """The tree of a YAML text; an empty text is null. `note` replaces positions (for `--set`).

    Raises:
        ScenarioError: The text is no YAML, or none that is safe or bounded.
    """
    if bad := _UNPRINTABLE.search(text):
        line, column = text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start())
        place = Place(file, None if note else line, None if note else column, note)
        raise fail(f"character U+{ord(bad.group()):04X} cannot stand in YAML; is this a text file?", place)
    reader = YAML(typ="safe", pure=True)
    reader.Composer = _Bounded
    converter = _Converter(file, note)
    try:
        root = reader.compose(StringIO(text))
        if root is None:
            return Node(None, Place(file, None if note else 1, None if note else 1, note))
        if _expanded(root, {}, set()) > MAX_NODES:
            raise _Unsafe(f"aliases expand to more than {MAX_NODES:,} values", root.start_mark)
        return converter.node(root, 0)
    except _Unsafe as error:
        raise fail(error.text, converter.at(error.mark)) from None
    except MarkedYAMLError as error:
        # A key without its colon is noticed later than it stands.
        late = "could not find expected ':'" in str(error.problem)
        mark = error.context_mark if late else error.problem_mark or error.context_mark
        raise fail(_syntax(error, text), converter.at(mark)) from None
    except RecursionError:
        raise fail(f"nested more than {MAX_DEPTH} deep", Place(file, note=note)) from None
    except (YAMLError, ValueError, AssertionError) as error:
        raise fail(f"this is not YAML: {str(error).splitlines()[0]}", Place(file, note=note)) from None


def _syntax(error: MarkedYAMLError, text: str) -> str:
    problem, mark = str(error.problem or error.context or error), error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in problem:
        return "a tab cannot indent YAML; use spaces"
    if "but found another document" in problem:
        return "a scenario is one YAML document; remove the second one (`---`)"
    if "could not find expected ':'" in problem or "mapping values are not allowed" in problem:
        return "this is not YAML: a key is followed by a colon and a space, `key: value`, indented like its neighbours"
    if "expected <block end>" in problem:
        return "this is not YAML: this line is indented differently from its neighbours"
    context = f" {error.context}" if error.context and error.context != problem else ""
    return f"this is not YAML: {problem}{context}"


class _Unsafe(Exception):
    """A text that is YAML but not read; `mark` says where."""

    def __init__(self, text: str, mark: Any) -> None:
        super().__init__(text)
        self.text, self.mark = text, mark


class _Bounded(Composer):
    """Composes nodes, so many and so deep at most."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.warn_double_anchors = False
        self.nodes = self.deep = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node and all below it."""
        self.nodes, self.deep = self.nodes + 1, self.deep + 1
        mark = self.parser.peek_event().start_mark
        if self.nodes > MAX_NODES:
            raise _Unsafe(f"more than {MAX_NODES:,} values; a scenario has at most so many", mark)
        if self.deep > MAX_DEPTH:
            raise _Unsafe(f"nested more than {MAX_DEPTH} deep", mark)
        node = super().compose_node(parent, index)
        self.deep -= 1
        return node


def _expanded(node: Any, known: dict[int, int], open_: set[int]) -> int:
    """Nodes below `node` with every alias expanded; linear in the text."""
    if isinstance(node.value, str):
        return 1
    if id(node) in open_:
        raise _Unsafe("an alias holds itself", node.start_mark)
    if id(node) not in known:
        open_.add(id(node))
        children = [c for pair in node.value for c in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_expanded(child, known, open_) for child in children)
        open_.remove(id(node))
    return known[id(node)]


class _Converter:
    """Makes our tree of ruamel's nodes."""

    def __init__(self, file: str | None, note: str) -> None:
        self.file, self.note = file, note

    def at(self, mark: Any) -> Place:
        if self.note or mark is None:
            return Place(self.file, note=self.note)
        return Place(self.file, mark.line + 1, mark.column + 1)

    def node(self, node: Any, depth: int, key: Place | None = None) -> Node:
        if depth > MAX_DEPTH:
            raise _Unsafe(f"nested more than {MAX_DEPTH} deep", node.start_mark)
        place, tag = self.at(node.start_mark), str(node.tag).removeprefix(_TAG)
        if isinstance(node.value, str):
            if wrong := fault(node.value, lines=True):
                raise _Unsafe(f"the text holds {wrong}; leave it out", node.start_mark)
            return Node(_scalar(node, tag), place, key)
        if tag not in ("map", "seq"):
            raise _Unsafe(f"the tag {node.tag} is not allowed; a scenario holds plain values only", node.start_mark)
        if tag == "seq":
            return Node([self.node(item, depth + 1) for item in node.value], place, key)
        items: dict[str, Node] = {}
        for name, item in node.value:
            if not isinstance(name.value, str) or str(name.tag) == f"{_TAG}merge":
                what = "'<<'" if isinstance(name.value, str) else "a list or mapping"
                raise _Unsafe(
                    f"{what} cannot be a key here; use `extends` or an alias (*name) as a value", name.start_mark
                )
            if wrong := fault(name.value):
                raise _Unsafe(f"the key holds {wrong}; leave it out", name.start_mark)
            if name.value in items:
                first = items[name.value].key
                seen = f" (first in line {first.line})" if first is not None and first.line else ""
                raise _Unsafe(f"the key {name.value!r} is given twice{seen}", name.start_mark)
            items[name.value] = self.node(item, depth + 1, self.at(name.start_mark))
        return Node(items, place, key)


def _scalar(node: Any, tag: str) -> str | int | float | bool | None:
    text = node.value
    try:
        if tag in ("str", "timestamp", "value"):
            return str(text)
        if tag == "null":
            return None
        if tag == "bool" and text.lower() in ("true", "false"):
            return bool(text.lower() == "true")
        if tag == "int":
            digits = text.replace("_", "")
            return int(digits, 0) if re.match(r"[-+]?0[xob]", digits) else int(digits)
        if tag == "float":
            return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        pass
    if tag in ("bool", "int", "float", "null"):
        raise _Unsafe(
            f"{text[:40]!r} is read differently by versions of YAML; write true or false, a decimal number, "
            "or put text in quotes",
            node.start_mark,
        )
    raise _Unsafe(f"the tag {node.tag} is not allowed; a scenario holds plain values only", node.start_mark)


class _Quoting(SafeRepresenter):
    """Quotes text that readers of YAML 1.1 would take for true, false or null."""


def _text(representer: Any, text: str) -> Any:
    style = "'" if _YAML_1_1.fullmatch(text) else None
    return representer.represent_scalar(f"{_TAG}str", text, style=style)


def _number(representer: Any, number: float) -> Any:
    text = repr(number) if math.isfinite(number) else {math.inf: ".inf", -math.inf: "-.inf"}.get(number, ".nan")
    return representer.represent_scalar(f"{_TAG}float", text if "." in text else text.replace("e", ".0e"))


_Quoting.add_representer(str, _text)
_Quoting.add_representer(float, _number)


def dump(mapping: Mapping[str, object]) -> str:
    """YAML text of a mapping, which reads back as the same values."""
    return _written(mapping, flow=False, width=100)


def on_one_line(value: object) -> str:
    """The same of any value of a scenario, on one line."""
    return _written(value, flow=True, width=1 << 20).removesuffix("\n").removesuffix("\n...")


def _written(value: object, flow: bool, width: int) -> str:
    writer: Any = YAML(typ="safe", pure=True)
    writer.Representer = _Quoting
    writer.default_flow_style, writer.sort_base_mapping_type_on_output = flow, False
    writer.width, writer.allow_unicode = width, True
    stream = StringIO()
    writer.dump(plain(from_python(value)), stream)
    return stream.getvalue()
