"""What is sold, in words: a table of products from the library or a file, or the names that a catalogue has itself."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from populace import matter
from populace.envs.shopping.attributes import EDGE, GRADES
from populace.envs.shopping.catalogue import Catalogue
from populace.errors import PopulaceError
from populace.names import quoted
from populace.table import Table

SHIPPED, OWN = "products", "catalogue"
"""Words of the option `matter`: the table that comes with the library, and the catalogue's own names."""
COLUMNS = ("category", "name", "eco", "quality", "price", "description", "verdict")
EDITIONS = ("", " II")
"""What is added to the name of a row that stands for more than one product of a catalogue."""


@dataclass(frozen=True, eq=False)
class Row:
    """One product in words.

    Attributes:
        name: What it is called.
        eco: Whether its description tells of care for the environment.
        level: Index into `GRADES`; -1 where nothing is said of quality.
        price: Its usual price.
        description: What anybody sees of it; may be empty.
        verdict: What whoever may know its quality learns; may be empty.
    """

    name: str
    eco: bool = False
    level: int = -1
    price: float = 1.0
    description: str = ""
    verdict: str = ""


@dataclass(frozen=True, eq=False)
class Matter:
    """What the products of a catalogue are called in each category.

    Attributes:
        categories: Names of the categories; the one kind of the catalogue, which may be empty, where `own`.
        rows: All products in words.
        place: [categories, items] int64, the row of each product.
        verdicts: [categories, items] bool, whether the verdict fits the product's quality.
        own: Whether these are the catalogue's own names.
    """

    categories: tuple[str, ...]
    rows: tuple[Row, ...]
    place: Tensor
    verdicts: Tensor
    own: bool = False


def matter_of(named: str, catalogue: Catalogue) -> Matter:
    """The words that the option `matter` names, for a catalogue.

    Raises:
        FileError: The file cannot be read.
        PopulaceError: A column is missing, a cell is not what its column holds (with its line and column), or a
            category has too few rows for the catalogue.
    """
    if named == OWN:
        return _own(catalogue)
    return _fitted(*_tables(named), catalogue)


def _own(catalogue: Catalogue) -> Matter:
    told = catalogue.descriptions or ("",) * catalogue.items
    rows = tuple(Row(name, description=about) for name, about in zip(catalogue.titles, told, strict=True))
    place = torch.arange(catalogue.items).unsqueeze(0)
    return Matter((catalogue.kind,), rows, place, torch.zeros_like(place, dtype=torch.bool), own=True)


def _fitted(name: str, categories: dict[str, list[Row]], catalogue: Catalogue) -> Matter:
    """The table's rows, each at the products that it fits best, by category.

    The cost of a row at a product is the squared difference of quality (in levels) and of price (in standard
    deviations of its logarithm, within the category and the catalogue), and 100 where `eco` differs.
    """
    features, names = catalogue.features.double().numpy(), catalogue.attributes
    price = features[:, 0] if catalogue.logged else np.log(np.maximum(features[:, 0], 1e-9))
    quality = _scaled(features[:, names.index("quality")]) if "quality" in names else None
    eco = features[:, names.index("eco")] > 0.5 if "eco" in names else None
    rows: list[Row] = []
    place, fits = [], []
    for category, found in categories.items():
        editions = math.ceil(catalogue.items / len(found))
        if editions > len(EDITIONS):
            raise PopulaceError(
                f"{name} has {len(found)} products of the category {quoted(category)}, and the catalogue "
                f"{catalogue.name} "
                f"sells {catalogue.items:,}: it needs {math.ceil(catalogue.items / len(EDITIONS)):,} at least. Use "
                "`matter: catalogue` for the catalogue's own names, or a table with more rows"
            )
        sold = [(row, edition) for edition in EDITIONS[:editions] for row in found]
        cost = np.subtract.outer(_scaled(price), _scaled(np.log([row.price for row, _ in sold]))) ** 2
        if quality is not None:
            cost += np.subtract.outer(quality, [row.level - 1.0 for row, _ in sold]) ** 2
        if eco is not None:
            cost += 100.0 * np.not_equal.outer(eco, [row.eco for row, _ in sold])
        _, which = linear_sum_assignment(cost)
        place.append([len(rows) + int(k) for k in which])
        levels = np.full(catalogue.items, -1) if quality is None else 1 + (quality > EDGE) - (quality < -EDGE)
        fits.append([sold[k][0].level == level for k, level in zip(which, levels, strict=True)])
        rows += [
            Row(row.name + edition, row.eco, row.level, row.price, row.description, row.verdict)
            for row, edition in sold
        ]
    return Matter(tuple(categories), tuple(rows), torch.tensor(place), torch.tensor(fits))


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values less their mean, in standard deviations; 0 where all are alike."""
    centred = values - values.mean()
    spread = float(centred.std())
    return centred / spread if spread > 0 else centred


Categories = dict[str, list[Row]]


def _read(table: Table) -> tuple[str, Categories]:
    table.need(*COLUMNS)
    if not table.rows:
        raise PopulaceError(f"{table.name}: there are no products; at least one is needed")
    prices = table.numbers("price", low=0, above=True)
    cells = {
        name: matter.texts(table, name) for name in ("category", "name", "eco", "quality", "description", "verdict")
    }
    eco, levels = matter.yes(table, "eco"), matter.one_of(table, "quality", GRADES)
    names = zip(cells["category"], (name.casefold() for name in cells["name"]), strict=True)
    matter.once(table, "name", list(names), "name")
    found: Categories = {}
    for k in range(table.rows):
        found.setdefault(cells["category"][k], []).append(
            Row(cells["name"][k], eco[k], levels[k], float(prices[k]), cells["description"][k], cells["verdict"][k])
        )
    return table.name, found


_tables = matter.Source("populace.envs.shopping.matter", SHIPPED, _read)


__all__ = ["OWN", "SHIPPED", "Matter", "Row", "matter_of"]
