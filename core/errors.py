"""The package's own exceptions: what was given, what was expected, how to mend it, and where.

Everything a user can get wrong ends in a `PopulaceError`; the command line prints it without a traceback.
`assert` is for this library's own invariants only.
"""

import difflib
import re
from collections.abc import Iterable
from types import FunctionType

from populace.names import quoted


class PopulaceError(Exception):
    """A mistake the user can mend; its text says how."""


class UnknownName(PopulaceError):
    """A name that no registry, scenario or population knows; suggests the nearest one that it does."""

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        self.kind, self.given, self.known = kind, given, sorted(known)
        super().__init__(f"unknown {kind} {quoted(given)}{did_you_mean(given, self.known)}")


class OldName(DeprecationWarning):
    """Something was given by a name that it no longer has; the command line prints it as one line."""


class Notice(UserWarning):
    """A remark that users should read though nothing is wrong; the command line prints it as one line."""


class MissingExtra(PopulaceError):
    """An optional dependency is not installed; the text holds the line that installs it."""

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(f'{feature} needs {package}, which is not installed: pip install "populace[{extra}]"')


class ActionError(PopulaceError):
    """A policy returned something its role's fields do not allow."""


class PolicyError(PopulaceError):
    """A policy raised an error of its own; the text names it, the phase and the line."""


class DrawnTwice(PopulaceError):
    """The same purpose was drawn twice at one place, so two numbers meant to differ would be equal."""


class RunError(PopulaceError):
    """A run folder or a saved run cannot be read or continued."""


class Stopped(PopulaceError):
    """A limit that was set is reached: a run stops there, loses nothing, and can be resumed.

    Args:
        message: Which limit, and what it stands at.
        option: The option that holds it, or "".
    """

    def __init__(self, message: str, option: str = "") -> None:
        self.option = option
        super().__init__(message)


class OptionError(PopulaceError):
    """Options that are valid alone and do not fit each other or their data, found when a world or population is built.

    Args:
        message: What was given, what was expected and how to mend it.
        keys: Keys of a scenario that may be mended, as paths, the likeliest first; the first that was given is shown.
    """

    def __init__(self, message: str, *keys: tuple[str, ...]) -> None:
        self.message, self.keys = message, keys
        super().__init__(f"{'.'.join(keys[0])}: {message}" if keys else message)


class ScenarioError(PopulaceError):
    """A mistake in a scenario file, with its place.

    Args:
        message: What was given and what was expected.
        file: The file as the user named it, or None for a mapping given in Python.
        line: 1-based line, or None.
        column: 1-based column, or None.
        hint: How to mend it.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str = "",
    ) -> None:
        self.message, self.file, self.line, self.column, self.hint = message, file, line, column, hint
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        super().__init__(": ".join(part for part in (place, message) if part) + (f" ({hint})" if hint else ""))


def check_spelling(cls: type, known: Iterable[str]) -> None:
    """Refuse a class whose own attribute is almost called like one that its base reads, so that it would do nothing.

    Raises:
        PopulaceError: Names the class, the attribute, and what was probably meant.
    """
    names = {name.casefold(): name for name in known}
    for given, value in vars(cls).items():
        if given in names.values() or given.startswith("_") or isinstance(value, (FunctionType, property)):
            continue
        folded = given.casefold()
        near = [name for name in names if folded in (name, f"{name}s") or f"{folded}s" == name]
        near = near or difflib.get_close_matches(folded, [name for name in names if len(name) > 8], n=1, cutoff=0.9)
        if near:
            raise PopulaceError(
                f"{cls.__qualname__}.{given}: nothing reads an attribute of this name; did you mean "
                f"{names[near[0]]!r}? A name of its own begins with an underscore"
            )


def did_you_mean(given: str, known: Iterable[str], most: int = 12) -> str:
    """Return '; did you mean X?' for a near miss, else '; expected one of ...', else ''."""
    names = sorted(known)
    near = [name for name in names if name.casefold() == given.casefold()]
    near = near or [name for name in names if _last(name) == given.casefold()][:3]
    near = near or difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {' or '.join(map(quoted, near))}?"
    if not names:
        return ""
    shown = [name if len(name) <= 80 else f"{name[:77]}..." for name in names[:most]]
    return f"; expected one of: {', '.join(shown)}{', ...' if len(names) > most else ''}"


def _last(name: str) -> str:
    """Return a name's last part without its version: `mirror` of `a/mirror`, `drift` of `populace/drift-v0`."""
    return re.sub(r"-v\d+$", "", name.casefold().rpartition("/")[2])
