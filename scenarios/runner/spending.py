"""What a run has spent on language models, kept in its folder, so that a resumed run goes on counting."""

import math
from collections.abc import Mapping
from pathlib import Path

from populace.budget import NOTHING, Account, Limit, Spending
from populace.errors import RunError
from populace.files import opened
from populace.lines import Lines, after_a_cut, sealed
from populace.store import Mirror

FILE = "spent.jsonl"
"""One line with a checksum for each amount that was settled, written at once: a run that is killed forgets none."""


class FolderAccount(Account):
    """The budget of a run, counted in its folder.

    Args:
        folder: The run folder; it may hold what was spent before.
        limit: Of the run as a whole.
        mirror: Where the folder is mirrored, for a run folder at an address.

    Raises:
        RunError: What was spent before is damaged: to pass over it would be to spend it once more.
    """

    def __init__(self, folder: Path, limit: Limit, mirror: Mirror | None = None) -> None:
        self.folder, self.path, self.mirror = folder, folder / FILE, mirror
        super().__init__(limit, counted(folder))

    def __reduce__(self) -> tuple[type["FolderAccount"], tuple[Path, Limit, Mirror | None]]:
        """Another process that keeps the budget reads from the folder what was spent before."""
        return type(self), (self.folder, self.limit, self.mirror)

    def reread(self) -> None:
        """Take over what another process has written down."""
        self._spent = counted(self.folder)

    def settle(self, reserved: Spending, spent: Spending) -> None:
        """Count an amount, and write it down."""
        super().settle(reserved, spent)
        if spent != NOTHING:
            try:
                with self.path.open("a+b") as file:
                    after_a_cut(file)
                    file.write(sealed({"tokens": spent.tokens, "cost": spent.cost}))
                if self.mirror is not None:
                    self.mirror.push(FILE)
            except OSError as error:
                raise RunError(
                    f"cannot write to {self.path} ({error.strerror or error}): nothing more is asked for, as "
                    "what was spent could not be noted; free space, and resume the run"
                ) from error


def counted(folder: Path) -> Spending:
    """What a run folder says was spent; a last line that was cut off is passed over.

    Raises:
        RunError: A line was changed or damaged after it was written, or holds no amount.
    """
    path, total = folder / FILE, NOTHING
    lines = Lines(path, lambda path: opened(path, within=folder), _REMEDY.format(file=FILE), cut=False)
    for held in lines.fresh():
        tokens, cost = held.get("tokens"), held.get("cost")
        if type(tokens) is not int or tokens < 0 or not isinstance(cost, int | float) or not 0 <= cost < math.inf:
            raise lines.damaged("holds no amount of tokens and cost")
        total = total + Spending(tokens, float(cost))
    return total


def check_spent(folder: Path, info: Mapping[str, object]) -> None:
    """Raise RunError where a run folder says that less was spent than its run.json, or what it says is damaged."""
    found, said = counted(folder), info.get("spent")
    if not isinstance(said, dict):
        return
    tokens, cost = said.get("tokens", 0), said.get("cost", 0.0)
    if found.tokens < tokens or found.cost < cost * (1 - 1e-9):
        raise RunError(
            f"{folder / FILE} says that {found.tokens:,} tokens were spent, at a cost of {found.cost:g}, and run.json "
            f"that it was {tokens:,} and {cost:g}: lines were lost; {_REMEDY.format(file=FILE)}"
        )


_REMEDY = (
    "restore {file} from a copy, or put what was spent until now into it as its only line, such as "
    '{{"tokens": 1200, "cost": 0.35}}, so that no more is spent than the run may'
)
