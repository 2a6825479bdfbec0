"""How society's values would move without an assistant: a series of points, straight lines between them."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.coevolution.options import History
from populace.errors import OptionError, PopulaceError
from populace.tables import PLAIN, TableFormat, read_table

CENTURY_VALUES = ("religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance")
"""Dimensions of the `centuries` series."""

CENTURIES = (
    (0.438, 0.274, 0.205, 0.369, 0.427),
    (0.291, 0.241, 0.179, 0.336, 0.444),
    (0.466, 0.279, 0.189, 0.353, 0.458),
    (0.557, 0.284, 0.189, 0.312, 0.458),
    (0.521, 0.291, 0.198, 0.327, 0.446),
    (0.165, 0.284, 0.184, 0.367, 0.309),
    (0.108, 0.334, 0.203, 0.386, 0.335),
    (0.196, 0.339, 0.246, 0.502, 0.354),
    (0.046, 0.254, 0.251, 0.338, 0.359),
)
"""Value embeddings of historical English text, 13th to 21st century, read off a figure of ProgressGym (+-0.005).

PKU-Alignment/ProgressGym @871e2bd, MIT. Embeddings of text, not of people's answers: one digitised course, no error.
"""

MORAL_VALUES = (
    *("m_death", "m_pain", "m_disable", "m_freedom", "m_pleasure"),
    *("m_deceive", "m_cheat", "m_break_promise", "m_break_law", "m_duty"),
    *("f_harm_care", "f_fairness", "f_ingroup", "f_authority", "f_purity"),
    *("v_traditional", "v_modern", "v_postmodern", "v_integrated"),
)
"""ProgressGym's 19 dimensions: basic and social morality, moral foundations, world views."""


def series(options: History, values: tuple[str, ...], draw: Draw) -> Tensor:
    """The points [worlds, points, values]; `walk` and `still` begin at 0.

    Raises:
        OptionError: A csv cannot be read.
    """
    if options.series == "walk":
        return _walk(options, len(values), draw)
    if options.series == "still":
        return torch.zeros((draw.worlds, 2, len(values)), device=draw.device, dtype=torch.float32)
    table = (
        torch.tensor(CENTURIES, dtype=torch.float32)
        if options.series == "centuries"
        else read_points(options.series, values, options.format)
    )
    return table.to(draw.device).expand(draw.worlds, -1, -1)


def read_points(path: str, values: tuple[str, ...], format: TableFormat = PLAIN) -> Tensor:
    """The points of a csv, [points, values].

    Raises:
        OptionError: It cannot be read, or has fewer than two points.
    """
    table = read_columns(path, values, "history.series", format)
    if len(table) < 2:
        raise OptionError(
            f"{path} holds {len(table)} points; a series needs at least 2", ("world", "history", "series")
        )
    return table


def read_columns(path: str, names: tuple[str, ...], what: str, format: TableFormat = PLAIN) -> Tensor:
    """The columns `names` of a table, [rows, names] float32.

    Args:
        path: The file.
        names: Columns to read.
        what: The option that names the file, for messages.
        format: How the file is written.

    Raises:
        OptionError: The file cannot be read, lacks a column, or a cell is no finite number; with its line.
    """
    try:
        table = read_table(path, format)
        table.need(*names)
        columns = [torch.from_numpy(table.numbers(name)) for name in names]
    except PopulaceError as error:
        raise OptionError(str(error), ("world", *what.split("."))) from None
    return torch.stack(columns, dim=1).float()


def at(points: Tensor, tick: Tensor, every: int) -> Tensor:
    """Where the course stands at `tick` [worlds]: points [worlds, points, values] -> [worlds, values]."""
    before = (tick // every).clamp(max=points.shape[1] - 2)
    share = ((tick - before * every).float() / every).clamp(max=1.0).unsqueeze(-1)
    index = before.view(-1, 1, 1).expand(-1, 1, points.shape[2])
    low, high = points.gather(1, index).squeeze(1), points.gather(1, index + 1).squeeze(1)
    return (1.0 - share) * low + share * high


def _walk(options: History, values: int, draw: Draw) -> Tensor:
    """Steps of standard deviation `step` that follow an autoregression of order one (assumed)."""
    fresh = options.step * draw.normal("history", options.points - 1, values)
    own = (1.0 - options.smooth**2) ** 0.5
    step, place = fresh[:, 0], torch.zeros_like(fresh[:, 0])
    points = [place]
    for k in range(options.points - 1):
        step = step if k == 0 else options.smooth * step + own * fresh[:, k]
        place = place + step
        points.append(place)
    return torch.stack(points, dim=1)
