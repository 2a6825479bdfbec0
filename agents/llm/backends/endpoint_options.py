"""What can be chosen about a server of the OpenAI protocol."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from populace.agents.llm.backends.model import ModelOptions
from populace.agents.llm.backends.rehearsal import Range
from populace.agents.llm.backends.servers import RequestOptions


class EndpointOptions(RequestOptions, ModelOptions):
    """Which server and model, how it is sampled, and what it may cost."""

    changeable: ClassVar[frozenset[str]] = frozenset({"key_env", "at_once", "max_tokens", "max_cost", "give_up_after"})
    repeats: ClassVar[bool] = False

    model: str
    """The model's name, as the server knows it."""
    temperature: float | None = Field(default=None, ge=0)
    """Not given: it is not sent, and the server takes its own. 0: the likeliest reply, and identical prompts are asked
    once. A server that refuses the parameter is asked without it from then on, and the run folder says so; `top_p`,
    `max_reply` and `seeds` likewise."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Sample among the likeliest tokens of this total probability; not sent when not given."""
    max_reply: int | None = Field(default=256, ge=1)
    """Tokens of a reply at most; one that is longer is cut off. Sent as `max_tokens` to a server at `base_url` and as
    `max_completion_tokens` to OpenAI's own, or by the other name where a server refuses one; null: not sent."""
    seeds: bool = True
    """Send a seed with every ask."""
    structured: bool = False
    """Have the server keep to what is asked for: a choice among labels, a JSON schema, a regular form of few replies or
    of one line. A server that refuses such requests is asked without from then on; one that passes over them writes
    what it likes, and each such reply counts as `fault/form-ignored`."""
    at_once: int = Field(default=32, ge=1)
    """Asks under way at a time."""
    give_up_after: int | None = Field(default=20, ge=1)
    """Failed tries in a row, of all seats together and with no reply in between, after which the run stops, to be
    resumed when the server is back. A refused key or model or a spent quota stops it at once. Null: it never stops once
    something was answered, and seats without a reply forfeit."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens read and written by all servers in the whole run, all arms and resumed parts included, before it stops;
    what is on a tape is free."""
    max_cost: float | None = Field(default=None, gt=0)
    """The same in money, by `price_in` and `price_out`."""

    def takes(self, asks: float, read: float, written: Range) -> Range:
        """As servers do (assumed): .2 to 3 s, and 100 to 15 tokens a second, for each of `at_once` asks."""
        rounds = max(asks / self.at_once, 1.0) if asks else 0.0
        low, likely, high = (amount / max(asks, 1.0) for amount in written)
        return Range(*(rounds * each for each in (0.2 + low / 100, 1.0 + likely / 40, 3.0 + high / 15)))

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.max_cost is not None and not (self.price_in or self.price_out):
            raise ValueError("max_cost needs price_in and price_out, or nothing would ever cost anything")
        return self
