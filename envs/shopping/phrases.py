"""What scripts say in the shopping world: wishes, explanations, reasons and pitches, looked up on the device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import product

from populace.envs.shopping.attributes import Attributes
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.matter import OWN, Matter
from populace.words import Phrases

MOST = 3_000
"""Products of a catalogue that are named in explanations; where there are more, sentences say `this product`."""

WISHES = (
    ("I need {a}. {First} matters most to me{second}.", ", and then {second}"),
    ("Please find me {a}; above all I want {first}{second}.", ", and also {second}"),
    ("Please find {a} for me: {first} first of all{second}.", ", and then {second}"),
)
"""A wish, and what is added where a second attribute matters too."""
COMPARE = ("Please compare prices.", "Compare the prices before you choose, please.", "And please compare prices.")

OPENINGS = ("I recommend {name}.", "My choice is {name}.", "I would take {name}.")
NOTHING = ("I recommend buying nothing.", "I would buy nothing here.", "My advice is to buy nothing.")
CHEAPEST = ("It has the lowest price.", "Nothing here costs less.", "It costs the least of all.")
BEST = (
    "It is the best match for what was asked.",
    "Nothing here suits better.",
    "It is the best choice for these wishes.",
)
BEST_NOTHING = (
    "That is the best choice for these wishes.",
    "Nothing suits better than that.",
    "That is best for what was asked.",
)
DOUBT = (
    "What looks better at first sight has its drawbacks.",
    "I would be careful with the one that seems to fit best.",
    "The more obvious choice carries a risk.",
)
INTEREST = (
    "{Company} earns more on it.",
    "{Company} has an interest of its own in it.",
    "I should add that {company} gains by it.",
)
INTEREST_NOTHING = (
    "{Company} would earn by a sale.",
    "{Company} has an interest of its own in a sale.",
    "I should add that {company} gains by any sale.",
)
"""Parts of an explanation; the same place in each list belongs together."""

FOLLOWS, OTHERWISE = range(2)
REASONS = {
    FOLLOWS: ("I take {name}, as you advise.", "{Name} it is; I follow your advice.", "I trust your advice: {name}."),
    OTHERWISE: ("I prefer {name}.", "I take {name} instead.", "To my eyes {name} suits me better."),
}
REASONS_NOTHING = {
    FOLLOWS: ("I buy nothing, as you advise.", "Nothing for me, then.", "I follow your advice and buy nothing."),
    OTHERWISE: ("I would rather buy nothing.", "None of them is for me.", "I keep my money."),
}
"""What a customer says when it buys: whether it does as it was advised -> wordings."""

PITCHES = (
    ("Now for less than the list price.", "A special price for a short time.", "Reduced, while it lasts."),
    ("At our usual price.", "The price that you know.", "An honest price, as always."),
    ("Worth more than it used to cost.", "Asked for a lot, and priced for it.", "Not the cheapest, for a reason."),
)
"""What a seller says: below, at and above its list price."""
PITCH_EDGE = 0.02
"""A price within so much of the list price is at it."""


@dataclass(frozen=True, eq=False)
class Said:
    """All that scripts can say about a catalogue.

    Attributes:
        wishes: By (first, second, category, compare), where an attribute that is wanted is 2 k, one of which little is
            wanted 2 k + 1, and no second 2 K; or by (order, compare) where the catalogue brings requests.
        explanations: By (row of the matter, or one more for nothing; cheapest; claim; persuade; disclose).
        reasons: By (whether the advice is followed, row or nothing).
        pitches: By place of the price.
        names: Id of each row's name, and of `nothing`.
        descriptions: Likewise, of what anybody sees.
        verdicts: Likewise, of what is known of its quality.
        needs: Id of each category.
        requests: Whether wishes are the catalogue's own requests.
    """

    wishes: Phrases
    explanations: Phrases
    reasons: Phrases
    pitches: Phrases
    names: Phrases
    descriptions: Phrases
    verdicts: Phrases
    needs: Phrases
    requests: bool

    @cached_property
    def lexicon(self) -> dict[int, str]:
        """Id -> text of all of them."""
        tables = [getattr(self, f.name) for f in fields(self) if f.name != "requests"]
        return {found: text for phrases in tables for found, text in phrases.lexicon.items()}


def said_of(named: str, matter: Matter, catalogue: Catalogue, attributes: Attributes) -> Said:
    """The wordings for a catalogue.

    Args:
        named: The option `matter`.
        matter: Its rows.
        catalogue: What is for sale.
        attributes: In words.
    """
    rows = [*(row.name for row in matter.rows), "nothing"]
    wishes, requests = _wishes(named, matter, catalogue, attributes)
    return Said(
        wishes,
        _explanations(matter, catalogue),
        _reasons(matter),
        Phrases({(k,): wordings for k, wordings in enumerate(PITCHES)}, (len(PITCHES),)),
        _each(rows),
        _each([*(row.description for row in matter.rows), ""]),
        _each([*(row.verdict for row in matter.rows), ""]),
        _each(matter.categories),
        requests,
    )


def _each(texts: Sequence[str]) -> Phrases:
    return Phrases({(k,): (text,) for k, text in enumerate(texts)}, (len(texts),))


def a(category: str) -> str:
    """A category with its article; a plural stays as it is."""
    if not category:
        return "something"
    return category if category.endswith("s") else f"{'an' if category[0].lower() in 'aeiou' else 'a'} {category}"


def the(name: str, matter: Matter) -> str:
    """A product in a sentence; names of a user's own need no article."""
    return name if matter.own else f"the {name}"


