"""What a run has spent on language models, kept in its folder, so that a resumed run goes on counting."""

import json
import math
from pathlib import Path

from populace.budget import NOTHING, Account, Limit, Spending
from populace.errors import RunError
from populace.files import read
from populace.store import Mirror

FILE = "spent.jsonl"
"""One line for each amount that was settled, written at once: a run that is killed forgets none."""


class FolderAccount(Account):
    """The budget of a run, counted in its folder.

    Args:
        folder: The run folder; it may hold what was spent before.
        limit: Of the run as a whole.
        mirror: Where the folder is mirrored, for a run folder at an address.
    """

    def __init__(self, folder: Path, limit: Limit, mirror: Mirror | None = None) -> None:
        self.folder, self.path, self.mirror = folder, folder / FILE, mirror
        super().__init__(limit, _total(self.path))

    def __reduce__(self) -> tuple[type["FolderAccount"], tuple[Path, Limit, Mirror | None]]:
        """Another process that keeps the budget reads from the folder what was spent before."""
        return type(self), (self.folder, self.limit, self.mirror)

    def reread(self) -> None:
        """Take over what another process has written down."""
        self._spent = _total(self.path)

    def settle(self, reserved: Spending, spent: Spending) -> None:
        """Count an amount, and write it down."""
        super().settle(reserved, spent)
        if spent != NOTHING:
            line = json.dumps({"tokens": spent.tokens, "cost": spent.cost}) + "\n"
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(line)
                if self.mirror is not None:
                    self.mirror.push(FILE)
            except OSError as error:
                raise RunError(
                    f"cannot write to {self.path} ({error.strerror or error}): nothing more is asked for, as "
                    "what was spent could not be noted; free space, and resume the run"
                ) from error


def _total(path: Path) -> Spending:
    """What stands in the file; a line that was cut off is passed over, and so is one that no run writes."""
    total = NOTHING
    for line in read(path, within=path.parent).splitlines() if path.is_file() else ():
        try:
            held = json.loads(line)
            tokens, cost = int(held["tokens"]), float(held["cost"])
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            continue
        if tokens >= 0 and 0 <= cost < math.inf:
            total = total + Spending(tokens, cost)
    return total
