"""What changes in the coevolution world."""

from dataclasses import dataclass

from torch import Tensor

from populace.fields import shared
from populace.population import Network


@dataclass(frozen=True)
class Seats:
    """Who sits where, when people come and go.

    Attributes:
        person: [worlds, users] int64, the person at the start whose values the seat's occupant came with.
        segment: [worlds, users] int64, the seat's segment.
        order: [worlds, users] int64, the people of the start, segment by segment.
        first: [worlds, segments] int64, where a segment begins in `order`.
        count: [worlds, segments] int64, its people.
    """

    person: Tensor
    segment: Tensor
    order: Tensor
    first: Tensor
    count: Tensor


@dataclass(frozen=True)
class State:
    """The state of the coevolution world; M = assistants x audiences groups, assistant by assistant.

    Attributes:
        values: [worlds, users, values], what humans hold.
        origin: [worlds, users, values], what they came with (the population's own tensor).
        base: [worlds, values], the point of the series that `origin` counts from.
        series: [worlds, points, values], history's course.
        seats: Who sits where, or None without turnover.
        group: [worlds, users] int64 below M, or None when M is 1.
        counts: [worlds, M], users in each group.
        rates: Trait name -> [worlds, users], susceptibilities that differ between users, after their epochs.
        loadings: [worlds, items, values], the bank; held-out items last.
        asked: [worlds, asked] int64, items of this tick.
        centre: [worlds, values], where items are balanced.
        answers: [worlds, users, asked] uint8, this tick's, kept where they are echoed (`coevolve`), else None.
        replied: [worlds, M], users of each group who answered in this tick.
        yes: [worlds, M, asked], users who answered 1.
        mean: [worlds, values], society's mean.
        variance: [worlds, values], between persons.
        means: [worlds, M, values], each group's mean.
        start_mean: [worlds, values], `mean` at the start.
        start_variance: [worlds, values], `variance` at the start.
        home: [worlds, M, values], each group's mean at the start less the series' first point.
        before: [worlds, values], `mean` a tick ago.
        trace: [worlds, points, values], society's mean at each point of the series, 0 before.
        pg_sum: [worlds], sum of ProgressGym's running score.
        pg_count: [worlds], terms in it.
        tick: [worlds] int64.
        network: Who listens to whom, or None.
        statements: [worlds, items, parts] int64, rows of the statements that say each item of the bank, -1 for none;
            None without `matter`.
        essay: [worlds, M] int64 ids of what each group was told last, `UNWORDED` before anything; None without
            `matter`.
    """

    values: Tensor
    origin: Tensor
    base: Tensor
    series: Tensor
    seats: Seats | None
    group: Tensor | None
    counts: Tensor
    rates: dict[str, Tensor]
    loadings: Tensor
    asked: Tensor
    centre: Tensor
    answers: Tensor | None
    replied: Tensor
    yes: Tensor
    mean: Tensor
    variance: Tensor
    means: Tensor
    start_mean: Tensor
    start_variance: Tensor
    home: Tensor
    before: Tensor
    trace: Tensor
    pg_sum: Tensor
    pg_count: Tensor
    tick: Tensor
    network: Network | None = shared(default=None)
    statements: Tensor | None = None
    essay: Tensor | None = None
