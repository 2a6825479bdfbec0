"""What stands before each customer: shelves filled from a catalogue, randomised as the published studies did."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.shopping.catalogue import Catalogue


@dataclass(frozen=True)
class Shelf:
    """Offers to every customer, in the order in which they are shown (or arrived).

    Attributes:
        offers: [worlds, customers, products, attributes] float32, what each product truly is.
        price: [worlds, customers, products] float32.
        item: [worlds, customers, products] int64, which product of the catalogue (or which business) it is.
        interest: [worlds, customers, products] float32, what the company earns on it.
        harmful: [worlds, customers, products] bool.
        available: [worlds, customers, products] bool.
    """

    offers: Tensor
    price: Tensor
    item: Tensor
    interest: Tensor
    harmful: Tensor
    available: Tensor


def stock(catalogue: Catalogue, customers: int, shuffled: bool, draw: Draw) -> Shelf:
    """Fill every customer's shelf.

    Args:
        catalogue: What there is.
        customers: How many.
        shuffled: Whether the order on the shelf is random; else as in the catalogue.
        draw: Random numbers.
    """
    if catalogue.stocking == "hotels":
        return _hotels(catalogue, customers, draw)
    if catalogue.stocking == "market":
        shelf = _market(catalogue, customers, draw)
    elif catalogue.stocking == "sample":
        shelf = _pick(catalogue, draw.choice("products", catalogue.items, catalogue.shelf, customers), draw)
    else:
        item = torch.arange(catalogue.shelf, device=draw.device).expand(draw.worlds, customers, -1)
        shelf = _pick(catalogue, item, draw)
    if shuffled:
        shelf = _permute(shelf, draw.uniform("order", customers, catalogue.shelf).argsort(-1))
    if catalogue.stocking == "aces":
        return _aces(shelf, draw)
    return _fares(shelf, draw) if catalogue.stocking == "flights" else shelf


def planes(columns: Sequence[Tensor]) -> Tensor:
    """Stack attributes [..., products] into [..., products, attributes], each of them contiguous in memory.

    Everything here reads shelves attribute by attribute.
    """
    return torch.stack(tuple(columns), 0).movedim(0, -1)


def _pick(catalogue: Catalogue, item: Tensor, draw: Draw) -> Shelf:
    features = catalogue.features.to(draw.device)
    offers = planes([column[item] for column in features.unbind(-1)])
    every = torch.ones_like(item, dtype=torch.bool)
    interest, harmful = catalogue.interest.to(draw.device)[item], catalogue.harmful.to(draw.device)[item]
    price = offers[..., 0].exp() if catalogue.prices is None else catalogue.prices.to(draw.device)[item]
    return Shelf(offers, price, item, interest, harmful, every)


def _permute(shelf: Shelf, order: Tensor) -> Shelf:
    return Shelf(
        planes([column.gather(-1, order) for column in shelf.offers.unbind(-1)]),
        *(x.gather(-1, order) for x in (shelf.price, shelf.item, shelf.interest, shelf.harmful, shelf.available)),
    )


def _market(catalogue: Catalogue, customers: int, draw: Draw) -> Shelf:
    """The matches of each customer's order; customers beyond the file's begin again at its first."""
    market, device = catalogue.market, draw.device
    assert market is not None
    row = torch.arange(customers, device=device) % len(market.value)
    price = market.price.to(device)[row].float()
    worth = torch.where(market.ok.to(device)[row], market.value.to(device)[row].float().unsqueeze(-1), 0.0)
    available, item = market.match.to(device)[row], market.business.to(device)[row].clamp(min=0)
    zero, none = torch.zeros_like(price), torch.zeros_like(available)

    def everywhere(x: Tensor) -> Tensor:
        return x.expand(draw.worlds, *x.shape)

    offers = planes([price, worth])
    return Shelf(*(everywhere(x) for x in (offers, price, item, zero, none, available)))


def _aces(shelf: Shelf, draw: Draw) -> Shelf:
    """ACES's randomiser (mycustomai/ACES at 6c561d8).

    Prices times a log-normal (0, .3); ratings moved by up to .4 of what they lack to 5, to one decimal; reviews times a
    log-normal (0, 1); with probability .5 each: one to four sponsored, one overall pick among the others, and one low
    in stock among the rest.
    """
    customers, k = shelf.price.shape[1:]
    log_price = shelf.offers[..., 0] + 0.3 * draw.normal("price", customers, k)
    rating = shelf.offers[..., 1]
    rating = rating + (0.8 * draw.uniform("rating", customers, k) - 0.4) * (5.0 - rating)
    rating = torch.round(rating * 10.0) / 10.0
    reviews = torch.expm1(shelf.offers[..., 2]) * torch.exp(draw.normal("reviews", customers, k))
    coins = draw.uniform("coins", customers, 4)
    # Products in a random order: the first so many are sponsored, the next is the pick, the next is low in stock.
    rank = draw.uniform("rank", customers, k).argsort(-1).argsort(-1)
    sponsors = torch.where(coins[..., 0] < 0.5, (coins[..., 1] * 4.0).floor() + 1.0, 0.0).unsqueeze(-1)
    picked, scarce = (coins[..., 2:3] < 0.5).float(), (coins[..., 3:4] < 0.5).float()
    sponsored = (rank < sponsors).float()
    overall = (rank == sponsors).float() * picked
    scarcity = (rank == sponsors + picked).float() * scarce
    columns = (log_price, rating, torch.log1p(reviews), sponsored, overall, scarcity)
    price = log_price.exp()
    interest = shelf.interest * sponsored * price
    return Shelf(planes(columns), price, shelf.item, interest, shelf.harmful, shelf.available)


def _fares(shelf: Shelf, draw: Draw) -> Shelf:
    """Prices of flights: sponsored 1,200-1,499, others 504-698, uniform (range as published, form assumed)."""
    u = draw.uniform("fare", *shelf.price.shape[1:])
    sponsored = shelf.offers[..., 1]
    price = torch.where(sponsored > 0.5, 1200.0 + 299.0 * u, 504.0 + 194.0 * u)
    offers = planes((price.log(), sponsored))
    return Shelf(offers, price, shelf.item, shelf.interest * price, shelf.harmful, shelf.available)


def _hotels(catalogue: Catalogue, customers: int, draw: Draw) -> Shelf:
    """Two different hotels with their offers of the day; the form of the distribution is assumed."""
    assert catalogue.pool is not None
    pool = catalogue.pool.to(draw.device)
    item = draw.choice("hotels", catalogue.items, catalogue.shelf, customers)
    # Floyd's sets are not in random order: the second is more often a high number.
    item = item.gather(-1, draw.uniform("order", customers, catalogue.shelf).argsort(-1))
    u = draw.uniform("offer", customers, catalogue.shelf, 4)
    lowest, stars, review, cancel, breakfast = pool[item].unbind(-1)
    price = lowest * (1.0 + u[..., 0])
    review = torch.round((review + 0.4 * u[..., 1] - 0.2) * 10.0) / 10.0
    flags = ((u[..., 2] < cancel).float(), (u[..., 3] < breakfast).float())
    offers = planes((price.log(), stars, *flags, review))
    none = torch.zeros_like(item, dtype=torch.bool)
    return Shelf(offers, price, item, torch.zeros_like(price), none, ~none)
