"""A table whose cells are read as numbers, words or missing entries; anything else is reported as an error."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from populace import names
from populace.columns import Column, of_series, span
from populace.errors import PopulaceError, UnknownName, did_you_mean
from populace.files import FileError
from populace.names import quoted
from populace.options import Options

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 100_000
"""Columns that a table may have."""
MOST_LETTERS = 10_000
"""Letters that an entry of words may have."""
Codes = Sequence[float | str]
"""Entries that stand for a missing one: numbers, whatever their spelling, and words."""


class TableFormat(Options):
    """How a CSV file is written, where it is not in the usual way."""

    separator: Literal[",", ";", "\t", "|"] = ","
    """What stands between cells; spreadsheets of many countries write semicolons."""
    decimal: Literal[".", ","] = "."
    """What stands before decimals."""
    thousands: Literal["", ",", ".", " ", "'"] = ""
    """What stands between thousands, if anything does."""
    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16"] = "utf-8"
    """How letters are stored, where the file does not say so itself by a byte-order mark."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}: numbers would be ambiguous")
        return self


PLAIN = TableFormat()


class Table:
    """A table whose columns are read when they are asked for.

    Args:
        name: The file, for messages.
        columns: Name -> its column, or a function that makes it; in the file's order.
        rows: How many there are, the header not counted.
        place: Row, from 0 -> how people find it: `line 3` of a text file, `row 2` elsewhere.
    """

    def __init__(
        self,
        name: str,
        columns: Mapping[str, Column | Callable[[], Column]],
        rows: int,
        place: Callable[[int], str] = lambda row: f"row {row + 1}",
    ) -> None:
        self.name, self.rows, self.place = name, rows, place
        self._columns = dict(columns)
        self.header = tuple(self._columns)

    def at(self, row: int, column: str | None = None) -> str:
        """Where a row or a cell stands, in words: `people.csv, line 3, column 'age'`."""
        return f"{self.name}, {self.place(row)}" + ("" if column is None else f", column {quoted(column)}")

    def like(self, column: str) -> bool:
        """Whether a column is called so, or almost."""
        return column in self._columns or "did you mean" in did_you_mean(column, self.header)

    def need(self, *columns: str | None) -> None:
        """Raise UnknownName for the first of these columns (None is passed over) that is not there.

        The columns that are there are told only where the table looks like the one that was meant: a file of another
        kind keeps its content to itself.
        """
        wanted = [column for column in columns if column is not None]
        meant = any(map(self.like, wanted))
        for column in wanted:
            if column not in self._columns:
                raise UnknownName(f"column of {self.name}", column, self.header if meant else ())

    def only(self, *known: str) -> None:
        """Raise UnknownName for a column that is none of `known` but is called almost like one."""
        for column in self.header:
            alike = [k for k in known if k not in self._columns and _alike(column, k)]
            if column not in known and alike:
                raise UnknownName(f"column of {self.name}", column, alike[:1])

    def column(self, name: str) -> Column:
        """A column as it stands.

        Raises:
            UnknownName: It is not there.
        """
        self.need(name)
        found = self._columns[name]
        if isinstance(found, Column):
            return found
        try:
            made = self._columns[name] = found()
        except PopulaceError as error:
            raise PopulaceError(f"{self.name}, column {quoted(name)}: {error}") from None
        return made

    def numbers(
        self,
        name: str,
        *,
        missing: bool = False,
        codes: Codes = (),
        low: float = -np.inf,
        high: float = np.inf,
        above: bool = False,
        whole: bool = False,
        what: str = "",
    ) -> NDArray[np.float64]:
        """A column of numbers, [rows] float64.

        Args:
            name: The column.
            missing: Whether cells may be missing; they are NaN then.
            codes: Entries that stand for a missing one.
            low: Smallest number that will do.
            high: Greatest number that will do.
            above: Whether `low` itself will not do.
            whole: Whether whole numbers are expected.
            what: What the numbers are, where a message should say so: `users are the whole numbers 0 to 9`.

        Raises:
            UnknownName: The column is not there.
            PopulaceError: A cell is no number, infinite, out of range or missing; with its line and column.
        """
        column = self.column(name)
        self._refuse_words(name, codes, what)
        gone = column.gone | column.coded(codes)
        numbers = np.where(gone, np.nan, column.numbers)
        if gone.any() and not missing:
            self._refuse(gone, name, lambda row: f"missing; expected a number{_because(what)}")
        self._refuse(
            np.isinf(numbers),
            name,
            lambda row: f"{column.show(row)} is infinite; expected a finite number{_because(what)}",
        )
        # Users and worlds hold numbers in 32 bits, where greater ones would become infinite.
        self._refuse(
            np.abs(numbers) > float(np.finfo(np.float32).max),
            name,
            lambda row: f"{column.show(row)} is too large; numbers go up to 3.4e38",
        )
        wrong = (numbers < low) | (numbers > high) | (above & (numbers == low)) | (whole & (numbers % 1 != 0))
        self._refuse(
            wrong,
            name,
            lambda row: f"{column.show(row)} is out of range; " + (what or f"expected {span(low, high, above, whole)}"),
        )
        return numbers

    def words(
        self, name: str, *, missing: bool = False, codes: Codes = ()
    ) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """A column of words: index of each row's word [rows] (-1 where it is missing), and the words, sorted.

        Words that are all numbers are sorted as numbers.

        Raises:
            UnknownName: The column is not there.
            PopulaceError: A cell is missing, or holds a character that no name may hold; with its line and column.
        """
        column = self.column(name)
        gone = column.gone | column.coded(codes)
        if gone.any() and not missing:
            self._refuse(gone, name, lambda row: "missing; expected a word")
        entries, place = column.kinds()
        place = np.where(gone, -1, place)
        used = np.unique(place[place >= 0])
        words, values = [column.text(entry) for entry in entries[used]], column.values[entries[used]]
        for kind, word in zip(used, words, strict=True):
            if wrong := names.fault(word):
                self._refuse(place == kind, name, _holds(wrong))
            if len(word) > MOST_LETTERS:
                self._refuse(place == kind, name, _too_long(len(word)))
        order = np.argsort(values, kind="stable") if not np.isnan(values).any() else np.argsort(words, kind="stable")
        new = np.full(len(entries) + 1, -1, dtype=np.int64)
        new[used[order]] = np.arange(len(used))
        return new[place], tuple(words[k] for k in order)

    def numeric(self, name: str, codes: Codes = ()) -> bool:
        """Whether a column holds numbers, or else words.

        Raises:
            UnknownName: The column is not there.
            PopulaceError: It holds both, or dates; with the line of the first of the fewer.
        """
        column = self.column(name)
        there = ~(column.gone | column.coded(codes))
        numbers, words = there & column.numeric, there & ~column.numeric
        if numbers.any() and words.any():
            if numbers.sum() >= words.sum():
                self._refuse_words(name, codes)
            self._refuse(
                numbers,
                name,
                lambda row: (
                    f"{column.show(row)} is a number among words; if it stands for a missing answer, name it in "
                    "missing_codes; if all entries are words, name the trait in words"
                ),
            )
        if column.dates.any():
            self._refuse(
                column.dates & there,
                name,
                lambda row: (
                    f"{column.show(row)} is a date, which is neither a number nor a word: make it a year or an age, or "
                    "name the trait in words"
                ),
            )
        return not words.any()

    def _refuse_words(self, name: str, codes: Codes, what: str = "") -> None:
        column = self.column(name)
        wrong = ~(column.numeric | column.gone | column.coded(codes))
        self._refuse(wrong, name, lambda row: f"{column.show(row)} {column.why(row)}{_because(what)}")

    def _refuse(self, where: NDArray[np.bool_], column: str, why: Callable[[int], str]) -> None:
        if where.any():
            row = int(np.flatnonzero(where)[0])
            more = f" (and {int(where.sum()) - 1:,} more such cells)" if where.sum() > 1 else ""
            raise PopulaceError(f"{self.at(row, column)}: {why(row)}{more}")

    @staticmethod
    def of_frame(frame: "pd.DataFrame", name: str = "the data frame") -> "Table":
        """A pandas frame as a table.

        Raises:
            PopulaceError: Two of its columns have the same name.
        """
        header = [str(column) for column in frame.columns]
        check_header(header, name)
        columns = {column: (lambda k=k: of_series(frame.iloc[:, k])) for k, column in enumerate(header)}
        return Table(name, columns, len(frame))


