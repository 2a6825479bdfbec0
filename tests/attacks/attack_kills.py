"""Runs, resumptions and reports ended at any moment by any signal: what is resumed has the bytes of an undisturbed run.

From try `ALONE` on, two workers play, and at times it is one of these that is killed.
"""

import contextlib
import functools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from attack_flips import scenario as flip_scenario
from attack_tools import Found, command

from populace.folder import TABLES
from populace.scenarios import load, runner
from populace.scenarios.runner import unit

SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
ALONE = 62
"""Tries of one process."""
WORKERS = ["--workers", 2]


def scenario(talks: bool, tape: str = "") -> dict:
    given = flip_scenario(True, tape) if talks else flip_scenario(False)
    if not talks:
        given["population"] = {"size": 40, "values": {"names": given["population"]["data"]["values"]}}
    return {**given, "horizon": 12, "worlds": 6}


def _cli(*words: object) -> None:
    """The command line in this process, as it ends there."""
    sys.argv = ["populace", *map(str, words)]
    from populace.cli import main

    main()
    sys.exit(0)


def forked(words: list, *, often: bool, log: Path) -> int:
    """A child that runs the command line; `often`: it looks and saves after every tick."""
    child = os.fork()
    if child:
        return child
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        for number in SIGNALS[1:]:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if often:
            unit.LOOK_SECONDS = unit.SAVE_SECONDS = 0.0
        _cli(*words)
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) else 1)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(99)
    os._exit(98)


def waited(child: int, seconds: float = 60) -> int:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise Found(f"it had not ended {seconds:g} s after the signal")


@functools.cache
def whole(talks: bool) -> tuple[Path, float]:
    place = Path(tempfile.mkdtemp(prefix="populace-attack-whole-"))
    (place / "s.yaml").write_text(json.dumps(scenario(talks)))
    runner.run(load(place / "s.yaml"), place / "first", batch=2)
    began = time.monotonic()
    log = place / "log"
    words = ["run", place / "s.yaml", "--out", place / "timed", "--batch", 2, "-q", "--no-report"]
    assert waited(forked(words, often=True, log=log), 200) == 0, log.read_text()
    seconds = time.monotonic() - began
    code = waited(
        forked(["run", place / "s.yaml", "--out", place / "run", "--batch", 2, "-q"], often=True, log=place / "log"),
        200,
    )
    assert code == 0, (place / "log").read_text()
    return place, seconds


@functools.cache
def seconds_of_workers(talks: bool) -> float:
    """How long a run by two workers takes, most of which is their start."""
    place = Path(tempfile.mkdtemp(prefix="populace-attack-whole-"))
    (place / "s.yaml").write_text(json.dumps(scenario(talks)))
    words = ["run", place / "s.yaml", "--out", place / "run", "--batch", 2, "-q", "--no-report", *WORKERS]
    began = time.monotonic()
    assert waited(forked(words, often=True, log=place / "log"), 200) == 0, (place / "log").read_text()
    return time.monotonic() - began


