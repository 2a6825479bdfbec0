"""What is estimated, in words: a table of quantities, from the library or from a file of the user's own."""

from dataclasses import dataclass

from populace import matter
from populace.errors import PopulaceError
from populace.table import Table

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


def _read(table: Table) -> Matter:
    table.need("question", "unit", "base", "step")
    if not table.rows:
        raise PopulaceError(f"{table.name}: there are no quantities; at least one is needed")
    question, unit = (matter.texts(table, name) for name in ("question", "unit"))
    matter.once(table, "question", question, "quantity")
    base, step = table.numbers("base"), table.numbers("step", low=0, above=True)
    return Matter(tuple(question), tuple(unit), tuple(map(float, base)), tuple(map(float, step)))


matter_of = matter.Source("populace.envs.lockin.matter", SHIPPED, _read)
"""The quantities that the option `matter` names: `quantities`, or the path of a file."""

__all__ = ["SHIPPED", "Matter", "matter_of"]
