"""Worlds, policies and measures by name, by `module:attribute`, or by a plug-in's entry point; all of them lazily."""

import importlib
import warnings
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any

from populace.errors import OldName, PopulaceError, UnknownName
from populace.imports import imported


class Registry:
    """Names of one kind of thing, imported when first asked for.

    Args:
        kind: What they are, for messages: `world`, `policy`, `measure`.
        catalogue: `module:attribute` of the mapping name -> `module:attribute` of our own.
        group: Entry point group in which other packages announce theirs.
        aliases: `module:attribute` of the mapping former name -> name of our own, or "".
    """

    def __init__(self, kind: str, catalogue: str, group: str, aliases: str = "") -> None:
        self.kind, self.group, self._catalogue, self._aliases = kind, group, catalogue, aliases
        self._added: dict[str, Any] = {}

    def register(self, name: str, target: Any) -> None:
        """Add `target` (the thing itself, or `module:attribute`) under `name`."""
        self._added[name] = target

    def names(self) -> list[str]:
        """All names known here, sorted."""
        return sorted({*self.announced, *self._ours(), *self._added})

    def get(self, name: str, within: str = "") -> Any:
        """The thing called `name`; in the room `within`, `within/name` comes before `name`.

        Raises:
            UnknownName: Nothing is called so.
            PopulaceError: `module:attribute` cannot be imported.
        """
        if ":" in name:
            return load(name, self.kind)
        name = self.current(name, within)
        for full in (f"{within}/{name}", name) if within else (name,):
            target = self._find(full)
            if target is not None:
                return load(target, self.kind) if isinstance(target, str) else target
        prefix = f"{within}/"
        known = (
            {n.removeprefix(prefix) for n in self.names() if n.startswith(prefix) or "/" not in n}
            if within
            else self.names()
        )
        raise UnknownName(self.kind, name, known)

    def current(self, name: str, within: str = "") -> str:
        """What `name` is called today: itself, or what took its place, with an `OldName` warning."""
        if not self._aliases or ":" in name:
            return name
        aliases = _attribute(self._aliases)
        for prefix in (f"{within}/", "") if within else ("",):
            if (full := prefix + name) in aliases and self._find(full) is None:
                today = str(aliases[full]).removeprefix(prefix)
                text = f"the {self.kind} {name!r} is now called {today!r}; write that, as the old name will go"
                warnings.warn(text, OldName, stacklevel=3)
                return today
        return name

    def _find(self, name: str) -> Any:
        if name in self._added:
            return self._added[name]
        if name in (ours := self._ours()):
            return ours[name]
        return self.announced.get(name)

    @cached_property
    def announced(self) -> dict[str, str]:
        """Name -> `module:attribute` of what other packages announce."""
        # Read once: it takes milliseconds, and a sweep asks thousands of times.
        return {point.name: point.value for point in entry_points(group=self.group)}

    def _ours(self) -> dict[str, str]:
        return _attribute(self._catalogue)


def _attribute(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def load(target: str, kind: str = "object") -> Any:
    """Import `module:attribute`, if it is installed or the user's word covers it.

    Raises:
        NeedsWord: It is not installed, and a stranger's file names it; nothing was imported.
        PopulaceError: The module or the attribute is not there, or the module fails when it is imported.
    """
    module, _, attribute = target.partition(":")
    try:
        found: Any = imported(target)
    except PopulaceError:
        raise
    except ImportError as error:
        raise PopulaceError(
            f"cannot import the {kind} {target!r}: {error}; it must be 'module:attribute', installed or beside the "
            "scenario or in the working folder"
        ) from error
    except (Exception, SystemExit) as error:
        raise PopulaceError(
            f"cannot import the {kind} {target!r}: its module fails with {type(error).__name__}: {error}"
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise UnknownName(f"attribute of {module}", attribute, (n for n in vars(found) if not n.startswith("_")))
        found = getattr(found, part)
    return found


def room(world_id: str, world: type) -> str:
    """The prefix of a world's own policies: `coevolution` for `populace/coevolution-v0`.

    A world without policies of that prefix uses those of the package it is defined in.
    """
    short = world_id.split(":")[-1].split("/")[-1].rsplit("-v", 1)[0]
    prefixes = {name.split("/")[0] for name in policies.names() if "/" in name}
    if short in prefixes:
        return short
    return next((part for part in reversed(world.__module__.split(".")) if part in prefixes), short)


worlds = Registry("world", "populace.envs:WORLDS", "populace.worlds")
policies = Registry("policy", "populace.agents:POLICIES", "populace.policies", "populace.agents:ALIASES")
measures = Registry("measure", "populace.analysis:MEASURES", "populace.measures")
