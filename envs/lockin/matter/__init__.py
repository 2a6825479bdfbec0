"""What is estimated, in words: a table of quantities, from the library or from a file of the user's own."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from populace import trust
from populace.errors import PopulaceError
from populace.files import changed
from populace.table import Table
from populace.tables import parse, read_table

SHIPPED = "quantities"
"""Name of the table that comes with the library."""


@dataclass(frozen=True, eq=False)
class Matter:
    """Quantities; item i of each tuple is one.

    Attributes:
        question: What is guessed, a clause.
        unit: Its unit.
        base: The quantity where x is 0.
        step: By how much it grows where x grows by 1.
    """

    question: tuple[str, ...]
    unit: tuple[str, ...]
    base: tuple[float, ...]
    step: tuple[float, ...]


def matter_of(named: str) -> Matter:
    """The quantities that the option `matter` names: `quantities`, or the path of a file.

    Raises:
        FileError: The file cannot be read.
        PopulaceError: A column is missing, or a cell is not what its column holds; with its line and column.
    """
    if named == SHIPPED:
        return _shipped()
    trust.current().demand_read(Path(named))
    return _file(named, changed(named))


@lru_cache(maxsize=1)
def _shipped() -> Matter:
    text = files("populace.envs.lockin.matter").joinpath("quantities.csv").read_text(encoding="utf-8")
    return _read(parse(text, "quantities.csv"))


@lru_cache(maxsize=16)
def _file(path: str, when: int) -> Matter:
    return _read(read_table(path))


def _read(table: Table) -> Matter:
    table.need("question", "unit", "base", "step")
    if not table.rows:
        raise PopulaceError(f"{table.name}: there are no quantities; at least one is needed")
    cells = {}
    for name in ("question", "unit"):
        place, words = table.words(name)
        cells[name] = tuple(" ".join(words[k].split()) for k in place)
    first: dict[str, int] = {}
    for row, question in enumerate(cells["question"]):
        if question in first:
            again = table.place(first[question])
            raise PopulaceError(f"{table.at(row, 'question')}: this quantity stands in {again} already")
        first[question] = row
    base, step = table.numbers("base"), table.numbers("step", low=0, above=True)
    return Matter(cells["question"], cells["unit"], tuple(map(float, base)), tuple(map(float, step)))


__all__ = ["SHIPPED", "Matter", "matter_of"]
