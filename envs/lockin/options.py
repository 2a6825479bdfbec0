"""What can be chosen about the lock-in world."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from populace.files import word_or_file
from populace.wordings import WordedOptions, language_of

PACKAGE = "populace.envs.lockin"
"""Where its tables of wordings are."""


class LockInOptions(WordedOptions):
    """Trust and the order of events."""

    assistants: int = Field(default=1, ge=1)
    """Assistants; each aggregates what humans believe in public."""
    lambda_assistant: float = Field(default=0.11, ge=0)
    """How far an assistant trusts each human (peer code: 0.11)."""
    lambda_human: float = Field(default=1.0, ge=0)
    """How far each human trusts each assistant (peer code: 1)."""
    lambda_peer: float = Field(default=0.0, ge=0)
    """How far each human trusts each other human."""
    trust: tuple[tuple[float, ...], ...] | None = None
    """A full matrix instead: row listens to column, humans first, then assistants. Assistants hear no assistants."""
    truth: float = 0.42
    """The quantity everyone estimates (peer code: 0.42)."""
    sigma: float = Field(default=1.0, gt=0)
    """Standard deviation of a private signal (peer code: 1); the trait `sigma` overrides it."""
    order: Literal["peer", "signal-first", "simultaneous"] = "peer"
    """`peer`, the published code's: assistants aggregate; publics are made from OLD privates; then the new signal.
    `signal-first`: the signal comes before publics are made. `simultaneous`: as that, and humans hear the assistant's
    belief of the round before."""
    matter: str | None = None
    """What is estimated in words: `quantities`, the table that comes with the library, or the path of a table of its
    form (see `envs/lockin/matter/README.md`). Without it nothing is put into words; measures stay the same."""

    _there = field_validator("matter")(
        lambda given, info: None if given is None else word_or_file(given, ("quantities",), info.context)
    )

    _spoken = field_validator("language")(lambda given, info: language_of(given, PACKAGE, info.context))

    @model_validator(mode="after")
    def _square(self) -> Self:
        if self.trust is not None and any(len(row) != len(self.trust) for row in self.trust):
            raise ValueError(f"trust has {len(self.trust)} rows: every row needs as many entries")
        if self.trust is not None and any(entry < 0 for row in self.trust for entry in row):
            raise ValueError("trust must not be negative")
        return self
