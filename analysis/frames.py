"""A run folder as tidy pandas frames, read when first asked for; folders of runs that were cut off can be read too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from populace.analysis.moments import Moments
from populace.analysis.stored import COLUMNS, Filters, stored, timings
from populace.errors import PopulaceError, RunError, UnknownName
from populace.folder import read_info
from populace.json_types import JsonObject
from populace.store import local


@dataclass(frozen=True, eq=False)
class RunData:
    """What a run recorded.

    Attributes:
        path: The run folder.
        info: What its `run.json` holds.
        whole: The run with all its arms, where this one holds some of them only; see `only`.
    """

    path: Path
    info: JsonObject = field(repr=False)
    whole: "Self | None" = field(default=None, repr=False)

    def only(self, arms: Iterable[str]) -> "Self":
        """The run as if it had these arms only; tables are read for these."""
        kept = set(arms)
        own = {arm: about for arm, about in self.info["arms"].items() if arm in kept}
        return type(self)(self.path, {**self.info, "arms": own}, self.whole or self)

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

    def society(self, arm: str) -> JsonObject:
        """World, users, names of values and segments, measures and provenance of an arm."""
        found: JsonObject = self.info["societies"][self.info["arms"][arm]["society"]]
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
    def declared(self) -> dict[str, JsonObject]:
        """Measure -> what was declared of it (`about`, `kind`, `unit`, `low`, `high`, `better`, `deterministic`).

        A measure of seats stands under `<role>/<measure>`, one of the world under its name. What is not there has the
        default of `populace.measures.Measure`.
        """
        found: dict[str, JsonObject] = {}
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
        return timings(self.path)

    @cached_property
    def users(self) -> pd.DataFrame:
        """One row per tracked user and step: `arm, world, step, user, segment`, and one column per panel variable."""
        return self._table("users")

    @property
    def pooled_users(self) -> pd.DataFrame:
        """`users`, for statistics of all rows of an arm together: no row of them may be shown."""
        return self.users

    def provenance(self, arm: str) -> object:
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
        """One row per utterance; empty where nothing was said in words.

        `arm, world, step, phase, turn, role, seat, to, player, text, code, reader, kind, tokens_in, tokens_out, prompt,
        reply`:
        `turn` counts from 0 in conversations that last several ticks, `code` is what the text carries as numbers,
        `reader` says what read a reply and `kind` how it was read, and `prompt` is the key of what a language model was
        asked, in `prompts`; `reply` is its whole reply, of which `text` is what others heard.
        """
        return self._table("talk")

    @cached_property
    def prompts(self) -> pd.DataFrame:
        """What language models were asked for the words in `talk`, once each: `prompt, text`, the messages as JSON."""
        return self._table("prompts").drop_duplicates("prompt").reset_index(drop=True)

    def read(
        self,
        table: str,
        *,
        arms: Sequence[str] | None = None,
        measures: Sequence[str] | None = None,
        steps: Sequence[int] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Some rows of a table: what is not asked for is left on the disk, so that a large run can be read in pieces.

        Args:
            table: `steps`, `users`, `groups`, `talk` or `prompts`.
            arms: Names of arms, or of base arms for all their cells; None for all.
            measures: Names of measures (`steps` only); None for all.
            steps: Steps; None for all. Step -1 is the last of each arm.
            columns: Names of columns; None for all.

        Raises:
            UnknownName: There is no such table or arm.
            RunError: The table cannot be read, or has no such column.
        """
        if table not in COLUMNS:
            raise UnknownName("table", table, COLUMNS)
        if measures is not None and table != "steps":
            raise RunError(f"only the table steps has measures, not {table}: leave `measures` out")
        if table == "prompts" and (arms is not None or steps is not None):
            raise RunError("the table prompts is of all arms and steps: leave `arms` and `steps` out")
        wanted = None if arms is None else [arm for name in arms for arm in cells(self, name)]
        filters: Filters = []
        filters += [] if wanted is None else [("arm", "in", wanted)]
        filters += [] if measures is None else [("measure", "in", list(measures))]
        if steps is not None and -1 not in steps:
            filters += [("step", "in", [int(step) for step in steps])]
        found = self._table(table, filters or None)
        if steps is not None and -1 in steps:
            last = found.groupby("arm", observed=True)["step"].transform("max")
            found = found[(found["step"] == last) | found["step"].isin(list(steps))].reset_index(drop=True)
        if columns is None:
            return found
        if unknown := [name for name in columns if name not in found.columns]:
            raise RunError(f"the table {table} has no column {unknown[0]!r}; it has {', '.join(found.columns)}")
        return found[list(columns)]

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
            PopulaceError: What is called so is no measure: it takes no run, or gives no frame.
        """
        from populace.registry import measures

        measure: Any = measures.get(name)
        found = measure(self) if callable(measure) and not isinstance(measure, type) else measure
        if not isinstance(found, pd.DataFrame):
            raise PopulaceError(
                f"{name!r} is no measure of a run: a measure is a function that takes a run (RunData) and returns a "
                f"DataFrame, and this one is or returns a {type(found).__name__}"
            )
        return found

    def _reference(self, arm: str, about: dict[str, Any]) -> str | None:
        """Name of the arm that `arm` is compared with; `reference` may name it, or mark it by True."""
        named = about.get("reference")
        if not isinstance(named, str):
            named = None if named is True else self.info.get("reference")
        return named if named in self.info["arms"] and named != arm else None

    def _table(self, table: str, filters: Filters | None = None) -> pd.DataFrame:
        some = self.whole is not None and "arm" in COLUMNS[table]
        own: Filters = [("arm", "in", list(self.info["arms"]))] if some else []
        return stored(self.path, self.info, table, self.segment_names, [*(filters or []), *own] or None)


def load_run(path: str | Path) -> RunData:
    """Read a run folder, of a run that is complete, still running, or cut off.

    Args:
        path: The folder that `populace run` wrote, or its address, such as `s3://bucket/run`.

    Raises:
        RunError: The folder is not there, is no run folder, its tables are gone, or run.json was changed or
            damaged. Tables are checked against run.json when they are first read.
    """
    folder = local(path)
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


def cells(run: RunData, name: str) -> list[str]:
    """The arms that a name stands for: itself, or in a sweep all cells of the base arm.

    Raises:
        UnknownName: The run has no such arm.
    """
    if name in run.info["arms"]:
        return [name]
    found = [arm for arm, about in run.info["arms"].items() if about.get("base") == name]
    return found or [check_arm(run, name)]


def check_arm(run: RunData, arm: str) -> str:
    """The arm's name, if the run has it.

    Raises:
        UnknownName: It has not.
    """
    if arm not in run.info["arms"]:
        raise UnknownName("arm", arm, run.info["arms"])
    return arm
