"""Worlds, policies and measures by name, by `module:attribute`, or by a plug-in's entry point; all of them lazily.

What belongs to a world is found through its manifest (`populace.manifest`), of shipped worlds and plug-ins alike.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from populace.errors import Notice, OldName, PopulaceError, UnknownName
from populace.imports import imported
from populace.manifest import Manifest, short_name


class Manifests:
    """The manifests of all installed worlds, read when first asked for."""

    def __init__(self) -> None:
        self._added: dict[str, Manifest] = {}
        self._read: dict[str, Manifest] = {}
        self._broken: dict[str, str] = {}

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        # Read once, because it takes milliseconds and a sweep asks thousands of times. Ours come first: a plug-in
        # cannot take the id of a world of this library.
        found: dict[str, EntryPoint] = {}
        for point in sorted(entry_points(group="populace.worlds"), key=lambda p: not p.value.startswith("populace.")):
            found.setdefault(point.name, point)
        return found

    def register(self, manifest: Manifest) -> None:
        """Add a world in this process only, as an entry point does for every process (in a notebook, or a test)."""
        self._added[manifest.id] = manifest

    @property
    def added(self) -> frozenset[str]:
        """Ids of the worlds that were registered in this process only."""
        return frozenset(self._added)

    def ids(self) -> list[str]:
        """Ids of all known worlds, in alphabetical order; nothing is imported."""
        return sorted({*self._points, *self._added})

    def shipped(self) -> list[str]:
        """Ids of the worlds of this library."""
        return sorted(name for name, point in self._points.items() if point.value.startswith("populace."))

    def get(self, world_id: str) -> Manifest | None:
        """The manifest of an installed world, or None.

        Raises:
            PopulaceError: A plug-in announces the world and its manifest cannot be read.
        """
        if world_id in self._added:
            return self._added[world_id]
        if world_id in self._broken:
            raise PopulaceError(self._broken[world_id])
        if world_id not in self._read:
            if world_id not in self._points:
                return None
            try:
                self._read[world_id] = _manifest(self._points[world_id])
            except PopulaceError as error:
                self._broken[world_id] = str(error)
                raise
        return self._read[world_id]

    def others(self) -> Iterator[Manifest]:
        """The manifests of plug-ins."""
        ours = set(self.shipped()) - {*self._added}
        return self._readable(world_id for world_id in self.ids() if world_id not in ours)

    def __iter__(self) -> Iterator[Manifest]:
        """All manifests that can be read. A plug-in that is broken is left out with a warning, once."""
        return self._readable(self.ids())

    def _readable(self, ids: Iterable[str]) -> Iterator[Manifest]:
        for world_id in ids:
            known = world_id in self._broken
            try:
                found = self.get(world_id)
            except PopulaceError as error:
                if not known:
                    warnings.warn(f"the world {world_id!r} is left out: {error}", Notice, stacklevel=2)
                continue
            if found is not None:
                yield found


def _manifest(point: EntryPoint) -> Manifest:
    try:
        found = load(point.value, "manifest of a world")
    except PopulaceError:
        raise
    except Exception as error:
        raise PopulaceError(f"{point.value} cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(found, Manifest):
        raise PopulaceError(
            f"the entry point {point.name!r} of the group populace.worlds names {point.value}, which is a "
            f"{type(found).__name__}; expected a populace.manifest.Manifest"
        )
    if found.id != point.name:
        raise PopulaceError(
            f"the entry point {point.name!r} of the group populace.worlds names the manifest of {found.id!r}; both "
            "must be the same id"
        )
    return found


class Registry:
    """Names of one kind of thing, imported when first asked for; what a name leads to is `Any`, as with `getattr`.

    Args:
        kind: What they are, for messages: `world`, `policy`, `measure`.
        group: Entry point group in which other packages announce theirs, or "" if only manifests do.
        catalogue: Returns name -> `module:attribute` of what manifests and this library announce.
        aliases: Returns former name -> present name.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        catalogue: Callable[[], Mapping[str, str]],
        aliases: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.kind, self.group, self._catalogue, self._aliases = kind, group, catalogue, aliases
        self._added: dict[str, object] = {}

    def register(self, name: str, target: object) -> None:
        """Add `target` (the thing itself, or `module:attribute`) under `name`, in this process only."""
        self._added[name] = target

    @property
    def added(self) -> frozenset[str]:
        """Names that were registered in this process only."""
        return frozenset(self._added)

    def names(self) -> list[str]:
        """All names known here, in alphabetical order."""
        return sorted({*self.announced, *self._catalogue(), *self._added})

    def get(self, name: str, within: str = "") -> Any:
        """The thing called `name`, of whatever type; inside the world `within`, `within/name` comes before `name`.

        Raises:
            UnknownName: Nothing has this name.
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
        """The present name: what is given, or, with an `OldName` warning, what took the place of a former name."""
        if ":" in name:
            return name
        former = self._aliases()
        for prefix in (f"{within}/", "") if within else ("",):
            if (full := prefix + name) in former and self._find(full) is None:
                today = former[full].removeprefix(prefix)
                text = f"the {self.kind} {name!r} is now called {today!r}; use that, as the old name will be removed"
                warnings.warn(text, OldName, stacklevel=3)
                return today
        return name

    def _find(self, name: str) -> Any:
        if name in self._added:
            return self._added[name]
        if name in (ours := self._catalogue()):
            return ours[name]
        return self.announced.get(name)

    @cached_property
    def announced(self) -> dict[str, str]:
        """Name -> `module:attribute` of what other packages announce."""
        return {point.name: point.value for point in entry_points(group=self.group)} if self.group else {}


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
            f"cannot import the {kind} {target!r}: {error}; it must be 'module:attribute' of a module that is "
            "installed, or in the scenario's folder or the working folder"
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


def policy_prefix(world: type) -> str:
    """The prefix of a world's own policies: `coevolution` for the class whose id is `populace/coevolution-v0`.

    A class without policies of its own uses those of the nearest world it is derived from.
    """
    ids = [str(kind.__dict__["id"]) for kind in world.__mro__ if "id" in kind.__dict__]
    prefixes = {name.split("/")[0] for name in policies.names() if "/" in name}
    shorts = [short_name(world_id) for world_id in ids]
    return next((short for short in shorts if short in prefixes), shorts[0] if shorts else "")


def registered() -> set[str]:
    """Names that were registered in this process only, which other processes do not know."""
    named = {name for registry in (worlds, policies, measures, recorded) for name in registry.added}
    return named | set(manifests.added)


def _worlds() -> dict[str, str]:
    return {manifest.id: manifest.world for manifest in manifests}


def _policies() -> dict[str, str]:
    general: Mapping[str, str] = load("populace.agents:POLICIES", "list of policies")
    return {**general, **{f"{m.short}/{name}": target for m in manifests for name, target in m.policies.items()}}


def shipped_policies() -> list[str]:
    """Names of the policies of this library."""
    general: Mapping[str, str] = load("populace.agents:POLICIES", "list of policies")
    ours = [manifest for world_id in manifests.shipped() if (manifest := manifests.get(world_id)) is not None]
    return sorted([*general, *(f"{manifest.short}/{name}" for manifest in ours for name in manifest.policies)])


def _former_policies() -> dict[str, str]:
    return {f"{m.short}/{old}": f"{m.short}/{new}" for m in manifests for old, new in m.aliases.items()}


def _measures() -> Mapping[str, str]:
    found: Mapping[str, str] = load("populace.analysis:MEASURES", "list of measures")
    return found


manifests = Manifests()
worlds = Registry("world", "", _worlds)
policies = Registry("policy", "populace.policies", _policies, _former_policies)
measures = Registry("measure", "populace.measures", _measures)
recorded = Registry("recorded measure", "populace.recorded", dict)
