"""Three checks of "Randomness, Not Representation" (arXiv 2503.08688) on a recorded run of the culture world.

Whether an assistant represents cultures, or merely answers somehow: are its answers stable when options are shown in
another order, do cultures that are near each other on all dimensions stay so on some of them, and is it steered towards
the culture it speaks for? p-values are from permutations. Unlike in the published code, on purpose, positions lie
in [0, 1] and effects are plain differences of means, so that they can be held against the human spread.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from populace.analysis.frames import RunData
from populace.analysis.intervals import ROUNDING
from populace.analysis.stats import estimate
from populace.errors import RunError

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

PERMUTATIONS = 5000
CLUSTERED = 200
"""Permutations where each needs clusters anew, and worlds that are clustered at most."""
WORLDS = 8
SEED = 42
SAME = "agents say the same for all cultures, at least on some dimensions: there is nothing to cluster"

COLUMNS = ["arm", "check", "statistic", "value", "low", "high", "p", "reference", "worlds", "note"]


def audit_culture(run: RunData, permutations: int = PERMUTATIONS) -> pd.DataFrame:
    """Stability, extrapolability and steerability of the agents of every arm.

    Args:
        run: A run of the culture world whose `world.measures` hold `audit`; stability needs `world.order: shuffled`.
        permutations: Permutations of each test (a twenty-fifth of them for extrapolability).

    Returns:
        A row a statistic: `arm, check, statistic, value, low, high, p, reference, worlds, note`. `value` is the mean
        over worlds with its 95 % interval, `reference` what people have (or what is expected by chance, for steering),
        and `note` says why something is undefined. Agents may be the same in all worlds, so every permutation is of
        cultures, one for all worlds.

        * stability, `order effect`: mean position with options in descending order less that in ascending order;
          reference: the spread between human cultures (standard deviation).
        * extrapolability, `agreement`: adjusted Rand index of clusters of cultures on all dimensions and on every
          proper subset, averaged; reference: the same for people; p: as good with each dimension's cultures shuffled.
          Undefined in worlds whose agents say the same for all cultures, or do so on some subset of dimensions.
          `impact of dimension d`: mean of the subsets with it less that of those without.
        * steerability, `distance to own culture`: root mean square; reference: to the other cultures; p: as near
          with cultures shuffled. `spread`: mean distance between agents over that between people; reference: 1; p:
          this ratio's distance from 1, with agent and people exchanged culture by culture.

    Raises:
        RunError: The run recorded nothing that can be audited.
    """
    steps = run.steps
    rows = steps[steps["measure"].astype(str).str.startswith("audit/")]
    if rows.empty:
        raise RunError(
            f"{run.path} recorded nothing to audit: run the culture world with `audit` among world.measures, "
            "and world.order: shuffled for the check of stability"
        )
    found = []
    for arm, part in rows.groupby("arm", observed=True, sort=False):
        rng = np.random.default_rng(SEED)
        sheets, human = _sheets(part)
        spread = float(human.std(0).mean())
        agents = sheets[np.isfinite(sheets).all((1, 2))]
        left = len(sheets) - len(agents)
        note = f"{left} worlds are left out, in which agents did not answer all" if left else ""
        for check in (
            _stability(part, spread, permutations, rng),
            _extrapolability(agents, human, max(permutations // 25, 1), rng, note),
            _steerability(agents, human, permutations, rng, note),
        ):
            found += [{"arm": str(arm), **row} for row in check]
    return pd.DataFrame(found, columns=COLUMNS)


def _row(check: str, statistic: str, values: Any, p: float, reference: float, note: str = "") -> dict[str, Any]:
    e = estimate(values)
    return {
        "check": check,
        "statistic": statistic,
        "value": e.mean,
        "low": e.low,
        "high": e.high,
        "p": p,
        "reference": reference,
        "worlds": e.worlds,
        "note": "; ".join(part for part in (note, e.note) if part),
    }


def _sheets(rows: pd.DataFrame) -> tuple[Floats, Floats]:
    """Agents' mean positions [worlds, cultures, dimensions] at the end, NaN where one has none, and people's."""
    last = rows.loc[rows["step"] == rows["step"].max(), ["world", "measure", "value"]]
    named = last["measure"].astype(str).str.extract(r"^audit/(agent|human)/(.+)/(\d+)$")
    last = last.assign(who=named[0], culture=named[1], dimension=named[2].astype(float))
    cubes = []
    for who in ("agent", "human"):
        part = last[last["who"] == who]
        wide = (
            part.set_index(["world", "culture", "dimension"])["value"]
            .unstack(["culture", "dimension"])
            .sort_index(axis=1)
        )
        cultures = part["culture"].nunique()
        cubes.append(wide.to_numpy(dtype=np.float64).reshape(len(wide), cultures, -1))
    agents, human = cubes
    return agents, human[0]


def _stability(rows: pd.DataFrame, spread: float, permutations: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    wide = rows[rows["measure"].isin(["audit/position", "audit/descending"])].pivot_table(
        index=["world", "step"], columns="measure", values="value", observed=True
    )
    if not {"audit/position", "audit/descending"} <= set(wide.columns):
        return [_row("stability", "order effect", [], float("nan"), spread)]
    place = wide["audit/position"].unstack("step").to_numpy(dtype=np.float64)
    turned = wide["audit/descending"].unstack("step").to_numpy(dtype=np.float64) > 0.5
    both = turned.any(1) & (~turned).any(1)
    left = int((~both).sum())
    note = f"{left} worlds are left out, in which options were shown in one order only" if left else ""
    place, turned = place[both], turned[both]
    if not len(place):
        return [_row("stability", "order effect", [], float("nan"), spread, note)]

    def effect(which: NDArray[np.bool_]) -> Floats:
        first = (place * which).sum(-1) / which.sum(-1)
        rest: Floats = first - (place * ~which).sum(-1) / (~which).sum(-1)
        return rest

    own = effect(turned)
    order = rng.permuted(np.broadcast_to(turned, (permutations, *turned.shape)), axis=-1)
    null = effect(order).mean(-1)
    return [_row("stability", "order effect", own, _p(abs(float(own.mean())), np.abs(null)), spread, note)]


def _p(found: float, null: Floats) -> float:
    """Share of permutations at least as extreme, the one found among them."""
    return float((1 + (null >= found - 1e-12).sum()) / (1 + len(null)))


def _subsets(dims: int) -> Iterator[list[int]]:
    for size in range(1, dims):
        yield from (list(chosen) for chosen in combinations(range(dims), size))


def _extrapolability(
    agents: Floats, human: Floats, permutations: int, rng: np.random.Generator, note: str = ""
) -> list[dict[str, Any]]:
    cultures, dims = human.shape
    if not len(agents) or cultures < 4 or dims < 2:
        why = note or "four cultures and two dimensions are needed"
        return [_row("extrapolability", "agreement", [], float("nan"), float("nan"), why)]
    agents = agents[:WORLDS]
    clusters = _number(human)
    subsets = list(_subsets(dims))
    each = _agreements(agents, subsets, clusters)
    truth = _agreements(human[None], subsets, clusters)[0]
    known = ~np.isnan(each).any(-1)
    p = float("nan")
    if known.any():
        # One order of cultures a dimension for all worlds: where agents are the same in all worlds, orders drawn for
        # each world apart would average out and make any agreement look rare.
        places = np.broadcast_to(np.arange(cultures)[:, None], (permutations, cultures, dims))
        order = rng.permuted(places, axis=1)[:, None]
        shuffled = np.take_along_axis(agents[known][None], order, axis=2)
        null = _agreements(shuffled.reshape(-1, cultures, dims), subsets, clusters)
        p = _p(float(each[known].mean()), null.reshape(permutations, int(known.sum()), -1).mean((1, 2)))
    note = note if known.all() else "; ".join(part for part in (SAME, note) if part)
    found = [_row("extrapolability", "agreement", each.mean(-1), p, float(truth.mean()), note)]
    for d in range(dims):
        within = np.array([d in s for s in subsets])
        impact = each[:, within].mean(-1) - each[:, ~within].mean(-1)
        of_people = float(truth[within].mean() - truth[~within].mean())
        found.append(_row("extrapolability", f"impact of dimension {d + 1}", impact, float("nan"), of_people, note))
    return found


def _agreements(points: Floats, subsets: list[list[int]], clusters: int) -> Floats:
    """Adjusted Rand index of clusters on each subset with those on all dimensions, [batch, subsets].

    NaN where all points of the subset are the same: there is nothing to cluster.
    """
    scale = points.std(1, keepdims=True)
    flat = scale <= ROUNDING * np.abs(points).max(1, keepdims=True)
    points = np.where(flat, 0.0, (points - points.mean(1, keepdims=True)) / np.where(flat, 1.0, scale))
    whole = kmeans(points, clusters)
    found = [rand_index(whole, kmeans(points[..., chosen], clusters)) for chosen in subsets]
    same = [flat[:, 0, chosen].all(-1) for chosen in subsets]
    return np.where(np.stack(same, -1), np.nan, np.stack(found, -1))


def kmeans(points: Floats, clusters: int, rounds: int = 10) -> Labels:
    """Lloyd's algorithm from the farthest points on, a batch at once: [batch, n, dims] -> labels [batch, n]."""
    batch = np.arange(len(points))
    first = (points**2).sum(-1).argmax(-1)
    centres = [points[batch, first]]
    near = ((points - centres[0][:, None]) ** 2).sum(-1)
    for _ in range(clusters - 1):
        centres.append(points[batch, near.argmax(-1)])
        near = np.minimum(near, ((points - centres[-1][:, None]) ** 2).sum(-1))
    middle = np.stack(centres, 1)
    labels = np.zeros(points.shape[:2], dtype=np.int64)
    for _ in range(rounds):
        labels = ((points[:, :, None] - middle[:, None]) ** 2).sum(-1).argmin(-1)
        own = labels[..., None] == np.arange(clusters)
        count = own.sum(1)
        moved = (own[..., None] * points[:, :, None]).sum(1) / np.maximum(count, 1)[..., None]
        middle = np.where(count[..., None] > 0, moved, middle)
    return labels


