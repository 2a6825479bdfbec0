"""Validates a mapping by its options model and translates what pydantic says into plain sentences."""

import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from populace import trust
from populace.errors import PopulaceError, did_you_mean
from populace.scenarios.mistakes import Mistake, Path, missing_key, refused, unknown_key, unknown_name, wrong
from populace.scenarios.tree import Node, plain

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "path_type": "a file's path",
    "none_required": "nothing (null)",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "union_tag_invalid": "{discriminator} to be one of {expected_tags}",
    "union_tag_not_found": "the key {discriminator}",
}
"""Pydantic's type of error -> what was expected; braces are filled from the error's context."""

_SHAPES = frozenset(kind for kind in _EXPECTED if kind.endswith(("_type", "_parsing"))) | {"none_required"}


def check(
    model: type[Model],
    node: Node,
    path: Path,
    *,
    without: Sequence[str] = (),
    context: Mapping[str, object] | None = None,
) -> tuple[Model | None, list[Mistake]]:
    """Validate what stands at `path` below `node`.

    Args:
        model: Its options model.
        node: The whole tree.
        path: Where to look; what is absent or null counts as an empty mapping.
        without: Keys that belong to somebody else.
        context: What validators are told.

    Returns:
        The options, or None and the mistakes.
    """
    here = node.get(*path)
    data = plain(here) if here is not None and here.value is not None else {}
    if not isinstance(data, dict):
        return None, [wrong(node, path, "a mapping")]
    data = {key: value for key, value in data.items() if key not in without}
    try:
        options = model.model_validate(data, context=dict(context or {}))
    except ValidationError as error:
        # What the user must allow first comes alone: what else is wrong here may follow from it.
        lacks = trust.current().lacks
        unheard = [found["msg"] for found in error.errors() if lacks and trust.UNHEARD in found["msg"]]
        if unheard:
            return None, [Mistake(unheard[0], node.spot)]
        return None, list(_translate(error, model, data, node, path, without))
    except PopulaceError as error:
        return None, [unknown_name(node, path, error)]
    mistakes = [wrong(node, (*path, *deeper), expected) for deeper, expected in _coerced(data, options)]
    return (None, mistakes) if mistakes else (options, [])


def _coerced(given: Any, got: Any, path: Path = ()) -> Iterable[tuple[Path, str]]:
    """Scalars that pydantic bent into another type: text into numbers, numbers into true."""
    if isinstance(given, dict) and isinstance(got, BaseModel):
        names = {field.alias or name: name for name, field in type(got).model_fields.items()}
        for key, item in given.items():
            if key in names:
                yield from _coerced(item, getattr(got, names[key]), (*path, key))
    elif isinstance(given, dict) and isinstance(got, Mapping):
        for key, item in given.items():
            yield from _coerced(item, got.get(key), (*path, key))
    elif isinstance(given, list) and isinstance(got, (list, tuple)) and len(given) == len(got):
        for index, (item, taken) in enumerate(zip(given, got, strict=True)):
            yield from _coerced(item, taken, (*path, index))
    elif isinstance(got, bool) and isinstance(given, (str, int, float)) and not isinstance(given, bool):
        yield path, "true or false"
    elif isinstance(got, (int, float)) and not isinstance(got, bool) and isinstance(given, (str, bool)):
        yield path, "a whole number" if isinstance(got, int) else "a number"


@dataclass(frozen=True)
class _Found:
    """A pydantic error, its path in the data, and the branch of a union it comes from."""

    error: Any
    path: Path
    branch: str | None = None
    fork: Path = ()

    @property
    def at_fork(self) -> bool:
        """Whether the branch did not fit at all."""
        return self.path == self.fork and self.error["type"] in _SHAPES | {"literal_error", "enum"}