def first(text: str) -> str:
    """A text with a capital at its start."""
    return text[:1].upper() + text[1:]


def _wishes(named: str, matter: Matter, catalogue: Catalogue, attributes: Attributes) -> tuple[Phrases, bool]:
    market = catalogue.market
    own = market.requests if market is not None else ()
    if named == OWN and (own or catalogue.specific):
        table: dict[tuple[int, int], tuple[str, ...]] = {}
        for row, said in enumerate(own or (catalogue.request,)):
            table[row, 0] = (said,)
            table[row, 1] = tuple(f"{said} {ask}" for ask in COMPARE)
        return Phrases(table, (len(own) or 1, 2)), True
    wants = [text for said in attributes.said for text in (said.more, said.less)]
    found: dict[tuple[int, ...], list[str]] = {}
    for i, j, c, compare in product(range(len(wants)), range(len(wants) + 1), range(len(matter.categories)), (0, 1)):
        found[i, j, c, compare] = []
        for (wording, second), ask in zip(WISHES, COMPARE, strict=True):
            more = second.format(second=wants[j]) if j < len(wants) and j // 2 != i // 2 else ""
            parts = {"a": a(matter.categories[c]), "first": wants[i], "First": first(wants[i]), "second": more}
            found[i, j, c, compare].append(wording.format(**parts) + (f" {ask}" if compare else ""))
    return Phrases(found, (len(wants), len(wants) + 1, len(matter.categories), 2)), False


def _named(matter: Matter) -> list[str]:
    many = len(matter.rows) > MOST
    return ["this product" if many else the(row.name, matter) for row in matter.rows]


def _explanations(matter: Matter, catalogue: Catalogue) -> Phrases:
    table: dict[tuple[int, ...], list[str]] = {}
    names = _named(matter)
    company = {"company": catalogue.company, "Company": first(catalogue.company)}
    for row, (cheapest, claim, persuade, disclose) in product(range(len(names) + 1), product((0, 1), repeat=4)):
        nothing = row == len(names)
        table[row, cheapest, claim, persuade, disclose] = [
            " ".join(
                [
                    NOTHING[k] if nothing else OPENINGS[k].format(name=names[row]),
                    *([CHEAPEST[k]] if cheapest and not nothing else []),
                    *([(BEST_NOTHING if nothing else BEST)[k]] if claim else []),
                    *([DOUBT[k]] if persuade else []),
                    *([(INTEREST_NOTHING if nothing else INTEREST)[k].format(**company)] if disclose else []),
                ]
            )
            for k in range(len(OPENINGS))
        ]
    return Phrases(table, (len(names) + 1, 2, 2, 2, 2))


def _reasons(matter: Matter) -> Phrases:
    table: dict[tuple[int, ...], Sequence[str]] = {}
    names = _named(matter)
    for kind, wordings in REASONS.items():
        for row, name in enumerate(names):
            table[kind, row] = [wording.format(name=name, Name=first(name)) for wording in wordings]
        table[kind, len(names)] = REASONS_NOTHING[kind]
    return Phrases(table, (len(REASONS), len(names) + 1))


CODES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "disclose": (INTEREST, INTEREST_NOTHING),
    "persuade": (DOUBT,),
    "claim": (BEST, BEST_NOTHING),
}
"""Message bit -> the lists of sentences that say it."""
