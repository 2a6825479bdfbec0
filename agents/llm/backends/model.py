"""A policy that has a language model: the model is opened when it is first needed, and put on its tape."""

from functools import cached_property
from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from populace import trust
from populace.agents.llm.backends.base import Backend
from populace.agents.llm.backends.tape import Tape, check
from populace.errors import PopulaceError
from populace.options import Options
from populace.policy import Policy


class ModelOptions(Options):
    """What all language models have in common: their tape and their prices."""

    tape: Path | None = None
    """A file (JSON lines) in which every prompt and reply is kept. What is on it is not asked again, so that a run that
    was cut off goes on without losing a reply."""
    replay: bool = False
    """Answer from the tape alone: a prompt that is not on it is an error, and the model is never loaded."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million tokens read, in any currency."""
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million tokens written."""

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


class ModelPolicy(Policy):
    """A policy that asks a language model; `open` makes it."""

    Options: ClassVar[type[ModelOptions]] = ModelOptions
    options: ModelOptions

    def open(self) -> Backend:
        """The language model; called once, when it is first needed."""
        raise TypeError(f"{type(self).__name__} has no open(): it must return a populace.agents.llm.Backend")

    @cached_property
    def backend(self) -> Backend:
        """The language model, with its tape if there is one."""
        inner, tape = self.open(), self.options.tape
        if tape is None or isinstance(inner, Tape):
            return inner
        return Tape(inner, tape, only=self.options.replay)
