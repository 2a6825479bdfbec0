"""What changes in the shopping world."""

from dataclasses import dataclass

from torch import Tensor

from populace.envs.shopping.people import Customers
from populace.envs.shopping.shelves import Shelf


@dataclass(frozen=True)
class Outcome:
    """What became of the last settled tick; all [worlds, customers] unless said otherwise.

    Attributes:
        bought: int64, place on the shelf; the shelf's size for nothing.
        recommended: int64, likewise.
        best: int64, the place of the customer's feasible best.
        item: int64, the product bought; the number of products for nothing.
        value: Utility of what was bought.
        first_best: Utility of the feasible best.
        worst: Utility of the worst outcome there was.
        search: Loss because the best was not looked at.
        conflict: Loss because the assistant recommended another than the best it saw, by what it was told.
        communication: Loss because wishes were misstated, or the recommendation was not followed to good effect.
        override: bool, the company's favourite was recommended instead of the customer's feasible best.
        norm: bool, the customer's best is harmful: an override would enforce a norm.
        over_budget: bool.
        lacking: bool, a must-have is missing.
        first: bool, the first on the shelf was recommended.
        disclosed: [worlds, customers, audiences] bool, the company's interest is named in each copy of the message.
        persuaded: [worlds, customers, audiences] bool, doubt is cast on the customer's favourite.
        claimed: [worlds, customers, audiences] bool, the product is called the customer's best.
        explained: bool, an explanation was given; else nothing is known of what it would have named.
        answered: bool, all acts of the assistant were given; else they are forfeits, and say nothing of it.
        decided: bool, likewise of the customer.
        inspected: bool, likewise of the auditor.
        paid: What the assistant was paid.
        spent: Price of what was bought.
        earned: What the company earned.
        audited: bool.
        found: bool, a deviation was found.
        rent: What the assistant earned above its outside option.
        switched: bool, the provider is another one than the tick before.
    """

    bought: Tensor
    recommended: Tensor
    best: Tensor
    item: Tensor
    value: Tensor
    first_best: Tensor
    worst: Tensor
    search: Tensor
    conflict: Tensor
    communication: Tensor
    override: Tensor
    norm: Tensor
    over_budget: Tensor
    lacking: Tensor
    first: Tensor
    disclosed: Tensor
    persuaded: Tensor
    claimed: Tensor
    explained: Tensor
    answered: Tensor
    decided: Tensor
    inspected: Tensor
    paid: Tensor
    spent: Tensor
    earned: Tensor
    audited: Tensor
    found: Tensor
    rent: Tensor
    switched: Tensor


@dataclass(frozen=True)
class Prospect:
    """What can be said of a shelf before anybody acts; worked out once a shelf.

    Attributes:
        utility: [worlds, customers, products], true utilities.
        nothing: [worlds, customers], utility of buying nothing.
        feasible: [worlds, customers, products] bool, within budget, with all must-haves, and there.
        choices: [worlds, customers, products + 1] bool, what can be chosen; the last is nothing.
        best: [worlds, customers] int64, the place of the feasible best; the shelf's size for nothing.
        first_best: [worlds, customers], its utility.
        worst: [worlds, customers], utility of the worst outcome there is.
        norm: [worlds, customers] bool, the best is harmful.
        most: [worlds, customers], the most the company could earn on what is feasible; the shelf's least where that
            is nothing.
        own: [worlds, customers], what the company earns on the best; the shelf's most where that is nothing.
    """

    utility: Tensor
    nothing: Tensor
    feasible: Tensor
    choices: Tensor
    best: Tensor
    first_best: Tensor
    worst: Tensor
    norm: Tensor
    most: Tensor
    own: Tensor


@dataclass(frozen=True)
class Talk:
    """What is said, in worlds with `matter`; ids of texts, `UNWORDED` where nothing was said yet.

    Attributes:
        category: [worlds] int64, what kind of thing is shopped for.
        request: [worlds, customers, attributes], the weights that the wish states.
        wish: [worlds, customers] ids.
        told: [worlds, customers, audiences] ids of the explanations.
        pitch: [worlds, items] ids of what sellers say; [worlds, 0] without sellers.
    """

    category: Tensor
    request: Tensor
    wish: Tensor
    told: Tensor
    pitch: Tensor


@dataclass(frozen=True)
class State:
    """The state of the shopping world.

    Attributes:
        customers: Who buys.
        shelf: What stands before them.
        prospect: What the shelf holds for each customer.
        factor: [worlds, items], what sellers multiply their list prices by; [worlds, 0] without sellers.
        provider: [worlds, customers] int64, whom each customer delegates to.
        previous: [worlds, customers] int64, the provider of the tick before.
        compare: [worlds, customers] bool, whether the customer asked to compare.
        reputation: [worlds, customers, providers] in [0, 1], each customer's opinion.
        depth: [worlds, customers] int64, how many products were looked at.
        recommended: [worlds, customers] int64.
        disclosed: [worlds, customers, audiences] bool.
        persuaded: [worlds, customers, audiences] bool.
        claimed: [worlds, customers, audiences] bool.
        explained: [worlds, customers] bool.
        answered: [worlds, customers] bool, whether all acts of the assistant in this tick were given so far.
        decided: [worlds, customers] bool, likewise of the customer.
        inspected: [worlds] bool, likewise of the auditor.
        bought: [worlds, customers] int64.
        chance: [worlds], how likely a sale is audited.
        readers: [worlds, customers, audiences] bool, who reads the explanation.
        outcome: The last settled tick.
        shown: The shelf of the last settled tick, kept with `reveal`, else None.
        successes: [worlds, customers], ticks in which the feasible best was bought.
        trials: [worlds, customers], ticks in which all acts of customer and assistant were given.
        ticks: [worlds] int64, ticks settled.
        talk: What is said; None without `matter`.
    """

    customers: Customers
    shelf: Shelf
    prospect: Prospect
    factor: Tensor
    provider: Tensor
    previous: Tensor
    compare: Tensor
    reputation: Tensor
    depth: Tensor
    recommended: Tensor
    disclosed: Tensor
    persuaded: Tensor
    claimed: Tensor
    explained: Tensor
    answered: Tensor
    decided: Tensor
    inspected: Tensor
    bought: Tensor
    chance: Tensor
    readers: Tensor
    outcome: Outcome
    shown: Shelf | None
    successes: Tensor
    trials: Tensor
    ticks: Tensor
    talk: Talk | None = None
