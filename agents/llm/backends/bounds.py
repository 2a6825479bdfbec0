"""One request to a server, bounded: in seconds from its first byte to its last, and in bytes of its answer."""

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from populace.agents.llm.backends.faults import Failed

_ENCODED = {"gzip": 47, "deflate": 47}
"""How zlib reads these encodings of a body (by the header that it finds)."""


Answer = TypeVar("Answer")


class BadBody(Exception):
    """The body of an answer is too large, or cannot be decoded."""


def bounded(client: Any, most: int) -> Any:
    """The same HTTP client of the `openai` package; answers of more than `most` bytes, once decoded, raise BadBody."""

    async def bound(response: Any) -> None:
        length, encoding = response.headers.get("content-length", ""), response.headers.get("content-encoding", "")
        if length.isdecimal() and len(length) < 20 and int(length) > most:
            raise BadBody(f"the answer has {int(length):,} bytes")
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", *_ENCODED):
            raise BadBody(f"the answer is encoded as {encoding[:40]!r}, which was not asked for")
        if encoding:
            del response.headers["content-encoding"]  # it is decoded here, where its size can be bounded
        # The class that streams have belongs to whichever HTTP library the package uses.
        base = sys.modules[type(response).__module__.partition(".")[0]].AsyncByteStream
        stream = response.stream

        class Bounded(base):  # type: ignore[misc, valid-type]  # a base that is known when it is needed
            async def __aiter__(self) -> AsyncIterator[bytes]:
                async for chunk in _limited(stream, most, _ENCODED.get(encoding)):
                    yield chunk

            async def aclose(self) -> None:
                await stream.aclose()

        response.stream = Bounded()

    hooks = client.event_hooks
    client.event_hooks = {**hooks, "response": [*hooks.get("response", []), bound]}
    return client


async def _limited(stream: Any, most: int, bits: int | None) -> AsyncIterator[bytes]:
    """Chunks of a stream, decoded where `bits` says how, up to `most` bytes."""
    decoder, count = None if bits is None else zlib.decompressobj(bits), 0
    async for chunk in stream:
        try:
            plain = chunk if decoder is None else decoder.decompress(chunk, most - count + 1)
        except zlib.error:
            raise BadBody("the answer is not of the encoding that it names") from None
        count += len(plain)
        if count > most:
            raise BadBody(f"the answer has more than {most:,} bytes")
        yield plain


async def whole(ask: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
    """What `ask` answers (a raw response of the `openai` package), read whole within so many seconds.

    Raises:
        Failed: There is no whole answer in time; another status than 200 is left to the caller.
    """
    import openai

    try:
        async with asyncio.timeout(seconds):
            return await ask()
    except (TimeoutError, openai.APITimeoutError):
        raise Failed("timed-out", True, told=f"no whole answer within {seconds:g} s") from None
    except BadBody as error:
        raise Failed("unreadable-body", True, told=str(error)) from None
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, BadBody) or type(error.__cause__).__name__ == "DecodingError":
            raise Failed("unreadable-body", True, told=str(error.__cause__)) from None
        raise Failed("no-connection", True, told=_reason(error)) from None
    except (ValueError, LookupError, RuntimeError) as error:
        raise Failed("unreadable-body", True, told=_reason(error)) from None


def _reason(error: BaseException) -> str:
    """What the innermost cause says."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"[:200]
