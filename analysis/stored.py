"""Tables of a run folder as pandas frames: verified, with the documented columns and types, whole or in part."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from populace.errors import RunError
from populace.files import FileError, opened
from populace.folder import TIMINGS, table_files, verified
from populace.json_types import JsonObject

Filters = list[tuple[str, str, object]]
"""Conditions on columns that must all hold: (column, comparison, value)."""

COLUMNS: dict[str, dict[str, str]] = {
    "steps": {
        "arm": "category",
        "world": "int64",
        "step": "int64",
        "measure": "category",
        "role": "category",
        "player": "category",
        "value": "float64",
    },
    "users": {"arm": "category", "world": "int64", "step": "int64", "user": "int64", "segment": "category"},
    "groups": {
        "arm": "category",
        "world": "int64",
        "step": "int64",
        "segment": "category",
        "variable": "category",
        "n": "int64",
        "mean": "float64",
        "var": "float64",
    },
    "talk": {
        "arm": "category",
        "world": "int64",
        "step": "int64",
        "phase": "category",
        "turn": "int64",
        "role": "category",
        "seat": "int64",
        "to": "category",
        "player": "category",
        "text": "str",
        "code": "str",
        "reader": "category",
        "kind": "category",
        "tokens_in": "int64",
        "tokens_out": "int64",
        "prompt": "str",
        "reply": "str",
    },
    "prompts": {"prompt": "str", "text": "str"},
}
"""Columns and dtypes of the frames; `users` has a float32 column for every panel variable beside these."""


def stored(
    folder: Path, info: JsonObject, table: str, segments: Sequence[str], filters: Filters | None = None
) -> pd.DataFrame:
    """A table of a run folder as a frame with the columns and types of `COLUMNS`.

    Args:
        folder: The run folder.
        info: Its run.json.
        table: Which.
        segments: Names of segments, in their order.
        filters: Which rows to read, as pyarrow writes them; None for all.

    Raises:
        RunError: The table is damaged, was changed, or does not fit into memory.
    """
    merged = verified(folder, table, info)
    files = [merged] if merged is not None else table_files(folder, table)
    words = [c for c, kind in COLUMNS[table].items() if kind == "category"]
    try:
        for file in files:
            opened(file, within=folder).close()
        if filters is None:
            _check_memory(files)
        read = [
            pq.read_table(
                file, read_dictionary=words, memory_map=True, page_checksum_verification=True, filters=filters
            )
            for file in files
        ]
    except (OSError, pa.ArrowException, FileError) as error:
        raise RunError(f"{folder}: the recorded {table} cannot be read: {error}") from error
    if not read:
        frame = pd.DataFrame({c: pd.Series(dtype=kind) for c, kind in COLUMNS[table].items()})
    else:
        frame = pa.concat_tables(read, promote_options="permissive").unify_dictionaries().to_pandas()
    missing = [c for c in COLUMNS[table] if c not in frame.columns]
    if missing:
        raise RunError(f"{folder}: the recorded {table} lack the columns {missing}")
    order = {"arm": info.get("arms", {}), "segment": segments}
    for column in words:
        frame[column] = _categories(frame[column], order.get(column, ()))
    # A run that was cut off is not merged yet; merging makes infinite numbers NaN.
    for column in [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]:
        frame[column] = frame[column].where(np.isfinite(frame[column]))
    return frame.astype({c: kind for c, kind in COLUMNS[table].items() if frame[c].dtype != kind})


def timings(folder: Path) -> pd.DataFrame:
    """The wall-clock times of a run folder, which are not checked against run.json; none where it has none.

    Raises:
        RunError: They cannot be read.
    """
    path = folder / f"{TIMINGS}.parquet"
    if not path.exists():
        return pd.DataFrame(columns=["arm", "world", "worlds", "ticks", "seconds"])
    try:
        with opened(path, within=folder) as file:
            found = pq.ParquetFile(file, page_checksum_verification=True).read().to_pandas()
    except (OSError, pa.ArrowException, FileError) as error:
        raise RunError(f"{folder}: the recorded {TIMINGS} cannot be read: {error}") from error
    if missing := {"arm", "world", "worlds", "ticks", "seconds"} - set(found):
        raise RunError(f"{path} is no table of {TIMINGS}: it lacks the columns {sorted(missing)}")
    assert isinstance(found, pd.DataFrame)
    return found


def _check_memory(files: list[Path]) -> None:
    """Raise RunError where the rows would not fit into the machine's memory: a small file can hold many."""
    rows = [(meta.num_rows, meta.num_columns) for meta in map(pq.read_metadata, files)]
    needed = sum(8 * count * columns for count, columns in rows)
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return
    if needed > there:
        raise RunError(
            f"{files[0].parent}: {files[0].name} holds {sum(count for count, _ in rows):,} rows, about "
            f"{needed / 1e9:,.0f} GB, and this machine has {there / 1e9:,.0f} GB of memory"
        )


def _categories(column: "pd.Series[Any]", first: Iterable[str]) -> "pd.Series[Any]":
    """As a categorical whose categories come in the run's own order, then in that of appearance."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    present = dict.fromkeys(column.cat.categories)
    known = dict.fromkeys(name for name in first if name in present)
    return column.cat.set_categories([*known, *(name for name in present if name not in known)])
