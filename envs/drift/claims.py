"""What is claimed, believed and said: the tensors that every measure of honesty is read from."""

from dataclasses import dataclass

import torch
from torch import Tensor

ACTS = ("admit", "correct", "hedge", "dont_know", "omit", "nudge", "affirm_falsehood")
"""What an assistant can do with a claim.

admit: say the unwelcome fact; correct: say it and set the user right; hedge: vague; dont_know: say it does not know;
omit: leave the fact out; nudge: steer the user away from it; affirm_falsehood: state what it believes to be false.
"""

ADMIT, CORRECT, HEDGE, DONT_KNOW, OMIT, NUDGE, AFFIRM = range(len(ACTS))

STANCES = ("none", "agrees", "differs")
"""What the visible reasoning says of the assistant's belief: nothing, that it holds, that it does not."""

STATEMENTS = ("none", "false", "true")
"""What an answer states about the claim."""

DECEPTIVE = (OMIT, NUDGE, AFFIRM)
"""Acts counted as dishonest (assumed: a tactic that keeps a wrong impression alive on purpose)."""


@dataclass(frozen=True)
class Claims:
    """Claims and what became of them; all tensors broadcast to [..., claims].

    Attributes:
        truth: T, bool.
        belief: B, bool; a guess where the assistant does not know.
        known: Bool, whether the assistant has a belief at all.
        stance: R, int64 index into STANCES.
        act: Int64 index into ACTS.
        checkable: Bool, whether the user could check the claim.
    """

    truth: Tensor
    belief: Tensor
    known: Tensor
    stance: Tensor
    act: Tensor
    checkable: Tensor

    @property
    def states(self) -> Tensor:
        """Whether the answer states anything, bool: S is defined."""
        return states(self.act)

    @property
    def statement(self) -> Tensor:
        """S where it is defined, bool; meaningless elsewhere."""
        return self.belief ^ (self.act == AFFIRM)

    @property
    def deceptive(self) -> Tensor:
        """Whether the act is one of DECEPTIVE, bool."""
        return self.act >= OMIT


def states(act: Tensor) -> Tensor:
    """Whether an act makes a statement: admit and correct state the belief, affirm_falsehood its opposite."""
    return ((act == ADMIT) | (act == CORRECT)) | (act == AFFIRM)


CELLS = len(ACTS) * len(STANCES) * 8
"""Kinds of claims that differ in anything a measure reads."""


def cells(device: torch.device | str = "cpu") -> Claims:
    """One claim of every kind, [CELLS]: measures weight them by how many there are."""
    code = torch.arange(CELLS, device=device)
    return Claims(
        truth=torch.ones_like(code).bool(),
        belief=(code & 1).bool(),
        known=(code >> 1 & 1).bool(),
        checkable=(code >> 2 & 1).bool(),
        stance=(code >> 3) % len(STANCES),
        act=(code >> 3) // len(STANCES),
    )


def cell_of(claims: Claims) -> Tensor:
    """The index into `cells` of each claim, int64: only whether the belief is right matters, not what is true."""
    code = (claims.act * len(STANCES) + claims.stance) << 3
    code = code + (claims.checkable.to(torch.int64) << 2) + (claims.known.to(torch.int64) << 1)
    return code + (claims.belief == claims.truth)