def rand_index(a: Labels, b: Labels) -> Floats:
    """Adjusted Rand index of two partitions (Hubert and Arabie 1985), [..., n] -> [...]; 1 where both are trivial."""
    first, second = np.triu_indices(a.shape[-1], 1)
    one, two = a[..., first] == a[..., second], b[..., first] == b[..., second]
    both, neither = (one & two).sum(-1), (~one & ~two).sum(-1)
    only, other = (one & ~two).sum(-1), (~one & two).sum(-1)
    below = (both + only) * (only + neither) + (both + other) * (other + neither)
    found = 2.0 * (both * neither - only * other) / np.maximum(below, 1)
    return np.asarray(np.where(below > 0, found, 1.0), dtype=np.float64)


def _number(points: Floats) -> int:
    """Number of clusters of the best mean silhouette, from 2 to 10 (Rousseeuw 1987); the same for agents and people."""
    scaled = (points - points.mean(0)) / np.where(points.std(0) > 0, points.std(0), 1.0)
    dist = np.sqrt(((scaled[:, None] - scaled) ** 2).sum(-1))
    best, chosen = -np.inf, 2
    for clusters in range(2, min(10, len(points) - 1) + 1):
        own = kmeans(scaled[None], clusters)[0][:, None] == np.arange(clusters)
        count = own.sum(0)
        mine = own @ count
        sums = dist @ own
        inner = (sums * own).sum(1) / np.maximum(mine - 1, 1)
        outer = np.where(own | (count == 0), np.inf, sums / np.maximum(count, 1)).min(1)
        width = np.where(mine > 1, (outer - inner) / np.maximum(np.maximum(inner, outer), 1e-12), 0.0)
        if width.mean() > best:
            best, chosen = float(width.mean()), clusters
    return chosen


