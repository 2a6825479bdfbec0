"""Completes a run all of whose units were played: joins their tables and tapes, and notes what their marks say."""

from collections.abc import Sequence
from pathlib import Path

from populace import taping
from populace.errors import RunError
from populace.folder import faulty, mark_path, read_json
from populace.json_types import JsonObject
from populace.scenarios.merging import merge, undefined, write_timings
from populace.scenarios.runner.plan import Unit
from populace.scenarios.schema import Scenario

_MIXED = (
    "units were computed by processors of different instruction sets ({machines}): on one machine, the last bits of "
    "some numbers would be others"
)


def complete(folder: Path, scenario: Scenario, todo: Sequence[Unit], info: JsonObject) -> None:
    """Join the parts of all units, and take over into `info` what their marks say.

    Raises:
        RunError: A unit is damaged.
    """
    _join_tapes(folder, scenario, todo)
    for unit in todo:
        if fault := faulty(folder, unit.name):
            raise RunError(f"{folder}: {fault}; play it again with: populace resume {folder}")
    marks = [read_json(mark_path(folder, unit.name)) or {} for unit in todo]
    info["tables"] = merge(folder, [unit.name for unit in todo])
    write_timings(folder, marks)
    info["players"] = {mark["arm"]: mark["players"] for mark in marks}
    info["undefined"] = undefined(marks)
    info["machines"] = sorted({str(mark.get("machine", "")) for mark in marks} - {""})
    if len(info["machines"]) > 1:
        info["notes"] = [*info["notes"], _MIXED.format(machines=" and ".join(info["machines"]))]
    info["status"] = "complete"


def _join_tapes(folder: Path, scenario: Scenario, todo: Sequence[Unit]) -> None:
    """Put what units that were played side by side were told onto the tapes that the scenario names."""
    if not (folder / taping.FOLDER).is_dir():
        return
    from populace.agents.llm.backends.tape import join

    for need in sorted(scenario.word.met):
        if need.kind == "write":
            start = folder / taping.FOLDER / taping.prefix(Path(need.what))
            parts = {unit.name: Path(f"{start}-{unit.name}.jsonl") for unit in todo}
            if found := {name: path for name, path in parts.items() if path.is_file()}:
                join(Path(need.what), found)
