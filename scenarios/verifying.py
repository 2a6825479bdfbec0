"""Whether a run folder is what it claims: every checksum, row count and hash that it holds, looked at anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from populace import taping, trust
from populace.errors import PopulaceError, RunError
from populace.files import FileError, opened
from populace.folder import CHECKSUM, TABLES, TIMINGS, digest, faulty, part_path, read_info, read_json, verified
from populace.json_types import JsonObject
from populace.lines import Lines
from populace.scenarios.inputs import files_at, input_change, place_of, places, scenario_changes
from populace.scenarios.runner.spending import FILE, check_spent, counted

Verdict = Literal["ok", "wrong", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: A file of the folder, or an input file.
        verdict: `ok`, `wrong`, or `unknown` where there is nothing to compare with.
        told: What was compared, or how it differs.
    """

    what: str
    verdict: Verdict
    told: str


def verify(folder: Path) -> list[Finding]:
    """Look at everything that a run folder claims about itself; nothing is written, and no code of it is imported.

    Args:
        folder: A run folder, complete or not.

    Returns:
        What was looked at, in order; the folder is what it claims where no verdict is `wrong`. Input files are looked
        for where `scenario.yaml` names them; one that is not there, or may not be read, is `unknown`.
    """
    try:
        info = read_info(folder)
    except RunError as error:
        return [Finding("run.json", "wrong", str(error))]
    if CHECKSUM not in info:
        return [Finding("run.json", "wrong", "it holds no checksum, as one that was edited or is of an old version")]
    found = [Finding("run.json", "ok", f"checksum; status {info.get('status')}"), _scenario(folder, info)]
    found += [*_inputs(folder, info), *_appended(folder, info)]
    found += _tables(folder, info) if info.get("status") == "complete" else _units(folder)
    return found


def _scenario(folder: Path, info: JsonObject) -> Finding:
    what, claim = "scenario.yaml", info.get("scenario")
    if not isinstance(claim, dict):
        return Finding(what, "unknown", "run.json holds no hash of it (an older version's run)")
    try:
        keys = scenario_changes(folder / what, claim)
    except PopulaceError as error:
        return Finding(what, "wrong", str(error))
    if keys:
        return Finding(what, "wrong", f"changed after the run began: {', '.join(keys[:6])}")
    return Finding(what, "ok", "the scenario that the run began with")


def _inputs(folder: Path, info: JsonObject) -> Iterator[Finding]:
    claims = info.get("inputs")
    if not isinstance(claims, dict):
        yield Finding("input files", "unknown", "run.json holds no hashes of them (an older version's run)")
        return
    file = folder / "scenario.yaml"
    try:
        known = places(file)
        content = file.read_bytes() if files_at(file) else b""
    except (PopulaceError, OSError):
        known, content = {}, b""
    # What was allowed when it was run is allowed here.
    with trust.speaking(trust.opening(trust.digest(content), folder)) as word:
        for name, claim in claims.items():
            path = place_of(str(name), known)
            if path is None or not isinstance(claim, dict):
                yield Finding(str(name), "unknown", "not found where scenario.yaml names it")
                continue
            try:
                word.demand_read(known[path])
                change = input_change(path, claim) or (_damage(known[path]) if claim.get("grows") else "")
            except trust.NeedsWord as error:
                yield Finding(str(name), "unknown", f"not read: {error.remedy}")
            except FileError as error:
                yield Finding(str(name), "unknown", str(error))
            else:
                yield Finding(str(name), "wrong" if change else "ok", change or "the file that the run was built from")


def _appended(folder: Path, info: JsonObject) -> Iterator[Finding]:
    """What was spent, and the tapes of units that were played side by side: files of lines, each with a checksum."""
    if (folder / FILE).exists() or "spent" in info:
        try:
            check_spent(folder, info)
            yield Finding(FILE, "ok", f"{counted(folder).tokens:,} tokens were spent")
        except (RunError, FileError) as error:
            yield Finding(FILE, "wrong", str(error))
    for path in sorted((folder / taping.FOLDER).glob("*.jsonl")):
        damage = _damage(path, folder)
        yield Finding(f"{taping.FOLDER}/{path.name}", "wrong" if damage else "ok", damage or "replies of one unit")


