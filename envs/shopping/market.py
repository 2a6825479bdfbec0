"""A marketplace in Magentic's data format: who can fill an order, at what price, and what that is worth.

Format and utility as in microsoft/multi-agent-marketplace at fdaf34d (MIT; arXiv 2510.25779). A business matches when
its menu carries every item of the order (exact names); the price is the sum of its prices for these items, one of each;
`ok` when it has every amenity asked for. The utility is 2 * (sum of the order's typical prices) * ok - price.
"""

import json
import math
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from populace.errors import PopulaceError, did_you_mean
from populace.files import FileError, text
from populace.json_types import JsonObject
from populace.names import fault_in, quoted


@dataclass(frozen=True)
class Market:
    """Orders and the businesses that can fill them; rows padded to the largest number of matches.

    Attributes:
        value: [customers] float64, what the order is worth when all amenities are there.
        price: [customers, matches] float64, in the file's currency; 0 where there is no match.
        ok: [customers, matches] bool, whether all amenities are there.
        match: [customers, matches] bool, whether this entry is a match at all.
        business: [customers, matches] int64, position of the business in the file; -1 for none.
        businesses: How many there are.
        names: Of the businesses, where the file has them.
        descriptions: Likewise.
        requests: What each customer says, where the file has it.
    """

    value: Tensor
    price: Tensor
    ok: Tensor
    match: Tensor
    business: Tensor
    businesses: int
    names: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()

    @property
    def utility(self) -> Tensor:
        """[customers, matches] float64; NaN where there is no match."""
        worth = torch.where(self.ok, self.value.unsqueeze(-1), 0.0) - self.price
        return torch.where(self.match, worth, torch.nan)


@dataclass(frozen=True)
class Benchmarks:
    """Total utility over customers of simple rules, and the mean and sd over runs of the random ones."""

    optimal: float
    cheapest: float
    any: float
    any_sd: float
    any_with_amenities: float
    any_with_amenities_sd: float


def benchmarks(market: Market, customers: int | None = None) -> Benchmarks:
    """What choosing the best, the cheapest (amenities ignored) and at random among matches brings in total.

    Args:
        market: Orders and businesses.
        customers: How many place the orders, in turn from the first; None for one each.
    """
    utility = market.utility
    orders = len(market.value)
    customers = orders if customers is None else customers
    times = customers // orders + (torch.arange(orders) < customers % orders).double()
    best = torch.where(market.match, utility, -math.inf).amax(-1)
    cheapest = torch.where(market.match, market.price, math.inf).argmin(-1, keepdim=True)
    mean, var = _moments(utility, market.match)
    mean_ok, var_ok = _moments(utility, market.match & market.ok)
    return Benchmarks(
        (times * best).sum().item(),
        (times * utility.gather(-1, cheapest)[..., 0]).sum().item(),
        (times * mean).sum().item(),
        (times * var).sum().sqrt().item(),
        (times * mean_ok).sum().item(),
        (times * var_ok).sum().sqrt().item(),
    )


