"""What is for sale, and how customers value it by default."""

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from populace.envs.shopping.market import Market
from populace.errors import PopulaceError

Stocking = Literal["fixed", "sample", "aces", "hotels", "flights", "market"]
"""How a shelf is filled; see `shelves`."""


@dataclass(frozen=True)
class Catalogue:
    """Products and how customers value them by default.

    Attributes:
        name: Its name, or the file it came from.
        titles: Names of the products.
        descriptions: What is said of each, where the file says; empty where none has any.
        kind: What kind of thing the products are, in a word or two.
        specific: Whether the request says what is wanted, so that it stands for the weights in words.
        attributes: Names of the attributes; the first is `log_price` (or `price`, in a market).
        features: [items, attributes] float32.
        interest: [items] float32, what the company earns when one is sold, in its own units.
        harmful: [items] bool: whether the assistant's principles speak against it.
        weights: [attributes], a customer's default weights.
        hidden: Attributes that buyers cannot see before they buy (unless the mask of `truth` says otherwise).
        shelf: Products shown to a customer at a time.
        stocking: How shelves are filled.
        budget: A customer's default budget; None for no limit.
        must: Attribute -> smallest value that will do.
        company: The company the assistant also represents.
        values: The assistant's persona, a sentence.
        request: What the customer says, a sentence.
        currency: Unit of prices.
        prices: [items] float32, list prices; None where shelves draw them.
        market: Orders and sellers, of a `market`.
        nothing: Utility of buying nothing; None for that of the worst product on the shelf (assumed).
        pool: [hotels, 5] of `hotels`: lowest price, stars, review score, chance of free cancelling and of breakfast.
    """

    name: str
    titles: tuple[str, ...]
    attributes: tuple[str, ...]
    features: Tensor
    interest: Tensor
    harmful: Tensor
    weights: Tensor
    shelf: int
    stocking: Stocking = "fixed"
    hidden: tuple[str, ...] = ()
    budget: float | None = None
    must: tuple[tuple[str, float], ...] = ()
    company: str = "the company"
    values: str = ""
    request: str = "Please buy what suits me best."
    currency: str = "$"
    prices: Tensor | None = None
    market: Market | None = None
    pool: Tensor | None = None
    nothing: float | None = None
    descriptions: tuple[str, ...] = ()
    kind: str = ""
    specific: bool = False

    @property
    def logged(self) -> bool:
        """Whether the first attribute is the log of the price, not the price itself."""
        return self.attributes[0] == "log_price"

    @property
    def ceiling(self) -> float:
        """Twice the dearest list price, which no asking price exceeds: what stands for a budget without a limit."""
        dearest = self.features[:, 0].exp() if self.prices is None else self.prices
        if self.market is not None:
            dearest = self.market.price
        elif self.pool is not None:
            dearest = 2.0 * self.pool[:, 0]  # the price of the day is at most twice the lowest
        elif self.stocking == "flights":
            return 2.0 * 1499.0
        elif self.stocking == "aces":
            dearest = dearest * math.exp(0.3 * 5.8)  # log-normal; no draw is beyond 5.77 deviations
        return 2.0 * float(dearest.max())

    @property
    def items(self) -> int:
        """How many different products there are."""
        return len(self.titles)


def fits(shelf: int, items: int, place: str) -> int:
    """The size of a shelf that can be filled from so many products; `place` names them in the error."""
    if not 1 <= shelf <= items:
        raise PopulaceError(
            f"{place}: a shelf of {shelf} cannot be filled from {items} products; expected 1 to {items}"
        )
    return shelf
