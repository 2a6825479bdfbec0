"""What a run has spent on language models, kept in its folder, so that a resumed run goes on counting."""

import json
from pathlib import Path

from populace.budget import NOTHING, Account, Limit, Spending
from populace.errors import RunError

FILE = "spent.jsonl"
"""One line for each amount that was settled, written at once: a run that is killed forgets none."""


class FolderAccount(Account):
    """The budget of a run, counted in its folder.

    Args:
        folder: The run folder; it may hold what was spent before.
        limit: Of the run as a whole.
    """

    def __init__(self, folder: Path, limit: Limit) -> None:
        self.path = folder / FILE
        super().__init__(limit, _total(self.path))

    def settle(self, reserved: Spending, spent: Spending) -> None:
        """Count an amount, and write it down."""
        super().settle(reserved, spent)
        if spent != NOTHING:
            line = json.dumps({"tokens": spent.tokens, "cost": spent.cost}) + "\n"
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(line)
            except OSError as error:
                raise RunError(
                    f"cannot write to {self.path} ({error.strerror}): nothing more is asked for, as "
                    "what was spent could not be noted; free space, and resume the run"
                ) from error


def _total(path: Path) -> Spending:
    """What stands in the file; a line that was cut off is passed over."""
    total = NOTHING
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            held = json.loads(line)
            total = total + Spending(int(held["tokens"]), float(held["cost"]))
        except (ValueError, TypeError, KeyError):
            continue
    return total
