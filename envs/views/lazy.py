"""Dicts keyed by agent over arrays `[seats, ...]`: all values made together, or each when somebody asks for it.

PettingZoo speaks in dicts of agents. With thousands of agents, of whom few are read, most of the cost of a step would
be the building of five such dicts; hence the lazy ones, for those who ask for them.
"""

from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from itertools import repeat
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]


class Rows(Protocol):
    """Values by position."""

    def row(self, position: int) -> object:
        """The value at `position`."""
        ...

    def all(self) -> Sequence[object]:
        """All values in order."""
        ...


class Column:
    """Rows of one array `[seats, ...]`."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def row(self, position: int) -> object:
        """One seat's row."""
        return self.array[position]

    def all(self) -> Sequence[object]:
        """Every seat's row."""
        return list(self.array)


class Numbers(Column):
    """Rows of an array `[seats]` as plain Python numbers."""

    def row(self, position: int) -> object:
        """One seat's number."""
        return self.array[position].item()

    def all(self) -> Sequence[object]:
        """Every seat's number."""
        plain: list[Any] = self.array.tolist()
        return plain


class Table:
    """Rows of named columns, each a dict of its own."""

    def __init__(self, columns: Mapping[str, Rows]) -> None:
        self.columns = columns

    def row(self, position: int) -> object:
        """One seat's dict."""
        return {name: column.row(position) for name, column in self.columns.items()}

    def all(self) -> Sequence[object]:
        """Every seat's dict."""
        # Filled column by column, constants first: three times as fast as a dict of pairs for each seat.
        same = {name: column.value for name, column in self.columns.items() if isinstance(column, Same)}
        varied = {name: column.all() for name, column in self.columns.items() if name not in same}
        count = next((c.count for c in self.columns.values() if isinstance(c, Same)), None)
        out = list(map(dict.copy, repeat(same, len(next(iter(varied.values()))) if count is None else count)))
        for name, values in varied.items():
            for seat, value in zip(out, values, strict=True):
                seat[name] = value
        return out


class Same:
    """The same constant at every position."""

    def __init__(self, value: object, count: int) -> None:
        self.value, self.count = value, count

    def row(self, position: int) -> object:
        """The constant."""
        return self.value

    def all(self) -> Sequence[object]:
        """The constant, `count` times."""
        return [self.value] * self.count


class Later:
    """Rows that are made when the first of them is asked for."""

    def __init__(self, make: Callable[[], Rows]) -> None:
        self._make: Callable[[], Rows] | None = make
        self._rows: Rows | None = None

    def _made(self) -> Rows:
        if self._rows is None:
            assert self._make is not None
            self._rows, self._make = self._make(), None
        return self._rows

    def row(self, position: int) -> object:
        """The value at `position`."""
        return self._made().row(position)

    def all(self) -> Sequence[object]:
        """All values."""
        return self._made().all()


class Chain:
    """Several rows one after the other: the seats of one role after those of another."""

    def __init__(self, parts: Sequence[tuple[int, Rows]]) -> None:
        self.parts = parts

    def row(self, position: int) -> object:
        """The value at `position` of the whole."""
        for count, rows in self.parts:
            if position < count:
                return rows.row(position)
            position -= count
        raise IndexError(position)

    def all(self) -> Sequence[object]:
        """All parts' values in order."""
        return [value for _, rows in self.parts for value in rows.all()]


def _filled(name: str) -> Any:
    """The dict method `name`, after all values have been made."""
    method = getattr(dict, name)

    def call(self: "LazyDict", *args: Any, **keywords: Any) -> Any:
        self.fill()
        for other in args:
            if isinstance(other, LazyDict):
                other.fill()
        return method(self, *args, **keywords)

    call.__name__ = name
    return call


class LazyDict(dict[str, Any]):
    """A dict from agent to value whose values are made when asked for, and kept.

    It is a dict in all respects for Python; `copy` and pickling give a plain one. Changing it makes all values first.
    Code in C that reads a dict without its methods (`json`'s accelerator, `orjson`, `tree`, `optree`) finds what was
    made so far, at first nothing: give it `copy()`.

    Args:
        index: Agent -> position in `rows`; shared, never changed.
        rows: The values by position.
        whole: Whether `index` lists all positions in order, so that they may be made together.
    """

    __slots__ = ("_index", "_rows", "_whole")

    def __init__(self, index: Mapping[str, int], rows: Rows, whole: bool = True) -> None:
        super().__init__()
        self._index: Mapping[str, int] | None = index
        self._rows, self._whole = rows, whole

    def fill(self) -> None:
        """Make all values that have not been made yet."""
        if self._index is None:
            return
        index, self._index = self._index, None
        made = dict.copy(self)
        rows = self._rows
        values = rows.all() if self._whole else [rows.row(position) for position in index.values()]
        dict.clear(self)
        dict.update(self, zip(index, values, strict=True))
        dict.update(self, made)

    def __missing__(self, name: str) -> Any:
        if self._index is None:
            raise KeyError(name)
        value = self._rows.row(self._index[name])
        dict.__setitem__(self, name, value)
        return value

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self) if self._index is None else iter(self._index)

    def __len__(self) -> int:
        return dict.__len__(self) if self._index is None else len(self._index)

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) if self._index is None else name in self._index

    def keys(self) -> Any:
        """The agents."""
        return dict.keys(self) if self._index is None else KeysView(self._index)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of `name`, or `default`."""
        # dict.get would not call __missing__.
        return self[name] if name in self else default  # noqa: SIM401

    def copy(self) -> dict[str, Any]:
        """A plain dict of all values."""
        self.fill()
        return dict.copy(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        from copy import deepcopy

        return {name: deepcopy(value, memo) for name, value in self.copy().items()}

    def __reduce__(self) -> Any:
        return dict, (self.copy(),)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()


for _name in (
    *("items", "values", "pop", "popitem", "setdefault", "update", "clear", "__setitem__", "__delitem__"),
    *("__eq__", "__ne__", "__or__", "__ror__", "__ior__", "__repr__", "__reversed__"),
):
    setattr(LazyDict, _name, _filled(_name))
