"""The questionnaire: a bank of items that load on values, some asked, some held out."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.coevolution.history import read_columns
from populace.envs.coevolution.matter import SHIPPED, matter_of
from populace.envs.coevolution.options import Questionnaire
from populace.errors import OptionError, PopulaceError


def bank(options: Questionnaire, values: tuple[str, ...], draw: Draw) -> tuple[Tensor, Tensor | None]:
    """The items; the last `held_out` share of them is never asked.

    A table's rows are put in random order first, as files are sorted by theme.

    Returns:
        Loadings [worlds, items, values], and the row of the table that each is [worlds, items] int64, or None where
        there is no table.

    Raises:
        OptionError: The table cannot be read.
    """
    if options.loadings == "sparse":
        return _sparse(options.items, len(values), draw), None
    table = _table(options, values).to(draw.device)
    order = draw.uniform("bank", len(table)).argsort(-1)
    return table[order], order


def check(options: Questionnaire, values: tuple[str, ...]) -> None:
    """Raise OptionError when the bank cannot be read, or has too few items."""
    items = size(options, values)
    if items - held_out(options, items) < options.asked:
        raise OptionError(
            f"{options.loadings} has {items} items, fewer than asked and held out together",
            ("world", "questionnaire", "loadings"),
        )


def size(options: Questionnaire, values: tuple[str, ...]) -> int:
    """Items in the bank; a table is read for it.

    Raises:
        OptionError: The table cannot be read.
    """
    return options.items if options.loadings == "sparse" else len(_table(options, values))


def _table(options: Questionnaire, values: tuple[str, ...]) -> Tensor:
    """The loadings of a table, [rows, values]."""
    if options.loadings != SHIPPED:
        return read_columns(options.loadings, values, "questionnaire.loadings", options.format)
    try:
        return matter_of(SHIPPED, values).loadings
    except PopulaceError as error:
        raise OptionError(str(error), ("world", "questionnaire", "loadings")) from None


def held_out(options: Questionnaire, items: int) -> int:
    """How many of `items` are never asked."""
    return int(options.held_out * items)


def pick(options: Questionnaire, items: int, draw: Draw) -> Tensor:
    """Items to ask at the next tick, [worlds, asked]."""
    return draw.choice("items", items - held_out(options, items), options.asked)


def _sparse(items: int, values: int, draw: Draw) -> Tensor:
    """Signs on one, two or three values of each item, equally often (assumed)."""
    most = min(3, values)
    places = draw.choice("places", values, most, items)
    signs = 1.0 - 2.0 * (draw.uniform("signs", items, most) < 0.5).float()
    number = draw.integers("number", 1, most + 1, items)
    signs = signs * (torch.arange(most, device=draw.device) < number.unsqueeze(-1))
    return torch.zeros((draw.worlds, items, values), device=draw.device, dtype=torch.float32).scatter(-1, places, signs)