def _locate(error: Any, data: Any) -> _Found:
    """Drop from the error's location what names branches of unions."""
    path: list[str | int] = []
    branch: str | None = None
    fork: Path = ()
    here, last = data, len(error["loc"]) - 1
    for position, part in enumerate(error["loc"]):
        index = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if index or (isinstance(here, dict) and part in here):
            here = here[part]
            path.append(part)
        elif position == last and error["type"] in ("missing", "extra_forbidden"):
            path.append(part)
        elif branch is None:
            branch, fork = str(part), tuple(path)
    return _Found(error, tuple(path), branch, fork)


def _translate(
    error: ValidationError, model: type[BaseModel], data: Any, node: Node, path: Path, without: Sequence[str]
) -> Iterable[Mistake]:
    found = [_locate(one, data) for one in error.errors(include_url=False)]
    forks: dict[Path, list[_Found]] = {}
    for one in found:
        if one.branch is None:
            yield _sentence(one, model, node, path, without)
        else:
            forks.setdefault(one.fork, []).append(one)
    for fork, ones in forks.items():
        branches: dict[str, list[_Found]] = {}
        for one in ones:
            branches.setdefault(str(one.branch), []).append(one)
        fitting = [branch for branch in branches.values() if not any(one.at_fork for one in branch)]
        if fitting:
            for one in min(fitting, key=len):
                yield _sentence(one, model, node, path, without)
        else:
            expected = dict.fromkeys(_expected(one.error) for one in ones if one.at_fork)
            yield wrong(node, (*path, *fork), " or ".join(expected))


def _expected(error: Any) -> str:
    context = {key: f"{v:g}" if isinstance(v, float) else v for key, v in error.get("ctx", {}).items()}
    if error["type"] in _EXPECTED:
        return _EXPECTED[error["type"]].format_map(context)
    return str(error["msg"]).removeprefix("Input should be ").removeprefix("a valid ").lower()


def _sentence(found: _Found, model: type[BaseModel], node: Node, at: Path, without: Sequence[str]) -> Mistake:
    error, path = found.error, (*at, *found.path)
    kind = error["type"]
    if kind == "extra_forbidden":
        own = () if found.path[:-1] else without
        return unknown_key(node, path, {*_keys(model, found.path[:-1]), *own})
    if kind == "missing":
        return missing_key(node, path, _about(model, found.path))
    if kind in ("value_error", "assertion_error"):
        return refused(node, path, str(error["ctx"]["error"]))
    mistake = wrong(node, path, _expected(error))
    if kind in ("literal_error", "enum") and isinstance(error["input"], str):
        near = did_you_mean(error["input"], re.findall(r"'([^']*)'", error["ctx"]["expected"]))
        return Mistake(mistake.text + (near if "did you mean" in near else ""), mistake.place)
    return mistake


def _about(model: type[BaseModel], path: Path) -> str:
    """What the missing key would have said: the first sentence of its docstring."""
    for candidate in _models(model, path[:-1]):
        for name, field in candidate.model_fields.items():
            if (field.alias or name) == path[-1] and field.description:
                return f" ({field.description.splitlines()[0].rstrip('.')})"
    return ""


def _keys(model: type[BaseModel], path: Path) -> set[str]:
    """The keys that a mapping at `path` may have."""
    return {field.alias or name for m in _models(model, path) for name, field in m.model_fields.items()}


def _models(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """The options models that may stand at `path`, found by following annotations."""
    kinds: list[Any] = [model]
    for part in path:
        kinds = [inner for kind in kinds for inner in _inside(kind, part)]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _inside(kind: Any, part: str | int) -> list[Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and origin is None:
        fields = [f for name, f in kind.model_fields.items() if (f.alias or name) == part]
        return [option for field in fields for option in _options(field.annotation)]
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return _options(arguments[1])
    if isinstance(part, int) and arguments:
        return [option for argument in arguments for option in _options(argument) if argument is not Ellipsis]
    return []


def _options(annotation: Any) -> list[Any]:
    """The branches of a union, or the annotation alone."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _options(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [option for argument in typing.get_args(annotation) for option in _options(argument)]
    return [annotation]