def children(process: int) -> list[int]:
    """Processes that a process has started and not yet waited for (Linux)."""
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def lives(process: int) -> bool:
    """Whether a process has not ended; one that only nobody has waited for has (Linux)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def by_workers(number: int, folder: Path) -> str:
    """A run by two workers, or one of the workers, ended at a random moment; then resumed by one process or by two."""
    rng, talks = random.Random(0x2C22 + number), number % 2 == 1
    place, how = whole(talks)[0], SIGNALS[number % 4]
    out, log, tape = folder / "run", folder / "log", folder / "t.jsonl"
    (folder / "s.yaml").write_text(json.dumps(scenario(talks, "t.jsonl" if talks else "")))
    words = ["run", folder / "s.yaml", "--out", out, "--batch", 2, "-q", "--no-report", *WORKERS]
    child = forked(words, often=True, log=log)
    time.sleep(rng.uniform(0.2, 1.0) * seconds_of_workers(talks))
    started = children(child)
    victim = rng.choice(started) if started and number % 5 == 4 else child
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL if victim != child else how)
    code = waited(child, 150)  # workers that are only just starting are waited for
    until = time.monotonic() + 20
    while left := [one for one in started if lives(one)]:
        if time.monotonic() > until:
            raise Found(f"workers {left} outlive the run that was ended by {how.name}")
        time.sleep(0.05)
    if victim != child and code != 0:
        raise Found(f"a worker was killed, and the run ended with exit code {code}: {log.read_text()[-900:]}")
    _plain(log, code, how)
    if not (out / "run.json").exists():
        return "ended before it began"
    before = runner.read_info(out)["status"]
    if how != signal.SIGKILL and before == "running" and code >= 0:
        raise Found(f"its status is left as running after {how.name} (exit code {code})")
    if (said := command("verify", out)).code and before != "running":
        raise Found(f"verify finds damage after {how.name}: {said.output[-400:]}")
    if before != "complete":
        words = ["resume", out, "-q", "--no-report", *(WORKERS if number % 3 == 0 else [])]
        code = waited(forked(words, often=False, log=log), 120)
        if code != 0:
            raise Found(f"it cannot be resumed after {how.name}: {log.read_text()[-900:]}")
    _same(out, place / "run")
    if talks and tape.exists():
        given = {**scenario(True, "t.jsonl")}
        given["agents"]["user"]["replay"] = True
        (folder / "again.yaml").write_text(json.dumps(given))
        if (said := command("run", folder / "again.yaml", "--out", folder / "again", "-q", "--no-report")).refusal:
            raise Found(f"its tape does not play it again: {said.refusal}")
        _same(folder / "again", place / "run")
    return f"two workers{', one killed' if victim != child else ''}: {before}"


def attack(number: int, folder: Path) -> str:
    """One command ended at a random moment, perhaps again while it is resumed; then resumed to the end."""
    if number >= ALONE:
        return by_workers(number, folder)
    rng, talks = random.Random(0x1C11 + number), number % 3 == 2
    place, seconds = whole(talks)
    how, often = SIGNALS[number % 4], rng.random() < 0.7
    out, log = folder / "run", folder / "log"
    kind = ("run", "run", "resume", "report")[number // 4 % 4]
    shutil.copy(place / "s.yaml", folder / "s.yaml")
    if kind == "report":
        shutil.copytree(place / "run", out)
        (out / "report.html").unlink(missing_ok=True)
        return _report(rng, out, log, how)
    words: list = ["run", folder / "s.yaml", "--out", out, "--batch", 2, "-q"]
    seconds *= 1.0 if often else 0.4
    told = []
    for again in range(2 if kind == "resume" else 1):
        if again and not (out / "run.json").exists():
            break
        child = forked(words if not again else ["resume", out, "-q"], often=often, log=log)
        time.sleep(rng.uniform(0.0, seconds * (0.6 if kind == "resume" else 1.0)))
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, how)
        code = waited(child)
        told.append(code)
        _plain(log, code, how)
    if not (out / "run.json").exists():
        if any(out.rglob("*.parquet")) if out.exists() else False:
            raise Found("there are tables without run.json")
        return "ended before it began"
    before = runner.read_info(out)["status"]
    if how != signal.SIGKILL and before == "running" and told[-1] >= 0:
        raise Found(f"its status is left as running after {how.name} (exit code {told[-1]})")
    load_again = command("verify", out)
    if load_again.code and before != "running":
        raise Found(f"verify finds damage after {how.name}: {load_again.output[-400:]}")
    if before != "complete":
        said = command("resume", out, "-q", "--no-report")
        if said.refusal is not None:
            raise Found(f"it cannot be resumed after {how.name}: {said.refusal}")
    _same(out, place / "run")
    return f"{kind}: {before}"


def _plain(log: Path, code: int, how: signal.Signals) -> None:
    text = log.read_text(errors="replace") if log.exists() else ""
    if "Traceback" in text or "fault of populace" in text or code in (70, 98, 99):
        raise Found(f"a traceback after {how.name} (exit code {code}): {text[-1500:]}")


def _same(out: Path, right: Path) -> None:
    for table in TABLES:
        a, b = out / f"{table}.parquet", right / f"{table}.parquet"
        if a.exists() != b.exists() or (b.exists() and a.read_bytes() != b.read_bytes()):
            raise Found(f"{table}.parquet has other bytes than that of an undisturbed run")
    if command("verify", out).code:
        raise Found("verify finds damage in the end")
    left = [
        str(path.relative_to(out))
        for path in out.rglob("*")
        if path.suffix not in (".parquet", ".json", ".yaml", ".html")
    ]
    if [name for name in left if name not in ("spent.jsonl",)]:
        raise Found(f"left over: {left}")


def _report(rng: random.Random, out: Path, log: Path, how: signal.Signals) -> str:
    child = forked(["report", out], often=False, log=log)
    time.sleep(rng.uniform(0.0, 3.0))
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, how)
    _plain(log, waited(child), how)
    page = out / "report.html"
    written = page.exists()
    if written and not page.read_text().rstrip().endswith("</html>"):
        raise Found("half a report is left")
    if command("report", out).refusal is not None:
        raise Found("it cannot be reported on any more")
    (out / "report.html").unlink()
    _same(out, out)
    others = sorted(path.name for path in out.iterdir() if path.suffix not in (".parquet", ".json", ".yaml"))
    if others:
        raise Found(f"left over: {others}")
    return f"report: {'written' if written else 'not written'}"
