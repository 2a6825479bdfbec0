"""Any server of the OpenAI protocol: vLLM, `transformers serve`, llama.cpp, Ollama, a paid API.

All asks of a tick go out together, so many at a time. What fails is tried again, later each time, and every failure is
counted by its kind. Keys come from the environment and are written nowhere.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from populace.agents.llm.backends.answers import parsed, read, told_in
from populace.agents.llm.backends.background import pause, streamed
from populace.agents.llm.backends.base import Ask, Backend, Reply, ServerGone, uniform
from populace.agents.llm.backends.bounds import bounded, whole
from populace.agents.llm.backends.endpoint_options import EndpointOptions
from populace.agents.llm.backends.faults import FAULTS, IGNORED, TOO_LONG, Failed, classified
from populace.agents.llm.backends.metering import Ledger, Meter
from populace.agents.llm.backends.requests import FORM, fewer, request
from populace.agents.llm.backends.servers import client_options
from populace.agents.llm.decoding.structured import keeps, reply_in
from populace.budget import NOTHING, Budget
from populace.dialogue import ReplyKind
from populace.errors import MissingExtra, PopulaceError

Put = Callable[[tuple[int, Reply]], None]


class Endpoint(Backend):
    """A server, asked through the `openai` package.

    Args:
        options: Which, how, and how much.
    """

    faults = FAULTS

    def __init__(self, options: EndpointOptions) -> None:
        o = self.options = options
        self.meter = Meter(o)
        self.greedy = o.temperature == 0
        self.voice = json.dumps(["openai", o.base_url, o.model, o.temperature, o.top_p, o.max_reply, o.structured])
        self._key: str | None = None
        self._without: frozenset[str] = frozenset()
        self._row = 0
        self._known: Ask | None = None

    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """Replies as they come in.

        Raises:
            MissingExtra: `openai` is not installed.
            BudgetSpent: Tokens or money are used up.
            ServerGone: The server is not there, or refuses the key or the model.
            PopulaceError: There is no key.
        """
        self._check_key()

        async def work(put: Put, stop: threading.Event) -> None:
            await self._ask_all(asks, put, stop)

        yield from streamed(work, linger=self.options.tape is not None)

    @property
    def ledger(self) -> Ledger:
        """What it has done so far."""
        return self.meter.ledger

    def spend_from(self, budget: Budget) -> None:
        """Count what it spends there."""
        self.meter.budget = budget

    @property
    def in_doubt(self) -> bool:
        """Whether the last tries failed, so that the server may be gone and seats have forfeited for it."""
        return self._row > 0 and self.options.give_up_after is not None

    def settle(self) -> None:
        """Where in doubt, ask again what was answered before, until it is answered again.

        Raises:
            ServerGone: It is not.
        """
        while self.in_doubt and self._known is not None:
            for _ in self.complete([self._known]):
                pass

    def describe(self) -> dict[str, object]:
        """What the server has refused to be sent."""
        return {"left_out": sorted(self._without)} if self._without else {}

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
        put: Put,
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
                put((i, reply))

        o = self.options
        arguments = client_options(o, o.timeout, asynchronous=True)
        arguments["http_client"] = bounded(arguments["http_client"], o.max_body)
        plain = {"Accept-Encoding": "identity"}
        async with AsyncOpenAI(**arguments, max_retries=0, default_headers=plain) as client:
            await asyncio.gather(*(work(client) for _ in range(min(self.options.at_once, len(asks)))))
        if fatal:
            raise fatal[0]

    async def _ask(self, client: Any, ask: Ask, stop: threading.Event) -> Reply | None:
        """One reply, or a failure after as many tries as are allowed; None once stopped.

        Raises:
            ServerGone: Nothing was ever answered, the server refuses everybody, or too many tries failed in a row.
            BudgetSpent: Another prompt would not be within the budget.
        """
        o, faults, attempt, without = self.options, list[str](), 0, self._without
        while not stop.is_set():
            sent = request(o, ask, without)
            try:
                reply = await self._paid(client, ask, sent, stop)
            except Failed as failure:
                faults.append(failure.fault)
                self.ledger.faults[failure.fault] += 1
                self._row += failure.fault != TOO_LONG
                if failure.fatal:
                    raise self._gone(failure) from None
                if (less := fewer(failure, sent, without)) != without:
                    without = less
                    continue
                if failure.again and attempt < o.retries:
                    await pause(self._pause(failure, ask, attempt), stop)
                    attempt += 1
                    continue
                self._check_there(failure)
                kind = ReplyKind.TIMED_OUT if failure.fault == "timed-out" else failure.kind
                return Reply("", kind, faults=tuple(faults))
            if reply is None:
                return None
            self._without, self._row, self._known = self._without | without, 0, ask
            self.ledger.add(ask, reply)
            return replace(reply, faults=(*faults, *reply.faults))
        return None

    async def _paid(self, client: Any, ask: Ask, sent: dict[str, Any], stop: threading.Event) -> Reply | None:
        """One try within the budget; None once stopped."""
        held, spent = await self.meter.reserve(ask, stop), NOTHING
        if held is None:
            return None
        try:
            reply = await self._try(client, ask, sent)
            spent = self.meter.price(reply.tokens_in, reply.tokens_out)
            return reply
        finally:
            self.meter.budget.settle(held, spent)

    async def _try(self, client: Any, ask: Ask, sent: dict[str, Any]) -> Reply:
        import openai

        key = self._key
        try:
            raw = await whole(lambda: client.chat.completions.with_raw_response.create(**sent), self.options.timeout)
        except openai.APIStatusError as error:
            code, said = told_in(error.response.content)
            raise classified(error.status_code or code, said, error.response.headers, (key,)) from None
        reply = read(ask, parsed(raw.content), raw.headers, (key,))
        if FORM not in sent:
            return reply
        schema = sent[FORM]["json_schema"]["schema"]
        ignored = reply.kind == ReplyKind.OK and bool(reply.text) and not keeps(schema, reply.text)
        faults = (*reply.faults, IGNORED) if ignored else reply.faults
        return replace(reply, text=reply_in(ask.options, ask.schema, reply.text), faults=faults)

    # ------------------------------------------------------------------ failures

    def _pause(self, failure: Failed, ask: Ask, attempt: int) -> float:
        """Twice as long each time, spread by up to a half so that not all come back at once."""
        wait = self.options.wait * 2.0**attempt * (0.75 + 0.5 * uniform(ask.seed, attempt))
        return min(wait if failure.wait is None else failure.wait, self.options.longest_wait)

    def _check_there(self, failure: Failed) -> None:
        """Raise ServerGone where the server is likely not to be there."""
        most = self.options.give_up_after
        none = not self.ledger.answered and failure.fault != TOO_LONG and failure.kind != ReplyKind.REFUSED
        if none or (most is not None and self._row >= most):
            raise self._gone(failure)

    def _gone(self, failure: Failed) -> ServerGone:
        o = self.options
        where, told = o.base_url or "OpenAI's server", f" ({failure.told})" if failure.told else ""
        what = f"the model {o.model!r}: {failure.fault}{told}"
        mend = f"check base_url, model and the key in {o.key_env}"
        if failure.fatal:
            return ServerGone(f"{where} refuses {what}; {mend}, and that the account has credit left")
        if not self.ledger.answered:
            return ServerGone(f"{where} answers nothing for {what}; {mend}, and that the server is up")
        row = f"{self._row} tries in a row (give_up_after: {o.give_up_after})"
        return ServerGone(f"{where} has failed in {row} for {what}; check that the server is up")
