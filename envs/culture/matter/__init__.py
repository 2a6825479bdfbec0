"""Questions in words with each culture's answers: a table from the library, or from a file of the user's own."""

from functools import lru_cache
from importlib.resources import files

import numpy as np

from populace.envs.culture.survey import Survey
from populace.errors import PopulaceError, UnknownName
from populace.matter import texts
from populace.names import quoted
from populace.table import PLAIN, Table, TableFormat
from populace.tables import parse, read_table

COLUMNS = ("topic", "question", "option")
SLACK = 0.011
"""By how much the shares of a question may miss 1, as they are rounded."""


def questions_of(
    file: str = "", cultures: tuple[str, ...] = (), count: int | None = None, format: TableFormat = PLAIN
) -> Survey:
    """The survey of a table of questions.

    Args:
        file: The path of a table, or empty for the one that comes with the library.
        cultures: Those to take; empty for all.
        count: Take so many of its questions, the first ones; None for all.
        format: How the file is written.

    Raises:
        FileError: The file cannot be read.
        PopulaceError: A column is missing, or a cell is not what its column holds; with its line and column.
        UnknownName: The table has no such culture.
    """
    table = read_table(file, format) if file else _shipped()
    table.need(*COLUMNS)
    known = tuple(name for name in table.header if name not in COLUMNS)
    for name in cultures:
        if name not in known:
            raise UnknownName(f"culture, without a column in {table.name}:", name, known)
    wanted = cultures or known
    if len(wanted) < 2:
        raise PopulaceError(f"{table.name} holds {len(wanted)} cultures; two at least are needed, a column each")
    rows = _rows(table)
    topics = list(rows)[:count]
    sizes = np.array([len(rows[topic]) for topic in topics])
    shares = np.zeros((len(wanted), len(topics), int(sizes.max())))
    for c, name in enumerate(wanted):
        column = table.numbers(name, low=0, high=1, what="shares lie in 0..1; give shares, not percentages")
        for q, topic in enumerate(topics):
            own = column[rows[topic]]
            if abs(own.sum() - 1.0) > SLACK:
                raise PopulaceError(
                    f"{table.at(rows[topic][0], name)}: the shares of {quoted(topic)} add up to {own.sum():.3f}; "
                    "expected 1"
                )
            shares[c, q, : len(own)] = own / own.sum()
    words = {name: texts(table, name) for name in COLUMNS}
    return Survey(
        wanted,
        tuple(topics),
        tuple(words["question"][rows[topic][0]] for topic in topics),
        tuple(tuple(words["option"][row] for row in rows[topic]) for topic in topics),
        shares,
        sizes,
        np.ones((len(wanted), len(topics)), dtype=bool),
        np.ones(len(topics), dtype=np.int64),
    )


@lru_cache(maxsize=1)
def _shipped() -> Table:
    text = files("populace.envs.culture.matter").joinpath("questions.csv").read_text(encoding="utf-8")
    return parse(text, "questions.csv")


def _rows(table: Table) -> dict[str, list[int]]:
    """The rows of each topic, in the order of the file: one for each option."""
    words, rows = {name: texts(table, name) for name in COLUMNS}, dict[str, list[int]]()
    for row, (topic, question, option) in enumerate(zip(*(words[name] for name in COLUMNS), strict=True)):
        own = rows.setdefault(topic, [])
        if own and words["question"][own[0]] != question:
            raise PopulaceError(
                f"{table.at(row, 'question')}: {quoted(topic)} asks something else in {table.place(own[0])}; a topic "
                "has one question, which stands in each of its rows"
            )
        for other in own:
            if words["option"][other].casefold() == option.casefold():
                raise PopulaceError(f"{table.at(row, 'option')}: this option stands in {table.place(other)} already")
        own.append(row)
    for topic, own in rows.items():
        if len(own) < 2:
            raise PopulaceError(
                f"{table.at(own[0])}: {quoted(topic)} has one option; two at least are needed, a row each"
            )
    if not rows:
        raise PopulaceError(f"{table.name}: there are no questions; at least one is needed")
    return rows


__all__ = ["COLUMNS", "questions_of"]
