"""The questionnaire: a bank of items that load on values, some asked, some held out."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.coevolution.history import read_columns
from populace.envs.coevolution.options import Questionnaire
from populace.errors import OptionError


def bank(options: Questionnaire, values: tuple[str, ...], draw: Draw) -> Tensor:
    """Loadings [worlds, items, values]; the last `held_out` share of the items is never asked.

    A csv's rows are put in random order first, as files are sorted by theme.

    Raises:
        OptionError: The csv cannot be read.
    """
    if options.loadings == "sparse":
        return _sparse(options.items, len(values), draw)
    table = read_columns(options.loadings, values, "questionnaire.loadings", options.format).to(draw.device)
    return table[draw.uniform("bank", len(table)).argsort(-1)]


def check(options: Questionnaire, values: tuple[str, ...]) -> None:
    """Raise OptionError when the bank cannot be read, or has too few items."""
    items = size(options, values)
    if items - held_out(options, items) < options.asked:
        raise OptionError(
            f"{options.loadings} has {items} items, fewer than asked and held out together",
            ("world", "questionnaire", "loadings"),
        )


def size(options: Questionnaire, values: tuple[str, ...]) -> int:
    """Items in the bank; a csv is read for it.

    Raises:
        OptionError: The csv cannot be read.
    """
    if options.loadings == "sparse":
        return options.items
    return len(read_columns(options.loadings, values, "questionnaire.loadings", options.format))


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
