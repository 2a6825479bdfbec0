"""A run folder as tidy pandas frames, read when first asked for; folders of runs that were cut off can be read too."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from populace.analysis.moments import Moments
from populace.errors import RunError, UnknownName
from populace.files import FileError, opened
from populace.folder import TIMINGS, read_info, table_files, verified

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
        "role": "category",
        "seat": "int64",
        "to": "category",
        "player": "category",
        "text": "str",
        "code": "str",
        "kind": "category",
    },
}
"""Columns and dtypes of the frames; `users` has a float32 column for every panel variable beside these."""


@dataclass(frozen=True, eq=False)
class RunData:
    """What a run recorded.

    Attributes:
        path: The run folder.
        info: What its `run.json` holds.
    """

    path: Path
    info: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.info.get("name", self.path.name))

    @property
    def status(self) -> str:
        """`complete`, `running`, `interrupted` or `failed`."""
        return str(self.info.get("status", "unknown"))

    @property
    def complete(self) -> bool:
        """Whether every arm was played to its end."""
        return self.status == "complete"

    @property
    def notice(self) -> str:
        """One sentence saying that the run or its folder is incomplete, or nothing."""
        if self.complete and not (self.path / "steps.parquet").exists():
            return (
                "This run was completed, but its folder holds no steps.parquet (was it copied in part?): the measures "
                "of its world are missing here, and so from every figure and comparison."
            )
        if self.complete:
            return ""
        why = f": {self.info['error']}" if self.info.get("error") else ""
        return f"This run is incomplete (status {self.status}{why}); what was recorded so far is shown and may change."

    def society(self, arm: str) -> Mapping[str, Any]:
        """World, users, names of values and segments, measures and provenance of an arm."""
        found: Mapping[str, Any] = self.info["societies"][self.info["arms"][arm]["society"]]
        return found

    @property
    def world(self) -> str:
        """The id of the world; of all of them where arms differ in it."""
        return ", ".join(dict.fromkeys(str(society["world"]) for society in self.info["societies"]))

    @property
    def value_names(self) -> tuple[str, ...]:
        """Names of the value dimensions of all arms."""
        return tuple(dict.fromkeys(name for society in self.info["societies"] for name in society["values"]))

    @property
    def segment_names(self) -> tuple[str, ...]:
        """Names of the segments of all arms."""
        return tuple(dict.fromkeys(name for society in self.info["societies"] for name in society["segments"]))

    @cached_property
    def declared(self) -> dict[str, Mapping[str, Any]]:
        """Measure -> what was declared of it (`about`, `kind`, `unit`, `low`, `high`, `better`, `deterministic`).

        A measure of seats stands under `<role>/<measure>`, one of the world under its name. What is not there has the
        default of `populace.measures.Measure`.
        """
        found: dict[str, Mapping[str, Any]] = {}
        for society in self.info["societies"]:
            for name, about in society["measures"].items():
                found.setdefault(name, about)
            for role, measures in society["seat_measures"].items():
                for name, about in measures.items():
                    found.setdefault(f"{role}/{name}", about)
        return found

    @cached_property
    def steps(self) -> pd.DataFrame:
        """One row per world, step and measure: `arm, world, step, measure, role, player, value`.

        `role` is "" for measures of the world; `player` is "" unless several players share the role.
        """
        return self._table("steps")

    @cached_property
    def timings(self) -> pd.DataFrame:
        """Wall-clock times, one row per unit: `arm, world, worlds, ticks, seconds`; empty for an incomplete run."""
        path = self.path / f"{TIMINGS}.parquet"
        if not path.exists():
            return pd.DataFrame(columns=["arm", "world", "worlds", "ticks", "seconds"])
        try:
            with opened(path, within=self.path) as file:
                found = pq.ParquetFile(file, page_checksum_verification=True).read().to_pandas()
        except (OSError, pa.ArrowException, FileError) as error:
            raise RunError(f"{self.path}: the recorded {TIMINGS} cannot be read: {error}") from error
        if missing := {"arm", "world", "worlds", "ticks", "seconds"} - set(found):
            raise RunError(f"{path} is no table of {TIMINGS}: it lacks the columns {sorted(missing)}")
        assert isinstance(found, pd.DataFrame)
        return found

    @cached_property
    def users(self) -> pd.DataFrame:
        """A row a tracked user and step: `arm, world, step, user, segment` and a column a panel variable."""
        return self._table("users")

    @property
    def pooled_users(self) -> pd.DataFrame:
        """`users`, for statistics of all rows of an arm together: no row of them may be shown."""
        return self.users

    def provenance(self, arm: str) -> Any:
        """Where the people of an arm come from, as it may be shown."""
        return self.society(arm)["provenance"]

    @cached_property
    def groups(self) -> pd.DataFrame:
        """A row per segment, step and panel variable: `arm, world, step, segment, variable, n, mean, var`.

        n is of the users for whom the variable is defined (of all, where it is for nobody). `var` divides by n, so that
        moments of segments combine exactly (`Moments.pooled`).
        """
        return self._table("groups")

    @cached_property
    def talk(self) -> pd.DataFrame:
        """A row per utterance: `arm, world, step, phase, role, seat, to, player, text, code, kind`.

        `code` is what the text carries as numbers, and `kind` how the reply was read; empty where nothing was said.
        """
        return self._table("talk")

    def conversation(self, arm: str, world: int, seat: int) -> pd.DataFrame:
        """What was said at one seat of one world, in its order: rows of `talk`.

        Raises:
            UnknownName: The arm is not in the run.
            RunError: Nothing of this seat was recorded.
        """
        rows = self.talk
        found = rows[(rows["arm"] == check_arm(self, arm)) & (rows["world"] == world) & (rows["seat"] == seat)]
        if found.empty:
            raise RunError(
                f"{self.path} holds no words of seat {seat} in world {world} of {arm!r}: words are recorded of tracked "
                "worlds (record.worlds, record.talk), and only where the world has words"
            )
        return found.reset_index(drop=True)

    @cached_property
    def arms(self) -> pd.DataFrame:
        """A row per arm: `arm, base`, a column per swept key, and `reference`, the arm compared with (or missing)."""
        rows = []
        for arm, about in self.info.get("arms", {}).items():
            coordinates = about.get("coordinates") or {}
            rows.append(
                {"arm": arm, "base": about.get("base", arm), **coordinates, "reference": self._reference(arm, about)}
            )
        frame = pd.DataFrame(rows, columns=None if rows else ["arm", "base", "reference"])
        return frame[[c for c in frame.columns if c != "reference"] + ["reference"]]

    @property
    def swept(self) -> list[str]:
        """The keys in which arms differ by a sweep."""
        return [c for c in self.arms.columns if c not in ("arm", "base", "reference")]

    @property
    def contrasts(self) -> list[tuple[str, str]]:
        """(arm, its reference) of every arm that has one."""
        pairs = zip(self.arms["arm"], self.arms["reference"], strict=True)
        return [(arm, ref) for arm, ref in pairs if isinstance(ref, str)]

    @cached_property
    def moments(self) -> Moments:
        """Moments of every panel variable by arm, world, step and segment, as arrays."""
        return Moments.of(self.groups)

    @cached_property
    def value_variables(self) -> tuple[str, ...]:
        """The panel variables that are users' values: `value/<name>`, in the census' order.

        Where a world records no `value/...`, the first family `<word>/<name>` over all value names takes its place.
        """
        recorded = list(self.groups["variable"].cat.categories) or [c for c in self.users.columns if "/" in c]
        families = ["value", *(v.split("/", 1)[0] for v in recorded if "/" in v)]
        for family in families:
            mine = tuple(f"{family}/{name}" for name in self.value_names if f"{family}/{name}" in recorded)
            if mine:
                return mine
        return ()

    @cached_property
    def values(self) -> Moments:
        """Moments of the value variables only.

        Raises:
            RunError: The run recorded no values by segment.
        """
        if not self.value_variables or self.groups.empty:
            raise RunError(f"{self.path} holds no moments of values: run the scenario with `record.groups: true`")
        return self.moments.select(self.value_variables)

    def measure(self, name: str) -> pd.DataFrame:
        """A registered measure of this run: `arm, world, step, segment, measure, value`.

        Raises:
            UnknownName: No measure is called so.
        """
        from populace.registry import measures

        found = measures.get(name)(self)
        assert isinstance(found, pd.DataFrame)
        return found

    def _reference(self, arm: str, about: dict[str, Any]) -> str | None:
        """Name of the arm that `arm` is compared with; `reference` may name it, or mark it by True."""
        named = about.get("reference")
        if not isinstance(named, str):
            named = None if named is True else self.info.get("reference")
        return named if named in self.info["arms"] and named != arm else None

    def _table(self, table: str) -> pd.DataFrame:
        merged = verified(self.path, table, self.info)
        files = [merged] if merged is not None else table_files(self.path, table)
        words = [c for c, kind in COLUMNS[table].items() if kind == "category"]
        try:
            for file in files:
                opened(file, within=self.path).close()
            _check_memory(files)
            read = [
                pq.read_table(file, read_dictionary=words, memory_map=True, page_checksum_verification=True)
                for file in files
            ]
        except (OSError, pa.ArrowException, FileError) as error:
            raise RunError(f"{self.path}: the recorded {table} cannot be read: {error}") from error
        if not read:
            frame = pd.DataFrame({c: pd.Series(dtype=kind) for c, kind in COLUMNS[table].items()})
        else:
            frame = pa.concat_tables(read, promote_options="permissive").unify_dictionaries().to_pandas()
        missing = [c for c in COLUMNS[table] if c not in frame.columns]
        if missing:
            raise RunError(f"{self.path}: the recorded {table} lack the columns {missing}")
        order = {"arm": self.info.get("arms", {}), "segment": self.segment_names}
        for column in words:
            frame[column] = _categories(frame[column], order.get(column, ()))
        # A run that was cut off is not merged yet; merging makes infinite numbers NaN.
        for column in [name for name in frame.columns if pd.api.types.is_float_dtype(frame[name])]:
            frame[column] = frame[column].where(np.isfinite(frame[column]))
        return frame.astype({c: kind for c, kind in COLUMNS[table].items() if frame[c].dtype != kind})


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
    present = list(column.cat.categories)
    known = [name for name in first if name in present]
    return column.cat.set_categories(known + [name for name in present if name not in known])


def load_run(path: str | Path) -> RunData:
    """Read a run folder, of a run that is complete, still running, or cut off.

    Args:
        path: The folder that `populace run` wrote.

    Raises:
        RunError: The folder is not there, is no run folder, its tables are gone, or run.json was changed or
            damaged. Tables are checked against run.json when they are first read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise RunError(f"there is no folder {folder}; give the folder that `populace run` wrote")
    info = read_info(folder)
    run = RunData(folder, info)
    if not isinstance(info.get("societies"), list):
        raise RunError(f"{folder} was written by an earlier version of populace; run its scenario.yaml again")
    if run.complete and not any((folder / f"{table}.parquet").exists() for table in COLUMNS):
        raise RunError(
            f"{folder} is marked complete but holds no table ({', '.join(f'{t}.parquet' for t in COLUMNS)}): "
            "was it copied in part?"
        )
    return run


def check_arm(run: RunData, arm: str) -> str:
    """The arm's name, if the run has it.

    Raises:
        UnknownName: It has not.
    """
    if arm not in run.info["arms"]:
        raise UnknownName("arm", arm, run.info["arms"])
    return arm
