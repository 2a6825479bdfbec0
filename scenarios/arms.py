"""Overrides: of a parent by the file that extends it, of the base by arms and sweeps, of everything by `--set`."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from populace.errors import did_you_mean
from populace.scenarios import hearing
from populace.scenarios.branching import BRANCH, branch_of, check_branch
from populace.scenarios.mistakes import Mistake, Path, dotted, show, unknown_key, wrong
from populace.scenarios.schema import CELL_KEYS, FRAME_KEYS
from populace.scenarios.source import parse
from populace.scenarios.tree import Node, Place, fail, nested, shown

MOST_CELLS = 10_000
"""Most arms times points of a sweep."""
_ROOTS = tuple(key for key in CELL_KEYS if key != "seed")
ABOUT = "about"
"""The key of an arm that changes nothing: what the arm is, in a sentence."""


@dataclass(frozen=True)
class Variant:
    """The tree of one cell before validation."""

    arm: str
    base_arm: str
    coordinates: dict[str, object]
    tree: Node


def merge(old: Node | None, new: Node, path: Path = ()) -> Node:
    """`old` changed by `new`: mappings are merged, lists by `{index: value}`, all else is replaced.

    Another world id or another policy starts its options afresh, another kind of distribution replaces the old one.
    """
    if old is None or not isinstance(new.value, dict):
        return new
    if isinstance(old.value, list) and new.value and all(key.isdigit() for key in new.value):
        return _merge_list(old, new, path)
    if not isinstance(old.value, dict) or _afresh(old, new, path):
        return new
    items = dict(old.value)
    for key, item in new.value.items():
        items[key] = merge(items.get(key), item, (*path, key))
    place = old if path else new
    return Node(items, place.place, place.key)


def _merge_list(old: Node, new: Node, path: Path) -> Node:
    assert isinstance(old.value, list)
    assert isinstance(new.value, dict)
    items = list(old.value)
    for key, item in new.value.items():
        if int(key) >= len(items):
            raise fail(
                f"{dotted(path)} has {len(items)} entries, numbered from 0; there is none at {key}",
                item.key or item.place,
            )
        items[int(key)] = merge(items[int(key)], item, (*path, int(key)))
    return Node(items, old.place, old.key)


def _afresh(old: Node, new: Node, path: Path) -> bool:
    if path == ("sweep",):
        return True
    choice = "id" if path == ("world",) else "policy" if len(path) == 2 and path[0] == "agents" else ""
    if choice:
        before, after = old.get(choice), new.get(choice)
        return after is not None and (before is None or before.value != after.value)
    if path and path[0] == "population" and isinstance(old.value, dict) and isinstance(new.value, dict):
        kinds = _kinds()
        ours, theirs = list(old.value), list(new.value)
        return len(ours) == len(theirs) == 1 and ours != theirs and {*ours, *theirs} <= kinds
    return False


def _kinds() -> set[str]:
    from populace.agents.users.distributions import Distribution

    return set(Distribution.model_fields)


def spelt_out(tree: Node) -> Node:
    """`tree` with a bare policy name written as `{policy: name}`."""
    agents = tree.get("agents")
    if agents is None or not isinstance(tree.value, dict) or not isinstance(agents.value, dict):
        return tree
    roles = {
        role: Node({"policy": node}, node.place, node.key) if isinstance(node.value, str) else node
        for role, node in agents.value.items()
    }
    return Node({**tree.value, "agents": replace(agents, value=roles)}, tree.place, tree.key)


def join(overrides: Iterable[tuple[str, Node]], place: Node, *, last_wins: bool = False) -> Node:
    """Dotted overrides as one tree, whatever their order.

    Raises:
        ScenarioError: Something is given twice, unless the last one wins.
    """
    tree = Node({}, place.place, place.key)
    for path, node in overrides:
        tree = _join(tree, spelt_out(nested(path, node)), (), last_wins)
    return tree


def _join(old: Node, new: Node, path: Path, last_wins: bool) -> Node:
    if isinstance(old.value, dict) and isinstance(new.value, dict):
        items = dict(old.value)
        for key, item in new.value.items():
            items[key] = _join(items[key], item, (*path, key), last_wins) if key in items else item
        return Node(items, old.place, old.key)
    if not last_wins:
        raise fail(f"{dotted(path)} is given twice here", new.spot)
    return new


def parse_sets(sets: Iterable[str]) -> list[tuple[str, Node]]:
    """`dotted.key=value` strings of the command line, values read as YAML.

    Raises:
        ScenarioError: One is not of that form.
    """
    found = []
    for text in sets:
        key, equals, value = text.partition("=")
        key = key.strip()
        note = hearing.note(key, text)
        if not equals or not all(key.split(".")):
            raise fail(f"{text!r} is no override: expected --set KEY=VALUE, e.g. --set population.size=5000", Place())
        if key.split(".")[0] == "extends":
            raise fail("a scenario's parent cannot be changed by --set; run the other scenario", Place(note=note))
        found.append((key, parse(value, note=note)))
    return found


def check_arms(root: Node) -> list[Mistake]:
    """Mistakes of form in `arms` and `sweep`."""
    mistakes = []
    arms = root.get("arms")
    if arms is not None and arms.value is not None:
        if not isinstance(arms.value, dict):
            mistakes.append(wrong(root, ("arms",), "a mapping of names to overrides"))
        else:
            for name, node in arms.value.items():
                mistakes += _check_arm(root, name, node)
            if not any(node.value is not False for node in arms.value.values()):
                mistakes.append(Mistake("arms: every arm is left out (false); at least one is needed", arms.spot))
    return mistakes + _check_sweep(root)


def _check_arm(root: Node, name: str, node: Node) -> Iterator[Mistake]:
    if not name or set(name) & set("[]=,/\\."):
        yield Mistake(f"arms: {name!r} cannot name an arm; leave out [ ] = , . / and \\", node.key or node.place)
    if isinstance(node.value, dict):
        if BRANCH in node.value:
            yield from check_branch(root, name, node)
        for key, item in node.value.items():
            if key == BRANCH:
                continue
            if key != ABOUT:
                yield from _check_target(root, ("arms", name), key, item)
            elif not isinstance(item.value, str):
                yield wrong(root, ("arms", name, ABOUT), "text, a sentence about the arm")
    elif node.value is not None and node.value is not False:
        yield wrong(root, ("arms", name), "a mapping of overrides (or false to leave the arm out)")


def _check_target(root: Node, within: Path, key: str, node: Node) -> Iterator[Mistake]:
    """What an arm or a sweep may change."""
    place, where = node.key or node.place, dotted(within)
    head = key.split(".")[0]
    if head == "seed":
        yield Mistake(
            f"{where}: the seed cannot differ: all arms and points of a sweep have common random numbers, so that "
            "differences between them are effects; for more repetitions raise `worlds`",
            place,
        )
    elif head in (*FRAME_KEYS, "arms", "sweep"):
        yield Mistake(
            f"{where}: {head!r} is one for the whole scenario; arms and sweeps change {', '.join(_ROOTS)}", place
        )
    elif head not in _ROOTS:
        known = (*_ROOTS, ABOUT, BRANCH) if within[0] == "arms" else _ROOTS
        yield Mistake(f"unknown key {head!r} in {where}{did_you_mean(head, known)}", place)
    elif not all(key.split(".")):
        yield Mistake(f"{where}: {key!r} is no dotted key such as population.size", place)


def _check_sweep(root: Node) -> list[Mistake]:
    sweep = root.get("sweep")
    if sweep is None or sweep.value is None:
        return []
    form = "`grid` (dotted key -> list of values) or `list` (mappings of dotted keys to values)"
    if not isinstance(sweep.value, dict):
        return [wrong(root, ("sweep",), f"a mapping with {form}")]
    unknown = [
        unknown_key(root, ("sweep", key), ("grid", "list")) for key in sweep.value if key not in ("grid", "list")
    ]
    if unknown:
        return unknown
    if len(sweep.value) != 1:
        return [Mistake(f"sweep: expected either {form}, given {len(sweep.value)} of them", sweep.spot)]
    return list(_check_grid(root) if "grid" in sweep.value else _check_list(root))


def _check_grid(root: Node) -> Iterator[Mistake]:
    grid = root.get("sweep", "grid")
    assert grid is not None
    if not isinstance(grid.value, dict) or not grid.value:
        yield wrong(root, ("sweep", "grid"), "a mapping of dotted keys to lists of values")
        return
    for key, node in grid.value.items():
        yield from _check_target(root, ("sweep", "grid"), key, node)
        if not isinstance(node.value, list) or not node.value:
            yield wrong(root, ("sweep", "grid", key), "a list of values")


def _check_list(root: Node) -> Iterator[Mistake]:
    points = root.get("sweep", "list")
    assert points is not None
    if not isinstance(points.value, list) or not points.value:
        yield wrong(root, ("sweep", "list"), "a list of mappings, dotted key to value")
        return
    for index, point in enumerate(points.value):
        if not isinstance(point.value, dict) or not point.value:
            yield wrong(root, ("sweep", "list", index), "a mapping, dotted key to value")
            continue
        for key, node in point.value.items():
            yield from _check_target(root, ("sweep", "list", index), key, node)


def variants(root: Node) -> list[Variant]:
    """Every arm at every point of the sweep, all arms of a point together.

    Raises:
        ScenarioError: There are too many, or two are the same.
    """
    assert isinstance(root.value, dict)
    base = Node({key: node for key, node in root.value.items() if key in CELL_KEYS}, root.place, root.key)
    arms = arm_nodes(root)
    points = _points(root)
    if len(arms) * len(points) > MOST_CELLS:
        sweep = root.get("sweep")
        assert sweep is not None
        raise fail(f"{len(arms)} arms times {len(points):,} points are more than {MOST_CELLS:,} cells", sweep.spot)
    found: dict[str, Variant] = {}
    for point in points:
        coordinates = {key: shown(node) for key, node in point.items()}
        label = ",".join(f"{key}={_short(value)}" for key, value in coordinates.items())
        for name, node in arms.items():
            full = f"{name}[{label}]" if label else name
            if full in found:
                raise fail(f"sweep: the point {label} is there twice", next(iter(point.values())).place)
            tree = base
            if (branch := branch_of(node)) is not None and isinstance((first := arms[branch[0]]).value, dict):
                tree = merge(tree, join(_overrides(first), root))
            if isinstance(node.value, dict):
                tree = merge(tree, join(_overrides(node), root))
            if point:
                tree = merge(tree, join(point.items(), root))
            found[full] = Variant(full, name, coordinates, tree)
    return list(found.values())


def _overrides(arm: Node) -> list[tuple[str, Node]]:
    """What an arm changes: everything but its `about` and where it branches off."""
    assert isinstance(arm.value, dict)
    return [(key, node) for key, node in arm.value.items() if key not in (ABOUT, BRANCH)]


def abouts(root: Node) -> dict[str, str]:
    """Arm -> what it is, of the arms that say so."""
    found = {name: node.get(ABOUT) for name, node in arm_nodes(root).items() if isinstance(node.value, dict)}
    return {name: str(about.value) for name, about in found.items() if about is not None}


def arm_nodes(root: Node) -> dict[str, Node]:
    """The arms that are not left out; `main` alone when there are none."""
    arms = root.get("arms")
    if arms is None or not isinstance(arms.value, dict) or not arms.value:
        return {"main": Node(None, root.place)}
    return {name: node for name, node in arms.value.items() if node.value is not False}


def _points(root: Node) -> list[dict[str, Node]]:
    grid, listed = root.get("sweep", "grid"), root.get("sweep", "list")
    if grid is not None and isinstance(grid.value, dict):
        axes = [node.value for node in grid.value.values() if isinstance(node.value, list)]
        total = 1
        for axis in axes:
            total *= len(axis)
        if total > MOST_CELLS:
            raise fail(f"the grid has {total:,} points; at most {MOST_CELLS:,} cells are run", grid.spot)
        return [dict(zip(grid.value, values, strict=True)) for values in itertools.product(*axes)]
    if listed is not None and isinstance(listed.value, list):
        return [dict(point.value) for point in listed.value if isinstance(point.value, dict)]
    return [{}]


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_short(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_short, value)) + "]"
    return value if isinstance(value, str) else show(value) if isinstance(value, bool) else str(value)
