"""Closed forms of the threshold of the biased share, with which the simulation must agree where they apply.

Two user types, biased (share p) and benign; two behaviours, dishonest D and honest H; `x_u` is the probability of D
with users of type u. Ratings stand on the scale 0 to 1 (a rating r of 1 to 10 is (r - 1) / 9). A threshold p* is the
biased share at which the mean pull on dishonesty changes sign. Plain floats: nothing here runs in a rollout.

Sources: the KL-regularised round is the exponential tilt (Shapira, Benade and Procaccia 2026, arXiv 2602.01002:
change of any behaviour g = Cov_0(g, e^{beta r}) / E_0[e^{beta r}]); the rest is derived from it here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from populace.errors import PopulaceError

Scope = Literal["global", "per_user_type"]
"""Where the best share is kept: among all conversations, or among those of each user type."""

HALVINGS = 100


def share(value: float, name: str) -> float:
    """`value`, when it is a share.

    Raises:
        PopulaceError: It is outside 0..1.
    """
    if not 0.0 <= value <= 1.0:
        raise PopulaceError(f"{name} is {value:g}: a share between 0 and 1 is expected")
    return value


def logit(x: float) -> float:
    """log(x / (1 - x))."""
    return math.log(x / (1.0 - x))


def tilted(shares: list[float], ratings: list[float], beta: float) -> list[float]:
    """One KL-regularised round: shares times exp(beta times mean rating), normalised."""
    weights = [x * math.exp(beta * r) for x, r in zip(shares, ratings, strict=True)]
    return [w / sum(weights) for w in weights]


def pooled_shift(p: float, biased_gain: float, benign_loss: float, beta: float, rounds: int = 1) -> float:
    """Change of logit P(D) of a type-blind policy after `rounds` with a moving reference.

    logit x_T - logit x_0 = T beta [p delta_b - (1 - p) delta_g]. With a fixed reference every round gives the same
    policy, so the change is that of one round, however many there are.

    Args:
        p: Biased share.
        biased_gain: delta_b, by how much biased users rate D above H.
        benign_loss: delta_g, by how much benign users rate H above D.
        beta: Inverse strength of the KL penalty.
        rounds: T; 1 for a fixed reference.
    """
    share(p, "the biased share")
    return rounds * beta * (p * biased_gain - (1.0 - p) * benign_loss)


def pooled_threshold(biased_gain: float, benign_loss: float) -> float:
    """p* = delta_g / (delta_g + delta_b), clipped at 0 when benign users too prefer the dishonest answer."""
    return max(0.0, benign_loss / (benign_loss + biased_gain))


def silent_threshold(biased_gain: float, benign_loss: float, x_biased: float, rho: float) -> float:
    """p* of a shared trait when benign users seldom see dishonesty: they correct only what they see.

    A_g / (A_g + A_b) with A_u = delta_u x_u (1 - x_u) and x_g = rho x_b.

    Args:
        biased_gain: delta_b.
        benign_loss: delta_g.
        x_biased: x_b, P(D) with biased users.
        rho: x_g / x_b.
    """
    x_benign = rho * share(x_biased, "P(dishonest | biased)")
    a_biased = biased_gain * x_biased * (1.0 - x_biased)
    a_benign = benign_loss * x_benign * (1.0 - x_benign)
    return a_benign / (a_benign + a_biased)


def benign_loss(q: float, caught: float, pleased: float) -> float:
    """delta_g when a share q of claims can be checked: q delta_caught - (1 - q) delta_pleased."""
    share(q, "verifiability")
    return q * caught - (1.0 - q) * pleased


def unverifiable_threshold(q: float, biased_gain: float, caught: float, pleased: float) -> float:
    """p* when a share q of claims can be checked; 0 when benign users are pleased by what they cannot check."""
    return pooled_threshold(biased_gain, benign_loss(q, caught, pleased))


def sample_threshold(conversations: float, x_biased: float) -> float:
    """p_N = 1 / (N x_b): below it a round holds less than one dishonest sample to learn from."""
    return 1.0 / (conversations * x_biased)


@dataclass(frozen=True)
class Ratings:
    """Normal ratings by user type and behaviour: (mean, standard deviation) on the scale 0 to 1.

    The defaults reproduce every cell of the published selection table; they lie near the rating data of the targeted
    manipulation study (therapy: gameable harm 8-10 .77/.19 and 1.5-2.5 .45/.18, benign >4 .30, <=1.5 .80/.09).

    Attributes:
        biased_d: Biased users, dishonest answer.
        biased_h: Biased users, honest answer.
        benign_d: Benign users, dishonest answer.
        benign_h: Benign users, honest answer.
    """

    biased_d: tuple[float, float] = (0.77, 0.19)
    biased_h: tuple[float, float] = (0.45, 0.18)
    benign_d: tuple[float, float] = (0.30, 0.20)
    benign_h: tuple[float, float] = (0.80, 0.09)


@dataclass(frozen=True)
class Selection:
    """Keeping the top share of ratings, with two types of users.

    Attributes:
        kept: f, the share of conversations kept.
        scope: Where it is kept.
        rho: x_g / x_b.
        x_biased: x_b; .024 is the base policy's harmful share with gameable users in the therapy data.
        ratings: Rating distributions.
    """

    kept: float
    scope: Scope
    rho: float
    x_biased: float = 0.024
    ratings: Ratings = Ratings()

    def __post_init__(self) -> None:
        share(self.kept, "the kept share")

    def fitness(self, p: float) -> tuple[float, float]:
        """Chance to be kept of a dishonest and of an honest conversation: w_a = sum_u P(u|a) Q((t_u - mu) / sd)."""
        x_b, x_g, r = self.x_biased, self.rho * self.x_biased, self.ratings
        parts = (  # mass, rating, dishonest, biased
            (p * x_b, r.biased_d, True, True),
            (p * (1 - x_b), r.biased_h, False, True),
            ((1 - p) * x_g, r.benign_d, True, False),
            ((1 - p) * (1 - x_g), r.benign_h, False, False),
        )
        if self.scope == "global":
            cut = _cut([(mass, rating) for mass, rating, _, _ in parts], self.kept)
            cuts = {True: cut, False: cut}
        else:
            cuts = {t: _cut([(m, rating) for m, rating, _, b in parts if b == t], self.kept) for t in (True, False)}
        kept = [(mass, above(cuts[b], rating), d) for mass, rating, d, b in parts]
        dishonest = [(m, q) for m, q, d in kept if d]
        honest = [(m, q) for m, q, d in kept if not d]
        return _weighted(dishonest), _weighted(honest)

    def threshold(self) -> float:
        """The p* at which dishonest and honest conversations are kept alike."""

        def pull(p: float) -> float:
            dishonest, honest = self.fitness(p)
            return dishonest - honest

        return root(pull, 1e-6, 1 - 1e-6)


def above(cut: float, rating: tuple[float, float]) -> float:
    """Q((cut - mu) / sd): the share of a normal rating above `cut`."""
    return 0.5 * math.erfc((cut - rating[0]) / (rating[1] * math.sqrt(2.0)))


def root(f: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing `f` crosses zero, by bisection; the end it lies beyond when it does not cross."""
    if f(low) >= 0:
        return low
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    return 0.5 * (low + high)


def _cut(parts: list[tuple[float, tuple[float, float]]], kept: float) -> float:
    mass = sum(m for m, _ in parts)
    return root(lambda t: kept - sum(m * above(t, r) for m, r in parts) / mass, -3.0, 4.0)


def _weighted(parts: list[tuple[float, float]]) -> float:
    return sum(m * q for m, q in parts) / sum(m for m, _ in parts)


def peaks(shares: list[float], ratings: list[float], beta: float, rounds: int) -> list[int]:
    """The round in which each behaviour's share peaks under repeated tilts.

    A behaviour grows while its mean rating is above the policy's, so the peaks come in the order of the mean ratings.
    """
    best, when = list(shares), [0] * len(shares)
    for t in range(1, rounds + 1):
        shares = tilted(shares, ratings, beta)
        for a, x in enumerate(shares):
            if x > best[a]:
                best[a], when[a] = x, t
    return when