def _damage(tape: Path, within: Path | None = None) -> str:
    """What is said of the first damaged line of a tape; "" where all are whole."""
    lines = Lines(tape, lambda path: opened(path, within=within), "restore it from a copy", cut=True)
    try:
        for _ in lines.fresh():
            pass
    except (RunError, FileError) as error:
        return str(error)
    return ""


def _tables(folder: Path, info: JsonObject) -> Iterator[Finding]:
    claims = info.get("tables") or {}
    for table in TABLES:
        what = f"{table}.parquet"
        if table not in claims:
            if (folder / what).exists():
                yield Finding(what, "wrong", "run.json names no such table")
            continue
        try:
            path = verified(folder, table, info)
            assert path is not None
            rows, claimed = _rows(path), claims[table]["rows"]
        except (RunError, FileError, OSError, pa.ArrowException) as error:
            yield Finding(what, "wrong", str(error))
            continue
        right = rows == claimed
        yield Finding(what, "ok" if right else "wrong", f"{rows:,} rows" + ("" if right else f", not {claimed:,}"))
    yield _timings(folder)


def _timings(folder: Path) -> Finding:
    what = f"{TIMINGS}.parquet"
    try:
        with opened(folder / what, within=folder) as file:
            table = pq.ParquetFile(file, page_checksum_verification=True).read()
    except (FileError, OSError, pa.ArrowException) as error:
        return Finding(what, "wrong", str(error))
    if lost := {"arm", "world", "worlds", "ticks", "seconds"} - set(table.column_names):
        return Finding(what, "wrong", f"it lacks the columns {', '.join(sorted(lost))}")
    return Finding(
        what, "ok", f"{len(table):,} rows; its pages are whole (wall-clock times, of which run.json holds no hash)"
    )


def _units(folder: Path) -> Iterator[Finding]:
    """Marks and parts of finished units, and the saved states of others."""
    for mark in sorted((folder / "done").glob("*.json")):
        yield _finished(folder, mark.stem)
    for note in sorted((folder / "state").glob("*.json")):
        yield _saved(folder, note)
    known = {path.stem for inner in ("done", "state") for path in (folder / inner).glob("*.json")}
    for path in sorted((folder / "parts").glob("*.parquet")):
        if path.stem.split("-")[1:2] not in [[unit] for unit in known]:
            told = "no mark and no saved state speaks of it; its unit is played again when the run is resumed"
            yield Finding(f"parts/{path.name}", "unknown", told)


def _finished(folder: Path, unit: str) -> Finding:
    what = f"done/{unit}.json"
    if fault := faulty(folder, unit):
        return Finding(what, "wrong", f"{fault}; this unit is played again when the run is resumed")
    tables = (read_json(folder / what) or {})["tables"]
    try:
        wrong = [table for table, about in tables.items() if _rows(part_path(folder, table, unit)) != about.get("rows")]
    except (OSError, pa.ArrowException) as error:
        return Finding(what, "wrong", str(error))
    if wrong:
        return Finding(what, "wrong", f"the rows of {', '.join(wrong)} are not as many as it says")
    return Finding(what, "ok", f"{sum(about['rows'] for about in tables.values()):,} rows in {len(tables)} tables")


def _saved(folder: Path, note: Path) -> Finding:
    what, held = f"state/{note.name}", read_json(note) or {}
    parts, state = held.get("parts"), str(held.get("state"))
    if not isinstance(parts, dict) or any(Path(name).name != name for name in (*parts, state)):
        return Finding(what, "wrong", "it is damaged; this unit is played again when the run is resumed")
    files = {folder / "state" / state: held.get("sha256")} | {
        folder / "parts" / name: sha for name, sha in parts.items()
    }
    for path, sha in files.items():
        try:
            same = digest(path) == sha
        except FileError as error:
            return Finding(what, "wrong", str(error))
        if not same:
            return Finding(what, "wrong", f"{path.name} was changed or damaged; this unit is played again on resuming")
    return Finding(what, "ok", f"saved state and {len(parts)} increments")


def _rows(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)
