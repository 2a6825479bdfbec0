"""Questions and every culture's marginals, how they are made up, and the read-outs of them.

Positions of options are 0 ... n - 1 throughout, however a file codes them: 18 of the World Values Survey's questions
(Q119, Q122-Q129, Q241-Q249) are coded from 0 and all others from 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from populace.errors import PopulaceError, UnknownName

Floats = NDArray[np.float64]

BETWEEN = 0.144
"""Mean share of answers' variance between 19 countries over 222 questions (WVS 7, eta squared; median .112)."""


@dataclass(frozen=True, eq=False)
class Survey:
    """Marginals of every culture.

    Attributes:
        cultures: Names, C of them.
        questions: Ids, Q of them.
        texts: The question in words.
        labels: Its options in words.
        shares: [C, Q, O], share of each option, rows adding up to 1; zero beyond its options and where unknown.
        sizes: [Q], number of options.
        known: [C, Q], whether the culture was asked.
        first: [Q], code of the first option in the file (0 or 1), to recode answers coded otherwise.
        left_out: What of the file is not used, and why: sentences.
    """

    cultures: tuple[str, ...]
    questions: tuple[str, ...]
    texts: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    shares: Floats
    sizes: NDArray[np.int64]
    known: NDArray[np.bool_]
    first: NDArray[np.int64]
    left_out: tuple[str, ...] = ()

    @property
    def span(self) -> NDArray[np.int64]:
        """[Q], distance between the first and the last option."""
        return self.sizes - 1

    def majority(self, tie: str = "highest") -> NDArray[np.int64]:
        """The most frequent option [C, Q], -1 where unknown; of options equally frequent the `highest` or `lowest`."""
        top = self.shares >= self.shares.max(-1, keepdims=True)
        options = self.shares.shape[-1]
        found = options - 1 - top[..., ::-1].argmax(-1) if tie == "highest" else top.argmax(-1)
        return np.where(self.known, found, -1)

    def means(self) -> Floats:
        """Mean position [C, Q], NaN where unknown."""
        found = (self.shares * np.arange(self.shares.shape[-1])).sum(-1)
        return np.where(self.known, found, np.nan)

    def pool(self) -> Floats:
        """Shares [Q, O] over all cultures that were asked, each counted alike."""
        found: Floats = self.shares.sum(0) / np.maximum(self.known.sum(0), 1)[:, None]
        return found

    def between(self) -> Floats:
        """Share of the variance between cultures [Q], each culture counted alike; NaN where nobody differs."""
        x = np.arange(self.shares.shape[-1])
        centre, pool = self.means(), self.pool()
        whole = (pool * x**2).sum(-1) - (pool * x).sum(-1) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(whole > 1e-12, np.nanvar(centre, axis=0) / whole, np.nan))

    def axes(self, count: int = 2) -> tuple[Floats, Floats]:
        """The cultural map: centre [Q] and the `count` directions [count, Q] in which cultures' means differ most.

        Means are scaled to [0, 1]; what is unknown stands at the mean of the other cultures.
        """
        scaled = self.means() / self.span
        centre = np.nanmean(scaled, axis=0)
        off = np.where(np.isnan(scaled), 0.0, scaled - centre)
        directions = np.linalg.svd(off, full_matrices=True)[2][:count]
        strongest = np.abs(directions).argmax(1)
        directions = directions * np.sign(directions[np.arange(len(directions)), strongest])[:, None]
        return centre, np.pad(directions, ((0, count - len(directions)), (0, 0)))


def recode(answers: NDArray[np.int64], survey: Survey, start: int = 1) -> NDArray[np.int64]:
    """Answers [..., Q] coded from `start` (a model asked to name an option's number) in the file's own code."""
    return answers - start + survey.first


