"""Writes what happens into a run folder: in parts, each whole or absent, beside the state they lead up to.

A part is moved into place when it is complete, and the state is saved after the parts: so the parts up to the state's
clock are always there, and a resumed run drops later ones and writes them again, to the same bits.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from populace.errors import ActionError
from populace.numerics import blocks
from populace.population import Census
from populace.run import Run
from populace.world import World

TABLES = ("steps", "users", "groups")
_BUFFERED = 1 << 22
"""Numbers held before they are written out."""


class FolderRecorder:
    """Records one arm's batch of worlds into `folder/parts`; copies to the host only when it writes.

    Args:
        folder: The run folder.
        unit: Name of the batch, unique in the folder and sorted in the order of the run.
        arm: Name of the arm.
        census: Names of values and segments.
        every: Ticks between records.
        users: Tracked users a world.
        worlds: Worlds whose users are tracked: those with ids below it.
        groups: Whether to record moments by segment.
        last: The final tick, which is always recorded.
    """

    def __init__(
        self,
        folder: Path,
        unit: str,
        arm: str,
        census: Census,
        *,
        every: int,
        users: int,
        worlds: int,
        groups: bool,
        last: int,
    ) -> None:
        self.parts, self.state = folder / "parts", folder / "state" / f"{unit}.pt"
        self.unit, self.arm, self.census = unit, arm, census
        self.every, self.users, self.tracked, self.groups, self.last = (
            every,
            min(users, census.size),
            worlds,
            groups,
            last,
        )
        self._written = 0
        self._clear()

    def _clear(self) -> None:
        self._steps: list[tuple[int, dict[str, Tensor]]] = []
        self._users: list[tuple[int, dict[str, Tensor]]] = []
        self._groups: list[tuple[int, dict[str, tuple[Tensor, Tensor]]]] = []
        self._count: Tensor | None = None
        self._numbers = 0

    @property
    def full(self) -> bool:
        """Whether enough is held that it should be written."""
        return self._numbers > _BUFFERED

    def wants(self, clock: int) -> bool:
        """Every `every` ticks, the start and the end."""
        return clock % self.every == 0 or clock == self.last

    def record(self, world: World[Any], run: Run, measures: Mapping[str, Tensor]) -> None:
        """Hold measures, tracked users and moments by segment of this tick, on their device."""
        taken = {name: value.clone() for name, value in {**measures, **world.measure(run.state)}.items()}
        self._steps.append((run.clock, taken))
        self._numbers += sum(value.numel() for value in taken.values())
        panel = self._columns(world.panel(run.state))
        if self.users and self.tracked:
            # Ids ascend within a batch, so the tracked worlds are its first rows; which, the host knows at the write.
            rows = slice(0, min(self.tracked, len(run.worlds)))
            tracked = {name: value[rows, : self.users].clone() for name, value in panel.items()}
            tracked[""] = run.people.segment[rows, : self.users]
            self._users.append((run.clock, tracked))
            self._numbers += sum(value.numel() for value in tracked.values())
        if self.groups and panel:
            count, moments = _moments(panel, run.people.segment, len(self.census.segments))
            self._count = count
            self._groups.append((run.clock, moments))
            self._numbers += 2 * len(moments) * count.numel()

    def _columns(self, panel: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Panel variables as [worlds, users] columns; a vector of values becomes one column a dimension."""
        columns = {}
        for name, value in panel.items():
            if value.dim() == 2:
                columns[name] = value
            else:
                columns.update({f"{name}/{dim}": value[..., k] for k, dim in enumerate(self.census.values)})
        return columns

    def flush(self, run: Run) -> None:
        """Write what is held and save the state it leads up to; what is held of later ticks, cut off, is dropped.

        Raises:
            ActionError: A policy acted with numbers that are none.
        """
        self._steps = [row for row in self._steps if row[0] <= run.clock]
        self._users = [row for row in self._users if row[0] <= run.clock]
        self._groups = [row for row in self._groups if row[0] <= run.clock]
        self._refuse_nan()
        ids = run.worlds.cpu().numpy()
        span = f"{self.unit}-{self._written:09d}-{run.clock:09d}"
        if self._steps:
            self._write("steps", span, [self._step_rows(clock, ids, held) for clock, held in self._steps])
        users = [self._user_rows(clock, ids, held) for clock, held in self._users]
        if any(table is not None for table in users):
            self._write("users", span, [table for table in users if table is not None])
        if self._groups:
            self._write("groups", span, [self._group_rows(clock, ids, held) for clock, held in self._groups])
        self.state.parent.mkdir(exist_ok=True)
        run.save(self.state)
        # In this order, so that a flush which is itself cut off can be made again.
        self._clear()
        self._written = run.clock

    def _refuse_nan(self) -> None:
        for clock, held in self._steps:
            for name in [name for name in held if name.startswith("nan/")]:
                share = float(held.pop(name).mean())
                if share > 0:
                    role, _, field = name.removeprefix("nan/").partition(".")
                    raise ActionError(
                        f"arm {self.arm!r}, tick {clock}: {share:.0%} of {field!r} of role {role!r} are not numbers "
                        "(NaN); mend its policy (populace.testing.check_policy looks for this)"
                    )

    def restore(self, device: torch.device | str, packages: Collection[str] = ()) -> Run | None:
        """The saved state to go on from, or None; parts that it does not cover are dropped.

        Args:
            device: Where to go on.
            packages: Plug-ins whose classes the state may name.
        """
        run = Run.load(self.state, device, packages) if self.state.exists() else None
        clock = run.clock if run is not None else 0
        for part in self.parts.glob(f"*-{self.unit}-*.parquet*"):
            if run is None or part.suffix != ".parquet" or _span(part)[1] > clock:
                part.unlink()
        if run is not None and not self.whole(clock):
            # Parts were lost: begin this batch anew, which gives the same bits.
            self.state.unlink()
            return self.restore(device, packages)
        self._written = clock
        return run

    def whole(self, clock: int) -> bool:
        """Whether the parts of every table that has any cover all ticks up to `clock`, and can be read."""
        chains = []
        for table in TABLES:
            parts = sorted(self.parts.glob(f"{table}-{self.unit}-*.parquet"))
            if any(not _readable(part) for part in parts):
                return False
            chains.append([_span(part) for part in parts])
        steps, *others = chains
        ends = [0, *(end for _, end in steps)]
        chained = bool(steps) and [begin for begin, _ in steps] == ends[:-1] and ends[-1] == clock
        return chained and all(other in ([], steps) for other in others)

    def _write(self, table: str, span: str, rows: list[pa.Table]) -> None:
        self.parts.mkdir(exist_ok=True)
        path = self.parts / f"{table}-{span}.parquet"
        partial = path.with_name(path.name + ".part")
        pq.write_table(pa.concat_tables(rows), partial, compression="zstd")
        partial.replace(path)

    def _step_rows(self, clock: int, ids: np.ndarray[Any, Any], held: dict[str, Tensor]) -> pa.Table:
        names = list(held)
        values = (
            torch.stack([held[name].to(torch.float64) for name in names])
            if names
            else torch.empty(0, len(ids), dtype=torch.float64)
        )
        return pa.table(
            {
                "arm": _same(self.arm, values.numel()),
                "world": np.tile(ids, len(names)),
                "step": np.full(values.numel(), clock, dtype=np.int64),
                "measure": _words(np.repeat(np.arange(len(names)), len(ids)), names),
                "value": values.reshape(-1).cpu().numpy(),
            }
        )

    def _user_rows(self, clock: int, ids: np.ndarray[Any, Any], held: dict[str, Tensor]) -> pa.Table | None:
        rows = int((ids < self.tracked).sum())
        if rows == 0:
            return None
        size = rows * self.users
        columns: dict[str, Any] = {
            "arm": _same(self.arm, size),
            "world": np.repeat(ids[:rows], self.users),
            "step": np.full(size, clock, dtype=np.int64),
            "user": np.tile(np.arange(self.users), rows),
            "segment": _words(held[""][:rows].reshape(-1).cpu().numpy(), list(self.census.segments)),
        }
        for name, value in held.items():
            if name:
                columns[name] = value[:rows].reshape(-1).to(torch.float32).cpu().numpy()
        return pa.table(columns)

    def _group_rows(self, clock: int, ids: np.ndarray[Any, Any], held: dict[str, tuple[Tensor, Tensor]]) -> pa.Table:
        assert self._count is not None
        names, segments = list(held), list(self.census.segments)
        count = np.tile(self._count.reshape(-1).cpu().numpy(), len(names))
        mean = torch.stack([held[name][0] for name in names]).reshape(-1).cpu().numpy()
        var = torch.stack([held[name][1] for name in names]).reshape(-1).cpu().numpy()
        return pa.table(
            {
                "arm": _same(self.arm, len(mean)),
                "world": np.tile(np.repeat(ids, len(segments)), len(names)),
                "step": np.full(len(mean), clock, dtype=np.int64),
                "segment": _words(np.tile(np.arange(len(segments)), len(names) * len(ids)), segments),
                "variable": _words(np.repeat(np.arange(len(names)), len(ids) * len(segments)), names),
                "n": count.astype(np.int64),
                "mean": mean,
                "var": var,
            }
        )


