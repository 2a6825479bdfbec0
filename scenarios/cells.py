"""Validates every cell: its world, population and policies, each by its own options model."""

import difflib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from populace import trust
from populace.builder import policy_class, world_class
from populace.errors import OptionError, PopulaceError, UnknownName
from populace.manifest import short_name
from populace.options import Options
from populace.registry import manifests, policies, policy_prefix
from populace.scenarios.arms import Variant
from populace.scenarios.building import make_population
from populace.scenarios.checking import check
from populace.scenarios.mistakes import Mistake, dotted, missing_key, spot, unknown_key, unknown_name, wrong
from populace.scenarios.schema import Cell, CellFrame
from populace.scenarios.tree import Node, plain
from populace.wordings import Worded, Wordings
from populace.world import AnyWorld


def make_cells(plan: list[Variant], reference: str, root: Node, folder: Path) -> tuple[list[Cell], list[Mistake]]:
    """The valid cells, and the mistakes of the others.

    Args:
        plan: The trees of all cells.
        reference: The arm that the others are compared with.
        root: The whole scenario, to tell what stands in arms and sweep.
        folder: Where relative paths of data files start.
    """
    maker, cells = _Maker(folder), []
    met: dict[Mistake, list[str]] = {}
    for variant in plan:
        cell, mistakes = maker.make(variant, reference)
        if cell is not None:
            cells.append(cell)
        for mistake in mistakes:
            met.setdefault(mistake, []).append(variant.arm)
    own = {node.spot for key in ("arms", "sweep") if (section := root.get(key)) for node in section.walk()}
    told = []
    for mistake, arms in met.items():
        if len(arms) < len(plan) and mistake.place not in own:
            mistake = replace(mistake, text=f"{mistake.text} (in arm {arms[0]})")
        told.append(mistake)
    return cells, told


class _Cast(NamedTuple):
    """What is known of a world before it is built: names of its roles, segments and measures, and its wordings."""

    roles: tuple[str, ...]
    segments: tuple[str, ...]
    measures: tuple[str, ...]
    wordings: Wordings | None


class _Maker:
    """Makes cells; worlds are built once to learn their roles, however many cells share them."""

    def __init__(self, folder: Path) -> None:
        self.context = {"folder": folder, "base": folder}
        self.casts: dict[str, _Cast | PopulaceError] = {}
        self.first: tuple[str, str] | None = None  # the first arm and the world it plays

    def make(self, variant: Variant, reference: str) -> tuple[Cell | None, list[Mistake]]:
        tree = variant.tree
        frame, mistakes = check(CellFrame, tree, ())
        world_id, world, found = _world(tree)
        mistakes += found
        if world is None:
            return None, mistakes
        mistakes += self._other_world(variant, world.id)
        options, found = check(world.Options, tree, ("world",), without=("id",), context=self.context)
        mistakes += found
        population, found = self._population(tree)
        mistakes += found
        known = None
        if options is not None and not found and _is_mapping_or_absent(tree.get("population")):
            known, found = self._roles(tree, world, options, population)
            mistakes += found
        agents, found = self._agents(tree, world_id, world, known)
        mistakes += found
        if mistakes or frame is None or options is None:
            return None, mistakes
        label = variant.arm.removeprefix(variant.base_arm)
        return Cell(
            arm=variant.arm,
            base_arm=variant.base_arm,
            coordinates=variant.coordinates,
            reference=reference + label,
            world_id=world_id,
            world_options=options,
            population=population,
            agents=agents,
            worlds=frame.worlds,
            horizon=frame.horizon,
            episodes=frame.episodes,
            seed=frame.seed,
            word=trust.current(),
            measures=known.measures if known is not None else (),
        ), []

    def _other_world(self, variant: Variant, world_id: str) -> list[Mistake]:
        """An arm or a point of a sweep plays another world than the first one."""
        self.first = self.first or (variant.arm, world_id)
        arm, first = self.first
        if world_id == first:
            return []
        text = (
            f"world.id: the arm {variant.arm!r} plays {world_id}, and {arm!r} plays {first}; arms and points of a "
            "sweep are compared world by world and measure by measure, so all must play one world: write a scenario "
            "for each"
        )
        return [Mistake(text, spot(variant.tree, ("world", "id")))]

    def _population(self, tree: Node) -> tuple[Any, list[Mistake]]:
        node = tree.get("population")
        if node is None or not isinstance(node.value, dict):
            return None, []  # absent, or the frame has said so
        from populace.agents.users import PopulationSpec

        return check(PopulationSpec, tree, ("population",), context=self.context)

    def _roles(
        self, tree: Node, world: type[AnyWorld], options: Options, population: Any
    ) -> tuple["_Cast | None", list[Mistake]]:
        """The world's roles, which depend on who lives there, and the segments."""
        nodes = [tree.get(key) for key in ("world", "population")]
        key = json.dumps([world.__qualname__, *(plain(node) if node is not None else None for node in nodes)])
        if key not in self.casts:
            try:
                people = make_population(world, options, population)
                made = world(options, people.census)
                face: object = made.dialogue()
                told = face.wordings if isinstance(face, Worded) else None
                self.casts[key] = _Cast(tuple(made.cast), people.census.segments, tuple(made.declared), told)
            except PopulaceError as error:
                self.casts[key] = error
        found = self.casts[key]
        if isinstance(found, PopulaceError):
            return None, [_refused(tree, found)]
        return found, []

    def _agents(
        self, tree: Node, world_id: str, world: type[AnyWorld], known: "_Cast | None"
    ) -> tuple[dict[str, tuple[str, Options]], list[Mistake]]:
        node = tree.get("agents")
        given = node.value if node is not None and isinstance(node.value, dict) else {}
        agents: dict[str, tuple[str, Options]] = {}
        mistakes = []
        within = policy_prefix(world)
        roles, segments, _, wordings = known or (None, (), (), None)
        for role in [*(roles or ()), *(role for role in given if role not in (roles or ()))]:
            if roles is not None and role not in roles:
                error = UnknownName(f"role of {world_id}", role, roles)
                place = given[role].key or given[role].place
                mistakes.append(Mistake(f"agents: {error}", place, odd=f"agents.{role}"))
                continue
            name, found = _policy_name(tree, role, world)
            if name is not None:
                name = policies.current(name, within)
                options, found = self._policy(tree, role, name, within, segments, wordings)
                if options is not None:
                    agents[role] = (name, options)
            mistakes += found
        return agents, mistakes

    def _policy(
        self, tree: Node, role: str, name: str, within: str, segments: tuple[str, ...], wordings: Wordings | None
    ) -> tuple[Options | None, list[Mistake]]:
        path = ("agents", role)
        try:
            policy = policy_class(name, within)
        except PopulaceError as error:
            named = tree.get(*path, "policy")
            return None, [unknown_name(tree, (*path, "policy") if named is not None else path, error)]
        if policy.plays and role not in policy.plays:
            key = (*path, "policy") if tree.get(*path, "policy") is not None else path
            text = f"agents.{role}: {name!r} plays {' or '.join(policy.plays)}, not {role}"
            return None, [Mistake(text, spot(tree, key))]
        home = name.partition("/")[0]
        if home != within and {home, within} <= {short_name(shipped) for shipped in manifests.shipped()}:
            key = (*path, "policy") if tree.get(*path, "policy") is not None else path
            text = f"agents.{role}: {name!r} is a policy for the world {home!r}; this one is {within!r}"
            return None, [Mistake(text, spot(tree, key))]
        # A policy made of others reads their names, and the segments', as this scenario means them.
        context = {**self.context, "within": within, "segments": segments, "wordings": wordings}
        return check(policy.Options, tree, path, without=("policy",), context=context)