def with_between(shares: Floats, known: NDArray[np.bool_], wanted: float) -> Floats:
    """Shares [C, Q, O] whose mean share of variance between cultures is `wanted`, the pooled shares unchanged.

    p_c = pool + k (p_c - pool): the variance between grows as k squared. A question's k ends where a share would become
    negative; where all do, the share wanted cannot be had.

    Raises:
        PopulaceError: It cannot be had.
    """
    pool = shares.sum(0) / np.maximum(known.sum(0), 1)[:, None]
    off = np.where(known[..., None], shares - pool, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(off < 0, pool / -off, np.inf).min((0, 2))
    x = np.arange(shares.shape[-1])
    whole = (pool * x**2).sum(-1) - (pool * x).sum(-1) ** 2
    count = np.maximum(known.sum(0), 1)
    centre = (off * x).sum(-1)
    now = np.where(whole > 1e-12, (centre**2).sum(0) / count / np.maximum(whole, 1e-12), 0.0)
    low, high = 0.0, float(room[np.isfinite(room)].max(initial=1.0))
    most = float((now * np.minimum(high, room) ** 2).mean())
    if wanted > most + 1e-9:
        raise PopulaceError(
            f"survey.between: {wanted:g} of the variance between cultures cannot be had from these marginals, at most "
            f"{most:.3f}; lower it"
        )
    for _ in range(60):
        k = (low + high) / 2
        low, high = (k, high) if (now * np.minimum(k, room) ** 2).mean() < wanted else (low, k)
    return np.where(known[..., None], np.maximum(pool + np.minimum(high, room)[:, None] * off, 0.0), 0.0)


def graded(places: Floats, options: int, between: float, balance: Floats | float = 0.0) -> Floats:
    """Shares [C, Q, options] of an ordered probit whose cultures stand at `places` [C, Q] (scaled here by question).

    A person's latent answer is sqrt(rho) m + sqrt(1 - rho) e with e standard normal, cut at thresholds that make the
    options equally frequent for m = 0, shifted by each question's `balance` [Q]; rho is found so that the mean share of
    variance between cultures, after cutting, is `between`.
    """
    from scipy.stats import norm

    m = places - places.mean(0)
    spread = np.sqrt((m**2).mean(0))
    m = m / np.where(spread > 0, spread, 1.0)
    cuts = norm.ppf(np.arange(1, options) / options) + np.broadcast_to(balance, m.shape[1])[:, None]

    def shares(rho: float) -> Floats:
        below = norm.cdf((cuts - np.sqrt(rho) * m[..., None]) / np.sqrt(1 - rho))
        return np.diff(below, axis=-1, prepend=0.0, append=1.0)

    def found(rho: float) -> float:
        x, p = np.arange(options), shares(rho)
        pool, centre = p.mean(0), (p * x).sum(-1)
        return float((centre.var(0) / ((pool * x**2).sum(-1) - (pool * x).sum(-1) ** 2)).mean())

    low, high = 0.0, 1.0 - 1e-9
    if between == 0:
        return shares(0.0)
    for _ in range(60):
        rho = (low + high) / 2
        low, high = (rho, high) if found(rho) < between else (low, rho)
    return shares(high)


def plain(cultures: tuple[str, ...], shares: Floats, texts: tuple[str, ...] = ()) -> Survey:
    """A survey in which everyone was asked everything, from shares [C, Q, O]."""
    count, options = shares.shape[1:]
    return Survey(
        cultures,
        tuple(f"Q{q + 1}" for q in range(count)),
        texts or tuple(f"Question {q + 1}" for q in range(count)),
        (tuple(f"option {o + 1}" for o in range(options)),) * count,
        shares,
        np.full(count, options),
        np.ones(shares.shape[:2], dtype=bool),
        np.ones(count, dtype=np.int64),
    )


def positions_of(survey: Survey, names: tuple[str, ...]) -> list[int]:
    """Places of cultures in the survey.

    Raises:
        UnknownName: A culture without marginals.
    """
    for name in names:
        if name not in survey.cultures:
            raise UnknownName("culture without marginals in the survey:", name, survey.cultures)
    where: dict[str, Any] = {name: c for c, name in enumerate(survey.cultures)}
    return [where[name] for name in names]


def cultures_of(survey: Survey, segments: tuple[str, ...]) -> list[int] | None:
    """The culture of each segment of a population; None when segments are not cultures and everyone's is drawn.

    Raises:
        UnknownName: Some segments are cultures and another is not.
    """
    if len(segments) == 1 and segments[0] not in survey.cultures:
        return None
    return positions_of(survey, segments)
