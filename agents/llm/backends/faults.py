"""What can go wrong with one try at a server: its kind, by the status of the answer and by what the answer says."""

import math
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from populace.dialogue import ReplyKind

TOO_LONG = "prompt-too-long"
"""The prompt does not fit into the model's context."""
NO_USAGE = "usage-estimated"
"""The reply is good, but the server did not say how many tokens it took, or said what cannot be: they are estimated."""
IGNORED = "form-ignored"
"""The reply was taken, but the server was asked to hold it to a form (`structured`) and did not."""
FAULTS = (
    *("rate-limited", "server-error", "timed-out", "no-connection", "unreadable-body", "refused-request"),
    *(TOO_LONG, NO_USAGE, IGNORED),
)
"""All kinds. Rate-limited: 429, or an answer that says so. Server-error: 408, 409, 5xx, or an answer that says so.
Timed-out: no whole answer in time. No-connection: no answer at all. Unreadable-body: an answer that is no reply (cut
off, a web page, too large, nested too deep). Refused-request: any other answer that is no reply."""
FATAL = (401, 402, 403, 404)
"""Statuses that no further try can mend: the key, the account, or the model's name must be changed first."""
SIZED = (400, 413, 422)
"""Statuses by which servers tell that a request is too large, among other things."""

SAMPLING = ("temperature", "top_p", "max_completion_tokens", "max_tokens", "seed", "response_format")
"""Parameters of a request that it can do without, longer names before those that they contain."""

# Words in which servers tell things, in any case. Written from the documented messages of OpenAI, Azure, Anthropic,
# Google, Mistral, Groq, OpenRouter, vLLM, SGLang, llama.cpp, Ollama, LM Studio and Text Generation Inference.
_LONG = re.compile(
    r"context.?(length|size|window|limit)|context_length_exceeded|reduce the length|too many (input |prompt )?tokens"
    r"|\b(prompt|inputs?|conversation|sequence)\b.{0,60}?\b(too (long|large|big)|longer than|larger than"
    r"|must have less than|exceeds? the (max|limit))"
    r"|(maximum|max) (model|prompt|input|sequence) (length|len)|input length|exceed\w* .{0,40}context"
    r"|`?inputs`? tokens \+|(token count|number of tokens|input tokens).{0,60}\b(exceed|must be)",
    re.IGNORECASE | re.DOTALL,
)
_LARGE = re.compile(
    r"\b(request|messages?|payload|body)\b.{0,60}?\b(too (long|large|big)|longer than|larger than|exceed)",
    re.IGNORECASE | re.DOTALL,
)
"""Told of a request as a whole; believed of statuses that say so too."""
_RATE = re.compile(
    r"rate.?limit|too many requests|per (second|minute|hour|day|min)\b|\b[rt]p[md]\b|(retry|try again) (in|after)",
    re.IGNORECASE,
)
_SPENT = re.compile(
    r"insufficient.?(quota|balance|credit|fund)|(out of|no|not enough|insufficient) (credit|balance|fund)"
    r"|credit balance|payment required|spend.?limit|billing.{0,20}(limit|not active|inactive)"
    r"|exceeded.{0,20}(budget|monthly)",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"exceeded your current quota|(quota|credits?|balance).{0,20}(exhausted|exceeded)", re.IGNORECASE)
