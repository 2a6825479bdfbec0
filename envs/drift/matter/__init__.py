"""What users ask about: a table of claims with their truth, from the library or from a file of the user's own."""

from dataclasses import dataclass

from torch import Tensor

from populace import matter
from populace.envs.drift.users import TOPICS
from populace.errors import PopulaceError
from populace.table import Table

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
        return matter.places([[self.rows_of(t, truth) for truth in (False, True)] for t in range(len(TOPICS))])


def _read(table: Table) -> Matter:
    table.need(*COLUMNS)
    found = {name: matter.texts(table, name) for name in COLUMNS}
    topics, truths = matter.one_of(table, "topic", TOPICS), matter.yes(table, "truth")
    matter.once(table, "claim", list(zip(topics, found["claim"], strict=True)), "claim")
    for row in range(table.rows):
        if found["honest"][row] == found["pleasing"][row]:
            raise PopulaceError(f"{table.at(row, 'pleasing')}: it says the same as `honest`; it must say the opposite")
    clauses = (tuple(clause.rstrip(".") for clause in found[name]) for name in ("claim", "honest", "pleasing"))
    return Matter(table.name, tuple(topics), tuple(truths), *clauses)


matter_of = matter.Source("populace.envs.drift.matter", SHIPPED, _read)
"""The claims that the option `matter` names: `claims`, or the path of a file."""


__all__ = ["SHIPPED", "Matter", "matter_of"]