def _is_mapping_or_absent(node: Node | None) -> bool:
    return node is None or node.value is None or isinstance(node.value, dict)


def _refused(tree: Node, error: PopulaceError) -> Mistake:
    """What the world or the population refused when it was built."""
    if str(error).startswith("missing key 'population'"):
        return Mistake(str(error), tree.spot)
    if isinstance(error, OptionError) and error.keys:
        key = next((key for key in error.keys if tree.get(*key) is not None), error.keys[0])
        return Mistake(f"{dotted(key)}: {error.message}", spot(tree, key))
    if isinstance(error, UnknownName):
        for section in ("population", "world"):
            node = tree.get(section)
            if node is not None and (found := unknown_name(tree, (section,), error)).place != node.spot:
                return found
    return unknown_name(tree, ("world",), error)


def _world(tree: Node) -> tuple[str, type[AnyWorld] | None, list[Mistake]]:
    node = tree.get("world")
    if node is None or not isinstance(node.value, dict):
        return "", None, []  # the frame has said so
    found = tree.get("world", "id")
    if found is None:
        return "", None, [_absent(tree, ("world", "id"), ", e.g. `id: populace/coevolution-v0`")]
    if not isinstance(found.value, str):
        return "", None, [wrong(tree, ("world", "id"), "text, a world's id")]
    try:
        return found.value, world_class(found.value), []
    except PopulaceError as error:
        return "", None, [unknown_name(tree, ("world", "id"), error)]


def _policy_name(tree: Node, role: str, world: type[AnyWorld]) -> tuple[str | None, list[Mistake]]:
    node = tree.get("agents", role)
    if node is None or node.value is None:
        if role in world.defaults:
            return world.defaults[role], []
        return None, [missing_key(tree, ("agents", role), ": the world has no default policy for this role")]
    if not isinstance(node.value, dict):
        return None, [wrong(tree, ("agents", role), "a policy's name, or a mapping with the key `policy`")]
    named = tree.get("agents", role, "policy")
    if named is None:
        return None, [_absent(tree, ("agents", role, "policy"))]
    if not isinstance(named.value, str):
        return None, [wrong(tree, ("agents", role, "policy"), "text, a policy's name")]
    return named.value, []


def _absent(tree: Node, path: tuple[str, ...], about: str = "") -> Mistake:
    """A key is missing, or it is there and misspelt."""
    parent = tree.get(*path[:-1])
    keys = list(parent.value) if parent is not None and isinstance(parent.value, dict) else []
    near = difflib.get_close_matches(path[-1], keys, n=1, cutoff=0.6)
    if near:
        return unknown_key(tree, (*path[:-1], near[0]), (path[-1],))
    return missing_key(tree, path, about)