"""Some servers tell a limit by the minute so; they then say when to come again."""
_KEY = re.compile(
    r"(invalid|incorrect|missing|no|expired|revoked|bad|wrong).{0,20}(api.?key|(access|auth|bearer) token|credential)"
    r"|api.?key.{0,40}(invalid|incorrect|missing|not valid|expired|revoked|required|disabled)"
    r"|unauthori[sz]ed|authentication|permission.?denied|forbidden",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model.{0,80}(not found|does not exist|doesn't exist|not exist|not a valid|is invalid|unknown|not available"
    r"|no longer|deprecated|decommissioned)|(no such|unknown|invalid) model|not a valid model",
    re.IGNORECASE | re.DOTALL,
)
_FILTERED = re.compile(
    r"content.?(filter|management|policy)|moderation|\bflagged\b|safety (system|filter|setting)|responsible.?ai",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"overload|unavailable|internal|server.?error|time.?d?.?out|capacity|try again|temporar|upstream|bad gateway|busy",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"above|below|between|maximum|minimum|too (large|small|high|low)|range|greater|less than|[<>]=?\s*\d", re.IGNORECASE
)
_UNKNOWN = re.compile(
    r"unsupported|support|unknown|unrecogni[sz]ed|unexpected|extra|permitted|allowed|cannot|can't|can not|not both"
    r"|remove|deprecated|ignored|no longer|use .{0,5}max_completion",
    re.IGNORECASE,
)


class Failed(Exception):
    """One try failed.

    Args:
        fault: Its kind.
        again: Whether the same request may be answered a little later.
        wait: Seconds that the server wants us to wait, or None.
        told: What it said.
        fatal: Whether nothing else will be answered either, until the user has changed something.
        names: Parameters of the request that the server names as what it refuses.
        formal: Whether it may be the form of the reply that it refuses.
        kind: What becomes of the seat if there is no other try.
    """

    def __init__(
        self,
        fault: str,
        again: bool,
        wait: float | None = None,
        told: str = "",
        *,
        fatal: bool = False,
        names: tuple[str, ...] = (),
        formal: bool = False,
        kind: ReplyKind = ReplyKind.FAILED,
    ) -> None:
        super().__init__(fault)
        self.fault, self.again, self.wait, self.told = fault, again, wait, told
        self.fatal, self.names, self.formal, self.kind = fatal, names, formal, kind


def classified(code: int | None, said: str, headers: Mapping[str, str], secrets: Iterable[str | None] = ()) -> Failed:
    """What an answer means that is no reply: one of another status than 200, or an error inside a 200.

    Args:
        code: Its status, or the one that the error names; None where there is none.
        said: What it says of itself.
        headers: Of the answer; names in any case.
        secrets: What must not be repeated, whatever the server says.
    """
    wait, told, code = wait_of(headers), _told(code, said, secrets), code or 0
    rate, spent = _RATE.search(said), _SPENT.search(said) or (_QUOTA.search(said) and wait is None)
    if code not in (429, *FATAL) and not rate and (_LONG.search(said) or (code in SIZED and _LARGE.search(said))):
        return Failed(TOO_LONG, False, None, told)
    if code == 402 or (spent and not (rate and not _SPENT.search(said))):
        return Failed("rate-limited" if code == 429 else "refused-request", False, wait, told, fatal=True)
    if code in (0, 400, 403, 422) and _FILTERED.search(said):
        return Failed("refused-request", False, None, told, kind=ReplyKind.REFUSED)
    if code in FATAL or (code in (0, 400) and (_KEY.search(said) or _NO_MODEL.search(said))):
        return Failed("refused-request", False, wait, told, fatal=True)
    if code == 429 or (rate and code < 500):
        return Failed("rate-limited", True, wait, told)
    if code in (408, 409, 425) or code >= 500 or (code == 0 and (_BUSY.search(said) or not said)):
        return Failed("server-error", True, wait, told)
    if code in (400, 422):
        return Failed("refused-request", False, wait, told, names=_named(said), formal=True)
    return Failed("refused-request", code == 0 or wait is not None, wait, told)


def _told(code: int | None, said: str, secrets: Iterable[str | None]) -> str:
    """What a server said, in at most 300 letters; nothing where it may repeat the key, or most of it."""
    if code is not None and 300 <= code < 400:
        said = "it sends on to another address, which is not followed; if you know that one, make it the base_url"
    shown = "" if code in (401, 403) or _KEY.search(said) else " ".join(said.split())
    for secret in secrets:
        shown = shown.replace(secret, "(key)") if secret else shown
    return ": ".join(part for part in (f"status {code}" if code else "", shown[:300]) if part)


def _named(said: str) -> tuple[str, ...]:
    """Parameters that may be left out, named as unknown or unwanted; not those whose value alone is wrong."""
    if _RANGE.search(said) and not _UNKNOWN.search(said):
        return ()
    return tuple(name for name in SAMPLING if re.search(rf"(?<![a-z_]){name}(?![a-z_])", said, re.IGNORECASE))


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server wants us to wait (`Retry-After`, as seconds or as a date of HTTP); None where it says none.

    A date is taken against the answer's own `Date`, so that clocks need not agree.
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(given[name]) * scale
        except (KeyError, ValueError):
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else None
    until, now = _moment(given.get("retry-after")), _moment(given.get("date"))
    return None if until is None else max(0.0, until - (time.time() if now is None else now))


def _moment(text: str | None) -> float | None:
    """Seconds since 1970 of a date of HTTP; None where it is none."""
    try:
        found = parsedate_to_datetime(text or "")
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
