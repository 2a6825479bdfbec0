"""What a server of the OpenAI protocol is sent: what was set, without what it has refused."""

from collections.abc import Mapping

from populace.agents.llm.backends.base import Ask
from populace.agents.llm.backends.endpoint_options import EndpointOptions
from populace.agents.llm.backends.faults import Failed
from populace.agents.llm.decoding.structured import schema_of
from populace.json_types import JsonObject

FORM = "response_format"
_LIMITS = ("max_completion_tokens", "max_tokens")
"""Names of the same limit: OpenAI's own server has given up the second, which many others alone know."""


def request(options: EndpointOptions, ask: Ask, without: frozenset[str]) -> JsonObject:
    """Arguments of a chat completion.

    Args:
        options: Which model, and how it is sampled.
        ask: What is asked.
        without: Parameters that the server has refused.
    """
    o, names = options, _LIMITS if options.base_url is None else _LIMITS[::-1]
    limit = next((name for name in names if name not in without), None)
    form = None if FORM in without or not o.structured else schema_of(ask.options, ask.schema, ask.form)
    given: JsonObject = {"temperature": o.temperature, "top_p": o.top_p}
    if limit is not None:
        given[limit] = o.max_reply
    if o.seeds and o.temperature != 0:
        given["seed"] = ask.seed & 0x7FFFFFFF
    if form is not None:
        held = {"name": "reply", "strict": True, "schema": form}
        given[FORM] = {"type": "json_schema", "json_schema": held}
    sent = {name: value for name, value in given.items() if value is not None and name not in without}
    messages = [{"role": who, "content": text} for who, text in ask.messages]
    return {"model": o.model, "messages": messages, **sent}


def fewer(failure: Failed, sent: Mapping[str, object], without: frozenset[str]) -> frozenset[str]:
    """What to leave out of the next try, as the server named it; `without` where it named nothing that was sent.

    Of `temperature` and `top_p`, which some servers do not take together, `top_p` goes first.
    """
    named = {name for name in failure.names if name in sent}
    if {"temperature", "top_p"} <= named:
        named -= {"temperature"}
    if not named and failure.formal and FORM in sent:
        named = {FORM}
    return without | named
