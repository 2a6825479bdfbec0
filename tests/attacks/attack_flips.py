"""Bytes of a run folder flipped, cut off, lost or exchanged: the damage is named, or no number changes."""

import functools
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd
from attack_tools import Found, command

from populace import load_run
from populace.errors import PopulaceError
from populace.folder import TABLES, TIMINGS
from populace.scenarios import load, runner
from populace.scenarios.runner import unit
from populace.scenarios.runner.executors import Executor
from populace.scenarios.runner.executors.processes import played
from populace.scenarios.runner.plan import Unit
from populace.scenarios.runner.unit import Job, Outcome, Player

NAMES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
ALONE = 190
"""Tries of run folders; those after them are of tapes."""
VARIANTS = ("finished", "unfinished", "talking", "by two workers", "by two workers with tapes")


def scenario(talks: bool = False, tape: str = "") -> dict:
    if talks:
        return {
            "name": "talks",
            "world": {"id": "populace/payoff-v0"},
            "worlds": 3,
            "horizon": 6,
            "population": {"size": 4},
            "agents": {"user": {"policy": "llm/random", **({"tape": tape} if tape else {})}},
            "arms": {"a": {}, "b": {"agents.assistant": "user-only"}},
            "record": {"users": 2, "worlds": 2, "talk": "all"},
        }
    return {
        "name": "flips",
        "about": "a trial",
        "world": {"id": "populace/coevolution-v0", "noise": 0.02},
        "worlds": 5,
        "horizon": 8,
        "population": {"size": 12, "data": {"file": "people.csv", "values": NAMES, "segment": "job"}},
        "agents": {"assistant": "lifelong"},
        "arms": {"a": {}, "b": {"agents.assistant": "mirror"}},
        "record": {"users": 3, "worlds": 2},
    }


@functools.cache
def made() -> Path:
    """A folder with a whole run, and the same run cut off, once without and once with words."""
    place = Path(tempfile.mkdtemp(prefix="populace-attack-whole-"))
    rows = [{name: (k * (j + 1)) % 7 / 10 for j, name in enumerate(NAMES)} | {"job": "ab"[k % 2]} for k in range(40)]
    pd.DataFrame(rows).to_csv(place / "people.csv", index=False)
    before = unit.LOOK_SECONDS, unit.SAVE_SECONDS
    for name, talks in (("s", False), ("t", True)):
        (place / f"{name}.yaml").write_text(json.dumps(scenario(talks)))
        given = load(place / f"{name}.yaml")
        runner.run(given, place / f"{name}-whole", batch=2)
        left = [16]

        def stop(left=left) -> bool:
            left[0] -= 1
            return left[0] < 0

        try:
            unit.LOOK_SECONDS, unit.SAVE_SECONDS = 0.0, 0.0
            runner.run(given, place / f"{name}-cut", batch=2, progress=runner.Progress(stop=stop))
        finally:
            unit.LOOK_SECONDS, unit.SAVE_SECONDS = before
        assert runner.read_info(place / f"{name}-cut")["status"] == "interrupted"
    for name, given in (("w", scenario()), ("r", scenario(True, tape="r.jsonl"))):
        (place / f"{name}.yaml").write_text(json.dumps({**given, "horizon": 10}))
        runner.run(load(place / f"{name}.yaml"), place / f"{name}-whole", batch=2)
        (place / "r.jsonl").unlink(missing_ok=True)
        stop, executor = runner.Progress(stop=_after(24)), AsWorkers(workers=2)
        try:
            unit.LOOK_SECONDS, unit.SAVE_SECONDS = 0.0, 0.0
            runner.run(load(place / f"{name}.yaml"), place / f"{name}-cut", batch=1, progress=stop, executor=executor)
        finally:
            unit.LOOK_SECONDS, unit.SAVE_SECONDS = before
        assert all(any((place / f"{name}-cut" / inner).iterdir()) for inner in ("state", "done"))
    return place


def _after(looks: int) -> Callable[[], bool]:
    left = iter(range(looks))
    return lambda: next(left, None) is None


class AsWorkers(runner.Choice):
    """Units played as workers play them (what they build and their tapes are their own), in this process."""

    def made(self) -> Executor:
        def play(job: Job, built: dict, todo: Sequence[Unit], progress: runner.Progress) -> Iterator[Outcome]:
            yield from played(Player(job.for_workers(job.budget)), todo, progress)

        return play


def frames(folder: Path) -> dict[str, pd.DataFrame]:
    run = load_run(folder)
    return {table: getattr(run, table) for table in (*TABLES, TIMINGS)}


def damage(raw: bytes, rng: random.Random) -> tuple[str, bytes]:
    k, kind = rng.randrange(max(1, len(raw))), rng.randrange(10)
    if kind < 5 and raw:
        bit = 1 << rng.randrange(8)
        return f"bit {bit} of byte {k} of {len(raw)}", raw[:k] + bytes([raw[k] ^ bit]) + raw[k + 1 :]
    if kind == 5:
        return f"cut off after {k} of {len(raw)}", raw[:k]
    if kind == 6:
        return f"16 bytes lost at {k} of {len(raw)}", raw[:k] + raw[k + 16 :]
    if kind == 7:
        return f"zeros at {k} of {len(raw)}", raw[:k] + bytes(min(32, len(raw) - k)) + raw[k + 32 :]
    if kind == 8:
        return "bytes more at the end", raw + raw[: rng.randrange(1, 99)]
    return "emptied", b""


