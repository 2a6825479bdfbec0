"""Which arms are compared with which: by name, and in a sweep point by point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from populace.analysis.frames import RunData
from populace.errors import RunError, UnknownName


class NoPairs(RunError):
    """Nothing can be compared with anything; the caller adds how arms are named."""


@dataclass(frozen=True)
class Pairing:
    """Arms to compare.

    Attributes:
        pairs: An arm of the first run, and one of the second.
        only_a: Arms of the first run that have no partner, of those that were asked for.
        only_b: The same of the second run.
    """

    pairs: tuple[tuple[str, str], ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()


def cells_of(run: RunData, name: str) -> list[str]:
    """The arm of that name, or all cells of a sweep that are of the arm of that name.

    Raises:
        UnknownName: There is neither.
    """
    arms = run.info["arms"]
    if name in arms:
        return [name]
    found = [arm for arm in arms if _base(run, arm) == name]
    if not found:
        raise UnknownName("arm", name, {*(_base(run, arm) for arm in arms), *arms})
    return found


def matched(a: RunData, b: RunData | None = None, arm: str | None = None, other: str | None = None) -> Pairing:
    """The arms of `a` beside those of `b`; or, of one run, beside each other or their references.

    Args:
        a: A run.
        b: Another, or None.
        arm: An arm of `a`: its name, which stands for all its cells in a sweep, or that of one cell.
        other: An arm of `b` (of `a` where there is no `b`); between two runs the same name when not given.

    Raises:
        UnknownName: An arm is not there.
        NoPairs: There is nothing to compare.
    """
    if b is None and other is None:
        asked = None if arm is None else cells_of(a, arm)
        pairs = [pair for pair in a.contrasts if asked is None or pair[0] in asked]
        if not pairs:
            raise NoPairs(f"{a.path}: no reference arm to compare with")
        return Pairing(tuple(pairs))
    second = a if b is None else b
    name, partner = arm or other, other or arm
    if name is not None and partner is not None:
        return _by_point(a, second, cells_of(a, name), cells_of(second, partner))
    bases, others = ([*dict.fromkeys(_base(run, arm) for arm in run.info["arms"])] for run in (a, second))
    common = [base for base in bases if base in others]
    if not common and len(bases) == len(others) == 1:
        return _by_point(a, second, list(a.info["arms"]), list(second.info["arms"]))
    if not common:
        raise NoPairs(f"the runs have no arm in common ({', '.join(bases)} | {', '.join(others)})")
    found, errors = [], []
    for base in common:
        try:
            found.append(_by_point(a, second, cells_of(a, base), cells_of(second, base)))
        except NoPairs as error:
            errors.append(error)
    if not found:
        raise errors[0]
    pairs = [pair for one in found for pair in one.pairs]
    left, right = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return Pairing(
        tuple(pairs),
        tuple(arm for arm in a.info["arms"] if arm not in left),
        tuple(arm for arm in second.info["arms"] if arm not in right),
    )


def _base(run: RunData, arm: str) -> str:
    return str(run.info["arms"][arm].get("base", arm))


def _by_point(a: RunData, b: RunData, cells: Sequence[str], others: Sequence[str]) -> Pairing:
    """Cells at the same point of the sweep; a key that one side does not sweep is passed over.

    Raises:
        NoPairs: Each side sweeps a key that the other does not, or no point is in both.
    """
    if len(cells) == len(others) == 1:
        return Pairing(((cells[0], others[0]),))
    left, right = ({arm: _point(run, arm) for arm in arms} for run, arms in ((a, cells), (b, others)))
    keys, other_keys = (dict.fromkeys(key for point in side.values() for key in point) for side in (left, right))
    common = [key for key in keys if key in other_keys]
    if len(common) < min(len(keys), len(other_keys)):
        raise NoPairs(
            f"{a.path} sweeps {', '.join(keys)} and {b.path} sweeps {', '.join(other_keys)}, so that no point of "
            "one is a point of the other"
        )
    places: dict[tuple[Any, ...], list[str]] = {}
    for arm, point in right.items():
        places.setdefault(tuple(point.get(key) for key in common), []).append(arm)
    pairs = [
        (arm, partner)
        for arm, point in left.items()
        for partner in places.get(tuple(point.get(key) for key in common), [])
    ]
    if not pairs:
        raise NoPairs(f"no point of the sweep is in both runs ({', '.join(cells[:4])} | {', '.join(others[:4])})")
    met, met_too = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return Pairing(
        tuple(pairs),
        tuple(arm for arm in cells if arm not in met),
        tuple(arm for arm in others if arm not in met_too),
    )


def _point(run: RunData, arm: str) -> dict[str, Any]:
    """The coordinates of a cell as values that are equal where they mean the same: 1 and 1.0, but not 1 and true."""
    found: Mapping[str, Any] = run.info["arms"][arm].get("coordinates") or {}
    return {key: (type(value) is bool, value if _plain(value) else repr(value)) for key, value in found.items()}


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))
