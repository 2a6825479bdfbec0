"""What each game of agency is, in words: who one is, what is known, what is asked, and how the reply is read.

Money is in points; a share of 1 is said as 100 %.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from populace import replies as words
from populace.envs.agency.options import AgencyOptions

PRINCIPAL = "principal"
Own = Mapping[str, Any]
"""What one seat sees, as `Tensor.tolist` gives it: a number, or lists of numbers for a field with a shape."""


def n(value: float) -> str:
    """A number of at most four digits."""
    return f"{value + 0.0:.4g}"


def points(value: float) -> str:
    """So many points."""
    return f"{n(value)} point{'' if n(value) == '1' else 's'}"


@dataclass(frozen=True)
class Ask:
    """What a seat decides in a phase.

    Attributes:
        field: The action's field.
        question: What is asked.
        label: The line's label.
        names: What the line's numbers are called, where it holds several or one; () where it names an option.
        options: What can be chosen, each standing for its place as a number; () for numbers.
        told: What the seat is told beside the terms, from options and what it sees.
    """

    field: str
    question: str
    label: str
    names: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    told: Callable[[AgencyOptions, Own], str] | None = None

    @property
    def form(self) -> str:
        """A regular expression for the line's numbers."""
        return ", ".join([r"-?[0-9]{1,3}(\.[0-9]{1,3})?"] * len(self.names))

    def holds(self, o: AgencyOptions) -> str:
        """What the line holds, in words."""
        if self.options:
            return f"one of these: {', '.join(self.options)}"
        if len(self.names) == 1:
            return f"a number, {self.names[0]}"
        return f"{len(self.names)} numbers with commas between them: {', '.join(self.names)}"

    def read(self, text: str) -> dict[str, float | tuple[float, ...]] | None:
        """The action that a plain text states; None where that is unclear."""
        key = self.label.lower()
        if self.options:
            if words.has(text, key):
                place = words.agreed(text, key, lambda value: words.choice(value, self.options))
            else:
                place = words.choice(text, self.options)
            return None if place is None else {self.field: float(place)}
        count = len(self.names)
        if words.has(text, key):
            found = words.agreed(text, key, lambda value: _numbers(value, count))
        else:
            found = _numbers(text, count)
        if found is None or not all(math.isfinite(x) for x in found):
            return None
        return {self.field: (*found, *[0.0] * (4 - count)) if self.field == "terms" else found[0]}

    def said(self, values: Sequence[float]) -> str:
        """The line's value for an action."""
        if self.options:
            return self.options[min(max(round(values[0]), 0), len(self.options) - 1)]
        return ", ".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in values[: len(self.names)])


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    found = words.numbers(text, count) if count > 1 else words.number(text)
    if found is None:
        return None
    return tuple(found) if isinstance(found, (list, tuple)) else (float(found),)


WHO = {
    ("contract", PRINCIPAL): "You are a customer who hires an assistant and decides how it is paid.",
    (
        "contract",
        "agent",
    ): "You are an assistant who works for a customer. The customer sees what comes in, but not how hard you work.",
    (
        "cheap-talk",
        PRINCIPAL,
    ): "You are a customer who decides how much to buy. Only your assistant knows how much you need.",
    ("cheap-talk", "agent"): "You are an assistant who advises a customer. Only you know how much the customer needs.",
    (
        "delegation-cap",
        PRINCIPAL,
    ): "You are a customer who lets an assistant decide how much to buy, up to a limit that you set. "
    "Only the assistant knows how much you need.",
    (
        "delegation-cap",
        "agent",
    ): "You are an assistant who decides how much a customer buys, up to the customer's limit. Only "
    "you know how much the customer needs.",
    ("lemons", PRINCIPAL): "You are a customer who bids for a good whose quality only its seller knows.",
    ("lemons", "agent"): "You are an assistant who owns a good and may sell it. Only you know its quality.",
    (
        "signalling",
        PRINCIPAL,
    ): "You are a customer who pays an assistant what you think it is worth. Only the assistant knows "
    "whether it is a good one.",
    (
        "signalling",
        "agent",
    ): "You are an assistant whom a customer pays what it thinks you are worth. Only you know whether you "
    "are a good one.",
    (
        "screening",
        PRINCIPAL,
    ): "You are a seller who offers two packages to a customer, and does not know how much the customer values a unit.",
    ("screening", "agent"): "You are a buyer. Only you know how much a unit is worth to you.",
    ("audit", PRINCIPAL): "You are a customer who decides how often to check an assistant.",
    ("audit", "agent"): "You are an assistant who can follow a customer's orders or depart from them.",
    ("reputation", PRINCIPAL): "You are a customer who goes on with an assistant until it is found cheating.",
    ("reputation", "agent"): "You are an assistant who meets the same customer again and again.",
}
"""(Game, role) -> who the seat is."""


def called(game: str) -> tuple[str, str]:
    """What principal and agent of a game are called."""
    return ("seller", "buyer") if game == "screening" else ("customer", "assistant")


def facts(o: AgencyOptions) -> str:
    """The rules of the game with its numbers, as both know them."""
    return _FACTS[o.game](o)


def _contract(o: AgencyOptions) -> str:
    sd = math.sqrt(o.noise)
    return (
        f"Effort e brings in e points, and luck adds or takes about {n(sd)}. The pay is a fixed sum and a "
        f"share of what comes in. Effort costs the assistant {points(o.cost / 8)} for e = 0.5, "
        f"{n(o.cost / 2)} for e = 1 and {n(2 * o.cost)} for e = 2. To bear all of the luck is as bad for the "
        f"assistant as to lose {points(o.risk_aversion * o.noise / 2)}; a half share of it costs a quarter "
        f"of that. Without a contract the assistant gets 0."
    )


