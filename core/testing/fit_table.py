"""The tables of docs/architecture.md that say how the worlds fit: made from manifests and roles, never by hand.

    python -m populace.testing.fit_table docs/architecture.md

rewrites the part of the page between the two marks; a test holds that it is up to date.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from populace.builder import Built, build
from populace.fields import Field
from populace.manifest import Manifest
from populace.registry import manifests

BEGIN, END = "<!-- made by populace.testing.fit_table: begin -->", "<!-- end -->"

OPTIONS: dict[str, Mapping[str, object]] = {
    "populace/drift-v0": {"audit_budget": 0.2},
    "populace/shopping-v0": {"phases": ["offer", "delegate", "search", "message", "decide", "audit"]},
}
"""Options that bring all roles of a world, where its defaults do not."""


def tables() -> str:
    """Two tables in Markdown: one row per world of this library, and one row per role."""
    found = [manifest for world_id in manifests.shipped() if (manifest := manifests.get(world_id)) is not None]
    made = {manifest.id: [_built(manifest, users) for users in (12, 24)] for manifest in found}
    worlds = [_world(manifest, made[manifest.id][0]) for manifest in found]
    roles = [row for manifest in found for row in _roles(manifest, *made[manifest.id])]
    return "\n\n".join(
        (
            _table(("world", "phases of a tick", "ends by itself", "text face", "audits", "page"), worlds),
            _table(("world", "role", "seats", "acts in", "does", "by default"), roles),
        )
    )


def rewritten(page: str) -> str:
    """The page with its tables as they are today."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def _built(manifest: Manifest, users: int) -> Built:
    return build(manifest.id, options=OPTIONS.get(manifest.id), users=users, without=None)


def _world(manifest: Manifest, built: Built) -> list[str]:
    world = built.world
    page = Path(manifest.docs).name
    return [
        manifest.short,
        ", ".join(world.phases),
        "yes" if world.ends else "no",
        "of its own" if world.dialogue() is not None else "from its fields",
        ", ".join(f"`{name}`" for name in manifest.audits) or "none",
        f"[{page.removesuffix('.md')}](worlds/{page})",
    ]


def _roles(manifest: Manifest, few: Built, many: Built) -> Iterable[list[str]]:
    users = (few.population.census.size, many.population.census.size)
    for name, role in few.world.cast.items():
        other = many.world.cast[name]
        default = few.world.defaults.get(name, "")
        yield [
            manifest.short,
            f"{name} (with some options)" if name in few.world.optional else name,
            _size(role.seats, other.seats, users),
            ", ".join(role.phases),
            ", ".join(f"{f.name} ({_kind(f, g, users)})" for f, g in zip(role.does, other.does, strict=True)),
            f"`{default}`" if default else "none",
        ]


def _size(few: int, many: int, users: tuple[int, int]) -> str:
    """A number in words that depends on the number of users in a line: the same, one per user, or some more."""
    if few == many:
        return str(few)
    more = few - users[0]
    if many - users[1] != more:
        return "depends on users"
    return f"one per user and {more} more" if more else "one per user"


def _kind(f: Field, g: Field, users: tuple[int, int]) -> str:
    sizes = " x ".join(_size(a, b, users) for a, b in zip(f.shape, g.shape, strict=True))
    return f"{f.kind}{f' of {len(f.labels)}' if f.labels else ''}{f', {sizes}' if sizes else ''}"


def _table(head: tuple[str, ...], rows: Iterable[list[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(rewritten(target.read_text(encoding="utf-8")), encoding="utf-8")
