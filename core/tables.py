"""One reader for all tables that users bring: people, surveys, ties, courses of history, shops.

A table is a CSV file (also gzipped), a Parquet file, or a pandas frame (`Table.of_frame`). Its cells are taken for what
they say: words such as NA or None are words, only an empty cell is missing, and a cell that is neither what its column
should hold nor missing is refused with line and column. Nothing is guessed: cells that are separated, decimals that are
marked or text that is encoded otherwise than usual is told, and `format` says so.
"""

import csv
import io
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from populace.columns import of_arrow
from populace.errors import PopulaceError
from populace.files import FileError, check_size, decoded, opened, read
from populace.names import quoted
from populace.table import PLAIN, Codes, Table, TableFormat, check_header

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PLAIN", "Codes", "Table", "TableFormat", "parse", "read_table"]

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
OTHERS = (".xlsx", ".xls", ".ods", ".sav", ".dta", ".rds", ".json", ".jsonl", ".feather", ".yaml", ".zip", ".zst")
_LINE = re.compile("\r\n|\n|\r")


def read_table(file: str | Path, format: TableFormat = PLAIN) -> Table:
    """The table of a `.csv`, `.csv.gz` or `.parquet` file.

    Args:
        file: Its path.
        format: How it is written, if it is a CSV file.

    Raises:
        FileError: The file cannot be read, or is of another kind.
        PopulaceError: A row is longer or shorter than the header, or a column's name is given twice; with the line.
    """
    name = str(file)
    if name.endswith(".parquet"):
        return _parquet(Path(file))
    if name.endswith(OTHERS):
        raise FileError(f"{name}: a table is a .csv, .csv.gz or .parquet file, not {Path(file).suffix!r}; export it so")
    remedy = ", or say how it is stored: format: {encoding: cp1252}, latin-1 or utf-16" if format == PLAIN else ""
    return parse(decoded(read(file), name, format.encoding, remedy), name, format)