def check_header(header: Sequence[str], name: str) -> None:
    """Raise PopulaceError where two columns have one name, or a name holds what no name may hold."""
    if len(header) > MOST_COLUMNS:
        raise FileError(f"{name} has {len(header):,} columns; a table has at most {MOST_COLUMNS:,}")
    first: dict[str, int] = {}
    for k, column in enumerate(header, 1):
        if wrong := names.fault(column):
            raise PopulaceError(f"{name}: the name of column {k} holds {wrong}; leave it out")
        if column and column in first:
            raise PopulaceError(
                f"{name}: columns {first[column]} and {k} are both called {quoted(column)}; give each its own name"
            )
        first[column] = k


def _alike(given: str, known: str) -> bool:
    """Whether a column's name is another's but for case, spaces, marks or a plural."""

    def bare(name: str) -> str:
        return re.sub(r"[\W_]", "", name).lower().removesuffix("s")

    return bare(given) == bare(known)


def _because(what: str) -> str:
    return f": {what}" if what else ""


def _holds(wrong: str) -> Callable[[int], str]:
    return lambda row: f"it holds {wrong}; leave it out"


def _too_long(letters: int) -> Callable[[int], str]:
    told = f"it has {letters:,} letters, and at most {MOST_LETTERS:,} are read; is a quotation mark lost?"
    return lambda row: told
