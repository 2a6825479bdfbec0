"""Any server of the OpenAI protocol: vLLM, `transformers serve`, llama.cpp, Ollama, a paid API.

All asks of a tick go out together, so many at a time. What fails is tried again, later each time, and every failure is
counted by its kind. Keys come from the environment and are written nowhere.
"""

import asyncio
import json
import os
import queue
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from populace.agents.llm.backends import Ask, Backend, BudgetSpent, Reply, Said, luck
from populace.agents.llm.endpoint_options import EndpointOptions
from populace.agents.llm.seats import SeatOptions, TextPolicy
from populace.dialogue import ReplyKind
from populace.errors import MissingExtra, PopulaceError

FAULTS = ("rate-limited", "server-error", "timed-out", "no-connection", "unreadable-body", "refused-request")
"""All that can go wrong with a try: an answer 429; 408, 409 or 5xx; none in time; none at all; one that is no reply (cut
off, or a web page); any other answer but 200."""
_NO_KEY = "none"
"""Sent to a server of one's own, which wants no key."""


@dataclass
class Ledger:
    """What a backend has done so far.

    Attributes:
        answered: Replies that came.
        tokens_in: Tokens read, failed tries not counted.
        tokens_out: Tokens written.
        faults: Failed tries by kind.
    """

    answered: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def cost(self, options: SeatOptions) -> float:
        """In the currency of the prices."""
        return (self.tokens_in * options.price_in + self.tokens_out * options.price_out) * 1e-6


class _Failed(Exception):
    """One try failed: its kind, whether another may help, and how long the server wants us to wait."""

    def __init__(self, fault: str, again: bool, wait: float | None = None, told: str = "") -> None:
        super().__init__(fault)
        self.fault, self.again, self.wait, self.told = fault, again, wait, told


