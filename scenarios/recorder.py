"""Writes what happens into a run folder: increments beside the states they lead up to, then parts in canonical order.

See `populace.folder` for the files. The rows of a finished unit are ordered by world and step, whatever the moments at
which it was saved. So joining units is concatenation, and tables have the same bytes however a run was cut up.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from populace.errors import ActionError, PopulaceError
from populace.folder import (
    TABLES,
    digest,
    increment_path,
    is_of,
    mark_path,
    part_path,
    read_json,
    write_checked,
    write_json,
)
from populace.measures import Key, OfSeats
from populace.population import Census
from populace.recording import OwnMeasure, measured
from populace.run import Run
from populace.scenarios.merging import write_table
from populace.scenarios.rows import by_world, canonical, coded, constant, joined, moments, once, undefined
from populace.scenarios.talk import Heard
from populace.words import Reader, Utterance
from populace.world import AnyWorld

_BUFFERED = 1 << 22
"""Numbers held before they are written out."""


class FolderRecorder:
    """Records one unit (a batch of worlds of one arm); copies to the host only when it writes.

    Args:
        folder: The run folder.
        unit: Name of the unit, unique in the folder and sorted in the order of the run.
        arm: Name of the arm.
        census: Names of values and segments.
        every: Ticks between records.
        users: Tracked users per world.
        worlds: Worlds whose users are tracked: those with ids below it.
        groups: Whether to record moments by segment.
        own: Measures of the user's own, beside the world's.
        talk: Whose words are recorded: of all worlds, of the tracked ones, or nobody's.
        last: The final tick, which is always recorded.
        saved: Called with the unit's name whenever something was written that is whole.
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
        talk: Literal["all", "tracked", "none"],
        last: int,
        own: Sequence[OwnMeasure] = (),
        saved: Callable[[str], None] | None = None,
    ) -> None:
        self.folder, self.unit, self.arm, self.census = folder, unit, arm, census
        self.every, self.tracked, self.groups, self.last, self.own = every, worlds, groups, last, own
        self._saved = saved
        self.users, self.talk = min(users, census.size), talk
        self._written: list[str] = []
        self._clock = 0
        self._clear()

    def _clear(self) -> None:
        self._steps: list[tuple[int, tuple[Key, ...], Tensor]] = []
        self._users: list[tuple[int, dict[str, Tensor]]] = []
        self._groups: list[tuple[int, dict[str, tuple[Tensor, Tensor, Tensor]]]] = []
        self._talk: list[Heard] = []
        self._nan: list[tuple[int, OfSeats, Tensor]] = []
        self._numbers = 0

    @property
    def full(self) -> bool:
        """Whether enough is held that it should be written."""
        return self._numbers > _BUFFERED

    def wants(self, clock: int) -> bool:
        """Every `every` ticks, the start and the end."""
        return clock % self.every == 0 or clock == self.last

    def record(self, world: AnyWorld, run: Run, measures: Mapping[Key, Tensor]) -> None:
        """Hold measures, tracked users and moments by segment of this tick, on their device."""
        taken: dict[Key, Tensor] = dict(measures)
        taken.update(world.measure(run.state))
        taken.update(measured(self.own, world, run))
        for key in [key for key in taken if isinstance(key, OfSeats) and key.measure.startswith("nan/")]:
            assert isinstance(key, OfSeats)
            self._nan.append((run.clock, key, taken.pop(key)))
        if taken:
            held = torch.stack([value.to(torch.float64) for value in taken.values()])
            self._steps.append((run.clock, tuple(taken), held))
            self._numbers += held.numel()
        panel = self._columns(world.panel(run.state))
        if self.users and self.tracked:
            # Ids ascend within a batch, so the tracked worlds are its first rows; which, the host knows at the write.
            rows = slice(0, min(self.tracked, len(run.worlds)))
            tracked = {name: value[rows, : self.users].clone() for name, value in panel.items()}
            tracked[""] = run.people.segment[rows, : self.users]
            self._users.append((run.clock, tracked))
            self._numbers += sum(value.numel() for value in tracked.values())
        if self.groups and panel:
            grouped = moments(panel, run.people.segment, len(self.census.segments))
            self._groups.append((run.clock, grouped))
            self._numbers += 3 * sum(count.numel() for count, _, _ in grouped.values())

    def hear(self, world: AnyWorld, run: Run, phase: str, said: Mapping[str, Utterance]) -> None:
        """Hold what was said in this phase, on its device."""
        rows = len(run.worlds) if self.talk == "all" else min(self.tracked, len(run.worlds))
        if self.talk == "none" or rows == 0:
            return
        reader = Reader(run.words, world.lexicon)
        for role, utterance in said.items():
            self._talk.append(Heard(run.clock + 1, phase, role, utterance, reader).first(rows))
            self._numbers += self._talk[-1].numbers

    def _columns(self, panel: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Panel variables as [worlds, users] columns; a vector of values becomes one column per dimension.

        Raises:
            PopulaceError: A variable is wider or narrower than the population has values, which name its columns.
        """
        columns = {}
        for name, value in panel.items():
            if value.dim() == 2:
                columns[name] = value
            else:
                if value.shape[2] != len(self.census.values):
                    raise PopulaceError(
                        f"arm {self.arm!r}: the world's panel variable {name!r} is {value.shape[2]} wide, and the "
                        f"population has {len(self.census.values)} values, which name its columns: mend the world's "
                        "panel() (populace.testing.check_world looks for this)"
                    )
                columns.update({f"{name}/{dim}": value[..., k] for k, dim in enumerate(self.census.values)})
        return columns

    # ------------------------------------------------------------------ saving, restoring, finishing

    def flush(self, run: Run) -> None:
        """Write what is held and save the state it leads up to; what is held of later ticks, cut off, is dropped.

        Raises:
            ActionError: A policy acted with numbers that are NaN.
        """
        for table, rows in self._tables(run).items():
            path = increment_path(self.folder, table, self.unit, self._clock, run.clock)
            write_table(path, [rows], rows.schema)
            self._written.append(path.name)
        state = self.folder / "state" / f"{self.unit}-{run.clock:09d}.pt"
        state.parent.mkdir(exist_ok=True)
        run.save(state)
        parts = {name: digest(self.folder / "parts" / name) for name in self._written}
        note = {"clock": run.clock, "state": state.name, "sha256": digest(state), "parts": parts}
        write_json(self._note, note)
        for older in state.parent.glob(f"{self.unit}-*.pt"):
            if older.name != state.name:
                older.unlink()
        if self._saved is not None:
            self._saved(self.unit)
        # In this order, so that a flush which is itself cut off can be made again.
        self._clear()
        self._clock = run.clock

    @property
    def _note(self) -> Path:
        """The note of what was saved last: written after all it names, so that it is the one thing to be believed."""
        return self.folder / "state" / f"{self.unit}.json"

    def restore(self, device: torch.device | str, packages: Collection[str] = ()) -> Run | None:
        """The saved state to go on from, or None.

        Where anything it leads up to is missing or damaged, the unit begins anew, which gives the same bits.

        Args:
            device: Where to go on.
            packages: Plug-ins whose classes the state may name.
        """
        note = read_json(self._note) or {}
        parts, state = note.get("parts"), self.folder / "state" / str(note.get("state"))
        named = [*(parts if isinstance(parts, dict) else ()), str(note.get("state"))]
        inside = all(Path(name).name == name for name in named)  # the folder may be a stranger's
        whole = inside and isinstance(parts, dict) and state.is_file() and digest(state) == note.get("sha256")
        whole = whole and all(_is(self.folder / "parts" / name, sha) for name, sha in (parts or {}).items())
        self._drop(keep=set(parts or {}) if whole else set(), state=state.name if whole else "")
        if not whole or not isinstance(parts, dict):
            return None
        run = Run.load(state, device, packages)
        self._written, self._clock = list(parts), run.clock
        return run

    def finish(self, run: Run, **about: object) -> None:
        """Write the unit's parts in canonical order, then its mark with `about`; increments and state are dropped.

        Raises:
            ActionError: A policy acted with numbers that are NaN.
        """
        held = self._tables(run)
        worlds = len(run.worlds)
        rows = min(self.tracked, worlds)
        tables, infinite = {}, {}
        for table in TABLES:
            written = [
                pq.read_table(self.folder / "parts" / name) for name in self._written if name.startswith(f"{table}-")
            ]
            found = [*written, *([held[table]] if table in held else [])]
            if not found:
                continue
            whole = joined(found)
            if table == "steps":
                infinite = undefined(whole)
            # Rows of increments are [tick, ..., worlds, inner]; those of a part are [worlds, tick, ..., inner].
            if table in ("talk", "prompts"):
                whole = once(whole) if table == "prompts" else by_world(whole)
                write_table(path := part_path(self.folder, table, self.unit), [whole], whole.schema)
                tables[table] = {"rows": len(whole), "sha256": digest(path)}
                continue
            across = {"steps": worlds, "users": max(1, int((run.worlds[:rows] < self.tracked).sum())), "groups": worlds}
            inner = {"steps": 1, "users": self.users, "groups": len(self.census.segments)}
            path = part_path(self.folder, table, self.unit)
            write_table(path, canonical(whole, across[table], inner[table]), whole.schema)
            tables[table] = {"rows": len(whole), "sha256": digest(path)}
        mark = mark_path(self.folder, self.unit)
        mark.parent.mkdir(exist_ok=True)
        write_checked(mark, {"unit": self.unit, "arm": self.arm, **about, "undefined": infinite, "tables": tables})
        self._clear()
        self._drop(keep={f"{table}-{self.unit}.parquet" for table in tables})
        if self._saved is not None:
            self._saved(self.unit)

    def _drop(self, keep: set[str], state: str = "") -> None:
        """Delete the unit's files but those named."""
        saved = {state, self._note.name} if state else set()
        for folder, kept in (("parts", keep), ("state", saved)):
            place = self.folder / folder
            # Ten thousand units leave as many names here: they are looked at as text first.
            for name in os.listdir(place) if place.is_dir() else ():
                if self.unit in name and is_of(name, self.unit) and name not in kept:
                    (place / name).unlink()

    # ------------------------------------------------------------------ rows

    def _tables(self, run: Run) -> dict[str, pa.Table]:
        """What is held up to the run's clock, as tables."""
        steps = [row for row in self._steps if row[0] <= run.clock]
        users = [row for row in self._users if row[0] <= run.clock]
        groups = [row for row in self._groups if row[0] <= run.clock]
        self._refuse_nan(run.clock)
        ids = run.worlds.cpu().numpy()
        found = {
            "steps": [self._step_rows(clock, ids, keys, held) for clock, keys, held in steps],
            "users": [table for clock, held in users if (table := self._user_rows(clock, ids, held)) is not None],
            "groups": [self._group_rows(clock, ids, held) for clock, held in groups],
            "talk": [self._talk_rows(ids, heard) for heard in self._talk if heard.step <= run.clock],
            "prompts": [heard.prompts() for heard in self._talk if heard.step <= run.clock and heard.utterance.asked],
        }
        return {table: joined(rows) for table, rows in found.items() if rows}

    def _refuse_nan(self, clock: int) -> None:
        for tick, key, share in self._nan:
            if tick <= clock and float(share.mean()) > 0:
                field = key.measure.removeprefix("nan/")
                raise ActionError(
                    f"arm {self.arm!r}, tick {tick}: {float(share.mean()):.0%} of {field!r} of role {key.role!r} are "
                    "not numbers (NaN); mend its policy (populace.testing.check_policy looks for this)"
                )
        self._nan = [row for row in self._nan if row[0] > clock]

    def _talk_rows(self, ids: np.ndarray[Any, Any], heard: Heard) -> pa.Table:
        rows = heard.rows(self.arm, ids)
        tracked = self.talk == "all" or len(rows) == 0
        return rows if tracked else rows.filter(pa.array(rows.column("world").to_numpy() < self.tracked))

    def _step_rows(self, clock: int, ids: np.ndarray[Any, Any], keys: tuple[Key, ...], held: Tensor) -> pa.Table:
        names = [key if isinstance(key, OfSeats) else OfSeats(key, "") for key in keys]
        values = held.reshape(-1).cpu().numpy()
        place = np.repeat(np.arange(len(names)), len(ids))
        return pa.table(
            {
                "arm": constant(self.arm, values.size),
                "world": np.tile(ids, len(names)),
                "step": np.full(values.size, clock, dtype=np.int64),
                "measure": coded(place, [name.measure for name in names]),
                "role": coded(place, [name.role for name in names]),
                "player": coded(place, [name.player for name in names]),
                "value": values,
            }
        )

    def _user_rows(self, clock: int, ids: np.ndarray[Any, Any], held: dict[str, Tensor]) -> pa.Table | None:
        rows = int((ids < self.tracked).sum())
        if rows == 0:
            return None
        size = rows * self.users
        columns: dict[str, Any] = {
            "arm": constant(self.arm, size),
            "world": np.repeat(ids[:rows], self.users),
            "step": np.full(size, clock, dtype=np.int64),
            "user": np.tile(np.arange(self.users), rows),
            "segment": coded(held[""][:rows].reshape(-1).cpu().numpy(), list(self.census.segments)),
        }
        for name, value in held.items():
            if name:
                columns[name] = value[:rows].reshape(-1).to(torch.float32).cpu().numpy()
        return pa.table(columns)

    def _group_rows(
        self, clock: int, ids: np.ndarray[Any, Any], held: dict[str, tuple[Tensor, Tensor, Tensor]]
    ) -> pa.Table:
        names, segments = list(held), list(self.census.segments)
        count, mean, var = (torch.stack([held[name][k] for name in names]).reshape(-1).cpu().numpy() for k in range(3))
        return pa.table(
            {
                "arm": constant(self.arm, len(mean)),
                "world": np.tile(np.repeat(ids, len(segments)), len(names)),
                "step": np.full(len(mean), clock, dtype=np.int64),
                "segment": coded(np.tile(np.arange(len(segments)), len(names) * len(ids)), segments),
                "variable": coded(np.repeat(np.arange(len(names)), len(ids) * len(segments)), names),
                "n": count.astype(np.int64),
                "mean": mean,
                "var": var,
            }
        )


def _is(path: Path, sha256: object) -> bool:
    """Whether a file is there, with this SHA-256."""
    return path.is_file() and digest(path) == sha256
