"""States, memories and runs as values: map over their tensors, mix two of them by world, pick worlds, save and load.

A value is a tensor, a plain Python constant, or a dataclass, dict, tuple or list of values. Every tensor's first
dimension is the world, unless its dataclass field is declared `shared()`.
"""

import dataclasses
import errno
import importlib
import json
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from populace.errors import RunError
from populace.files import whole
from populace.imports import OURS, installed
from populace.words import Words

Value = TypeVar("Value")


def tree_map(change: Callable[[Tensor], Tensor], value: Value, *, shared: bool = True) -> Value:
    """Return `value` with `change` applied to its tensors; those declared `shared()` only when `shared`."""
    changed: Value = _zip(lambda tensor, _: change(tensor), value, value, skip="" if shared else "shared")
    return changed


def tensors(value: object, *, shared: bool = True) -> Iterator[Tensor]:
    """Yield every tensor in `value`."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    tree_map(note, value, shared=shared)
    return iter(found)


def nbytes(value: object, *, shared: bool = True) -> int:
    """Bytes held by the tensors of `value`, those declared `shared()` only when `shared`; no storage counts twice."""
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors(value, shared=shared)}
    return sum(storages.values())


def where(mask: Tensor, new: Value, old: Value, *, keep: str = "shared") -> Value:
    """World by world `new` where `mask` [worlds] holds, else `old`; fields whose metadata names `keep` stay old."""

    def mix(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(mask.view(-1, *[1] * (a.dim() - 1)), a, b)

    mixed: Value = _zip(mix, new, old, skip=keep)
    return mixed


def take(value: Value, worlds: Tensor) -> Value:
    """The worlds at positions `worlds` [k] of `value`."""
    return tree_map(lambda tensor: tensor[worlds], value, shared=False)


def join(first: Value, second: Value, order: Tensor) -> Value:
    """The worlds of two values in one, in `order` [k]: positions among the first's worlds, then the second's."""
    joined: Value = _zip(lambda a, b: torch.cat((a, b))[order], first, second, skip="shared")
    return joined


def packages_of(value: object) -> frozenset[str]:
    """Top-level names of the packages whose dataclasses `value` is made of: what `load` needs to read it back."""
    found: set[str] = set()

    def note(item: object) -> None:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            found.add(type(item).__module__.partition(".")[0])
            for f in dataclasses.fields(item):
                note(getattr(item, f.name))
        elif isinstance(item, (dict, tuple, list)):
            for entry in item.values() if isinstance(item, dict) else item:
                note(entry)

    note(value)
    return frozenset(found)


def _zip(join: Callable[[Tensor, Tensor], Tensor], new: Any, old: Any, skip: str) -> Any:
    if isinstance(new, Tensor):
        return join(new, old)
    if isinstance(new, Words):
        return new  # a store of texts is a constant; it has no worlds
    if dataclasses.is_dataclass(new) and not isinstance(new, type):
        changes = {}
        for f in dataclasses.fields(new):
            before = getattr(old, f.name)
            kept = skip and (f.metadata.get(skip) or f.metadata.get("shared"))
            changes[f.name] = before if kept else _zip(join, getattr(new, f.name), before, skip)
        return dataclasses.replace(new, **changes)
    if isinstance(new, dict):
        return {key: _zip(join, item, old[key], skip) for key, item in new.items()}
    if isinstance(new, (tuple, list)):
        return type(new)(_zip(join, a, b, skip) for a, b in zip(new, old, strict=True))
    return new


def save(value: object, path: Path) -> None:
    """Write `value` to `path` atomically: tensors beside a JSON skeleton of the dataclasses that hold them."""
    held: list[Tensor] = []

    def strip(item: object) -> dict[str, object]:
        if isinstance(item, Tensor):
            held.append(item.detach().cpu().contiguous())
            return {"tensor": len(held) - 1}
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            kind = type(item)
            fields = {f.name: strip(getattr(item, f.name)) for f in dataclasses.fields(item) if f.init}
            return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}
        if isinstance(item, dict):
            return {"dict": [[key, strip(entry)] for key, entry in item.items()]}
        if isinstance(item, (tuple, list)):
            return {type(item).__name__: [strip(entry) for entry in item]}
        if item is None or isinstance(item, (bool, int, float, str)):
            return {"plain": item}
        raise RunError(
            f"cannot save a {type(item).__name__}: states and memories hold tensors, dataclasses and constants"
        )

    skeleton = json.dumps(strip(value))
    with whole(path) as partial:
        try:
            torch.save({"format": 1, "skeleton": skeleton, "tensors": held}, partial)
        except RuntimeError as error:  # how torch tells that a disk is full
            raise OSError(errno.EIO, f"the state could not be written ({str(error).splitlines()[0][:100]})") from error


def load(path: Path, device: torch.device | str = "cpu", packages: Collection[str] = ()) -> object:
    """Read what `save` wrote.

    A saved state names the dataclasses that it is made of. Only those are made that belong to populace, to one of the
    packages given, or to code of the caller's own that is in use already; a file that names others is refused, and
    nothing is imported for it.

    Args:
        path: The file.
        device: Where its tensors go.
        packages: Top-level names of the plug-ins whose dataclasses the file may name.

    Raises:
        RunError: The file is not readable, or names a class that it may not.
    """
    try:
        stored = torch.load(path, map_location=device, weights_only=True)
        skeleton, held = json.loads(stored["skeleton"]), stored["tensors"]
    except Exception as error:
        raise RunError(f"cannot read the saved state {path}: {error}") from error

    def build(node: dict[str, Any]) -> Any:
        tag, content = next(iter(node.items()))
        if tag == "tensor":
            return held[content]
        if tag == "class":
            kind = _dataclass(content, path, packages)
            return kind(**{name: build(item) for name, item in node["fields"].items()})
        if tag == "dict":
            return {key: build(item) for key, item in content}
        if tag in ("tuple", "list"):
            items = [build(item) for item in content]
            return tuple(items) if tag == "tuple" else items
        return content

    try:
        return build(skeleton)
    except RunError:
        raise
    except Exception as error:
        raise RunError(f"the saved state {path} is damaged: {type(error).__name__}: {error}") from error


def _dataclass(name: str, path: Path, packages: Collection[str]) -> type[Any]:
    module, _, qualname = name.partition(":")
    allowed = module.partition(".")[0] in {OURS, *packages} and not module.endswith("__main__")
    if not allowed and (module not in sys.modules or installed(module) or module in sys.stdlib_module_names):
        raise RunError(
            f"{path} names the class {name!r}, which is neither populace's nor of a plug-in that the scenario names; "
            "in Python, name its package in `packages`"
        )
    try:
        kind: Any = importlib.import_module(module)
        for part in qualname.split("."):
            kind = getattr(kind, part)
    except (ImportError, AttributeError) as error:
        raise RunError(f"{path} holds a {name}, which cannot be imported here: {error}") from error
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module):
        raise RunError(f"{path} names {name}, which is not a dataclass of {module}")
    return kind