def _span(part: Path) -> tuple[int, int]:
    """The ticks after which a part begins and with which it ends."""
    begin, end = part.stem.rsplit("-", 2)[1:]
    return int(begin), int(end)


def _readable(part: Path) -> bool:
    try:
        pq.read_metadata(part)
    except (OSError, pa.ArrowInvalid):
        return False
    return True


def _moments(
    panel: Mapping[str, Tensor], segment: Tensor, segments: int
) -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
    """Count [worlds, segments], and name -> (mean, var) [worlds, segments], summed in float64 a block at a time."""
    worlds, users = segment.shape
    zero = torch.zeros(worlds, segments, dtype=torch.float64, device=segment.device)
    count, sums = zero, dict.fromkeys(panel, (zero, zero))
    labels = torch.arange(segments, device=segment.device)
    for block in blocks(users, segments):
        member = (segment[:, block, None] == labels).double()  # [worlds, block, segments]
        count = count + member.sum(1)
        for name, value in panel.items():
            x = value[:, block, None].double()

            first, second = sums[name]
            sums[name] = (first + (member * x).sum(1), second + (member * x * x).sum(1))
    moments = {}
    for name, (first, second) in sums.items():
        mean = first / count
        moments[name] = (mean, (second / count - mean**2).clamp(min=0.0))
    return count, moments


