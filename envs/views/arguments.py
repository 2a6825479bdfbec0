"""What callers hand to a view, checked before anything is built from it."""

import difflib
from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, SupportsIndex

import numpy as np
from torch import Tensor

from populace.errors import PopulaceError, UnknownName

SEEDS = 2**63
"""Seeds and ids of worlds are whole numbers from 0 up to here, as in scenario files."""


def whole(what: str, value: object, least: int = 0) -> int:
    """`value` as an int; numbers of NumPy and torch are welcome.

    Raises:
        PopulaceError: It is no whole number from `least` up, below 2^63.
    """
    try:
        number = index(value) if isinstance(value, SupportsIndex) else least - 1
    except TypeError:
        number = least - 1
    if isinstance(value, bool | np.bool_) or not least <= number < SEEDS:
        bound = ", below 2^63" if number >= SEEDS else ""
        raise PopulaceError(f"{what} is {value!r}; expected a whole number from {least} up{bound}")
    return number


def wholes(what: str, values: object, count: int) -> list[int]:
    """`count` whole numbers from 0 up, from a list, array or tensor of them.

    Raises:
        PopulaceError: There are more or fewer, or one is no such number.
    """
    listed = values.tolist() if isinstance(values, np.ndarray | Tensor) else values
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise PopulaceError(f"{what} are {values!r}; expected {count} whole numbers")
    if len(listed) != count:
        raise PopulaceError(f"{len(listed)} {what} for {count} environments")
    return [whole(f"number {i} of the {what}", value) for i, value in enumerate(listed)]


def mask(what: str, given: object, count: int) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which of `count` environments are meant, [count] bool, at least one.

    Raises:
        PopulaceError: It is no such array.
    """
    array = np.asarray(given)
    if array.dtype != np.bool_ or array.shape != (count,) or not array.any():
        raise PopulaceError(f"{what} is {given!r}; expected an array of {count} booleans, at least one of them True")
    return array


def cycles(given: object) -> int | None:
    """`max_cycles`: None, or a whole number from 1.

    Raises:
        PopulaceError: It is something else.
    """
    return None if given is None else whole("max_cycles (None for no limit)", given, 1)


def one_of(what: str, given: object, known: Sequence[str]) -> None:
    """Raise UnknownName unless `given` is among the words `known`."""
    if given not in known:
        raise UnknownName(what, str(given), known)


def world_of(options: object) -> int | None:
    """The world's id among the options of a reset, or None.

    Other keys are somebody else's (wrappers pass such things on), but for near misses of `world`.

    Raises:
        PopulaceError: The options are no mapping, the id is no whole number, or a key looks like a slip.
    """
    if options is None:
        return None
    if not isinstance(options, Mapping):
        raise PopulaceError(f"the options of reset are {options!r}; expected a mapping such as {{'world': 3}}")
    for key in options:
        if key != "world" and difflib.get_close_matches(str(key).lower(), ("world",), cutoff=0.75):
            raise UnknownName("option of reset", str(key), ("world",))
    number = options.get("world")
    return None if number is None else whole("the option 'world'", number)
