"""What a world brings along, named in one object: how `populace` finds everything that belongs to it.

A package announces each of its worlds by an entry point of the group `populace.worlds`. The entry point's name is the
world's id and its value is `module:attribute` of a `Manifest`:

    [project.entry-points."populace.worlds"]
    "own/feed-v0" = "own_world.manifest:MANIFEST"

The worlds of this library are announced in the same way. The module that holds a manifest should import nothing heavy,
because it is read when worlds are listed. All other modules are given as text and imported when they are needed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from populace.errors import PopulaceError

if TYPE_CHECKING:
    from populace.outcomes import Outcome

_ID = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+-v\d+")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything that belongs to one world. Roles, fields and measures are declared by the world's class itself.

    Attributes:
        id: `namespace/name-vN`, as in the world's class.
        world: `module:class` of the world.
        about: One sentence for lists of worlds.
        policies: Name -> `module:class` of the policies written for this world. Scenarios of the world call them by
            this name, everybody else by `<short>/<name>`.
        aliases: Former name of a policy -> its present one; the former name still works and gives a warning.
        scenarios: Package, or `package:folder`, that holds the world's scenario files (`*.yaml`), or "".
        report: `module:function` of the world's report sections: a function of a `populace.analysis.RunData` that
            returns a list of `populace.analysis.Section`, or "".
        audits: Name -> `module:function` of instruments that `populace audit NAME RUN` offers for runs of this world: a
            function of a `RunData` that returns a data frame, or raises `RunError` where nothing was recorded for it.
        docs: Path within the package's repository, or address, of the page that describes the world, or "".
        outcomes: What reports of scenarios that name no `outcomes` themselves speak of first: measures of the world.

    Raises:
        PopulaceError: The id does not have its form.
    """

    id: str
    world: str
    about: str = ""
    policies: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    scenarios: str = ""
    report: str = ""
    audits: Mapping[str, str] = field(default_factory=dict)
    docs: str = ""
    outcomes: "tuple[Outcome, ...]" = ()

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise PopulaceError(f"a world's id is 'namespace/name-v0', with a version at its end; got {self.id!r}")

    @property
    def short(self) -> str:
        """`drift` for `populace/drift-v0`: the prefix of the world's own policies and the stem of its views' module."""
        return short_name(self.id)


def short_name(world_id: str) -> str:
    """`drift` for `populace/drift-v0`."""
    return world_id.rpartition("/")[2].rpartition("-v")[0] or world_id
