"""The text policies that come with the library: each opens a backend, and plays any seat with it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from populace.agents.llm.backends import pocket
from populace.agents.llm.backends.base import Backend
from populace.agents.llm.backends.endpoint import Endpoint
from populace.agents.llm.backends.endpoint_options import EndpointOptions
from populace.agents.llm.backends.fakes import (
    EchoBackend,
    MalformedBackend,
    RandomBackend,
    Rule,
    ScriptedBackend,
    StubbornBackend,
)
from populace.agents.llm.backends.local import Local
from populace.agents.llm.backends.local_options import LocalOptions
from populace.agents.llm.backends.pocket import PocketOptions
from populace.agents.llm.backends.tape import Tape
from populace.agents.llm.backends.vllm import VLLM, VLLMOptions
from populace.agents.llm.seats.options import SeatOptions
from populace.agents.llm.seats.text_policy import TextPolicy


class PocketSeatOptions(SeatOptions, PocketOptions):
    """How the shipped model is sampled, and who sits on its seats."""

    order: Literal["dealt", "stated"] = "stated"
    """In which order a prompt lists the options of a choice; it was trained on the order that worlds state."""


class Pocket(TextPolicy[PocketSeatOptions]):
    """Seats of the language model that comes with the library."""

    Options = PocketSeatOptions

    def open(self) -> Backend:
        """The model; it is loaded when first asked."""
        return pocket.opened(self.options)


class OpenAIOptions(SeatOptions, EndpointOptions):
    """Which server and model, what they may take, and who sits on their seats."""


class OpenAI(TextPolicy[OpenAIOptions]):
    """Seats of a server of the OpenAI protocol."""

    Options = OpenAIOptions

    def open(self) -> Backend:
        """The server; nothing is sent yet."""
        return Endpoint(self.options)


class TransformersOptions(SeatOptions, LocalOptions):
    """Which model, how it is run, and who sits on its seats."""


class Transformers(TextPolicy[TransformersOptions]):
    """Seats of a model in this process."""

    Options = TransformersOptions

    def open(self) -> Backend:
        """The model; it is loaded when first asked."""
        return Local(self.options)


class VLLMSeatOptions(SeatOptions, VLLMOptions):
    """Which model, how vLLM runs it, and who sits on its seats."""


class VLLMSeats(TextPolicy[VLLMSeatOptions]):
    """Seats of a model that vLLM runs in this process."""

    Options = VLLMSeatOptions

    def open(self) -> Backend:
        """The model; it is loaded when first asked."""
        return VLLM(self.options)


class RandomTalker(TextPolicy):
    """Seats of `RandomBackend`."""

    def open(self) -> Backend:
        """The fake."""
        return RandomBackend()


class Echo(TextPolicy):
    """Seats of `EchoBackend`."""

    def open(self) -> Backend:
        """The fake."""
        return EchoBackend()


class StubbornOptions(SeatOptions):
    """What it always says."""

    reply: str | None = None
    """The reply to everything; the first option where not given."""


class Stubborn(TextPolicy[StubbornOptions]):
    """Seats of `StubbornBackend`."""

    Options = StubbornOptions

    def open(self) -> Backend:
        """The fake."""
        return StubbornBackend(self.options.reply)


class ScriptedOptions(SeatOptions):
    """A script of rules."""

    rules: tuple[Rule, ...] = ()
    """The first rule that fits speaks."""
    otherwise: str = ""
    """The reply when none fits."""


class Scripted(TextPolicy[ScriptedOptions]):
    """Seats of `ScriptedBackend`."""

    Options = ScriptedOptions

    def open(self) -> Backend:
        """The fake."""
        return ScriptedBackend(self.options.rules, self.options.otherwise)


class MalformedOptions(StubbornOptions):
    """How often it fails."""

    share: float = Field(default=1.0, ge=0, le=1)
    """Share of replies that are broken; the others are `reply`."""


class Malformed(TextPolicy[MalformedOptions]):
    """Seats of `MalformedBackend`."""

    Options = MalformedOptions

    def open(self) -> Backend:
        """The fake."""
        return MalformedBackend(self.options.share, self.options.reply)


class ReplayOptions(SeatOptions):
    """Which tape."""

    voice: str | None = None
    """Whose replies to play where the tape holds those of several models."""

    @model_validator(mode="after")
    def _taped(self) -> Self:
        if self.tape is None:
            raise ValueError("llm/replay needs `tape`: the file that another run recorded")
        return self


class Replay(TextPolicy[ReplayOptions]):
    """Seats of a tape: a finished run again, without the model that played it."""

    Options = ReplayOptions
    recorded = True

    def open(self) -> Backend:
        """The tape.

        Raises:
            PopulaceError: It does not tell whose replies to play.
        """
        assert self.options.tape is not None  # as the options demand
        return Tape(None, self.options.tape, voice=self.options.voice)
