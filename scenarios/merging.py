"""Joins the parts of all units into one file per table, whose bytes do not show how the run was cut up."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from populace.files import whole
from populace.folder import TABLES, TIMINGS, digest, part_path
from populace.json_types import JsonObject
from populace.scenarios.rows import once
from populace.taping import FOLDER

ROW_GROUP = 1 << 18
"""Rows of a row group of a merged table."""


def write_table(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    """Write a file that is whole or absent."""
    path.parent.mkdir(exist_ok=True)
    with (
        whole(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd", write_page_checksum=True) as writer,
    ):
        for table in tables:
            writer.write_table(table, row_group_size=ROW_GROUP)


def merge(folder: Path, units: Iterable[str]) -> dict[str, dict[str, int | str]]:
    """Join the parts of every table into one file each, in the order of `units`; can be repeated if cut off.

    Returns:
        Table -> `rows` and `sha256` of its file.
    """
    found = {}
    for table in TABLES:
        parts = [path for unit in units if (path := part_path(folder, table, unit)).exists()]
        if parts:
            target = folder / f"{table}.parquet"
            schema = pa.unify_schemas([pq.read_schema(part) for part in parts])
            rows = _conformed(parts, schema)
            if table == "prompts":  # units may have asked the same
                rows = iter([once(pa.concat_tables(rows))])
            write_table(target, _row_groups(rows), schema)
            found[table] = {"rows": pq.read_metadata(target).num_rows, "sha256": digest(target)}
    return found


def _conformed(parts: Iterable[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """Row groups of the parts, with a column of nulls where a part lacks one."""
    for part in parts:
        file = pq.ParquetFile(part, page_checksum_verification=True)
        for number in range(file.num_row_groups):
            table = _finite(file.read_row_group(number))
            columns = [
                table.column(f.name) if f.name in table.column_names else pa.nulls(len(table), f.type) for f in schema
            ]
            yield pa.table(columns, schema=schema)


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of `ROW_GROUP` rows, so that the file does not show how the run was cut up."""
    held: list[pa.Table] = []
    number = 0
    for table in tables:
        held.append(table)
        number += len(table)
        while number >= ROW_GROUP:
            whole = pa.concat_tables(held)
            yield whole.slice(0, ROW_GROUP).combine_chunks()
            held, number = [whole.slice(ROW_GROUP)], number - ROW_GROUP
    if number:
        yield pa.concat_tables(held).combine_chunks()


def tidy(folder: Path) -> None:
    """Drop parts, marks and states of a run that is merged and recorded as complete."""
    for inner in ("parts", "state", "done", FOLDER):
        for leftover in (folder / inner).glob("*"):
            leftover.unlink()
        if (folder / inner).exists():
            (folder / inner).rmdir()


def _finite(table: pa.Table) -> pa.Table:
    """The table with NaN in place of infinity."""
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_floating(column.type):
            value = column.to_numpy()
            if np.isinf(value).any():
                clean = pa.array(np.where(np.isinf(value), np.nan, value), type=column.type)
                table = table.set_column(table.column_names.index(name), name, clean)
    return table


def write_timings(folder: Path, marks: Sequence[JsonObject]) -> None:
    """Write the table of wall-clock times, one row per unit: `arm, world, worlds, ticks, seconds`.

    `world` is the id of the unit's first world; `seconds` are those of the session that finished the unit.
    """
    columns = {"arm": "arm", "world": "first", "worlds": "worlds", "ticks": "ticks", "seconds": "seconds"}
    table = pa.table({name: [mark[key] for mark in marks] for name, key in columns.items()})
    write_table(folder / f"{TIMINGS}.parquet", [table], table.schema)


def undefined(marks: Sequence[JsonObject]) -> dict[str, dict[str, int]]:
    """Arm -> measure -> how many of its values were infinite and stand as NaN in the table."""
    found: dict[str, dict[str, int]] = {}
    for mark in marks:
        for measure, count in mark["undefined"].items():
            counts = found.setdefault(mark["arm"], {})
            counts[measure] = counts.get(measure, 0) + count
    return found