def parse(text: str, name: str, format: TableFormat = PLAIN) -> Table:
    """The table of a CSV text; `name` is the file's, for messages.

    Raises:
        FileError: The text is no table.
        PopulaceError: A row is longer or shorter than the header, or a column's name is given twice; with the line.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow

    if not text.strip():
        raise FileError(f"cannot read {name} as a table: it is empty")
    header = _header(text, name, format.separator)
    wrong: list[Any] = []

    def refuse(row: Any) -> str:
        wrong.append(row)
        return "error"

    raw = (text if text.endswith(("\n", "\r")) else text + "\n").encode("utf-8")
    labels = [f"c{k}" for k in range(len(header))]
    try:
        found = arrow.read_csv(
            io.BytesIO(raw),
            # One thread, so that a refused row knows its number.
            arrow.ReadOptions(use_threads=False, column_names=labels, block_size=min(len(raw) + 1, 1 << 30)),
            arrow.ParseOptions(delimiter=format.separator, newlines_in_values=True, invalid_row_handler=refuse),
            arrow.ConvertOptions(column_types=dict.fromkeys(labels, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        if not wrong:
            raise FileError(f"cannot read {name} as a table of cells separated by {format.separator!r}") from None
        raise PopulaceError(_length(wrong[0], header, name, Lines(text, format.separator))) from None
    lines = Lines(text, format.separator)
    columns = {
        column: (lambda k=k: of_arrow(found.column(k).slice(1), format.decimal, format.thousands))
        for k, column in enumerate(header)
        if column
    }
    if len(header) == 1 and lines.empty_within > 1:
        raise PopulaceError(
            f"{name}, line {lines.empty_within}: the line is empty; where an entry is missing in a table of one "
            'column, write "" for it'
        )
    table = Table(name, columns, found.num_rows - 1, lambda row: f"line {lines.of(row + 1)}")
    _no_second_header(found.slice(1), header, table)
    return table


def _header(text: str, name: str, separator: str) -> list[str]:
    """The names of the columns, "" for those without; what looks like another separator is told."""
    first = next(line for line in _LINE.split(text) if line.strip())
    bare = re.sub(r'"[^"]*"', "", first)
    other = max((s for s in SEPARATORS if s != separator), key=bare.count)
    if bare.count(other) > bare.count(separator):
        decimals = ", and decimal: ',' if numbers are written 1,5" if other == ";" else ""
        more, fewer = SEPARATORS[other], SEPARATORS[separator]
        said = f'format: {{separator: "{chr(92) + "t" if other == chr(9) else other}"}}'
        raise PopulaceError(
            f"{name}: line 1 holds more {more} than {fewer}; if {more} stand between cells, say {said}{decimals}"
        )
    try:
        cells = next(row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row)
    except (csv.Error, StopIteration):
        raise FileError(f"cannot read {name} as a table: its first line is no header") from None
    header = [cell.strip() for cell in cells]
    check_header(header, name)
    return header


def _length(row: Any, header: Sequence[str], name: str, lines: "Lines") -> str:
    place = f"{name}, line {lines.of(row.number - 1)} (row {row.number - 1} below the header)"
    if row.text.count('"') % 2:
        return f"{place}: a quotation mark is opened and not closed"
    count = f"it has {row.actual_columns} cells and the header {len(header)}"
    if row.actual_columns > len(header):
        return (
            f"{place}, column {len(header) + 1}: {count}; what stands beyond the header has no name. Is the header one "
            "cell short (row names?), or is a cell with a separator in it not quoted?"
        )
    column = header[row.actual_columns] or str(row.actual_columns + 1)
    return f"{place}, column {quoted(column)}: {count}; the cells from here on are missing"


class Lines:
    """Where the rows of a CSV text stand: rows may have line breaks in quotes, and empty lines count as none."""

    def __init__(self, text: str, separator: str) -> None:
        self.text, self.separator = text, separator

    @cached_property
    def _found(self) -> tuple[list[int], list[int]]:
        """The line in which each row begins, the header's first, and the empty lines; from 1."""
        rows: list[int] = []
        empty: list[int] = []
        if '"' not in self.text:
            for k, line in enumerate(_LINE.split(self.text), 1):
                (rows if line else empty).append(k)
            return rows, empty
        csv.field_size_limit(max(csv.field_size_limit(), len(self.text)))
        reader, before = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.separator), 0
        for row in reader:
            (rows if row else empty).append(before + 1)
            before = reader.line_num
        return rows, empty

    def of(self, row: int) -> int:
        """The line in which a row begins; the header is row 0."""
        rows = self._found[0]
        return rows[row] if row < len(rows) else row + 1

    @property
    def empty_within(self) -> int:
        """The first empty line that rows follow; 0 for none."""
        rows, empty = self._found
        return empty[0] if empty and rows and empty[0] < rows[-1] else 0


def _no_second_header(found: "pa.Table", header: Sequence[str], table: Table) -> None:
    """Tables put one after another hold their header again."""
    import pyarrow.compute as pc

    if sum(map(bool, header)) < 2 or not table.rows:
        return
    same = None
    for k, column in enumerate(header):
        here = pc.equal(pc.utf8_trim_whitespace(found.column(k)), column)
        same = here if same is None else pc.and_(same, here)
        if not pc.any(same).as_py():
            return
    raise PopulaceError(f"{table.at(int(pc.index(same, True).as_py()))}: the header stands there once more")


def _parquet(file: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from populace import memory

    try:
        with opened(file) as raw:
            kept = pq.ParquetFile(raw)
            words = [
                c.path for c in map(kept.schema.column, range(len(kept.schema))) if c.physical_type == "BYTE_ARRAY"
            ]
            groups = [kept.metadata.row_group(k) for k in range(kept.metadata.num_row_groups)]
            packed = sum(g.column(c).total_uncompressed_size for g in groups for c in range(g.num_columns))
            # Runs of the same entry take no room in the file, but each has its place in memory.
            least = max(packed, 8 * kept.metadata.num_rows * len(kept.schema))
            check_size(file, least)
            memory.check(least, f"the table {file.name}", remedy="keep the rows and columns that are used")
            found = pq.ParquetFile(raw, read_dictionary=words).read(use_threads=False)
            found.validate(full=True)
    except (OSError, pa.ArrowException, OverflowError, MemoryError) as error:
        raise FileError(f"cannot read {file} as a Parquet file ({type(error).__name__})") from None
    header = [str(column) for column in found.column_names]
    check_header(header, str(file))
    columns = {column: (lambda k=k: of_arrow(found.column(k))) for k, column in enumerate(header)}
    return Table(str(file), columns, found.num_rows)
