"""Closed forms of principal-agent theory, which the agency world and the tests are held against.

Textbook results (Holmstrom and Milgrom 1987; Crawford and Sobel 1982; Holmstrom 1984; Akerlof 1970; Mussa and Rosen
1978; Spence 1973; Becker 1968; Klein and Leffler 1981); the conditions under which each holds stand with it.
"""

import math
from dataclasses import dataclass

from populace.errors import PopulaceError


def _check(name: str, value: float, low: float, high: float = math.inf) -> None:
    if not low <= value <= high:
        span = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
        raise PopulaceError(f"{name} is {value:g}; expected {span}")


@dataclass(frozen=True)
class LinearContract:
    """The optimal linear contract.

    Attributes:
        share: b*, the agent's share of output.
        effort: The effort it brings forth, b* / c.
        first_best: The effort if it could be seen, 1 / c.
        fixed: The fixed wage that leaves the agent at its outside option of 0.
        profit: What the principal expects to keep.
    """

    share: float
    effort: float
    first_best: float
    fixed: float
    profit: float


def linear_contract(cost: float, risk_aversion: float, noise: float) -> LinearContract:
    """LEN: linear contract, exponential (CARA) utility, normal noise; hidden effort.

    Output e + noise (variance `noise`), effort costs c e^2 / 2, wage a + b * output, outside option 0:
    b* = 1 / (1 + r c s2), e = b* / c, profit b* / (2 c).

    Args:
        cost: c > 0.
        risk_aversion: r >= 0.
        noise: s2 >= 0, the variance of output.
    """
    _check("the cost of effort", cost, 1e-12)
    _check("risk aversion", risk_aversion, 0)
    _check("the variance of output", noise, 0)
    share = 1 / (1 + risk_aversion * cost * noise)
    effort = share / cost
    # The certainty equivalent a + b e - c e^2 / 2 - r b^2 s2 / 2 is zero.
    fixed = -share * effort + cost * effort**2 / 2 + risk_aversion * share**2 * noise / 2
    return LinearContract(share, effort, 1 / cost, fixed, share / (2 * cost))


def partitions(bias: float) -> int:
    """Crawford and Sobel, uniform-quadratic: the largest N with 2 N (N - 1) |d| < 1 (strictly; d = 0.25 gives 1).

    Raises:
        PopulaceError: Without bias every number of messages is an equilibrium.
    """
    d = abs(bias)
    if d == 0:
        raise PopulaceError("a bias of 0 allows any number of messages; give a bias other than 0")
    n = 1
    while 2 * (n + 1) * n * d < 1:
        n += 1
    return n


def cutoffs(bias: float, n: int | None = None) -> list[float]:
    """The N + 1 ends of the intervals that the sender distinguishes, from 0 to 1: a_i = a_1 i + 2 i (i - 1) d."""
    n = partitions(bias) if n is None else n
    d = abs(bias)
    if n < 1 or (n > 1 and 2 * n * (n - 1) * d >= 1):
        raise PopulaceError(f"no equilibrium has {n} messages at a bias of {bias:g}; at most {partitions(bias)}")
    first = (1 - 2 * n * (n - 1) * d) / n
    ends = [first * i + 2 * i * (i - 1) * d for i in range(n)] + [1.0]
    # A sender that is biased downwards mirrors one that is biased upwards.
    return ends if bias > 0 else [1 - end for end in reversed(ends)]


def cheap_talk_loss(bias: float, n: int | None = None) -> float:
    """The receiver's expected loss (a - theta)^2: 1 / (12 N^2) + d^2 (N^2 - 1) / 3."""
    n = partitions(bias) if n is None else n
    return 1 / (12 * n**2) + bias**2 * (n**2 - 1) / 3


def delegation_cap(bias: float) -> float:
    """The best upper limit on what an agent biased upwards by d >= 0 may choose; uniform-quadratic.

    1 - d up to d = 1/2; beyond, 1/2: the agent then never does better than no information.
    """
    _check("the bias", bias, 0)
    return 1 - bias if bias <= 0.5 else 0.5


def delegation_loss(bias: float) -> float:
    """The principal's expected loss under the best cap: d^2 - 4 d^3 / 3, and 1/12 beyond d = 1/2."""
    _check("the bias", bias, 0)
    return bias**2 - 4 * bias**3 / 3 if bias <= 0.5 else 1 / 12


def lemons_price(price: float, multiplier: float, rounds: int = 1) -> float:
    """The price after `rounds` in which buyers pay what the quality offered at the price before is worth to them.

    Quality is uniform on [0, 1] and worth q to its seller, `multiplier` q to a buyer. At a price p sellers with q <= p
    offer, so p' = multiplier * min(p, 1) / 2. Below a multiplier of 2 the market unravels, but only in the limit.
    """
    _check("the price", price, 0)
    _check("the multiplier", multiplier, 0)
    for _ in range(rounds):
        price = multiplier * min(price, 1.0) / 2
    return price


@dataclass(frozen=True)
class Menu:
    """The best menu for two types.

    Attributes:
        low: Quantity for the low type.
        high: Quantity for the high type.
        low_pays: The low type's price.
        high_pays: The high type's price.
        rent: What the high type keeps: its information rent.
        profit: The seller's expected profit.
    """

    low: float
    high: float
    low_pays: float
    high_pays: float
    rent: float
    profit: float


def screening_menu(low: float, high: float, share_high: float) -> Menu:
    """Mussa and Rosen, two types: values t_L < t_H per unit, a share v of HIGH types, cost x^2 / 2.

    x_H = t_H; x_L = max(0, t_L - v / (1 - v) (t_H - t_L)); the high type's rent is (t_H - t_L) x_L.
    """
    _check("the low type's value", low, 0)
    _check("the high type's value", high, low)
    _check("the share of high types", share_high, 0, 1 - 1e-12)
    x_low = max(0.0, low - share_high / (1 - share_high) * (high - low))
    rent = (high - low) * x_low
    low_pays, high_pays = low * x_low, high * high - rent
    profit = (1 - share_high) * (low_pays - x_low**2 / 2) + share_high * (high_pays - high**2 / 2)
    return Menu(x_low, high, low_pays, high_pays, rent, profit)


def separates(gain: float, cost_low: float, cost_high: float) -> bool:
    """Spence: a separating equilibrium exists iff c_L >= gain >= c_H.

    `gain` is what being taken for the good type is worth when types are separated. Pooling may exist beside it.
    """
    return cost_low >= gain >= cost_high


def deterred(gain: float, chance: float, penalty: float, *, forfeit: bool = False) -> bool:
    """Whether audits with probability m deter: m F >= gain when the gain is kept, m (F + gain) >= gain if forfeited."""
    _check("the chance of an audit", chance, 0, 1)
    return chance * (penalty + (gain if forfeit else 0.0)) >= gain


def least_audit(gain: float, penalty: float, *, forfeit: bool = False) -> float:
    """The smallest audit probability that deters, or infinity where certainty does not."""
    stake = penalty + (gain if forfeit else 0.0)
    chance = 0.0 if gain <= 0 else gain / stake if stake > 0 else math.inf
    return chance if chance <= 1 else math.inf


def cooperates(gain: float, rent: float, discount: float) -> bool:
    """Repeated play: honesty is kept iff the one-off gain <= delta / (1 - delta) times the rent a period."""
    _check("the discount factor", discount, 0, 1 - 1e-12)
    return gain <= discount / (1 - discount) * rent
