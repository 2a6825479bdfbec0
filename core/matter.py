"""What agents talk about: a table that comes with a world, or a file of a user's own with the same columns.

A world's option `matter` names the one or the other. `Source` finds it and reads it; the functions below it check the
cells that a world's reader takes from the table, and name file, line and column of the first that is wrong.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor

from populace import trust
from populace.errors import PopulaceError
from populace.files import changed, text
from populace.names import quoted
from populace.table import Table
from populace.tables import parse, read_table

Found = TypeVar("Found")


class Source(Generic[Found]):
    """A package's table by its name, or any file by its path; a file is read anew when it has changed.

    Args:
        package: The package that holds the table.
        name: The table's name, without `.csv`.
        read: Makes of a table what the world needs.
        lines: Makes the same of the text of a `.jsonl` file and its path; None where a world takes tables only.
    """

    def __init__(
        self,
        package: str,
        name: str,
        read: Callable[[Table], Found],
        lines: Callable[[str, str], Found] | None = None,
    ) -> None:
        self.package, self.name, self._read, self._lines = package, name, read, lines
        self._file = lru_cache(maxsize=16)(self._of_file)
        self._shipped = lru_cache(maxsize=16)(self._of_package)

    def __call__(self, named: str, language: str = "en") -> Found:
        """What the option `matter` names.

        Args:
            named: The table's name, or the path of a file.
            language: In which language the package's own table is wanted: English is in `<name>.csv`, any other in
                `<name>.<language>.csv`.

        Raises:
            NeedsWord: A stranger's scenario names a file outside its folder.
            FileError: The file cannot be read.
            PopulaceError: The package has no table in this language, a column is missing, or a cell is not what its
                column holds; with its line and column.
        """
        if named == self.name:
            return self._shipped(language)
        trust.current().demand_read(Path(named))
        return self._file(named, changed(named))

    def _of_package(self, language: str) -> Found:
        file = f"{self.name}.csv" if language == "en" else f"{self.name}.{language}.csv"
        place = files(self.package).joinpath(file)
        if not place.is_file():
            raise PopulaceError(
                f"matter: {self.name!r} does not come in the language {language!r} (there is no {file} in "
                f"{self.package}); name a table of your own"
            )
        return self._read(parse(place.read_text(encoding="utf-8"), file))

    def _of_file(self, path: str, when: int) -> Found:
        if self._lines is not None and path.endswith(".jsonl"):
            return self._lines(text(path), path)
        return self._read(read_table(path))


def texts(table: Table, column: str, *, missing: bool = False) -> list[str]:
    """The cells of a column with single spaces; "" where one is missing, if that is allowed.

    Raises:
        PopulaceError: A cell is missing, or holds what no text may hold.
    """
    place, words = table.words(column, missing=missing)
    return ["" if k < 0 else " ".join(words[k].split()) for k in place]


def one_of(table: Table, column: str, known: Sequence[str]) -> list[int]:
    """The place of each cell of a column among the words that it may hold.

    Raises:
        PopulaceError: A cell is missing or holds another word.
    """
    cells = texts(table, column)
    for row, word in enumerate(cells):
        if word not in known:
            raise PopulaceError(f"{table.at(row, column)}: {quoted(word)} is none of {', '.join(known)}")
    return [known.index(word) for word in cells]


def yes(table: Table, column: str) -> list[bool]:
    """Whether each cell of a column says yes.

    Raises:
        PopulaceError: A cell is missing, or says neither yes nor no.
    """
    return [place == 0 for place in one_of(table, column, ("yes", "no"))]


def once(table: Table, column: str, keys: Sequence[Hashable], what: str) -> None:
    """Raise PopulaceError for the second row of the same key; `what` a column's cell is called, for the message."""
    first: dict[Hashable, int] = {}
    for row, key in enumerate(keys):
        if key in first:
            raise PopulaceError(f"{table.at(row, column)}: this {what} stands in {table.place(first[key])} already")
        first[key] = row


def places(rows: Sequence[Sequence[Sequence[int]]]) -> tuple[Tensor, Tensor]:
    """Rows by two kinds, [a, b] lists, as [a, b, most] int64 padded with 0; and how many count, [a, b] int64."""
    most = max(len(found) for pair in rows for found in pair)
    padded = [[[*found, *[0] * (most - len(found))] for found in pair] for pair in rows]
    return torch.tensor(padded), torch.tensor([[len(found) for found in pair] for pair in rows])