def _moments(utility: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of one random pick a customer; customers without any pick count 0."""
    n = among.sum(-1).clamp(min=1)
    x = torch.where(among, utility, 0.0)
    mean = x.sum(-1) / n
    return mean, (x * x).sum(-1) / n - mean**2


def load_market(path: str | Path) -> Market:
    """Read `{customers: [...], businesses: [...]}` from a JSON file, plain or gzipped.

    Raises:
        PopulaceError: The file cannot be read, or an entry is wrong; the text names row and column.
    """
    try:
        data = json.loads(text(path))
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "nesting"
        raise FileError(f"cannot read the market {path}: it is no JSON ({where})") from None
    if not (isinstance(data, dict) and all(isinstance(data.get(key), list) for key in ("customers", "businesses"))):
        raise FileError(f"{path} is no market: expected an object with the lists 'customers' and 'businesses'")
    if wrong := fault_in(data):
        raise PopulaceError(f"{path}: a name holds {wrong}; leave it out")
    found = match(data["customers"], data["businesses"], str(path))
    return replace(
        found,
        names=_told(data["businesses"], "name", f"{path}: businesses"),
        descriptions=_told(data["businesses"], "description", f"{path}: businesses"),
        requests=_told(data["customers"], "request", f"{path}: customers"),
    )


LONGEST = 400
"""Most characters of a name or description that are kept."""


def one_line(text: str) -> str:
    """A text from a file on one line, cut after `LONGEST` characters."""
    said = " ".join(text.split())
    return said if len(said) <= LONGEST else said[:LONGEST].rsplit(" ", 1)[0] + " ..."


def _told(entries: list[JsonObject], key: str, place: str) -> tuple[str, ...]:
    """A text of every entry, or nothing where no entry has one.

    Raises:
        PopulaceError: An entry has none while others have, or it is no text.
    """
    if not any(key in entry for entry in entries):
        return ()
    found = tuple(one_line(_key(entry, key, str, f"{place} row {row}")) for row, entry in enumerate(entries))
    for row, said in enumerate(found):
        if not said and key == "name":
            raise PopulaceError(f"{place} row {row}, column {key}: empty; expected a name")
    return found


def match(customers: list[JsonObject], businesses: list[JsonObject], source: str = "market") -> Market:
    """Find for every customer the businesses that carry the whole order.

    Raises:
        PopulaceError: A key is missing, a price is no positive number, an item is unknown, or nobody carries an order.
    """
    for row, business in enumerate(businesses):
        _prices(business, "menu_features", f"{source}: businesses row {row}")
        _key(business, "amenity_features", dict, f"{source}: businesses row {row}")
    sold = {item for business in businesses for item in business["menu_features"]}
    amenities = {name for business in businesses for name in business["amenity_features"]}
    found = []
    for row, customer in enumerate(customers):
        place = f"{source}: customers row {row}"
        order = _prices(customer, "menu_features", place)
        wishes = _key(customer, "amenity_features", list, place)
        for column, names, known in (("menu_features", order, sold), ("amenity_features", wishes, amenities)):
            for name in names:
                if name not in known:
                    raise PopulaceError(
                        f"{place}, column {column}: unknown item {quoted(name)}{did_you_mean(name, known)}"
                    )
        matches = [
            k for k, business in enumerate(businesses) if all(item in business["menu_features"] for item in order)
        ]
        if not matches:
            raise PopulaceError(f"{place}, column menu_features: no business carries all of {quoted(', '.join(order))}")
        found.append((order, wishes, matches))
    if not found:
        raise PopulaceError(f"{source}: there are no customers; at least one is needed")
    return _tensors(found, businesses)


def _tensors(found: list[tuple[Any, Any, list[int]]], businesses: list[JsonObject]) -> Market:
    shape = (len(found), max(len(matches) for _, _, matches in found))
    price, ok = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.bool)
    known, business = torch.zeros(shape, dtype=torch.bool), torch.full(shape, -1, dtype=torch.int64)
    value = torch.zeros(len(found), dtype=torch.float64)
    for row, (order, wishes, matches) in enumerate(found):
        value[row] = 2 * sum(order.values())
        for column, k in enumerate(matches):
            menu, has = businesses[k]["menu_features"], businesses[k]["amenity_features"]
            price[row, column] = sum(menu[item] for item in order)
            ok[row, column] = all(has.get(name) is True for name in wishes)
            known[row, column], business[row, column] = True, k
    return Market(value, price, ok, known, business, len(businesses))


def _key(entry: Any, key: str, kind: type, place: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise PopulaceError(f"{place}, column {key}: missing; expected a {kind.__name__}")
    if not isinstance(entry[key], kind):
        raise PopulaceError(f"{place}, column {key}: expected a {kind.__name__}, got a {type(entry[key]).__name__}")
    return entry[key]


def _prices(entry: Any, key: str, place: str) -> dict[str, float]:
    prices: dict[str, float] = _key(entry, key, dict, place)
    for item, price in prices.items():
        number = isinstance(price, (int, float)) and not isinstance(price, bool)
        if not number or not math.isfinite(price) or price <= 0:
            raise PopulaceError(
                f"{place}, column {key}, item {quoted(item)}: the price is {repr(price)[:80]}; expected a number "
                "above 0"
            )
    return prices


def synthetic_market(customers: int = 100, businesses: int = 300, seed: int = 0) -> Market:
    """A made-up market of the same form: three businesses an order, the amenities missing at one of them.

    Prices, orders and amenities are assumed, after the shape of the published data: orders of 1 to 3 items, item means
    between 3 and 19, prices normal around them with a fifth of the mean as deviation, 1 or 2 amenities asked for.
    """
    # A generator of its own: the file of a market is data, the same in every run; no random numbers of a run are used.
    dice = random.Random(seed)
    amenities = [f"amenity {k}" for k in range(8)]
    people: list[JsonObject] = []
    shops: list[JsonObject] = [
        {"menu_features": {}, "amenity_features": {name: dice.random() < 0.4 for name in amenities}}
        for _ in range(businesses)
    ]
    for row in range(customers):
        order = {f"item {row}.{k}": round(dice.uniform(3, 19), 2) for k in range(dice.randint(1, 3))}
        wishes = dice.sample(amenities, dice.randint(1, 2))
        people.append({"menu_features": order, "amenity_features": wishes})
        for place in range(3):
            shop = shops[(3 * row + place) % businesses]
            shop["menu_features"] |= {i: max(0.5, round(dice.gauss(m, 0.2 * m), 2)) for i, m in order.items()}
            if place < 2:
                shop["amenity_features"] |= dict.fromkeys(wishes, True)
            else:
                shop["amenity_features"][wishes[0]] = False
    return match(people, shops, "synthetic market")
