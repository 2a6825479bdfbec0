"""Reading tables that people wrote: every mistake is named by row and column."""

import csv
import math
from pathlib import Path

from populace.errors import PopulaceError


def read_rows(path: Path, needed: tuple[str, ...]) -> tuple[list[dict[str, str]], list[str]]:
    """Rows and columns of a CSV file.

    Raises:
        PopulaceError: It cannot be read, lacks a column or has one twice, or a row is too long or too short.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, ValueError, csv.Error) as error:
        raise PopulaceError(f"cannot read the table {path}: {error}") from error
    columns, *rest = lines or [[]]
    for k, name in enumerate(columns):
        if name in columns[:k]:
            raise PopulaceError(f"{path}: column {name!r} stands there twice; expected each once")
    for k, line in enumerate(rest):
        if len(line) < len(columns):
            missing = columns[len(line)]
            raise PopulaceError(f"{path}: row {k + 1}, column {missing!r}: missing; expected {len(columns)} cells")
        if len(line) > len(columns):
            place = f"{path}: row {k + 1}, column {len(columns) + 1}"
            raise PopulaceError(f"{place}: {line[len(columns)]!r} is beyond the header; expected {len(columns)} cells")
    for name in needed:
        if name not in columns:
            raise PopulaceError(f"{path}: there is no column {name!r}; the columns are: {', '.join(columns) or 'none'}")
    return [dict(zip(columns, line, strict=True)) for line in rest], columns


def number(
    path: Path,
    row: int,
    cells: dict[str, str],
    column: str,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
) -> float:
    """The number in a cell; rows are counted from 1 below the header.

    Raises:
        PopulaceError: It is missing, no number, or out of range.
    """
    text = (cells.get(column) or "").strip()
    place = f"{path}: row {row + 1}, column {column!r}"
    if not text:
        raise PopulaceError(f"{place}: missing; expected a number")
    try:
        value = float(text)
    except ValueError:
        raise PopulaceError(f"{place}: {text!r} is no number") from None
    if not math.isfinite(value):
        raise PopulaceError(f"{place}: {text} is not finite; expected a finite number")
    if value < low or value > high or (above and value == low):
        span = (
            f"above {low:g}" if above else f"between {low:g} and {high:g}" if high < math.inf else f"at least {low:g}"
        )
        raise PopulaceError(f"{place}: {text} is out of range; expected a number {span}")
    return value
