"""A server's embeddings, asked for as its chats are: bounded tries, again where that may help, within the budget."""

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from populace.agents.llm.backends.answers import parsed, told_in
from populace.agents.llm.backends.background import pause, streamed
from populace.agents.llm.backends.base import BudgetSpent, ServerGone, tokens
from populace.agents.llm.backends.bounds import bounded, whole
from populace.agents.llm.backends.faults import Failed, classified
from populace.agents.llm.backends.metering import TURN_SECONDS
from populace.agents.llm.backends.servers import RequestOptions, client_options
from populace.budget import NOTHING, Account, Budget, Spending
from populace.errors import MissingExtra, PopulaceError

BATCH = 32
"""Texts sent to a server at a time."""
Rows = list[list[float]]


class EmbeddingOptions(RequestOptions):
    """Whose embeddings are taken, and how a server of them is asked."""

    changeable: ClassVar[frozenset[str]] = frozenset({"key_env"})

    model: str | None = None
    """A model of embeddings: one of the server at `base_url`, or else a name of `populace models list`, or a
    folder or hub id of `transformers`, whose mean hidden states are
    taken. Not given: counts of letter sequences, which need no model."""
    base_url: str | None = None
    """A server of the OpenAI protocol with `/embeddings`."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million tokens that the server embeds; they count towards the run's `max_tokens` and `max_cost`."""


class ServerEmbedding:
    """Embeddings of a server of the OpenAI protocol.

    Args:
        options: Which, and how it is asked.
    """

    def __init__(self, options: EmbeddingOptions) -> None:
        self.options = options
        self.budget: Budget = Account()

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Asked for in batches: [texts, dims] float64.

        Raises:
            MissingExtra: `openai` is not installed.
            BudgetSpent: Tokens or money are used up.
            ServerGone: The server gives none.
        """
        try:
            from openai import AsyncOpenAI
        except ImportError:
            raise MissingExtra("prototypes with a server", "openai", "llm") from None
        o = self.options
        arguments = client_options(o, o.timeout, asynchronous=True)
        arguments["http_client"] = bounded(arguments["http_client"], o.max_body)
        plain = {"Accept-Encoding": "identity"}

        async def work(put: Callable[[Rows], None], stop: threading.Event) -> None:
            async with AsyncOpenAI(**arguments, max_retries=0, default_headers=plain) as client:
                for start in range(0, len(texts), BATCH):
                    put(await self._batch(client, list(texts[start : start + BATCH]), stop))

        rows = [row for batch in streamed(work, linger=False) for row in batch]
        if len({len(row) for row in rows}) > 1:
            raise self._gone("its embeddings have several lengths")
        return torch.tensor(rows, dtype=torch.float64)

    async def _batch(self, client: Any, batch: list[str], stop: threading.Event) -> Rows:
        o, attempt = self.options, 0
        while not stop.is_set():
            try:
                return await self._paid(client, batch, stop)
            except Failed as failure:
                if failure.fatal or not failure.again or attempt >= o.retries:
                    raise self._gone(f"{failure.fault}: {failure.told}") from None
                wait = o.wait * 2.0**attempt if failure.wait is None else failure.wait
                await pause(min(wait, o.longest_wait), stop)
                attempt += 1
        return []

    async def _paid(self, client: Any, batch: list[str], stop: threading.Event) -> Rows:
        held, spent = self._price(sum(map(tokens, batch))), NOTHING
        while (answer := self.budget.reserve(held)) != "granted":
            if answer == "spent" or stop.is_set():
                limit, used = self.budget.limit, self.budget.spent
                option = (
                    "max_tokens"
                    if limit.tokens is not None and used.tokens + held.tokens > limit.tokens
                    else "max_cost"
                )
                raise BudgetSpent(
                    f"the run has used {used.tokens:,} tokens at a cost of {used.cost:.2f}, and embeddings of "
                    f"{self.options.model!r} take about {held.tokens:,} more than {option} allows; raise it to go on",
                    option,
                )
            await asyncio.sleep(TURN_SECONDS)
        try:
            rows, count = await self._try(client, batch)
            spent = self._price(held.tokens if count is None else count)
            return rows
        finally:
            self.budget.settle(held, spent)

    async def _try(self, client: Any, batch: list[str]) -> tuple[Rows, int | None]:
        import openai

        o, key = self.options, self.options.key()
        asked = {"model": str(o.model), "input": batch, "encoding_format": "float"}
        try:
            raw = await whole(lambda: client.embeddings.with_raw_response.create(**asked), o.timeout)
        except openai.APIStatusError as error:
            code, said = told_in(error.response.content)
            raise classified(error.status_code or code, said, error.response.headers, (key,)) from None
        return _read(parsed(raw.content), len(batch))

    def _price(self, count: int) -> Spending:
        return Spending(count, count * self.options.price_in * 1e-6)

    def _gone(self, why: str) -> PopulaceError:
        o = self.options
        return ServerGone(
            f"{o.base_url} gives no embeddings of {o.model!r} ({why}): check base_url, model and the key in "
            f"{o.key_env}, and that the server is up and has /embeddings"
        )


def _read(body: Any, count: int) -> tuple[Rows, int | None]:
    """Embeddings in the order of the texts, and the tokens that the server counted.

    Raises:
        Failed: The body holds something else.
    """
    data = body.get("data") if isinstance(body, dict) else None
    rows: dict[int, list[float]] = {}
    for item in data if isinstance(data, list) else ():
        index, row = (item.get("index"), item.get("embedding")) if isinstance(item, dict) else (None, None)
        numbers = isinstance(row, list) and row and all(type(x) in (int, float) and math.isfinite(x) for x in row)
        if type(index) is int and isinstance(row, list) and numbers:
            rows[index] = row
    if sorted(rows) != list(range(count)):
        raise Failed("unreadable-body", True, told="the answer does not hold one embedding for each text")
    usage = body.get("usage")
    used = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    good = type(used) is int and 0 < used < 10_000 * max(count, 1)
    return [rows[k] for k in range(count)], used if good else None
