"""Units that failed while others went on: said once each, with the command that plays one alone."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from populace.errors import RunError, Stopped
from populace.scenarios.limits import how_to_go_on
from populace.scenarios.runner.unit import Failed
from populace.scenarios.schema import Scenario
from populace.store import StoreError

SHOWN = 3
"""Failures that are told in full; units of one mistake say the same."""


def write_failures(folder: Path, failures: Sequence[Failed]) -> None:
    """Keep where each failure was raised, in `failed/<unit>.txt`."""
    with suppress(OSError):
        (folder / "failed").mkdir(exist_ok=True)
        for one in failures:
            (folder / "failed" / f"{one.unit}.txt").write_text(f"{one.message}\n\n{one.trace}", encoding="utf-8")


def forget(folder: Path, unit: str) -> None:
    """A unit that was played at last has not failed."""
    with suppress(OSError):
        (folder / "failed" / f"{unit}.txt").unlink(missing_ok=True)
        (folder / "failed").rmdir()


def told_of(folder: Path, failures: Sequence[Failed], units: int) -> RunError:
    """What to raise when all others have ended: units in their order, whichever of them failed first."""
    failures = sorted(failures, key=lambda one: one.unit)
    by_message: dict[str, list[Failed]] = {}
    for one in failures:
        by_message.setdefault(one.message, []).append(one)
    said = []
    for message, alike in list(by_message.items())[:SHOWN]:
        one, more = alike[0], len(alike) - 1
        also = f" (and {more:,} more unit{'s' * (more > 1)})" if more else ""
        said.append(f"arm {one.arm!r}, unit {one.unit}{also}: {message}")
    if (rest := len(by_message) - SHOWN) > 0:
        said.append(f"and {rest:,} other errors")
    return RunError(
        f"{len(failures):,} of {units:,} units failed: {'; '.join(said)}. The others are saved. Details are in "
        f"{folder}/failed; play one alone with: populace resume {folder} --unit {failures[0].unit}"
    )


def raise_limit(folder: Path, scenario: Scenario, failed: Failed) -> None:
    """Raise what ends the whole run: a limit, or storage that takes no more."""
    if failed.kind == "limit":
        kind = type(failed.cause) if isinstance(failed.cause, Stopped) else Stopped
        said = f"{failed.message}; {how_to_go_on(folder, scenario, failed.arm, failed.option)}"
        raise kind(said, failed.option) from failed.cause
    if failed.kind == "storage":
        raise StoreError(failed.message)