class Endpoint(Backend):
    """A server, asked through the `openai` package.

    Args:
        options: Which, how, and how much.
    """

    faults = FAULTS

    def __init__(self, options: EndpointOptions) -> None:
        o = self.options = options
        self.ledger = Ledger()
        self.greedy = o.temperature == 0
        self.voice = json.dumps(["openai", o.base_url, o.model, o.temperature, o.top_p, o.max_reply, o.schema_choices])

    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """Replies as they come in.

        Raises:
            MissingExtra: `openai` is not installed.
            BudgetSpent: Tokens or money are used up.
            PopulaceError: The key, the model or the server is not there; nothing was ever answered.
        """
        client = self._client_options()
        came: queue.SimpleQueue[tuple[int, Reply] | BaseException | None] = queue.SimpleQueue()
        stop = threading.Event()

        def serve() -> None:
            # A thread of its own has a loop of its own, whatever loop the caller may be in (a notebook has one).
            try:
                asyncio.run(self._ask_all(client, asks, came, stop))
                came.put(None)
            except BaseException as error:
                came.put(error)

        thread = threading.Thread(target=serve, name="populace-endpoint", daemon=True)
        thread.start()
        try:
            while (item := came.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stop.set()
        thread.join()

    def _client_options(self) -> dict[str, Any]:
        try:
            import openai  # noqa: F401
        except ImportError:
            raise MissingExtra("the policy llm/openai", "openai", "llm") from None
        key = os.environ.get(self.options.key_env)
        if not key and self.options.base_url is None:
            raise PopulaceError(
                f"llm/openai finds no key: set the environment variable {self.options.key_env}, name another one with "
                "key_env, or give the base_url of a server of your own"
            )
        return {"api_key": key or _NO_KEY, "base_url": self.options.base_url, "max_retries": 0}

    async def _ask_all(
        self,
        client_options: dict[str, Any],
        asks: Sequence[Ask],
        came: "queue.SimpleQueue[tuple[int, Reply] | BaseException | None]",
        stop: threading.Event,
    ) -> None:
        """Ask all, `at_once` at a time. After a fatal error no new ask goes out, and those under way come home."""
        from openai import AsyncOpenAI

        fatal: list[PopulaceError] = []
        waiting = iter(enumerate(asks))

        async def work(client: Any) -> None:
            for i, ask in waiting:
                if stop.is_set() or fatal:
                    return
                try:
                    came.put((i, await self._ask(client, ask)))
                except PopulaceError as error:
                    fatal.append(error)

        async with AsyncOpenAI(**client_options, timeout=self.options.timeout) as client:
            await asyncio.gather(*(work(client) for _ in range(min(self.options.at_once, len(asks)))))
        if fatal:
            raise fatal[0]

    async def _ask(self, client: Any, ask: Ask) -> Reply:
        """One reply, after as many tries as are allowed; a failure is a reply too, unless nothing ever worked."""
        o, faults = self.options, []
        for attempt in range(o.retries + 1):
            self._check_budget()
            try:
                reply = await self._try(client, ask)
            except _Failed as failure:
                faults.append(failure.fault)
                self.ledger.faults[failure.fault] += 1
                last = failure
                if not failure.again or attempt == o.retries:
                    break
                await asyncio.sleep(self._pause(failure, ask, attempt))
                continue
            self.ledger.answered += 1
            self.ledger.tokens_in += reply.tokens_in
            self.ledger.tokens_out += reply.tokens_out
            return Reply(reply.text, reply.kind, reply.tokens_in, reply.tokens_out, tuple(faults))
        if not self.ledger.answered:
            raise PopulaceError(self._never(last))
        kind = ReplyKind.TIMED_OUT if last.fault == "timed-out" else ReplyKind.FAILED
        return Reply("", kind, faults=tuple(faults))

    def _pause(self, failure: _Failed, ask: Ask, attempt: int) -> float:
        """Twice as long each time, spread by up to a half so that not all come back at once."""
        wait = self.options.wait * 2.0**attempt * (0.75 + 0.5 * luck(ask.seed, attempt))
        return min(wait if failure.wait is None else failure.wait, self.options.longest_wait)

    def _check_budget(self) -> None:
        o, used = self.options, self.ledger.tokens_in + self.ledger.tokens_out
        how = "raise it and resume the run" + ("" if o.tape else " (with a `tape`, no reply would be lost)")
        if o.max_tokens is not None and used >= o.max_tokens:
            raise BudgetSpent(f"{o.model} has used {used:,} tokens of max_tokens: {o.max_tokens:,}; {how}")
        if o.max_cost is not None and self.ledger.cost(o) >= o.max_cost:
            raise BudgetSpent(f"{o.model} has cost {self.ledger.cost(o):.2f} of max_cost: {o.max_cost:g}; {how}")

    def _never(self, failure: _Failed) -> str:
        where = self.options.base_url or "OpenAI's server"
        told = f" ({failure.told})" if failure.told else ""
        return (
            f"{where} answers nothing for the model {self.options.model!r}: {failure.fault}{told}; check base_url, "
            f"model and the key in {self.options.key_env}, and that the server is up"
        )

    async def _try(self, client: Any, ask: Ask) -> Reply:
        import openai

        try:
            answer = await client.chat.completions.create(**self._request(ask))
            return self._read(ask, answer)
        except openai.APITimeoutError:
            raise _Failed("timed-out", True) from None
        except openai.APIConnectionError:
            raise _Failed("no-connection", True) from None
        except openai.APIStatusError as error:
            code = error.status_code
            # What a server says of a wrong key may hold the key, or most of it.
            key = os.environ.get(self.options.key_env) or _NO_KEY
            told = "" if code in (401, 403) else str(error.message).replace(key, "(key)")[:200]
            if code == 429:
                raise _Failed("rate-limited", True, _seconds(error.response.headers.get("retry-after")), told) from None
            if code in (408, 409) or code >= 500:
                raise _Failed("server-error", True, None, told) from None
            raise _Failed("refused-request", False, None, f"status {code}{': ' * bool(told)}{told}") from None
        except (openai.APIError, ValueError, TypeError, AttributeError, KeyError, IndexError):
            # Cut-off JSON, a page instead of JSON, or JSON that is no reply.
            raise _Failed("unreadable-body", True) from None

    def _request(self, ask: Ask) -> dict[str, Any]:
        o = self.options
        limit = "max_tokens" if o.base_url is not None else "max_completion_tokens"
        request: dict[str, Any] = {
            "model": o.model,
            "messages": [{"role": who, "content": text} for who, text in ask.messages],
            "temperature": o.temperature,
            "top_p": o.top_p,
            limit: o.max_reply,
        }
        if o.seeds and not self.greedy:
            request["seed"] = ask.seed & 0x7FFFFFFF
        if o.schema_choices and ask.options:
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "choice", "strict": True, "schema": _schema(ask.options)},
            }
        return request

    def _read(self, ask: Ask, answer: Any) -> Reply:
        choice = answer.choices[0]
        said, refusal = choice.message.content, getattr(choice.message, "refusal", None)
        # Half a surrogate pair is no text, and could not be written down.
        text = str(refusal or "" if said is None else said).encode("utf-8", "replace").decode()
        kind = ReplyKind.OK
        if choice.finish_reason == "length":
            kind = ReplyKind.CUT_OFF
        elif (said is None and refusal) or choice.finish_reason == "content_filter":
            kind = ReplyKind.REFUSED
        if self.options.schema_choices and ask.options:
            text = _chosen(text)
        estimate = Said.of(ask, text)
        usage = answer.usage
        read = usage.prompt_tokens if usage is not None else estimate.tokens_in
        written = usage.completion_tokens if usage is not None else estimate.tokens_out
        return Reply(text, kind, int(read), int(written))


def _schema(options: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(options)}},
        "required": ["choice"],
        "additionalProperties": False,
    }


def _chosen(text: str) -> str:
    """The label out of the schema's JSON; the text itself from a server that ignores schemas."""
    try:
        return str(json.loads(text)["choice"])
    except (ValueError, TypeError, KeyError):
        return text


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None


class OpenAI(TextPolicy):
    """Seats of a server of the OpenAI protocol."""

    Options = EndpointOptions
    options: EndpointOptions

    def open(self) -> Backend:
        """The server; nothing is sent yet."""
        return Endpoint(self.options)