def _same(word: str, size: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, dtype=np.int32)), pa.array([word]))


def _words(codes: np.ndarray[Any, Any], words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words, type=pa.string()))


def merge(folder: Path) -> None:
    """Join the parts of every table into one file each; can be repeated if cut off."""
    for table in TABLES:
        parts = sorted((folder / "parts").glob(f"{table}-*.parquet"))
        if parts:
            _merge_table(folder / f"{table}.parquet", parts)


def tidy(folder: Path) -> None:
    """Drop parts and states of a run that is merged and marked complete."""
    for inner in ("parts", "state"):
        for leftover in (folder / inner).glob("*"):
            leftover.unlink()
        if (folder / inner).exists():
            (folder / inner).rmdir()


def _merge_table(target: Path, parts: list[Path]) -> None:
    schema = pa.unify_schemas([_plain(pq.read_schema(part)) for part in parts])
    partial = target.with_name(target.name + ".part")
    with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        for part in parts:
            table = pq.read_table(part)
            columns = [
                table.column(f.name).cast(f.type) if f.name in table.column_names else pa.nulls(len(table), f.type)
                for f in schema
            ]
            writer.write_table(pa.table(columns, schema=schema))
    partial.replace(target)


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema with plain strings: dictionaries differ from part to part."""
    return pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in schema])