def _talk(o: AgencyOptions) -> str:
    return (
        "The need lies between 0 and 1, each as likely. The customer loses the square of how far the amount "
        f"is off the need; the assistant loses the square of how far it is off the need plus {n(o.bias)}."
    )


def _lemons(o: AgencyOptions) -> str:
    return (
        f"Quality lies between 0 and 1. A good of quality q is worth q points to its seller and "
        f"{n(o.multiplier)} times q to the customer. The seller takes the bid or keeps the good."
    )


def _signalling(o: AgencyOptions) -> str:
    return (
        f"Of the assistants {n(100 * o.share_high)} % are good. A good one is worth {points(o.gain)} to the "
        f"customer, another one nothing. An assistant can earn a badge, which costs a good one "
        f"{points(o.cost_high)} and another one {n(o.cost_low)}; the customer sees the badge. The customer "
        f"is best off when it pays exactly what the assistant is worth."
    )


def _screening(o: AgencyOptions) -> str:
    return (
        f"A unit is worth {points(o.low)} to most buyers and {n(o.high)} to {n(100 * o.share_high)} % of "
        f"them. To make x units costs the seller x squared over 2. The buyer takes the first package, the "
        f"second one, or none."
    )


def _audit(o: AgencyOptions) -> str:
    lost = " and gives the gain back" if o.forfeit else ""
    return (
        f"To depart from the orders brings the assistant {points(o.gain)} and costs the customer as much. "
        f"Whoever is found in a check pays {points(o.penalty)}{lost}. A check costs the customer "
        f"{points(o.audit_cost)}."
    )


def _reputation(o: AgencyOptions) -> str:
    return (
        f"While it is trusted the assistant earns {points(o.rent)} in each round. To cheat brings "
        f"{points(o.gain)} more, once, and it is not trusted again. A point in the next round counts as "
        f"{n(o.discount)} now."
    )


_FACTS: dict[str, Callable[[AgencyOptions], str]] = {
    "contract": _contract,
    "cheap-talk": _talk,
    "delegation-cap": _talk,
    "lemons": _lemons,
    "signalling": _signalling,
    "screening": _screening,
    "audit": _audit,
    "reputation": _reputation,
}

OFFER = {
    "contract": Ask(
        "terms",
        "What do you offer?",
        "Offer",
        ("the share of what comes in (0.5 is half)", "the fixed sum"),
    ),
    "delegation-cap": Ask("terms", "Which limit do you set?", "Offer", ("the limit, from 0 to 1",)),
    "lemons": Ask(
        "terms",
        "What do you bid?",
        "Offer",
        ("your bid",),
        told=lambda o, own: f"What was sold last was worth {points(own['signal'])} to customers.",
    ),
    "screening": Ask(
        "terms",
        "Which two packages do you offer?",
        "Offer",
        ("units of the first", "its price", "units of the second", "its price"),
    ),
    "audit": Ask("terms", "How often do you check?", "Offer", ("the chance of a check, from 0 to 1",)),
}
"""Game -> what its principal decides first; in the other games there is nothing to offer."""


def _need(o: AgencyOptions, own: Own) -> str:
    return f"The customer needs {n(own['type'])}."


ACT = {
    "contract": Ask("move", "How much effort do you make?", "Number", ("your effort",)),
    "cheap-talk": Ask(
        "move", "Which amount do you name? It need not be true.", "Number", ("the amount, from 0 to 1",), told=_need
    ),
    "delegation-cap": Ask("move", "How much do you buy for the customer?", "Number", ("the amount",), told=_need),
    "lemons": Ask(
        "move",
        "What do you do?",
        "Choice",
        options=("keep", "sell"),
        told=lambda o, own: f"Your good has the quality {n(own['type'])}.",
    ),
    "signalling": Ask(
        "move",
        "Do you earn the badge?",
        "Choice",
        options=("no", "yes"),
        told=lambda o, own: f"You are {'a good assistant' if own['type'] > 0.5 else 'no good assistant'}.",
    ),
    "screening": Ask(
        "move",
        "Which package do you take?",
        "Choice",
        options=("none", "first", "second"),
        told=lambda o, own: f"A unit is worth {points(o.high if own['type'] > 0.5 else o.low)} to you.",
    ),
    "audit": Ask("move", "What do you do?", "Choice", options=("follow", "depart")),
    "reputation": Ask("move", "What do you do?", "Choice", options=("serve", "cheat")),
}
"""Game -> what its agent decides."""

ANSWER = {
    "cheap-talk": Ask(
        "answer",
        "How much do you buy?",
        "Number",
        ("the amount, from 0 to 1",),
        told=lambda o, own: f"The assistant names {n(own['heard'])}.",
    ),
    "signalling": Ask(
        "answer",
        "What do you pay?",
        "Number",
        ("the pay in points",),
        told=lambda o, own: f"The assistant has {'the badge' if own['heard'] > 0.5 else 'no badge'}.",
    ),
}
"""Game -> what its principal answers; in the other games its answer changes nothing."""


def offered(o: AgencyOptions, terms: Sequence[float]) -> str:
    """The terms of an offer, in words; "" where the game has none."""
    a, b, c, d = terms
    if o.game == "contract":
        return f"The offer: {n(100 * a)} % of what comes in, and a fixed sum of {points(b)}."
    if o.game == "delegation-cap":
        return f"The limit is {n(a)}."
    if o.game == "lemons":
        return f"The bid is {points(a)}."
    if o.game == "screening":
        return f"The first package: {n(a)} units for {points(b)}. The second: {n(c)} units for {points(d)}."
    if o.game == "audit":
        return f"You are checked with a chance of {n(100 * a)} %."
    return ""
