"""What a questionnaire asks in words: statements with their loadings on values, from the library or from a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from populace import matter, trust
from populace.errors import PopulaceError
from populace.files import changed
from populace.table import PLAIN, Table, TableFormat
from populace.tables import parse, read_table
from populace.wordings import Wordings

SHIPPED = "statements"
"""Name of the table that comes with the library, in the options `matter` and `questionnaire.loadings`."""
COLUMN = "statement"
"""The column of a table that holds the words; every other column that is read is a value."""
PREFIXES = ("m_", "f_", "v_")
"""What ProgressGym's item matrix writes before the names of its values."""


class Value(NamedTuple):
    """How a value is spoken of; every text is a clause.

    Attributes:
        cares: What somebody who holds the value cares for.
        more: What somebody says who wants more of it than was usual.
        less: What somebody says who wants less of it.
    """

    cares: str
    more: str
    less: str


@dataclass(frozen=True, eq=False)
class Matter:
    """Statements for some values.

    Attributes:
        name: The table, for messages.
        values: Names of the values, as the population calls them.
        statement: What is stated, a sentence each.
        loadings: [statements, values]: by how much more likely agreement is, the more somebody holds a value.
    """

    name: str
    values: tuple[str, ...]
    statement: tuple[str, ...]
    loadings: Tensor

    def pure(self) -> tuple[Tensor, Tensor]:
        """Statements that load on one value only, by 1 or -1.

        Returns:
            Rows [values, 2, most] int64 by value and sign (0 for -1, 1 for 1), and how many of them count [values, 2].
        """
        alone = (self.loadings != 0).sum(-1) == 1
        rows = [
            [(alone & (self.loadings[:, d] == sign)).nonzero()[:, 0].tolist() for sign in (-1.0, 1.0)]
            for d in range(len(self.values))
        ]
        return matter.places(rows)

    def demand_pure(self) -> None:
        """Raise PopulaceError where a value lacks a statement for it, or one against it."""
        lacking = (self.pure()[1] == 0).nonzero().tolist()
        if lacking:
            value, sign = lacking[0]
            raise PopulaceError(
                f"{self.name} has no statement that loads {'1' if sign else '-1'} on {self.values[value]!r} and on "
                "nothing else: items with random signs (questionnaire.loadings: sparse) are put into words by one such "
                "statement for each value and sign; add it, or ask the table's own items (questionnaire.loadings: "
                f"{self.name if self.name != 'statements.csv' else SHIPPED})"
            )


def matter_of(named: str, values: tuple[str, ...], format: TableFormat = PLAIN) -> Matter:
    """The statements that an option names, for a population's values.

    Args:
        named: `statements`, or the path of a file.
        values: Names of the population's values.
        format: How the file is written.

    Raises:
        FileError: The file cannot be read.
        PopulaceError: A column is missing, or a cell is not what its column holds; with its line and column.
    """
    if named == SHIPPED:
        return _shipped(values)
    trust.current().demand_read(Path(named))
    return _file(named, values, format, changed(named))


@lru_cache(maxsize=16)
def _shipped(values: tuple[str, ...]) -> Matter:
    """The statements of the library's table that load on these values and on no other."""
    table = parse(_text("statements.csv"), "statements.csv")
    known = [name for name in table.header if name != COLUMN]
    places = [known.index(bare(name)) if bare(name) in known else -1 for name in values]
    if -1 in places:
        raise PopulaceError(
            f"the library has no statements on {values[places.index(-1)]!r}; it has some on {', '.join(known)}. Give "
            "the population these values, or a table of your own (envs/coevolution/matter/README.md)"
        )
    whole = _read(table, known, known)
    others = [k for k in range(len(known)) if k not in places]
    rows = (whole.loadings[:, others] == 0).all(-1).nonzero()[:, 0]
    statement = tuple(whole.statement[k] for k in rows.tolist())
    return Matter("statements.csv", values, statement, whole.loadings[rows][:, places])


@lru_cache(maxsize=16)
def _file(path: str, values: tuple[str, ...], format: TableFormat, when: int) -> Matter:
    table = read_table(path, format)
    columns = [name if name in table.header or bare(name) not in table.header else bare(name) for name in values]
    return _read(table, columns, values)


def _read(table: Table, columns: Sequence[str], values: Sequence[str]) -> Matter:
    table.need(COLUMN, *columns)
    if not table.rows:
        raise PopulaceError(f"{table.name}: there are no statements; at least one is needed")
    found = matter.texts(table, COLUMN)
    matter.once(table, COLUMN, found, "statement")
    loadings = torch.stack([torch.from_numpy(table.numbers(name)).float() for name in columns], 1)
    return Matter(table.name, tuple(values), tuple(found), loadings)


@lru_cache(maxsize=16)
def spoken_of(values: tuple[str, ...], wordings: Wordings) -> tuple[Value, ...]:
    """How each value is spoken of; one that the table does not know is called by its name."""
    found = []
    for name in values:
        known = f"value.{bare(name)}"
        if known in wordings.labels:
            found.append(Value(*wordings.listed(known)))
        else:
            [clauses] = wordings.phrase("value.unknown", [{"name": name.replace("_", " ")}])
            found.append(Value(*clauses))
    return tuple(found)


def bare(name: str) -> str:
    """A value's name without ProgressGym's prefix."""
    return next((name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix)), name)


def _text(name: str) -> str:
    return files("populace.envs.coevolution.matter").joinpath(name).read_text(encoding="utf-8")


__all__ = ["COLUMN", "SHIPPED", "Matter", "Value", "bare", "matter_of", "spoken_of"]
