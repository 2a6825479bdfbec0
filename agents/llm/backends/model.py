"""A policy that has a language model: the model is opened when it is first needed, and put on its tape."""

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator
from typing_extensions import TypeVar

from populace import trust
from populace.agents.llm.backends import rehearsal
from populace.agents.llm.backends.base import Backend
from populace.agents.llm.backends.rehearsal import NONE, Range
from populace.agents.llm.backends.tape import Tape, check
from populace.budget import Budget
from populace.errors import PopulaceError
from populace.options import Options
from populace.policy import Policy


class ModelOptions(Options):
    """What all language models have in common: their tape and their prices.

    Attributes:
        repeats: Whether the model gives the same reply to the same prompt and luck when it is asked again.
    """

    repeats: ClassVar[bool] = True

    tape: Path | None = None
    """A file (JSON lines) in which every prompt and reply is kept. What is on it is not asked again, so that a run that
    was cut off goes on without losing a reply."""
    replay: bool = False
    """Answer from the tape alone: a prompt that is not on it is an error, and the model is never loaded."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million tokens read, in any currency."""
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million tokens written."""

    def takes(self, asks: float, read: float, written: Range) -> Range:
        """Seconds in which a model like this answers so many asks at once (no time, for models that are none).

        Args:
            asks: How many.
            read: Tokens read in all.
            written: Tokens written in all.
        """
        return NONE

    @model_validator(mode="after")
    def _sound_tape(self) -> "ModelOptions":
        if self.replay and self.tape is None:
            raise ValueError("replay: true needs tape: the file that was recorded")
        if self.tape is not None:
            trust.current().demand_write(self.tape)
            try:
                check(self.tape)
            except PopulaceError as error:
                raise ValueError(f"tape: {error}") from None
        return self


ModelOptionsT = TypeVar("ModelOptionsT", bound=ModelOptions, default=Any)


class ModelPolicy(Policy[ModelOptionsT]):
    """A policy that asks a language model; `open` makes it."""

    Options: ClassVar[type[ModelOptions]] = ModelOptions
    recorded: ClassVar[bool] = False
    """Whether a tape alone answers, whatever the options say."""
    _budget: Budget | None = None

    def open(self) -> Backend:
        """The language model; called once, when it is first needed."""
        raise TypeError(f"{type(self).__name__} has no open(): it must return a populace.agents.llm.Backend")

    @cached_property
    def backend(self) -> Backend:
        """The language model, with its tape if there is one; while a run is rehearsed, what stands in for both."""
        if rehearsal.current() is not None:
            return rehearsal.Rehearsal(self.options, free=self.options.replay or self.recorded)
        inner, tape = self.open(), self.options.tape
        backend = inner if tape is None or isinstance(inner, Tape) else Tape(inner, tape, only=self.options.replay)
        if self._budget is not None:
            backend.spend_from(self._budget)
        return backend

    def spend_from(self, budget: Budget) -> None:
        """Count what the model spends there."""
        self._budget = budget
        if "backend" in self.__dict__:
            self.backend.spend_from(budget)

    def in_doubt(self) -> bool:
        """Whether the model may be gone."""
        return "backend" in self.__dict__ and self.backend.in_doubt

    def settle(self) -> None:
        """Find out whether the model is gone."""
        if "backend" in self.__dict__:
            self.backend.settle()
