"""Runs attacks: `python tests/attacks/attack.py KIND [FIRST [COUNT]]`, or all of every kind without a kind.

Prints what was tried and what was found; ends with exit code 1 where anything was.
"""

import importlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
for inner in sorted(path for path in Path(__file__).resolve().parent.parent.iterdir() if path.is_dir()):
    sys.path.append(str(inner))

from attack_tools import Tally  # noqa: E402

SIZES = {
    "scenarios": 2160,
    "options": 600,
    "kills": 98,
    "flips": 250,
    "servers": 115,
    "files": 644,
    "matter": 1033,
    "privacy": 72,
    "replies": 473,
}
"""Kind -> tries of a whole attack; a kind that has fewer makes all it has."""
BYTES = 8 << 30
"""Memory that an attack may take."""


def attacks(kind: str, first: int = 0, count: int | None = None, told=lambda line: None, tally=None) -> Tally:
    """Make the tries `first` to `first + count` of a kind."""
    module = importlib.import_module(f"attack_{kind}")
    most = min(SIZES[kind], getattr(module, "MOST", 10**9))
    tally = Tally() if tally is None else tally
    for number in range(first, min(most, first + (most if count is None else count))):
        place, before = Path(tempfile.mkdtemp(prefix="populace-attack-")), len(tally.found)
        here, began = os.getcwd(), time.perf_counter()
        try:
            os.chdir(place)
            tally.take(f"{kind} {number}", lambda number=number, place=place: module.attack(number, place))
        finally:
            os.chdir(here)
            shutil.rmtree(place, ignore_errors=True)
        for one in tally.found[before:]:
            told(one)
        if (took := time.perf_counter() - began) > 20:
            told(f"({kind} {number} took {took:.0f} s)")
    return tally


class Ended(BaseException):
    """The attack is to end: the command that is being tried must not take this for its own end."""


def _end(number: int, frame: object) -> None:
    raise Ended


def main() -> None:
    kinds = sys.argv[1:2] or list(SIZES)
    first, count = (int(word) if word else None for word in [*sys.argv[2:4], "", ""][:2])
    os.environ["POPULACE_CONFIG_HOME"] = tempfile.mkdtemp(prefix="populace-config-")
    os.environ["CANARY_KEY"] = os.environ["OPENAI_API_KEY"] = "canary-value"
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    signal.signal(signal.SIGTERM, _end)
    bad = False
    for kind in kinds:
        tally = Tally()
        try:
            attacks(kind, first or 0, count, lambda line: print(line, flush=True), tally)
        except Ended:
            sys.exit(124)
        finally:  # tell what was tried until then
            bad |= bool(tally.found)
            print(f"{kind}: {str(tally).splitlines()[0]}", flush=True)
    sys.exit(bad)


if __name__ == "__main__":
    main()
