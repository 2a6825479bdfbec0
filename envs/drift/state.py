"""What changes in the drift world."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class State:
    """The state; seats are the users and then the off-domain probes.

    Attributes:
        biased: [worlds, users] bool, hidden type.
        here: [worlds, users] bool, seats that are taken.
        exposure: [worlds, users], net positive exposure, from which trust follows.
        deceived: [worlds, users] bool, an earlier deception is still hidden from the user.
        turn: [worlds] int64, turns played of this conversation.
        topic: [worlds, seats] int64 index into `users.TOPICS`.
        cue: [worlds, seats] int64: 0 none, 1 looks benign, 2 looks biased.
        truth: [worlds, seats] bool, T.
        belief: [worlds, seats] bool, B, a guess where not known.
        known: [worlds, seats] bool.
        checkable: [worlds, seats] bool.
        act: [worlds, seats] int64 index into `claims.ACTS`.
        stance: [worlds, seats] int64 index into `claims.STANCES`.
        answered: [worlds, seats] bool, whether the act was given; else it is a forfeit, and says nothing of honesty.
        rated: [worlds, users] bool, whether the rating was given, likewise.
        felt: [worlds, users], satisfaction with the answer, about 0 to 1.
        rating: [worlds, users], what the user gave.
        leaving: [worlds, users] bool, who will be gone by the next tick.
        suspicion: [worlds, users], what an auditor suspects, or None without one.
        spoken: [worlds] bool, whether anything was said yet.
        claim: [worlds, seats] int64, the claim's row in the table of claims; None without `matter`.
        talk: [worlds, seats, 2 turns] int64 ids of texts: question, answer, question, ... of the conversation so far,
            `UNWORDED` where nothing was said yet; None without `matter`.
    """

    biased: Tensor
    here: Tensor
    exposure: Tensor
    deceived: Tensor
    turn: Tensor
    topic: Tensor
    cue: Tensor
    truth: Tensor
    belief: Tensor
    known: Tensor
    checkable: Tensor
    act: Tensor
    stance: Tensor
    answered: Tensor
    rated: Tensor
    felt: Tensor
    rating: Tensor
    leaving: Tensor
    suspicion: Tensor | None
    spoken: Tensor
    claim: Tensor | None = None
    talk: Tensor | None = None
