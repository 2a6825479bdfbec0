"""What changes in the payoff world."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class State:
    """The state of the payoff world; every user talks to an assistant's seat of its own.

    Attributes:
        kind: [worlds, users, 6], users' types.
        segment: [worlds, users] int64.
        ambiguity: [worlds, users], of the question before it is asked.
        harmful: [worlds, users] bool, whether an answer harms others.
        spotted: [worlds, users] bool, whether the assistant sees that.
        turn: [worlds, users] int64, turns played in this conversation.
        finished: [worlds, users] int64, conversations finished.
        asked: [worlds, users] int64, 0 clear, 1 vague, 2 end; as of the last ask.
        given: [worlds, users] bool, whether the acts of this tick were given so far; else some are forfeits.
        heard: [worlds, users] int64, 0 clear or 1 vague, as the assistant takes it.
        signal: [worlds, users], the assistant's signal of the ambiguity left, in [0, 1].
        act: [worlds, users] int64, the assistant's last act; the number of acts where there was none.
        outcome: [worlds, users] int64, of the last turn: 0 none, 1 right, 2 not right.
        played: [worlds, users] bool, whether the last tick held a turn, and both acts were given.
        user_welfare: [worlds, users], of the last such turn; 0 before.
        assistant_welfare: [worlds, users], as above.
        tick: [worlds] int64.
        question: [worlds, users] int64, the row of the table of questions; None without `matter`.
        talk: [worlds, users, 2 turns] int64 ids of texts: question, answer, question, ... of the conversation so far,
            or of the last one until the next begins; None without `matter`.
    """

    kind: Tensor
    segment: Tensor
    ambiguity: Tensor
    harmful: Tensor
    spotted: Tensor
    turn: Tensor
    finished: Tensor
    asked: Tensor
    given: Tensor
    heard: Tensor
    signal: Tensor
    act: Tensor
    outcome: Tensor
    played: Tensor
    user_welfare: Tensor
    assistant_welfare: Tensor
    tick: Tensor
    question: Tensor | None = None
    talk: Tensor | None = None
