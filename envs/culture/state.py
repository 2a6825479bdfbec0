"""What changes in the culture world."""

from dataclasses import dataclass

from torch import Tensor

from populace.fields import shared


@dataclass(frozen=True)
class Ties:
    """Whom everyone listens to on one layer; graphs is 1 or the number of worlds.

    Attributes:
        first: [graphs, people] int64, where a person's list begins in `source`.
        count: [graphs, people] int64, its length.
        source: [graphs, edges] int64, who is listened to.
    """

    first: Tensor
    count: Tensor
    source: Tensor


@dataclass(frozen=True)
class Tables:
    """The survey on the device, without a world dimension.

    Attributes:
        shares: [C, Q, O] marginals, zero where unknown.
        filled: [C, Q, O] marginals, the pooled ones where unknown.
        pool: [Q, O] marginals of all cultures alike.
        majority: [C, Q] float32, most frequent option (ties: the highest).
        known: [C, Q] bool.
        sizes: [Q] int64, options.
        span: [Q] float32, D_q = options - 1.
        centre: [Q], centre of the cultural map.
        axes: [2, Q], its directions.
    """

    shares: Tensor = shared()
    filled: Tensor = shared()
    pool: Tensor = shared()
    majority: Tensor = shared()
    known: Tensor = shared()
    sizes: Tensor = shared()
    span: Tensor = shared()
    centre: Tensor = shared()
    axes: Tensor = shared()


@dataclass(frozen=True)
class State:
    """The state of the culture world; C cultures, Q questions, A of them asked in a tick, O options at most.

    Attributes:
        traits: [worlds, people, layers, Q]: uint8 options, or float32 positions in [0, 1] with bounded confidence.
        culture: [worlds, people] int64.
        susceptibility: [worlds, people] float32, or None where the option holds for all.
        asked: [worlds, A] int64, questions of this tick.
        descending: [worlds] bool, whether options are shown to agents from the last to the first.
        round: [worlds] int64, rounds of exposure so far.
        said: [worlds, C, A] int64, each agent's answers in this tick.
        given: [worlds, C] bool, whether these answers were given; else they are forfeits.
        before: [worlds, C, A] int64, those of the round before; -1 in round 0.
        sheet: [worlds, C, Q] int64, each agent's newest answer to every question; -1 for none.
        tally: [worlds, C, Q, O] float32, its last-round answers counted.
        cited: [worlds, C] float32, references so far.
        positive: [worlds] float32, positive references so far.
        entropies: [worlds] float32, sum of each response's entropy, where it cites anyone.
        responses: [worlds] float32, responses so far.
        citing: [worlds] float32, those that cite anyone.
        spread: [worlds] float32, individual variance at the start.
        ties: One a layer that belongs to a world; None where a layer does not.
        graphs: One a layer that all worlds share; None where a layer does not, or everyone may meet anyone.
        tables: The survey.
        asking: [worlds, A] int64 ids of this tick's questions, in the words of the first who asked them; None, as what
            follows, without `matter`.
        replies: [worlds, C, A] int64 ids of what each agent said last.
        replied: [worlds, C, A] int64 ids of what each said in the round before, `UNWORDED` in round 0.
        response: [worlds, A, 2] int64 ids of what people were answered last.
    """

    traits: Tensor
    culture: Tensor
    susceptibility: Tensor | None
    asked: Tensor
    descending: Tensor
    round: Tensor
    said: Tensor
    given: Tensor
    before: Tensor
    sheet: Tensor
    tally: Tensor
    cited: Tensor
    positive: Tensor
    entropies: Tensor
    responses: Tensor
    citing: Tensor
    spread: Tensor
    tables: Tables
    ties: tuple[Ties | None, ...] = ()
    graphs: tuple[Ties | None, ...] = shared(default=())
    asking: Tensor | None = None
    replies: Tensor | None = None
    replied: Tensor | None = None
    response: Tensor | None = None
