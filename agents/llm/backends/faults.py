"""What can go wrong with one try at a server, by kind."""

from typing import Any

TOO_LONG = "prompt-too-long"
"""The prompt does not fit into the model's context."""
FAULTS = ("rate-limited", "server-error", "timed-out", "no-connection", "unreadable-body", "refused-request", TOO_LONG)
"""All kinds: the answer is 429; it is 408, 409 or 5xx; it does not come in time; it does not come at all; it is no
reply (cut off, or a web page); it is another one than 200; or it tells that the prompt is too long."""
_TOLD_TOO_LONG = ("context length", "context size", "context window", "maximum model length")
"""Words in which servers tell that (OpenAI, vLLM and llama.cpp, as of 2026)."""


class Failed(Exception):
    """One try failed.

    Args:
        fault: Its kind.
        again: Whether another try may help.
        wait: Seconds that the server wants us to wait, or None.
        told: What it said.
        formal: Whether it may be the form of the reply that it refuses.
    """

    def __init__(
        self, fault: str, again: bool, wait: float | None = None, told: str = "", formal: bool = False
    ) -> None:
        super().__init__(fault)
        self.fault, self.again, self.wait, self.told, self.formal = fault, again, wait, told, formal


def refused(error: Any, formal: bool, key: str | None) -> Failed:
    """What an answer other than 200 (`openai.APIStatusError`) to an ask of a certain form means."""
    code = error.status_code
    # What a server says of a wrong key may hold the key, or most of it.
    said = "" if code in (401, 403) else str(error.message)
    said = said.replace(key, "(key)") if key else said
    if 300 <= code < 400:
        said = "it sends on to another address, which is not followed; if you know that one, make it the base_url"
    told = f"status {code}{': ' * bool(said)}{said[:200]}"
    if code == 429:
        return Failed("rate-limited", True, _seconds(error.response.headers.get("retry-after")), told)
    if code in (408, 409) or code >= 500:
        return Failed("server-error", True, None, told)
    if code in (400, 413, 422) and any(words in said.lower() for words in _TOLD_TOO_LONG):
        return Failed(TOO_LONG, False, None, told)
    return Failed("refused-request", False, None, told, formal and code in (400, 422))


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None
