"""What is asked in each game of agency: what a seat decides, what it is told, and how the reply is read.

The sentences stand in the table of wordings (`words/`), by game; money is in points.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from populace import replies as words
from populace.envs.agency.options import AgencyOptions
from populace.wordings import Wordings

Own = Mapping[str, Any]
"""What one seat sees, as `Tensor.tolist` gives it: a number, or lists of numbers for a field with a shape."""


@dataclass(frozen=True)
class Ask:
    """What a seat decides in a phase.

    Attributes:
        field: The action's field.
        label: Name of the label of its line: `offer`, `number` or `choice`.
        count: How many numbers the line holds; 0 where one of the game's options is chosen, each of which stands for
            its place as a number.
    """

    field: str
    label: str
    count: int = 1

    @property
    def form(self) -> str:
        """A regular expression for the line's numbers."""
        return ", ".join([r"-?[0-9]{1,3}(\.[0-9]{1,3})?"] * self.count)

    def read(self, text: str, label: str, options: Sequence[str]) -> dict[str, float | tuple[float, ...]] | None:
        """The action that a plain text states; None where that is unclear.

        Args:
            text: The reply, without markdown.
            label: What its line begins with.
            options: What can be chosen; empty where numbers are asked for.
        """
        key = label.lower()
        if options:
            if words.has(text, key):
                place = words.agreed(text, key, lambda value: words.choice(value, options))
            else:
                place = words.choice(text, options)
            return None if place is None else {self.field: float(place)}
        if words.has(text, key):
            found = words.agreed(text, key, lambda value: _numbers(value, self.count))
        else:
            found = _numbers(text, self.count)
        if found is None or not all(math.isfinite(x) for x in found):
            return None
        return {self.field: (*found, *[0.0] * (4 - self.count)) if self.field == "terms" else found[0]}

    def said(self, values: Sequence[float], options: Sequence[str]) -> str:
        """The line's value for an action."""
        if options:
            return options[min(max(round(values[0]), 0), len(options) - 1)]
        return ", ".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in values[: self.count])


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    found = words.numbers(text, count) if count > 1 else words.number(text)
    if found is None:
        return None
    return tuple(found) if isinstance(found, (list, tuple)) else (float(found),)


OFFER = {
    "contract": Ask("terms", "offer", 2),
    "delegation-cap": Ask("terms", "offer"),
    "lemons": Ask("terms", "offer"),
    "screening": Ask("terms", "offer", 4),
    "audit": Ask("terms", "offer"),
}
"""Game -> what its principal decides first; in the other games there is nothing to offer."""

ACT = {
    "contract": Ask("move", "number"),
    "cheap-talk": Ask("move", "number"),
    "delegation-cap": Ask("move", "number"),
    "lemons": Ask("move", "choice", 0),
    "signalling": Ask("move", "choice", 0),
    "screening": Ask("move", "choice", 0),
    "audit": Ask("move", "choice", 0),
    "reputation": Ask("move", "choice", 0),
}
"""Game -> what its agent decides."""

ANSWER = {"cheap-talk": Ask("answer", "number"), "signalling": Ask("answer", "number")}
"""Game -> what its principal answers; in the other games its answer changes nothing."""

ASKS = {"offer": OFFER, "act": ACT, "respond": ANSWER}
"""Phase -> what is decided in it, by game."""


def about(wordings: Wordings, o: AgencyOptions, role: str) -> str:
    """Who a seat is, and what the game is, with the numbers that both know."""
    numbers = {name: getattr(o, name) for name in type(o).model_fields if name not in ("game", "language", "talk")}
    luck, risk = math.sqrt(o.noise), o.risk_aversion * o.noise / 2.0
    return wordings.one(f"{role}.about.{o.game}", luck=luck, risk=risk, **numbers)


def told(o: AgencyOptions, own: Own) -> dict[str, object]:
    """What a seat sees, as its template is given it."""
    kind = own.get("type", 0.0)
    return {
        "terms": own.get("terms", [0.0] * 4),
        "type": kind,
        "value": o.high if kind > 0.5 else o.low,
        "signal": own.get("signal", 0.0),
        "heard": own.get("heard", 0.0),
    }