@functools.cache
def taped() -> Path:
    """A folder with a run and its tape."""
    place = Path(tempfile.mkdtemp(prefix="populace-attack-whole-"))
    (place / "s.yaml").write_text(json.dumps(scenario(True, tape=str(place / "t.jsonl"))))
    runner.run(load(place / "s.yaml"), place / "run")
    return place


def _tape(number: int, folder: Path) -> str:
    """The tape of a run damaged: what it plays is the same, or it is refused."""
    rng, place, tape = random.Random(0x7A9E + number), taped(), folder / "t.jsonl"
    what, raw = damage((place / "t.jsonl").read_bytes(), rng)
    tape.write_bytes(raw)
    given = scenario(True, tape=str(tape))
    given["agents"]["user"]["replay"] = True
    (folder / "s.yaml").write_text(json.dumps(given))
    said = command("run", folder / "s.yaml", "--out", folder / "run", "-q", "--no-report")
    if said.refusal is not None:
        if "t.jsonl" not in said.refusal:
            raise Found(f"[tape: {what}] the tape is not named: {said.refusal}")
        return "tape: told"
    for table in TABLES:
        files = [folder / "run" / f"{table}.parquet", place / "run" / f"{table}.parquet"]
        if files[1].exists() and files[0].read_bytes() != files[1].read_bytes():
            raise Found(f"[tape: {what}] it is played to other {table}")
    return "tape: played alike"


def attack(number: int, folder: Path) -> str:
    """One file of a copy of a run folder damaged."""
    if number >= ALONE:
        return _tape(number, folder)
    rng, place = random.Random(0xF11B + number), made()
    stem, state = "swtrs"[number % 5], ("cut", "whole")[number % 3 == 0]
    shutil.copy(place / "people.csv", folder / "people.csv")
    run = Path(shutil.copytree(place / f"{stem}-{state}", folder / "run"))
    files = sorted(path for path in run.rglob("*") if path.is_file())
    # Small files as often as large ones.
    kinds: dict[str, list[Path]] = {}
    for path in files:
        kinds.setdefault(str(path.relative_to(run)).split("-")[0] if state == "cut" else path.name, []).append(path)
    path = rng.choice(kinds[rng.choice(sorted(kinds))])
    what = f"{stem}-{state}: {path.relative_to(run)}"
    how = rng.randrange(12)
    if how == 0:
        what, _ = f"{what} is lost", path.unlink()
    elif how == 1 and len(others := [other for other in files if other != path and other.suffix == path.suffix]):
        other = rng.choice(others)
        shutil.copy(other, path)
        what += f" is exchanged for {other.relative_to(run)}"
    else:
        told, raw = damage(path.read_bytes(), rng)
        if raw == path.read_bytes():
            return "no change"
        path.write_bytes(raw)
        what += f": {told}"
    try:
        return _held(run, place / f"{stem}-{state}", place / f"{stem}-whole", state, number)
    except BaseException as error:
        error.args = (f"[{what}] {error}",)
        raise


def _held(run: Path, before: Path, whole: Path, state: str, number: int) -> str:
    workers, report = 2 if number % 40 == 1 else 1, number % 3 == 1
    said = command("verify", run)
    verdict = said.code or ("no mark and no saved state" in said.output)
    try:
        now, then = frames(run), frames(before)
    except PopulaceError:
        read = "refused"
    else:
        # Of a run that was cut off, less may be there than before; what is there must be right.
        read = "same"
        for table in (*TABLES, TIMINGS):
            if not now[table].astype(str).equals(then[table].astype(str)):
                left = now[table].astype(str).merge(then[table].astype(str), how="left", indicator=True)
                read = "less" if state == "cut" and (left["_merge"] == "both").all() else f"other {table}"
                if read != "less":
                    break
    reported = command("report", run).refusal if report else None
    if read.startswith("other"):
        raise Found(f"other numbers are read ({read}); verify ends with {verdict}")
    if read == "less" and verdict == 0:
        raise Found("rows are missing, and verify finds nothing")
    if verdict == 0 and (read == "refused" or reported is not None):
        raise Found(f"verify finds nothing, and it cannot be read: {read}, {reported}")
    (run / "report.html").unlink(missing_ok=True)
    try:
        told = None
        runner.resume(run, executor=runner.Choice(workers=workers))
    except PopulaceError as error:
        told = str(error)
    if told is None:
        for table in TABLES:
            files = [(folder / f"{table}.parquet") for folder in (run, whole)]
            if files[0].exists() != files[1].exists() or (
                files[1].exists() and files[0].read_bytes() != files[1].read_bytes()
            ):
                raise Found(f"it is resumed to other {table}")
        if command("verify", run).code:
            raise Found("after it was resumed, verify finds damage")
    return f"named ({'resumed all the same' if told is None else 'not resumed'})" if verdict else "not affected"
