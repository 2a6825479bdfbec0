"""The user's configuration folder: what they have said once and for all, and what they have granted to scenarios."""

import os
import sys
import tomllib
from pathlib import Path

from populace.errors import PopulaceError
from populace.json_types import JsonObject


def config_home() -> Path:
    """The user's configuration folder: `POPULACE_CONFIG_HOME`, or the one of this operating system's custom."""
    given = os.environ.get("POPULACE_CONFIG_HOME")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / "populace"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "populace"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "populace"


def config() -> JsonObject:
    """The user's `config.toml`: `allow`, a list of folders, and the table `keys`, host -> variable.

    Raises:
        PopulaceError: It cannot be read, or holds something else.
    """
    path = config_home() / "config.toml"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise PopulaceError(f"cannot read your configuration {path}: {error}") from None
    allow, keys = found.get("allow", []), found.get("keys", {})
    if not (isinstance(allow, list) and all(isinstance(entry, str) for entry in allow)):
        raise PopulaceError(f"{path}: allow must be a list of folders, as in: allow = ['/data']")
    if not (isinstance(keys, dict) and all(isinstance(entry, str) for entry in keys.values())):
        raise PopulaceError(f'{path}: [keys] must be a table of host = variable, as in: "host.org" = "VARIABLE"')
    return found
