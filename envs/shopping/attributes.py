"""How attributes are said: what a customer asks for, what a product has, and by which words a wish is recognised.

All of it is ours. Attributes of a user's own table are called by their names.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from populace.envs.shopping.catalogue import Catalogue


@dataclass(frozen=True)
class Attribute:
    """One attribute in words.

    Attributes:
        more: What is asked for where more of it is wanted: `good quality`.
        less: Where less of it is wanted: `a low price`.
        name: What it is called: `the price`.
        words: Regular expressions by which a wish is seen to ask for it.
        fact: A value -> what is said of a product, or "" for nothing.
        natural: The direction that is meant where a wish only names it: 1 for more, -1 for less.
    """

    more: str
    less: str
    name: str
    words: tuple[str, ...]
    fact: Callable[[float], str]
    natural: int = 1


def _flag(yes: str, no: str = "") -> Callable[[float], str]:
    return lambda value: yes if value > 0.5 else no


_KNOWN: dict[str, Attribute] = {
    "log_price": Attribute(
        "a high price",
        "a low price",
        "the price",
        (
            r"\b(cheap|cheaply|cheaper|cheapest|inexpensive|afford\w*|bargain|thrifty|low[- ]cost)\b",
            r"\b(price|prices|priced|cost|costs|costly|dear|pricey|expensive|spend|money)\b",
        ),
        lambda value: "",
        natural=-1,
    ),
    "quality": Attribute(
        "good quality",
        "simple quality",
        "quality",
        (
            r"\b(quality|well[- ]made|well made|durable|durability|sturdy|solid|robust|reliable|reliability)\b",
            r"\b(lasts?|lasting|hold up|holds up|break|breaks|fall apart|falls apart)\b",
        ),
        lambda value: "",  # in words by level, see `level_of`
    ),
    "eco": Attribute(
        "care for the environment",
        "no green label",
        "care for the environment",
        (r"\b(eco\w*|environment\w*|green|greener|sustainab\w*|recycl\w*|planet|climate|organic|nature|waste)\b",),
        _flag("made with care for the environment", "without an environmental label"),
    ),
    "rating": Attribute(
        "good ratings",
        "low ratings",
        "ratings",
        (r"\b(rating|ratings|rated|stars?|reviewed|reviewers|others (like|liked|think)|popular)\b",),
        lambda value: f"{value:.1f} stars",
    ),
    "log_reviews": Attribute(
        "many reviews",
        "few reviews",
        "the number of reviews",
        (r"\b(many|number of|lots of|enough) reviews\b", r"\bwell[- ]known\b"),
        lambda value: f"{math.expm1(min(max(value, 0.0), 30.0)):,.0f} reviews",
    ),
    "sponsored": Attribute(
        "something that the store advertises",
        "nothing that the store advertises",
        "whether the store advertises it",
        (r"\b(advertis\w*|sponsored|promoted|ads?)\b",),
        _flag("advertised by the store"),
    ),
    "overall_pick": Attribute(
        "the store's overall pick",
        "anything but the store's overall pick",
        "whether it is the store's overall pick",
        (r"\boverall pick\b", r"\bstore's (pick|choice)\b"),
        _flag("called the overall pick by the store"),
    ),
    "scarcity": Attribute(
        "something that is nearly sold out",
        "something that is well in stock",
        "whether it is nearly sold out",
        (r"\b(sold out|in stock|few left)\b",),
        _flag("only a few left"),
    ),
    "stars": Attribute(
        "many stars",
        "few stars",
        "the hotel's stars",
        (r"\b(stars?|luxur\w*|comfort\w*)\b",),
        lambda value: f"{value:.0f} stars",
    ),
    "free_cancel": Attribute(
        "free cancelling",
        "no free cancelling",
        "free cancelling",
        (r"\b(cancel\w*|refund\w*)\b",),
        _flag("can be cancelled free of charge", "cannot be cancelled free of charge"),
    ),
    "breakfast": Attribute(
        "breakfast", "no breakfast", "breakfast", (r"\bbreakfast\b",), _flag("with breakfast", "without breakfast")
    ),
    "review_score": Attribute(
        "good reviews",
        "poor reviews",
        "reviews",
        (r"\b(review\w*|score|rating|rated)\b",),
        lambda value: f"guests give it {value:.1f} of 10",
    ),
    "preferred": Attribute(
        "what I said",
        "anything but what I said",
        "what was asked for",
        (r"\b(prefer\w*|rather|want)\b",),
        _flag("just what was asked for", "not quite what was asked for"),
    ),
    "worth": Attribute(
        "all that I ask for",
        "less than I ask for",
        "having all that was ordered",
        (r"\b(all|everything|whole order|complete)\b",),
        _flag("has all that was asked for", "lacks something that was asked for"),
    ),
}
_KNOWN["price"] = _KNOWN["log_price"]

GRADES = ("poor", "fair", "good")
EDGE = 0.4307
"""Standard deviations of the catalogue beyond which quality is called poor or good: they cut a normal into thirds."""


def attribute(name: str, yes_or_no: bool = False) -> Attribute:
    """An attribute in words; one that is not known here goes by its name."""
    if name in _KNOWN:
        return _KNOWN[name]
    said = name.replace("_", " ").replace("-", " ")
    fact = _flag(said, f"no {said}") if yes_or_no else (lambda value: f"{said} {value:.3g}")
    return Attribute(f"more {said}", f"less {said}", said, (rf"\b{re.escape(said)}\b",), fact)


@dataclass(frozen=True, eq=False)
class Attributes:
    """The attributes of a catalogue in words.

    Attributes:
        names: Their names.
        said: Each in words.
        mean: [attributes] float32, over the catalogue.
        spread: [attributes] float32, standard deviations over the catalogue; 1 where all products are alike.
        flags: Which of them are only 0 or 1.
    """

    names: tuple[str, ...]
    said: tuple[Attribute, ...]
    mean: Tensor
    spread: Tensor
    flags: tuple[bool, ...]

    @classmethod
    def of(cls, catalogue: Catalogue) -> "Attributes":
        """Those of a catalogue."""
        features = catalogue.features
        flags = ((features == 0) | (features == 1)).all(0).tolist()
        spread = features.std(0, correction=0)
        said = tuple(attribute(name, flag) for name, flag in zip(catalogue.attributes, flags, strict=True))
        return cls(catalogue.attributes, said, features.mean(0), torch.where(spread > 1e-6, spread, 1.0), tuple(flags))

    def importance(self, weights: Tensor) -> Tensor:
        """How much each attribute matters: weight times spread, of its sign, like weights [..., attributes]."""
        return weights * self.spread.to(weights.device)

    def facts(self, values: Sequence[float], veiled: Sequence[str] = ()) -> list[str]:
        """What is said of a product but its price.

        Args:
            values: Of all attributes.
            veiled: Names of those that the reader cannot see.
        """
        found = []
        for k, (name, said) in enumerate(zip(self.names, self.said, strict=True)):
            if name in veiled:
                continue
            if name == "quality":
                found.append(f"{GRADES[self.level_of(values[k])]} quality")
            elif told := said.fact(float(values[k])):
                found.append(told)
        return found

    def level_of(self, quality: float) -> int:
        """Index into `GRADES` of a quality, by its distance from the catalogue's mean in standard deviations."""
        k = self.names.index("quality")
        z = (quality - float(self.mean[k])) / float(self.spread[k])
        return 1 + int(z > EDGE) - int(z < -EDGE)

    def named_in(self, text: str) -> list[int]:
        """Places of the attributes that a wish asks for, in the order in which it does; three at most."""
        first = []
        for k, said in enumerate(self.said):
            hits = [hit.start() for rule in said.words if (hit := _compiled(rule).search(text))]
            if hits:
                first.append((min(hits), k))
        return [k for _, k in sorted(first)][:3]


@lru_cache(maxsize=512)
def _compiled(rule: str) -> "re.Pattern[str]":
    return re.compile(rule, re.IGNORECASE)
