"""Checks a scenario's `outcomes` and hypotheses against what its worlds, policies and learners declare to measure."""

from collections.abc import Sequence
from typing import Any

from populace.builder import policy_class
from populace.design import Design, Hypothesis
from populace.errors import PopulaceError, UnknownName
from populace.measures import SEAT_MEASURES, find
from populace.outcomes import REFERENCE, START, Outcome
from populace.registry import manifests, policy_prefix, worlds
from populace.scenarios.mistakes import Mistake, spot
from populace.scenarios.schema import Cell
from populace.scenarios.tree import Node


def asked(given: Sequence[Outcome], root: Node, cells: Sequence[Cell]) -> tuple[tuple[Outcome, ...], list[Mistake]]:
    """The scenario's outcomes, or those of its world where it names none, and the mistakes in them.

    Without cells, as where all have mistakes of their own, nothing can be checked.
    """
    if not given:
        manifest = manifests.get(cells[0].world_id) if cells else None
        measured = dict.fromkeys(cells[0].measures, True) if cells else {}
        own = manifest.outcomes if manifest is not None else ()
        return tuple(outcome for outcome in own if find(measured, outcome.measure)), []
    mistakes = []
    seats: dict[str, dict[str, bool]] = {}
    for index, outcome in enumerate(given):
        path = ("outcomes", index)
        for key, error in _faults(outcome, given[:index], cells, seats) if cells else ():
            named = (*path, key) if root.get(*path, key) is not None else path
            mistakes.append(Mistake(f"outcomes.{index}: {error}", spot(root, named)))
    return tuple(given), mistakes


def untestable(design: Design | None, root: Node, cells: Sequence[Cell]) -> list[Mistake]:
    """The mistakes in the hypotheses of a design; without cells nothing can be checked."""
    mistakes = []
    seats: dict[str, dict[str, bool]] = {}
    for index, hypothesis in enumerate(design.hypotheses if design is not None and cells else ()):
        path = ("design", "hypotheses", index)
        for key, error in (*_faults(hypothesis, (), cells, seats), *_arm_faults(hypothesis, cells)):
            named = (*path, key) if root.get(*path, key) is not None else path
            mistakes.append(Mistake(f"design.hypotheses.{index}: {error}", spot(root, named)))
    return mistakes


def _arm_faults(hypothesis: Hypothesis, cells: Sequence[Cell]) -> list[tuple[str, PopulaceError]]:
    """(key, what is wrong with it): a hypothesis is about one cell, which is compared with another."""
    found = [cell for cell in cells if cell.arm == hypothesis.arm]
    if not found:
        points = [cell.arm for cell in cells if cell.base_arm == hypothesis.arm]
        if points:
            error = (
                f"the arm {hypothesis.arm!r} has {len(points):,} cells in the sweep; name one, such as {points[0]!r}"
            )
            return [("arm", PopulaceError(error))]
        return [("arm", UnknownName("arm", hypothesis.arm, [cell.arm for cell in cells]))]
    (cell,) = found
    if hypothesis.contrast == REFERENCE and cell.reference == cell.arm:
        error = f"{cell.arm!r} is the reference itself; name another arm as its contrast, or `contrast: start`"
        return [("contrast", PopulaceError(error))]
    if hypothesis.contrast == cell.base_arm:
        return [("contrast", PopulaceError(f"the arm {cell.base_arm!r} cannot be compared with itself"))]
    return []


def _faults(
    outcome: Outcome, before: Sequence[Outcome], cells: Sequence[Cell], seats: dict[str, dict[str, bool]]
) -> list[tuple[str, PopulaceError]]:
    """(key, what is wrong with it)."""
    found: list[tuple[str, PopulaceError]] = []
    arms = list(dict.fromkeys(cell.base_arm for cell in cells))
    if outcome.contrast not in (REFERENCE, START, *arms):
        found.append(("contrast", UnknownName("arm", outcome.contrast, (REFERENCE, START, *arms))))
    if any((outcome.key, outcome.contrast) == (other.key, other.contrast) for other in before):
        found.append(("measure", PopulaceError(f"the measure {outcome.key!r} is named twice with the same contrast")))
    if outcome.player and not outcome.role:
        found.append(("player", PopulaceError("a player belongs to a role: name the role too")))
    if not outcome.role:
        measured = dict.fromkeys((name for cell in cells for name in cell.measures), True)
        if find(measured, outcome.measure) is None:
            found.append(("measure", _unknown(outcome.measure, measured, cells, seats)))
        return found
    roles = list(dict.fromkeys(role for cell in cells for role in cell.agents))
    if outcome.role not in roles:
        return [*found, ("role", UnknownName("role", outcome.role, roles))]
    known_of = _of_seats(outcome.role, cells, seats)
    if find(known_of, outcome.measure) is None:
        found.append(("measure", UnknownName(f"measure of {outcome.role}", outcome.measure, known_of)))
    return found


def _unknown(name: str, measured: Any, cells: Sequence[Cell], seats: dict[str, dict[str, bool]]) -> PopulaceError:
    """That no world measures this; a measure of seats needs its role."""
    roles = dict.fromkeys(role for cell in cells for role in cell.agents)
    having = [role for role in roles if find(_of_seats(role, cells, seats), name) is not None]
    if having:
        return PopulaceError(f"{name!r} is a measure of seats: add role: {' or role: '.join(having)}")
    return UnknownName("measure", name, measured)


def _of_seats(role: str, cells: Sequence[Cell], seats: dict[str, dict[str, bool]]) -> dict[str, bool]:
    """Names of the measures of a role's seats in any arm."""
    if role not in seats:
        found = dict.fromkeys((measure.name for measure in SEAT_MEASURES), True)
        met = []
        for cell in cells:
            if role in cell.agents and cell.agents[role] not in met:
                met.append(cell.agents[role])
                name, options = cell.agents[role]
                made = policy_class(name, policy_prefix(worlds.get(cell.world_id)))(options)
                found |= dict.fromkeys((measure.name for measure in made.measures()), True)
        seats[role] = found
    return seats[role]
