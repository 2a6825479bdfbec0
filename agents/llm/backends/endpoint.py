"""Any server of the OpenAI protocol: vLLM, `transformers serve`, llama.cpp, Ollama, a paid API.

All asks of a tick go out together, so many at a time. What fails is tried again, later each time, and every failure is
counted by its kind. Keys come from the environment and are written nowhere.
"""

import asyncio
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from populace.agents.llm.backends.base import Ask, Backend, BudgetSpent, Reply, luck
from populace.agents.llm.backends.endpoint_options import EndpointOptions
from populace.agents.llm.backends.faults import FAULTS, TOO_LONG, Failed, refused
from populace.agents.llm.backends.model import ModelOptions
from populace.agents.llm.backends.servers import client_options
from populace.agents.llm.decoding.structured import reply_in, schema_of
from populace.dialogue import ReplyKind
from populace.errors import MissingExtra, PopulaceError

_LOOK_SECONDS = 0.5
"""Time between two looks at whether the user wants to stop, on systems where a wait cannot be broken into."""
_HOME_SECONDS = 10.0
"""Time that asks under way have to come home when the user stops the run, so that their replies are on the tape."""


_Queue = queue.SimpleQueue[tuple[int, Reply] | BaseException | None]
"""Replies, then what went wrong or None for the end."""


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

    def cost(self, options: ModelOptions) -> float:
        """In the currency of the prices."""
        return (self.tokens_in * options.price_in + self.tokens_out * options.price_out) * 1e-6


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
        self.voice = json.dumps(["openai", o.base_url, o.model, o.temperature, o.top_p, o.max_reply, o.structured])
        self._formless = not o.structured
        self._key: str | None = None

    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """Replies as they come in.

        Raises:
            MissingExtra: `openai` is not installed.
            BudgetSpent: Tokens or money are used up.
            PopulaceError: The key, the model or the server is not there; nothing was ever answered.
        """
        self._check_key()
        came: _Queue = queue.SimpleQueue()
        stop = threading.Event()

        def serve() -> None:
            # A thread of its own has a loop of its own, whatever loop the caller may be in (a notebook has one).
            try:
                asyncio.run(self._ask_all(asks, came, stop))
                came.put(None)
            except BaseException as error:
                came.put(error)

        thread = threading.Thread(target=serve, name="populace-endpoint", daemon=True)
        thread.start()
        try:
            yield from self._coming(came, stop)
        finally:
            stop.set()
        thread.join()

    def _coming(self, came: "_Queue", stop: threading.Event) -> Iterator[tuple[int, Reply]]:
        """Replies as they come in; where the user stops the run, those under way too, if there is a tape for them."""
        stopped: KeyboardInterrupt | None = None
        last = float("inf")
        while True:
            try:
                item = _next(came, last)
            except KeyboardInterrupt as interrupt:
                stop.set()
                if stopped is not None or self.options.tape is None:
                    raise
                stopped, last = interrupt, time.monotonic() + _HOME_SECONDS
                continue
            if isinstance(item, BaseException):
                raise item
            if item is None:
                break
            yield item
        if stopped is not None:
            raise stopped

    def _check_key(self) -> None:
        try:
            import openai  # noqa: F401
        except ImportError:
            raise MissingExtra("the policy llm/openai", "openai", "llm") from None
        self._key = self.options.key()
        if not self._key and self.options.base_url is None:
            raise PopulaceError(
                f"llm/openai finds no key: set the environment variable {self.options.key_env}, name another one with "
                "key_env, or give the base_url of a server of your own"
            )

    async def _ask_all(
        self,
        asks: Sequence[Ask],
        came: "_Queue",
        stop: threading.Event,
    ) -> None:
        """Ask all, `at_once` at a time. After a stop or a fatal error none goes out, and those under way come home."""
        from openai import AsyncOpenAI

        fatal: list[PopulaceError] = []
        waiting = iter(enumerate(asks))

        async def work(client: Any) -> None:
            for i, ask in waiting:
                try:
                    reply = await self._ask(client, ask, stop)
                except PopulaceError as error:
                    fatal.append(error)
                    stop.set()
                    return
                if reply is None:
                    return
                came.put((i, reply))

        arguments = client_options(self.options, self.options.timeout, asynchronous=True)
        async with AsyncOpenAI(**arguments, max_retries=0) as client:
            await asyncio.gather(*(work(client) for _ in range(min(self.options.at_once, len(asks)))))
        if fatal:
            raise fatal[0]

    async def _ask(self, client: Any, ask: Ask, stop: threading.Event) -> Reply | None:
        """One reply, after as many tries as are allowed; None once stopped.

        A failure is a reply too, unless nothing ever worked.
        """
        o, faults, attempt, formless = self.options, [], 0, self._formless
        while not stop.is_set():
            self._check_budget()
            try:
                reply = await self._try(client, ask, formless)
            except Failed as failure:
                faults.append(failure.fault)
                self.ledger.faults[failure.fault] += 1
                if failure.formal:
                    formless = True
                    continue
                if failure.again and attempt < o.retries:
                    await asyncio.sleep(self._pause(failure, ask, attempt))
                    attempt += 1
                    continue
                if not self.ledger.answered and failure.fault != TOO_LONG:
                    raise PopulaceError(self._never(failure)) from None
                kind = ReplyKind.TIMED_OUT if failure.fault == "timed-out" else ReplyKind.FAILED
                return Reply("", kind, faults=tuple(faults))
            self._formless = self._formless or formless
            self.ledger.answered += 1
            self.ledger.tokens_in += reply.tokens_in
            self.ledger.tokens_out += reply.tokens_out
            return Reply(reply.text, reply.kind, reply.tokens_in, reply.tokens_out, tuple(faults))
        return None

    def _pause(self, failure: Failed, ask: Ask, attempt: int) -> float:
        """Twice as long each time, spread by up to a half so that not all come back at once."""
        wait = self.options.wait * 2.0**attempt * (0.75 + 0.5 * luck(ask.seed, attempt))
        return min(wait if failure.wait is None else failure.wait, self.options.longest_wait)

    def _check_budget(self) -> None:
        o, used = self.options, self.ledger.tokens_in + self.ledger.tokens_out
        how = "raise it to go on" + ("" if o.tape else " (with a `tape`, no reply would be asked for again)")
        if o.max_tokens is not None and used >= o.max_tokens:
            raise BudgetSpent(
                f"{o.model} has used {used:,} tokens of max_tokens: {o.max_tokens:,}; {how}", "max_tokens"
            )
        cost = self.ledger.cost(o)
        if o.max_cost is not None and cost >= o.max_cost:
            raise BudgetSpent(f"{o.model} has cost {cost:.2f} of max_cost: {o.max_cost:g}; {how}", "max_cost")

    def _never(self, failure: Failed) -> str:
        where = self.options.base_url or "OpenAI's server"
        told = f" ({failure.told})" if failure.told else ""
        return (
            f"{where} answers nothing for the model {self.options.model!r}: {failure.fault}{told}; check base_url, "
            f"model and the key in {self.options.key_env}, and that the server is up"
        )

    async def _try(self, client: Any, ask: Ask, formless: bool) -> Reply:
        import openai

        form = None if formless else schema_of(ask.options, ask.schema)
        request = self._request(ask, form)
        try:
            return self._read(ask, form, await client.chat.completions.create(**request))
        except openai.APITimeoutError:
            raise Failed("timed-out", True) from None
        except openai.APIConnectionError:
            raise Failed("no-connection", True) from None
        except openai.APIStatusError as error:
            raise refused(error, form is not None, self._key) from None
        except (openai.APIError, ValueError, TypeError, AttributeError, KeyError, IndexError):
            # Cut-off JSON, a page instead of JSON, or JSON that is no reply.
            raise Failed("unreadable-body", True) from None

    def _request(self, ask: Ask, form: dict[str, Any] | None) -> dict[str, Any]:
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
        if form is not None:
            held = {"name": "reply", "strict": True, "schema": form}
            request["response_format"] = {"type": "json_schema", "json_schema": held}
        return request

    def _read(self, ask: Ask, form: dict[str, Any] | None, answer: Any) -> Reply:
        choice = answer.choices[0]
        said, refusal = choice.message.content, getattr(choice.message, "refusal", None)
        # Half a surrogate pair is no text, and could not be written down.
        text = str(refusal or "" if said is None else said).encode("utf-8", "replace").decode()
        kind = ReplyKind.OK
        if choice.finish_reason == "length":
            kind = ReplyKind.CUT_OFF
        elif (said is None and refusal) or choice.finish_reason == "content_filter":
            kind = ReplyKind.REFUSED
        if form is not None:
            text = reply_in(ask.options, ask.schema, text)
        estimate = Reply.of(ask, text)
        usage = answer.usage
        read = usage.prompt_tokens if usage is not None else estimate.tokens_in
        written = usage.completion_tokens if usage is not None else estimate.tokens_out
        return Reply(text, kind, int(read), int(written))


def _next(came: _Queue, last: float) -> tuple[int, Reply] | BaseException | None:
    """What comes next; None for the end, or when nothing has come by the time `last`."""
    while time.monotonic() < last:
        try:
            return came.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
    return None
