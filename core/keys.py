"""Keys of servers: which environment variable may be sent where, so that no file can send one where it likes.

The rules, for a server asked by anybody (a seat, a judge, an embedding):

- `OPENAI_API_KEY` goes to https://api.openai.com, and to the address in `OPENAI_BASE_URL` if a policy names none;
- to any other server a variable goes only if the user names it: by `key_env` in `--set` or in Python, in the
  environment (`POPULACE_KEYS=host=VARIABLE,host:port=VARIABLE`), or under `[keys]` in their `config.toml`;
- a file that names a variable that is set, and which the user has not named, is refused before anything is sent;
- servers on this machine (loopback) are treated like all others: as a rule they want no key, and get none.

A host without a port means https on port 443; all else is written with its port, `localhost:8000`.
"""

import os
import re
import sys
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from populace import configuration
from populace.errors import PopulaceError
from populace.trust import Need, Word

OPENAI = "https://api.openai.com/v1"
"""Where a policy asks that names no server."""
DEFAULT = "OPENAI_API_KEY"
"""The variable that holds the key for it."""
SETTING = "POPULACE_KEYS"

_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_SECRET_PART = re.compile(r"(?=.*\d)[A-Z0-9]{16,}")
"""Sixteen letters and digits in a row stand in no name of a variable, but in most keys."""


class Server(NamedTuple):
    """Where a server is.

    Attributes:
        scheme: `http` or `https`.
        host: Its name in small letters, or its address.
        port: The port, that of the scheme where none is written.
    """

    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """As users name it: the host alone for https on its own port, else `host:port`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if (self.scheme, self.port) == ("https", 443) else f"{host}:{self.port}"


def server(url: str) -> Server:
    """The server of an address; the error never repeats the address, which may hold a secret.

    Raises:
        ValueError: It is no plain http or https address: it has a user, a password, a query or a fragment, no host, a
            port that is none, or characters that readers of addresses take differently.
    """
    if not url.isascii() or not url.isprintable() or any(mark in url for mark in ' \\"<>^`{|}'):
        raise ValueError("base_url has characters that cannot stand in an address; write other names in punycode")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("base_url has no valid host, or a port that is not a number from 1 to 65535") from None
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError(
            "base_url holds a secret, or a place for one (a user, a password, a query, a fragment): put the key in the "
            "environment, and name the variable with key_env"
        )
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("base_url must start with http:// or https:// and name a host")
    if not _HOST.fullmatch(host) or port == 0:
        raise ValueError("base_url has no valid host, or a port that is not a number from 1 to 65535")
    return Server(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))


def variable(name: str) -> str:
    """The name of an environment variable; the error never repeats what may be the key itself.

    Raises:
        ValueError: It is not of the form of such a name.
    """
    if not _VARIABLE.fullmatch(name) or any(_SECRET_PART.fullmatch(part) for part in name.split("_")):
        raise ValueError(
            "key_env is the name of an environment variable, in capital letters, digits and underscores, such as "
            f"{DEFAULT}; a key must not be written in a scenario: put it in the environment"
        )
    return name


def address(base_url: str | None) -> str:
    """Where is asked: `base_url`, or else the user's `OPENAI_BASE_URL`, or OpenAI's own."""
    return base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI


def need(base_url: str | None, name: str) -> Need:
    """The need to send the variable `name` to a server."""
    return Need("key", f"{server(address(base_url)).name} {name}")


def chosen(base_url: str | None, name: str | None, word: Word) -> str | None:
    """The variable whose content is sent as key, or None for no key.

    Args:
        base_url: Of the options; None for the default server.
        name: `key_env` where the options give it, else None.
        word: That of those who gave the options.

    Raises:
        NeedsWord: A file names a variable, and it is set; the user has not named it for this server.
    """
    where = server(address(base_url))
    granted = mapped().get(where.name, ())
    if name in granted:
        return name
    if granted and name is None:
        return granted[0]
    if name in (None, DEFAULT) and (base_url is None or where == server(OPENAI)):
        return DEFAULT
    if name is None or not os.environ.get(name):
        return None
    word.demand(need(base_url, name))
    return name


def key(base_url: str | None, name: str | None, word: Word) -> str | None:
    """The key itself, or None; on standard error it says once which variable goes where.

    Raises:
        NeedsWord: See `chosen`.
    """
    sent = chosen(base_url, name, word)
    found = os.environ.get(sent) if sent is not None else None
    if not found or sent is None:
        return None
    _say(sent, server(address(base_url)).name)
    return found


@lru_cache(maxsize=256)
def _say(name: str, host: str) -> None:
    print(f"note: the key in the environment variable {name} is sent to {host}", file=sys.stderr)


def mapped() -> dict[str, tuple[str, ...]]:
    """Server -> variables that the user's environment and configuration name for it.

    Raises:
        PopulaceError: They are not of the form `host=VARIABLE`.
    """
    found: dict[str, list[str]] = {}
    entries = [entry.rpartition("=") for entry in re.split(r"[,\s]+", os.environ.get(SETTING, "")) if entry]
    configured = configuration.config().get("keys", {}).items()
    given = [(SETTING, host, name) for host, _, name in entries]
    given += [(str(configuration.config_home() / "config.toml"), host, name) for host, name in configured]
    for source, host, name in given:
        try:
            where = server(host if "//" in host else f"https://{host}")
            found.setdefault(where.name, []).append(variable(name))
        except ValueError as error:
            raise PopulaceError(
                f"{source}: expected host=VARIABLE, such as openrouter.ai=OPENROUTER_API_KEY: {error}"
            ) from None
    return {host: tuple(names) for host, names in found.items()}
