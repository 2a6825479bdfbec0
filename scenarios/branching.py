"""Arms that branch off another arm at a tick: what if, from there on, the policies or the mechanism had been other?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from populace.errors import PopulaceError, UnknownName
from populace.outcomes import REFERENCE, START
from populace.scenarios.mistakes import Mistake, missing_key, spot, unknown_key, wrong
from populace.scenarios.schema import BranchPoint, Cell
from populace.scenarios.tree import Node, Place

BRANCH = "branch"
"""The key of an arm that says which arm it is at first, and until when."""
_KEYS = ("from", "at")
_CHANGED = ("agents", "world")
"""What an arm that branches off may change: people and the size of the run are those of the other arm."""


def check_branch(root: Node, name: str, node: Node) -> Iterator[Mistake]:
    """Mistakes of form in the `branch` of an arm, and in what the arm changes."""
    path = ("arms", name, BRANCH)
    branch = node.get(BRANCH)
    assert branch is not None
    assert isinstance(node.value, dict)
    if not isinstance(branch.value, dict):
        yield wrong(root, path, "a mapping with `from` (an arm) and `at` (a tick)")
        return
    for key in branch.value:
        if key not in _KEYS:
            yield unknown_key(root, (*path, key), _KEYS)
    for key in _KEYS:
        if key not in branch.value:
            yield missing_key(root, (*path, key))
    source, at = branch.get("from"), branch.get("at")
    arms = root.get("arms")
    assert arms is not None
    assert isinstance(arms.value, dict)
    if source is not None:
        other = arms.value.get(str(source.value))
        if not isinstance(source.value, str):
            yield wrong(root, (*path, "from"), "text, an arm's name")
        elif source.value == name or other is None or other.value is False:
            known = [arm for arm, given in arms.value.items() if arm != name and given.value is not False]
            yield Mistake(f"arms.{name}.branch.from: {UnknownName('arm', source.value, known)}", source.place)
        elif isinstance(other.value, dict) and BRANCH in other.value:
            yield Mistake(f"arms.{name}.branch.from: {source.value!r} branches off another arm itself", source.place)
    if at is not None and (type(at.value) is not int or at.value < 1):
        yield wrong(root, (*path, "at"), "a whole number of at least 1, the last tick that both arms share")
    for key, item in node.value.items():
        head = key.split(".")[0]
        if head not in (BRANCH, "about", *_CHANGED):
            yield Mistake(
                f"arms.{name}: {head!r} cannot change in the middle of a run; an arm that branches off changes "
                f"{' and '.join(_CHANGED)}",
                item.key or item.place,
            )


def branch_of(node: Node) -> tuple[str, int] | None:
    """(arm, tick) where an arm branches off, of a scenario whose arms were checked."""
    if not isinstance(node.value, dict) or BRANCH not in node.value:
        return None
    source, at = node.get(BRANCH, "from"), node.get(BRANCH, "at")
    assert source is not None
    assert at is not None
    assert isinstance(at.value, int)
    return str(source.value), at.value


def linked(cells: Sequence[Cell], arms: Mapping[str, Node], root: Node) -> tuple[list[Cell], list[Mistake]]:
    """The cells, each that branches off with the cell that it is at first; and what is wrong with that."""
    by_name = {cell.arm: cell for cell in cells}
    found, mistakes = [], dict[Mistake, None]()
    for cell in cells:
        branch = branch_of(arms[cell.base_arm])
        source = None if branch is None else by_name.get(branch[0] + cell.arm.removeprefix(cell.base_arm))
        if branch is None or source is None:
            found.append(cell)
            continue
        path = ("arms", cell.base_arm, BRANCH)
        if branch[1] >= cell.horizon * cell.episodes:
            error = f"the run ends at tick {cell.horizon * cell.episodes:,}; branch off before it"
            mistakes[Mistake(f"arms.{cell.base_arm}.branch.at: {error}", spot(root, (*path, "at")))] = None
        if (source.agents, source.world_options) == (cell.agents, cell.world_options):
            error = f"nothing is other than in {branch[0]!r}; change agents or world"
            mistakes[Mistake(f"arms.{cell.base_arm}: {error}", spot(root, ("arms", cell.base_arm)))] = None
        found.append(replace(cell, branch=BranchPoint(source, branch[1])))
    return found, list(mistakes)


def fresh_roles(cell: Cell) -> tuple[str, ...]:
    """Roles that another policy plays after the branch, or the same with other options: they begin with no memory."""
    assert cell.branch is not None
    before = cell.branch.cell.agents
    return tuple(role for role, played in cell.agents.items() if before.get(role) != played)


def what_if(root: Node, arm: str, at: int, overrides: Sequence[tuple[str, Node]]) -> Node:
    """A scenario of two arms: one of this scenario as it was, and what it becomes if changed after tick `at`.

    Args:
        root: The scenario, with its parents worked in.
        arm: The arm, or a cell of a sweep by its full name.
        at: The last tick that both share.
        overrides: Dotted key -> node, what changes.

    Raises:
        UnknownName: There is no such arm.
        PopulaceError: Nothing is changed, or the arm branches off another one itself.
    """
    from populace.scenarios.arms import arm_nodes, join, merge, variants

    if not overrides:
        raise PopulaceError("say what is other from there on, e.g. --set agents.assistant.policy=NAME")
    plan = {variant.arm: variant for variant in variants(root)}
    if arm not in plan:
        raise UnknownName("arm", arm, plan)
    own, nowhere = arm_nodes(root)[plan[arm].base_arm], Place()
    if branch_of(own) is not None:
        raise PopulaceError(f"the arm {arm!r} branches off another one itself; branch from that one")
    assert isinstance(root.value, dict)
    name = root.get("name")
    base = {key: node for key, node in root.value.items() if key not in ("arms", "sweep", "design", "reference")}
    outcomes = base.get("outcomes")
    if outcomes is not None and isinstance(outcomes.value, list):
        # Of the other arms nothing is left to compare with.
        kept = [
            one for one in outcomes.value if (with_ := one.get("contrast")) is None or with_.value in (REFERENCE, START)
        ]
        base["outcomes"] = replace(outcomes, value=kept)
    tree = plan[arm].tree
    assert isinstance(tree.value, dict)
    factual, counter = plan[arm].base_arm, f"{plan[arm].base_arm} from {at}"
    changed = join(overrides, root)
    assert isinstance(changed.value, dict)
    branch = Node({"from": Node(factual, nowhere), "at": Node(at, nowhere)}, nowhere)
    about = {"about": found} if (found := own.get("about")) is not None else None
    arms: dict[str, Any] = {
        factual: Node(about, nowhere),
        counter: Node({BRANCH: branch, **changed.value}, nowhere),
    }
    whole = Node({**base, **tree.value}, root.place)
    made = {"arms": Node(arms, nowhere), "reference": Node(factual, nowhere)}
    made["name"] = Node(f"{name.value if name is not None else 'run'} what if", nowhere)
    return merge(whole, Node(made, nowhere))
