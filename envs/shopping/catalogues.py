"""Finds the catalogue that an option names: a preset, a table of products, or a market, checked before a run."""

import math

import torch
from torch import Tensor

from populace.arithmetic import cached
from populace.envs.shopping.catalogue import Catalogue, fits
from populace.envs.shopping.market import load_market, one_line
from populace.envs.shopping.presets import PRESETS, of_market, preset
from populace.errors import PopulaceError, UnknownName
from populace.files import changed
from populace.tables import PLAIN, TableFormat, read_table


def open_catalogue(
    name: str, commission: float = 0.1, shelf: int | None = None, format: TableFormat = PLAIN
) -> Catalogue:
    """The catalogue called `name`: a preset, a `.csv` table of products, or a `.json(.gz)` market in Magentic's format.

    Args:
        name: Preset or path.
        commission: Share of the price that the company earns on sponsored products, where a table does not say.
        shelf: Products shown at a time; None for the catalogue's own number.
        format: How a table is written.

    Raises:
        UnknownName: No preset is called so, and it is no path to a table or market.
        PopulaceError: The file holds a mistake; the text names line or row, and column.
    """
    return _opened(name, commission, shelf, format, changed(name))


@cached(maxsize=16)
def _opened(name: str, commission: float, shelf: int | None, format: TableFormat, time: int) -> Catalogue:
    """As `open_catalogue`; read again when the file was changed."""
    if name.endswith((".csv", ".csv.gz", ".parquet")):
        return load_table(name, commission, shelf, format)
    if name.endswith((".json", ".json.gz")):
        return of_market(name, load_market(name))
    if name not in PRESETS:
        raise UnknownName("catalogue (a preset, or a path ending in .csv, .json or .json.gz)", name, PRESETS)
    return preset(name, commission, shelf)


RESERVED = ("title", "description", "price", "commission", "sponsored", "harmful")
"""Columns of a product table with a meaning of their own; every other column is an attribute."""


def load_table(path: str, commission: float, shelf: int | None, format: TableFormat = PLAIN) -> Catalogue:
    """Read a product table: `title`, `price`, optionally `description`, `commission`, `sponsored`, `harmful`, and
    attributes.

    Raises:
        PopulaceError: The file cannot be read, a column is missing or called almost like one that has a meaning, or a
            cell is wrong; the text names line and column.
    """
    table = read_table(path, format)
    try:
        table.need("title", "price")
        table.only(*RESERVED)
    except UnknownName as error:  # no name of the scenario: it is the file that is to be pointed at
        raise PopulaceError(str(error)) from None
    if not table.rows:
        raise PopulaceError(f"{path}: there are no products; at least one is needed")
    attributes = tuple(column for column in table.header if column not in RESERVED)

    def numbers(column: str, low: float = -math.inf, high: float = math.inf, above: bool = False) -> Tensor:
        return torch.from_numpy(table.numbers(column, low=low, high=high, above=above)).float()

    def flag(column: str) -> Tensor:
        return numbers(column, 0, 1) if column in table.header else torch.zeros(table.rows, dtype=torch.float32)

    index, titles = table.words("title")
    told: tuple[str, ...] = ()
    if "description" in table.header:
        place, words = table.words("description", missing=True)
        told = tuple(one_line(words[k]) if k >= 0 else "" for k in place)
    price, sponsored = numbers("price", 0, above=True), flag("sponsored")
    rate = numbers("commission", 0, 1) if "commission" in table.header else commission * sponsored
    return Catalogue(
        path,
        tuple(titles[k] for k in index),
        ("log_price", *attributes, "sponsored"),
        torch.stack([price.log(), *map(numbers, attributes), sponsored], -1),
        rate * price,
        flag("harmful") > 0.5,
        torch.tensor([-1.0] + [1.0] * len(attributes) + [0.0], dtype=torch.float32),
        shelf=fits(shelf or min(8, table.rows), table.rows, path),
        stocking="sample",
        prices=price,
        descriptions=told,
    )
