"""How a run folder is laid out, and how its files prove that they are whole.

While a run plays, every unit (a batch of worlds of one arm) writes increments in the order of its ticks,
`parts/<table>-<unit>-<from>-<to>.parquet`, and a saved state with a note of both, `state/<unit>.json`. A finished unit
writes one part per table in canonical order (worlds, then steps), `parts/<table>-<unit>.parquet`, and last of all its
mark, `done/<unit>.json`, with rows and SHA-256 of each part. At the end the parts of all units are joined into one file
per table, whose rows and SHA-256 stand in `run.json`. Everything is written beside its place and moved there when it is
whole.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import cast

from populace.errors import RunError
from populace.files import FileError, opened, text, whole
from populace.json_types import JsonObject
from populace.names import fault_in, pathless, visible

TABLES = ("steps", "users", "groups", "talk", "prompts")
"""The tables that are the same to the byte however a run was cut up, saved and resumed."""
TIMINGS = "timings"
"""The table of wall-clock times, which is not."""
CHECKSUM = "checksum"
"""The key of run.json, and of marks, that holds the SHA-256 of all other entries."""


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with opened(path, own=True) as file:
        return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a mapping so that the file is whole or absent."""
    with whole(path) as partial, partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())


def read_json(path: Path) -> JsonObject | None:
    """The mapping in a file; None where there is none, or nothing that can be read."""
    try:
        found = json.loads(text(path, within=path.parent))
    except (FileError, OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def checksum(info: Mapping[str, object]) -> str:
    """SHA-256 of all entries but the checksum itself."""
    rest = {key: value for key, value in info.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write_checked(path: Path, content: Mapping[str, object]) -> None:
    """Write a mapping with the checksum of its entries."""
    plain = json.loads(json.dumps(content))
    write_json(path, {**plain, CHECKSUM: checksum(plain)})


def write_info(folder: Path, info: Mapping[str, object]) -> None:
    """Write run.json with its checksum, without the full paths of files on this machine."""
    write_checked(folder / "run.json", {**info, **told_of(info)})


def told_of(info: Mapping[str, object]) -> dict[str, object]:
    """The entries of run.json that may name files, with full paths cut to their names."""
    found = {key: pathless(info[key]) for key in ("error", "notes", "players", "set") if key in info}
    return found | ({"error": visible(str(found["error"]))} if "error" in found else {})


def read_info(folder: Path) -> JsonObject:
    """The folder's run.json.

    Raises:
        RunError: There is none, it cannot be read, it is not that of a run, or it was changed after it was written.
    """
    path = folder / "run.json"
    if not os.path.lexists(path):
        raise RunError(f"{folder} is not a run folder: it holds no run.json; give the folder that `populace run` wrote")
    try:
        info = json.loads(text(path, within=folder))
    except (FileError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    if wrong := fault_in(info):
        raise RunError(f"{path} is not that of a run: it holds {wrong}")
    if not isinstance(info, dict) or not isinstance(info.get("arms"), dict):
        raise RunError(f"{path} is not that of a run: it names no arms")
    if info.get(CHECKSUM) not in (None, checksum(info)):
        raise RunError(f"{path} was changed or damaged after it was written: its checksum does not fit")
    return info


def is_of(name: str, unit: str) -> bool:
    """Whether a file of a run folder is a unit's: the unit's name is one of the words between its dashes and dots.

    One unit's name may begin another's, when there are more than 100,000 batches.
    """
    return unit in re.split(r"[-.]", name)


def mark_path(folder: Path, unit: str) -> Path:
    """The mark of a finished unit."""
    return folder / "done" / f"{unit}.json"


def part_path(folder: Path, table: str, unit: str) -> Path:
    """A finished unit's part of a table."""
    return folder / "parts" / f"{table}-{unit}.parquet"


def increment_path(folder: Path, table: str, unit: str, begin: int, end: int) -> Path:
    """What an unfinished unit recorded of a table after tick `begin` up to tick `end`."""
    return folder / "parts" / f"{table}-{unit}-{begin:09d}-{end:09d}.parquet"


def faulty(folder: Path, unit: str) -> str | None:
    """Why a unit does not count as finished, or None where its mark and all its parts are whole."""
    mark = read_json(mark_path(folder, unit))
    if mark is None or not isinstance(mark.get("tables"), dict) or mark.get(CHECKSUM) != checksum(mark):
        return f"the mark done/{unit}.json is missing or damaged"
    for table, about in mark["tables"].items():
        path = part_path(folder, str(table), unit)
        if not path.is_file():
            return f"parts/{path.name} is missing"
        if not isinstance(about, dict) or digest(path) != about.get("sha256"):
            return f"parts/{path.name} was changed or damaged after it was written"
    return None


def table_files(folder: Path, table: str) -> list[Path]:
    """The files that hold a table of a run that is not merged: of finished units their parts, of others increments.

    What an unfinished unit wrote after its last saved state, before it was cut off, is among them.

    Raises:
        RunError: A file that a mark or a saved state names is missing or was changed after it was written.
    """
    for again in range(_LOOKS):
        try:
            return list(_table_files(folder, table))
        except RunError:
            # While it is written, increments give way to parts between two looks.
            if again == _LOOKS - 1:
                raise
    return []


_LOOKS = 3


def _table_files(folder: Path, table: str) -> Iterator[Path]:
    parts, claimed = folder / "parts", dict[Path, object]()
    for mark in (folder / "done").glob("*.json"):
        about = (read_json(mark) or {}).get("tables")
        if not isinstance(about, dict):
            raise RunError(f"{folder}: the mark done/{mark.name} is damaged{_AGAIN}")
        if table in about:
            claim = about[table]
            claimed[part_path(folder, table, mark.stem)] = claim.get("sha256") if isinstance(claim, dict) else None
    for note in (folder / "state").glob("*.json"):
        if mark_path(folder, note.stem).exists():
            continue
        held = (read_json(note) or {}).get("parts")
        if not isinstance(held, dict):
            raise RunError(f"{folder}: state/{note.name} is damaged{_AGAIN}")
        claimed |= {parts / name: sha for name, sha in held.items() if str(name).startswith(f"{table}-")}
    there = set()
    for path in sorted(parts.glob(f"{table}-*.parquet")):
        unit, *span = path.stem.removeprefix(f"{table}-").split("-")
        if mark_path(folder, unit).exists() == (not span):
            there.add(path)
            if path in claimed and digest(path) != claimed[path]:
                raise RunError(f"{folder}: parts/{path.name} was changed or damaged after it was written{_AGAIN}")
            yield path
    if lost := sorted(path.name for path in claimed if path not in there):
        raise RunError(f"{folder}: parts/{lost[0]} is missing{_AGAIN}")


_AGAIN = "; what is damaged is played again by `populace resume`"


def verified(folder: Path, table: str, info: JsonObject) -> Path | None:
    """The merged file of a table, or None where the run has none.

    Raises:
        RunError: run.json says that there is one, and it is missing or was changed after it was written.
    """
    path = folder / f"{table}.parquet"
    about = (info.get("tables") or {}).get(table)
    if about is None:
        return path if path.exists() else None
    if not path.is_file():
        raise RunError(f"{folder} holds no {table}.parquet, though run.json names it: was it copied in part?")
    if digest(path) != about["sha256"]:
        raise RunError(f"{path} was changed or damaged after it was written: its SHA-256 is not that in run.json")
    return path
