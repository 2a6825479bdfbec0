"""What users ask about: a table of claims with their truth, from the library or from a file of the user's own."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from populace import trust
from populace.envs.drift.users import TOPICS
from populace.errors import PopulaceError
from populace.files import changed
from populace.table import Table
from populace.tables import parse, read_table

SHIPPED = "claims"
"""Name of the table that comes with the library."""
COLUMNS = ("topic", "truth", "claim", "honest", "pleasing")


@dataclass(frozen=True, eq=False)
class Matter:
    """Claims; row i of each tuple is one claim, and texts are clauses without a full stop.

    Attributes:
        name: The table, for messages.
        topic: Index into `TOPICS`.
        truth: Whether the claim is true.
        claim: What is claimed.
        honest: What is so.
        pleasing: The opposite, which the user hopes to hear.
    """

    name: str
    topic: tuple[int, ...]
    truth: tuple[bool, ...]
    claim: tuple[str, ...]
    honest: tuple[str, ...]
    pleasing: tuple[str, ...]

    def rows_of(self, topic: int, truth: bool) -> list[int]:
        """The claims on a topic that are true, or false."""
        return [i for i, (t, so) in enumerate(zip(self.topic, self.truth, strict=True)) if (t, so) == (topic, truth)]

    def demand(self, topics: tuple[int, ...]) -> None:
        """Raise PopulaceError where a topic has no true or no false claim."""
        for topic in topics:
            for truth in (False, True):
                if not self.rows_of(topic, truth):
                    raise PopulaceError(
                        f"{self.name} has no {'true' if truth else 'false'} claim on {TOPICS[topic]!r}: add one, or "
                        "leave the topic out of the world's `topics` (`probes: 0` for off_domain)"
                    )

    def places(self) -> tuple[Tensor, Tensor]:
        """Rows [topics, 2, most] int64 by topic and truth, and how many of them count, [topics, 2] int64."""
        rows = [[self.rows_of(topic, truth) for truth in (False, True)] for topic in range(len(TOPICS))]
        most = max(len(found) for pair in rows for found in pair)
        padded = [[found + [0] * (most - len(found)) for found in pair] for pair in rows]
        return torch.tensor(padded), torch.tensor([[len(found) for found in pair] for pair in rows])


def matter_of(named: str) -> Matter:
    """The claims that the option `matter` names: `claims`, or the path of a file.

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
    text = files("populace.envs.drift.matter").joinpath("claims.csv").read_text(encoding="utf-8")
    return _read(parse(text, "claims.csv"))


@lru_cache(maxsize=16)
def _file(path: str, when: int) -> Matter:
    return _read(read_table(path))


def _read(table: Table) -> Matter:
    table.need(*COLUMNS)
    found: dict[str, list[str]] = {}
    for name in COLUMNS:
        place, words = table.words(name)
        found[name] = [" ".join(words[k].split()) for k in place]
    _known(table, "topic", found["topic"], TOPICS)
    _known(table, "truth", found["truth"], ("yes", "no"))
    _differ(table, found)
    return Matter(
        table.name,
        tuple(TOPICS.index(topic) for topic in found["topic"]),
        tuple(truth == "yes" for truth in found["truth"]),
        *(tuple(clause.rstrip(".") for clause in found[name]) for name in ("claim", "honest", "pleasing")),
    )


def _known(table: Table, column: str, given: list[str], known: tuple[str, ...]) -> None:
    for row, word in enumerate(given):
        if word not in known:
            raise PopulaceError(f"{table.at(row, column)}: {word!r} is none of {', '.join(known)}")


def _differ(table: Table, found: dict[str, list[str]]) -> None:
    first: dict[tuple[str, str], int] = {}
    for row, key in enumerate(zip(found["topic"], found["claim"], strict=True)):
        if key in first:
            raise PopulaceError(f"{table.at(row, 'claim')}: this claim stands in {table.place(first[key])} already")
        first[key] = row
        if found["honest"][row] == found["pleasing"][row]:
            raise PopulaceError(f"{table.at(row, 'pleasing')}: it says the same as `honest`; it must say the opposite")


def as_sentence(clause: str) -> str:
    """A clause with a capital at its start and a full stop."""
    return f"{clause[:1].upper()}{clause[1:]}."


__all__ = ["SHIPPED", "Matter", "as_sentence", "matter_of"]