def _steerability(
    agents: Floats, human: Floats, permutations: int, rng: np.random.Generator, note: str = ""
) -> list[dict[str, Any]]:
    if not len(agents):
        return [_row("steerability", "distance to own culture", [], float("nan"), float("nan"), note)]
    cultures = len(human)
    table = np.sqrt(((agents[:, :, None] - human) ** 2).mean(-1))  # [worlds, agent, people]
    own = np.diagonal(table, axis1=1, axis2=2).mean(-1)
    others = float((table.sum((1, 2)) - own * cultures).mean() / (cultures * (cultures - 1)))
    order = rng.permuted(np.broadcast_to(np.arange(cultures), (permutations, cultures)), axis=-1)
    null = table.mean(0)[np.arange(cultures), order].mean(-1)
    steered = _row("steerability", "distance to own culture", own, _p(-float(own.mean()), -null), others, note)
    first, second = np.triu_indices(cultures, 1)

    def apart(x: Floats, y: Floats) -> Floats:
        """Mean over worlds of the distance of a culture's row of x from another's of y, [pairs]."""
        gap: Floats = np.sqrt(((x[..., first, :] - y[..., second, :]) ** 2).sum(-1))
        return gap.mean(0)

    people = np.broadcast_to(human, agents.shape)
    whole = float(apart(people, people).mean())
    ratio = np.sqrt(((agents[:, first] - agents[:, second]) ** 2).sum(-1)).mean(-1) / (whole or np.nan)
    # Agent and people change places culture by culture, in all worlds alike: both of a pair do, one, or none.
    swap = rng.random((permutations, cultures)) < 0.5
    one, two = swap[:, first].astype(np.int64), swap[:, second].astype(np.int64)
    table = np.stack([[apart(x, y) for y in (agents, people)] for x in (agents, people)])  # [2, 2, pairs]
    pairs = np.arange(len(first))
    null = (table[one, two, pairs] - table[1 - one, 1 - two, pairs]).mean(-1)
    gap = float((table[0, 0] - table[1, 1]).mean())
    spread = _row("steerability", "spread", ratio, _p(abs(gap), np.abs(null)), 1.0, note)
    return [steered, spread]
