"""Random graphs as arrays of ties [ties, 2], with the names and the laws of networkx's generators.

networkx builds graphs of Python dicts: a million users take it minutes and gigabytes. These are the same models in
whole-array steps; tests compare degrees and clustering with networkx. Every tie is listed once, without loops.
"""

import numpy as np
from numpy.typing import NDArray

Ties = NDArray[np.int64]

_SEQUENTIAL = 256
"""Newcomers that come one by one: among the first, repeated friends are too common to be redrawn all at once."""


def ring(n: int, degree: int) -> Ties:
    """Everyone is tied to the degree / 2 nearest on each side."""
    users = np.arange(n)
    return np.concatenate([np.stack((users, (users + j) % n), axis=1) for j in range(1, degree // 2 + 1)])


def watts_strogatz(n: int, degree: int, rewire: float, rng: np.random.Generator) -> Ties:
    """A ring; each tie moves one end to a random stranger with probability `rewire` (Watts and Strogatz 1998)."""
    if 2 * degree > n:  # strangers are scarce: users may run out of them, which networkx's one-by-one walk handles
        import networkx as nx

        made = nx.watts_strogatz_graph(n, degree, rewire, seed=int(rng.integers(2**31)))
        return np.array(list(made.edges), dtype=np.int64)
    ties = ring(n, degree)
    moved = np.flatnonzero(rng.random(len(ties)) < rewire)
    target = ties[:, 1].copy()
    again = moved
    while len(again):  # redraw the ends that hit the user itself or a friend
        target[again] = rng.integers(0, n, len(again))
        again = moved[_clashes(ties[:, 0], target, n, moved)]
    return np.stack((ties[:, 0], target), axis=1)


def _clashes(source: Ties, target: Ties, n: int, among: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the ties `among` are loops, or repeat a tie that comes before them or was never moved."""
    code = np.minimum(source, target) * n + np.maximum(source, target)
    rank = np.ones(len(code), dtype=np.int64)  # ties that stay in place come first
    rank[among] = 2
    order = np.lexsort((rank, code))
    repeat = np.zeros(len(code), dtype=bool)
    repeat[order[1:]] = code[order[1:]] == code[order[:-1]]
    found: NDArray[np.bool_] = (repeat | (source == target))[among]
    return found


def barabasi_albert(n: int, attach: int, rng: np.random.Generator) -> Ties:
    """Newcomers tie to `attach` others in proportion to their ties (Barabasi and Albert 1999), from a star.

    An end of a random earlier tie is a user in proportion to its ties. The first users come one by one; the others all
    at once: an end that is itself still open points to an earlier end, and is followed until it is known (Batagelj and
    Brandes 2005). Repeated friends, rare by then, are redrawn.
    """
    ends = _barabasi_start(min(n, _SEQUENTIAL), attach, rng)
    first = attach + 1 + (len(ends) // 2 - attach) // attach
    if first >= n:
        return ends.reshape(-1, 2)
    newcomers = np.repeat(np.arange(first, n), attach)
    known = np.concatenate([ends, np.zeros(2 * len(newcomers), dtype=np.int64)])
    known[len(ends) :: 2] = newcomers  # even places: the newcomer; odd places: its friend, still open
    before = 2 * attach + 2 * attach * (newcomers - attach - 1)  # ends there were when the newcomer came
    points = (rng.random(len(newcomers)) * before).astype(np.int64)
    while True:
        friends = _follow(known, points, len(ends))
        known[len(ends) + 1 :: 2] = friends
        again = _repeats(newcomers, friends, n)
        if not len(again):
            return known.reshape(-1, 2)
        points[again] = (rng.random(len(again)) * before[again]).astype(np.int64)


def _barabasi_start(n: int, attach: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The ends of the first users' ties, [2 * ties]: newcomer, friend, newcomer, friend, ..."""
    ends = [end for friend in range(1, attach + 1) for end in (0, friend)]
    for newcomer in range(attach + 1, n):
        friends: dict[int, None] = {}
        while len(friends) < attach:
            lots = rng.random(attach - len(friends)).tolist()
            friends.update((ends[int(u * len(ends))], None) for u in lots)
        ends += [end for friend in friends for end in (newcomer, friend)]
    return np.array(ends, dtype=np.int64)


def _follow(known: NDArray[np.int64], points: NDArray[np.int64], settled: int) -> NDArray[np.int64]:
    place = points.copy()
    open_ = np.flatnonzero((place >= settled) & (place % 2 == 1))
    while len(open_):
        place[open_] = points[(place[open_] - settled) // 2]
        open_ = open_[(place[open_] >= settled) & (place[open_] % 2 == 1)]
    return known[place]


def _repeats(newcomers: Ties, friends: Ties, n: int) -> NDArray[np.int64]:
    code = newcomers * n + friends
    order = np.argsort(code, kind="stable")
    found: NDArray[np.int64] = order[1:][code[order[1:]] == code[order[:-1]]]
    return found


def erdos_renyi(n: int, chance: float, rng: np.random.Generator) -> Ties:
    """Every pair is tied with probability `chance`, independently."""
    return _within(np.arange(n), chance, rng)


def blocks(groups: NDArray[np.int64], inside: NDArray[np.float64], between: float, rng: np.random.Generator) -> Ties:
    """Stochastic blocks: pairs of group g are tied with probability inside[g], others with `between`."""
    members = [np.flatnonzero(groups == g) for g in range(len(inside))]
    ties = [_within(members[g], float(inside[g]), rng) for g in range(len(inside))]
    for g in range(len(inside)):
        others = np.concatenate([*members[g + 1 :], np.empty(0, dtype=np.int64)])
        code = _sample(len(members[g]) * len(others), between, rng)
        if len(code):
            ties.append(np.stack((members[g][code // len(others)], others[code % len(others)]), axis=1))
    return np.concatenate(ties)


def _within(users: NDArray[np.int64], chance: float, rng: np.random.Generator) -> Ties:
    n = len(users)
    code = _sample(n * (n - 1) // 2, chance, rng)
    # Pair number c of the triangle: row r holds the pairs (r, 0) ... (r, r - 1), so r(r - 1) / 2 <= c.
    row = ((1 + np.sqrt(1 + 8.0 * code)) / 2).astype(np.int64)
    row -= row * (row - 1) // 2 > code
    row += row * (row + 1) // 2 <= code
    return np.stack((users[row], users[code - row * (row - 1) // 2]), axis=1)


def _sample(pairs: int, chance: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Each of `pairs` numbers with probability `chance`, as sorted distinct numbers."""
    if pairs == 0 or chance <= 0:
        return np.empty(0, dtype=np.int64)
    if chance > 0.2:
        return np.flatnonzero(rng.random(pairs) < chance)
    wanted = int(rng.binomial(pairs, chance))
    found = np.empty(0, dtype=np.int64)
    while len(found) < wanted:
        found = np.sort(np.concatenate([found, rng.integers(0, pairs, wanted - len(found))]))
        found = found[np.diff(found, prepend=-1) > 0]
    return found
