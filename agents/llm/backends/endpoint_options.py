"""What can be chosen about a server of the OpenAI protocol."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from populace.agents.llm.backends.model import ModelOptions
from populace.agents.llm.backends.servers import ServerOptions


class EndpointOptions(ServerOptions, ModelOptions):
    """Which server and model, how it is sampled, and what it may cost."""

    free: ClassVar[frozenset[str]] = frozenset({"key_env", "at_once", "max_tokens", "max_cost"})

    model: str
    """The model's name, as the server knows it."""
    temperature: float = Field(default=1.0, ge=0)
    """0: the likeliest reply, and identical prompts are asked once."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Sample among the likeliest tokens of this total probability."""
    max_reply: int = Field(default=256, ge=1)
    """Tokens of a reply at most; one that is longer is cut off."""
    seeds: bool = True
    """Send a seed with every ask; servers that know none may refuse it."""
    structured: bool = False
    """Have the server keep to the form that is asked for (a choice among labels, a JSON schema). A server that refuses
    such requests is asked without from then on; one that passes over them writes what it likes."""
    at_once: int = Field(default=32, ge=1)
    """Asks under way at a time."""
    timeout: float = Field(default=60.0, gt=0)
    """Seconds to wait for a reply, each try."""
    retries: int = Field(default=4, ge=0)
    """Tries after the first one."""
    wait: float = Field(default=0.5, ge=0)
    """Seconds before the second try, doubled for each further one; a server's own wish (`Retry-After`) comes first."""
    longest_wait: float = Field(default=30.0, ge=0)
    """Seconds between two tries at most."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens read and written by this policy before it stops the run; a resumed run has a fresh budget, and what is on
    its tape is free."""
    max_cost: float | None = Field(default=None, gt=0)
    """The same in money, by `price_in` and `price_out`."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.max_cost is not None and not (self.price_in or self.price_out):
            raise ValueError("max_cost needs price_in and price_out, or nothing would ever cost anything")
        return self
