"""Numbers of the shopping world in words: money, shares, wishes, and who somebody is. The steps are ours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from populace.envs.shopping.attributes import Attributes

NAMES = ("Nadia", "Marek", "Amara", "Tom", "Irene", "Jonas", "Rosa", "Ben", "Chen", "Lena", "Omar", "Mia", "Ivan")
"""What customers are called, by seat; names tell nothing."""


def name_of(seat: int) -> str:
    """What the customer of a seat is called."""
    return NAMES[seat % len(NAMES)]


def money(currency: str, amount: float) -> str:
    """An amount with two decimals, or none where it is whole."""
    said = f"{abs(amount):,.2f}".removesuffix(".00")
    return f"{'minus ' if amount < 0 and said != '0' else ''}{currency}{said}"


def share(x: float) -> str:
    """A share as `3 in 10`, below a tenth as `4 in 100`."""
    return f"{x * 100:.0f} in 100" if 0 < x < 0.095 else f"{x * 10:.0f} in 10"


def level(x: float, steps: Sequence[tuple[float, str]], last: str) -> str:
    """The first word whose bound lies above x, else the last."""
    return next((word for below, word in steps if x < below), last)


def character(literacy: float, trust: float) -> str:
    """Who a customer is, from its literacy and trust."""
    compares = level(literacy, ((0.25, "rarely"), (0.75, "sometimes")), "nearly always")
    follows = level(
        trust,
        ((0.1, "hardly ever follow"), (0.35, "seldom follow"), (0.65, "half trust"), (0.9, "mostly follow")),
        "always follow",
    )
    return f"You {compares} ask for prices to be compared, and you {follows} the advice you get."


def opinion(reputation: float, name: str) -> str:
    """What a customer thinks of a provider."""
    poor, middling, well = f"you think poorly of {name}", f"you find {name} so-so", f"you think well of {name}"
    return level(reputation, ((0.35, poor), (0.65, middling)), well)


@dataclass(frozen=True)
class Wants:
    """What a customer wants, by how much each attribute matters: weight times standard deviation.

    Attributes:
        most: What matters most, "" where nothing matters more than anything else.
        then: What matters at least half as much.
        plus: What matters a little.
        rest: What does not matter.
        much: How far products differ in how much they are liked: `little`, `noticeably` or `a lot`.
    """

    most: str = ""
    then: tuple[str, ...] = ()
    plus: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    much: str = "little"

    @staticmethod
    def of(attributes: Attributes, weights: Sequence[float]) -> "Wants":
        """What weights come to."""
        sizes = [w * float(s) for w, s in zip(weights, attributes.spread, strict=True)]
        order = sorted(range(len(sizes)), key=lambda k: -abs(sizes[k]))
        most = abs(sizes[order[0]])
        if most < 1e-6:
            return Wants()
        wanted = [said.more if size > 0 else said.less for said, size in zip(attributes.said, sizes, strict=True)]
        return Wants(
            wanted[order[0]],
            tuple(wanted[k] for k in order[1:] if abs(sizes[k]) >= 0.5 * most),
            tuple(wanted[k] for k in order[1:] if 0.1 * most <= abs(sizes[k]) < 0.5 * most),
            tuple(attributes.said[k].name for k in order[1:] if abs(sizes[k]) < 0.1 * most),
            level(most, ((0.3, "little"), (1.5, "noticeably")), "a lot"),
        )


def wants(attributes: Attributes, weights: Sequence[float]) -> str:
    """What a customer wants, in sentences."""
    found = Wants.of(attributes, weights)
    if not found.most:
        return "Nothing matters to you more than anything else."
    text = f"{_first(found.most)} matters most to you"
    text += f", then {listed(found.then)}." if found.then else "."
    if found.plus:
        text += f" {_first(listed(found.plus))} {'is a small plus' if len(found.plus) == 1 else 'are small pluses'}."
    if found.rest:
        text += f" You do not care about {listed(found.rest, 'or')}."
    return f"{text} Products differ {found.much} in how much you like them."


def worth(attributes: Attributes, weights: Sequence[float], price: float, currency: str) -> str:
    """How much more a customer would pay for what it wants beside a low price; "" where price does not speak."""
    found = paid_for(attributes, weights, price, currency)
    return "" if found is None else f"You would pay up to {found[0]} more for {found[1]}."


def paid_for(attributes: Attributes, weights: Sequence[float], price: float, currency: str) -> tuple[str, str] | None:
    """How much more a customer would pay, and for what; None where price does not speak.

    A step of an attribute is worth price * (exp(weight * step / -weight of the log price) - 1).
    """
    if attributes.names[0] != "log_price" or weights[0] >= -1e-6:
        return None
    steps = [1.0 if flag else float(s) for flag, s in zip(attributes.flags, attributes.spread, strict=True)]
    gains = [w * step for w, step in zip(weights, steps, strict=True)]
    best = max(range(1, len(gains)), key=lambda k: abs(gains[k]))
    if abs(gains[best]) < 1e-3:
        return None
    extra = price * math.expm1(min(abs(gains[best]) / -weights[0], 3.0))
    wanted = attributes.said[best].more if gains[best] > 0 else attributes.said[best].less
    return money(currency, round(extra, 2 if extra < 1 else 0)), wanted


def listed(parts: Sequence[str], word: str = "and") -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def quoted(text: str) -> str:
    """Somebody's words in quotes, on one line; quotes within become single ones."""
    return '"' + " ".join(text.replace('"', "'").split()) + '"'


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
