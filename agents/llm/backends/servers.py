"""What policies, judges and embeddings that ask a server have in common: its address, its key, and the HTTP client."""

from typing import Any, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from populace import keys, trust
from populace.options import Options

NO_KEY = "none"
"""Sent to a server that wants no key."""
_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}
)
"""What a server other than OpenAI's is sent, beside the key and the client's own `x-stainless-...`."""


class ServerOptions(Options):
    """Which server is asked, and the name of its key: what seats, judges and embeddings have in common."""

    base_url: str | None = None
    """Where the server is, e.g. `http://localhost:8000/v1`; OpenAI's own when not given."""
    key_env: str = keys.DEFAULT
    """Name of the environment variable that holds the key. It is sent to OpenAI's own server only; to another one if
    you name it yourself, by `--set`, in `POPULACE_KEYS` or in your configuration, not in a file."""
    _word: trust.Word = PrivateAttr(default_factory=trust.current)

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, url: str | None) -> str | None:
        if url is not None:
            keys.server(url)
        return url

    @field_validator("key_env")
    @classmethod
    def _a_name(cls, name: str) -> str:
        return keys.variable(name)

    @model_validator(mode="after")
    def _known_to_the_user(self) -> Self:
        """That a file sends a key is told when it is read, before anything is built."""
        keys.chosen(self.base_url, self.key_name, self._word)
        return self

    @property
    def key_name(self) -> str | None:
        """`key_env` where it was given."""
        return self.key_env if "key_env" in self.model_fields_set else None

    def key(self) -> str | None:
        """The key that may be sent to this server, or None.

        Raises:
            NeedsWord: A file names a variable that the user has not named for this server.
        """
        return keys.key(self.base_url, self.key_name, self._word)


class RequestOptions(ServerOptions):
    """How a server is asked: what bounds a try, and how often there is another."""

    timeout: float = Field(default=60.0, gt=0)
    """Seconds for a whole answer, each try, from the first byte sent to the last one received."""
    max_body: int = Field(default=8 << 20, ge=1)
    """Bytes of an answer at most; a longer one is an `unreadable-body`."""
    retries: int = Field(default=4, ge=0)
    """Tries after the first one."""
    wait: float = Field(default=0.5, ge=0)
    """Seconds before the second try, doubled for each further one; a server's own wish (`Retry-After`) comes first."""
    longest_wait: float = Field(default=30.0, ge=0)
    """Seconds between two tries at most."""


def client_options(options: ServerOptions, timeout: float | None = None, *, asynchronous: bool) -> dict[str, Any]:
    """Arguments of `openai.OpenAI` or `openai.AsyncOpenAI`; make them where the client is used.

    No redirect is followed, as prompts would go where nobody sent them. The package adds headers from the environment
    (an organisation, a project, whatever `OPENAI_CUSTOM_HEADERS` holds): a server that the options name gets none.

    Raises:
        NeedsWord: See `ServerOptions.key`.
    """
    import openai

    key = options.key() or NO_KEY

    def strip(request: Any) -> None:
        for name in {name.lower() for name in request.headers} - _HEADERS:
            if not name.startswith("x-stainless-"):
                del request.headers[name]
        request.headers["Authorization"] = f"Bearer {key}"

    async def strip_async(request: Any) -> None:
        strip(request)

    hooks: dict[str, Any] = {}
    if options.base_url is not None:
        hooks = {"event_hooks": {"request": [strip_async if asynchronous else strip]}}
    http: Any = openai.DefaultAsyncHttpxClient if asynchronous else openai.DefaultHttpxClient
    timed = {} if timeout is None else {"timeout": timeout}
    return {
        "api_key": key,
        "base_url": keys.address(options.base_url),
        "http_client": http(follow_redirects=False, **timed, **hooks),
        **timed,
    }
