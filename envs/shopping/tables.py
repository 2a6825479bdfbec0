"""Reading tables that people wrote: every mistake is named by row and column."""

import csv
import math
from pathlib import Path

from populace.errors import PopulaceError


def read_rows(path: Path, needed: tuple[str, ...]) -> tuple[list[dict[str, str]], list[str]]:
    """Rows and columns of a CSV file.

    Raises:
        PopulaceError: It cannot be read, or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), list(reader.fieldnames or [])
    except (OSError, ValueError, csv.Error) as error:
        raise PopulaceError(f"cannot read the table {path}: {error}") from error
    for name in needed:
        if name not in columns:
            raise PopulaceError(f"{path}: there is no column {name!r}; the columns are: {', '.join(columns) or 'none'}")
    return rows, columns


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
    if not math.isfinite(value) or value < low or value > high or (above and value == low):
        span = (
            f"above {low:g}" if above else f"between {low:g} and {high:g}" if high < math.inf else f"at least {low:g}"
        )
        raise PopulaceError(f"{place}: {text} is out of range; expected a number {span}")
    return value
