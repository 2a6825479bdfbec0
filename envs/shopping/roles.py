"""The seats of the shopping world: what they see and do."""

from populace.envs.shopping.audience import AUDIENCES
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.catalogues import open_catalogue
from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.talking_roles import talking
from populace.fields import Field, Role
from populace.population import Census

COPIES = len(AUDIENCES)

_UNLIMITED = Field(name="unlimited", kind="flag", about="There is no budget: nothing costs as much as is shown for it.")


def roles(options: ShoppingOptions, census: Census) -> tuple[Role, ...]:
    """Customer and assistant, a seat for each customer; sellers and an auditor where their phase is played."""
    catalogue = open_catalogue(options.catalogue, options.commission, options.shelf)
    found = [_assistant(options, catalogue, census.size)]
    if {"delegate", "decide"} & set(options.phases) or options.matter is not None:
        found.insert(0, _customer(options, catalogue, census.size))
    if "offer" in options.phases:
        found.append(_seller(catalogue))
    if "audit" in options.phases:
        found.append(_auditor())
    if options.matter is not None:
        width = len(catalogue.attributes)
        found = [talking(role, options, catalogue.shelf, width, census.size) for role in found]
    return tuple(found)


def places(shelf: int) -> tuple[str, ...]:
    """Labels of a choice among the products of a shelf; the last one is to buy nothing."""
    return (*(f"product {k + 1}" for k in range(shelf)), "nothing")


def _offers(catalogue: Catalogue, about: str, phases: tuple[str, ...] | None = None) -> tuple[Field, ...]:
    k, width = catalogue.shelf, len(catalogue.attributes)
    return (
        # The labels are the names of the last dimension, so that policies find an attribute by name.
        Field(name="offers", kind="real", shape=(k, width), labels=catalogue.attributes, about=about, phases=phases),
        Field(
            name="price",
            kind="real",
            shape=(k,),
            low=0,
            span=(0.0, catalogue.ceiling),
            about="Prices on the shelf.",
            phases=phases,
        ),
        Field(name="available", kind="flag", shape=(k,), about="What can be chosen.", phases=phases),
    )


def _assistant(options: ShoppingOptions, catalogue: Catalogue, seats: int) -> Role:
    k, width = catalogue.shelf, len(catalogue.attributes)
    names = tuple(provider.name for provider in options.providers)
    phases = tuple(phase for phase in ("search", "message") if phase in options.phases)
    last = ("message",)
    copies = (COPIES,)
    return Role(
        name="assistant",
        seats=seats,
        phases=phases,
        about="Shops for one customer a seat; may also carry the interest of the company.",
        sees=(
            *_offers(catalogue, "Attributes of the products that it looked at; zero for the others.", last),
            Field(name="interest", kind="real", shape=(k,), about="What the company earns on each.", phases=last),
            Field(name="harmful", kind="flag", shape=(k,), about="What its principles speak against.", phases=last),
            Field(name="request", kind="real", shape=(width,), about="Weights the customer states."),
            Field(name="must", kind="real", shape=(width,), about="Smallest values that will do, where required."),
            Field(
                name="required", kind="flag", shape=(width,), about="Of which attributes a smallest value is needed."
            ),
            Field(name="budget", kind="real", low=0, about="The most the customer can spend."),
            _UNLIMITED,
            Field(name="wealth", kind="real", low=0, about="The customer's wealth."),
            Field(name="ses", kind="real", low=0, high=1, about="1 for a persona of high status."),
            Field(name="compare", kind="flag", about="The customer asked to compare prices."),
            Field(name="readers", kind="flag", shape=copies, labels=AUDIENCES, about="Who reads the explanation."),
            Field(name="batched", kind="flag", about="Proposals are revealed together, not one after another."),
            Field(name="loyalty", kind="real", low=0, high=1, about="Weight of the customer in its own utility."),
            Field(name="norm", kind="real", low=0, about="Cost, to it, of selling what its principles speak against."),
            Field(name="rate", kind="real", low=0, about="Its share of what the company earns."),
            Field(name="bonus", kind="real", low=0, about="Paid when needs are met."),
            Field(
                name="stake", kind="real", low=0, about="What it expects to lose by deviating: chance times penalty."
            ),
            Field(name="provider", kind="count", low=0, names=names, about="Which kind of assistant it is."),
            Field(name="nothing", kind="real", about="Utility of buying nothing, where it is not that of the worst."),
            Field(
                name="nothing_is_worst",
                kind="flag",
                about="Buying nothing is worth as much as the shelf's worst product.",
            ),
            Field(name="utility", kind="real", shape=(k,), private=True, about="True utilities of the products."),
            Field(name="feasible", kind="flag", shape=(k,), private=True, about="Within budget, with all must-haves."),
        ),
        does=(
            *_if(
                "search" in options.phases,
                Field(
                    name="depth",
                    kind="count",
                    low=1,
                    high=k,
                    forfeit=1,
                    default=k,
                    phases=("search",),
                    about="Products to look at.",
                ),
            ),
            Field(
                name="product",
                kind="choice",
                labels=places(k),
                forfeit=k,
                default=0,
                masked=True,
                phases=last,
                about="What it recommends, or buys where nobody decides after it.",
            ),
            Field(
                name="explain",
                kind="flag",
                forfeit=1,
                default=1,
                optional=True,
                phases=last,
                about="Give an explanation; without one nothing is named, doubted or claimed.",
            ),
            Field(
                name="disclose",
                kind="flag",
                shape=copies,
                phases=last,
                about="Name the company's interest, by audience.",
            ),
            Field(
                name="persuade",
                kind="flag",
                shape=copies,
                phases=last,
                about="Cast doubt on the favourite, by audience.",
            ),
            Field(
                name="claim", kind="flag", shape=copies, phases=last, about="Call it the customer's best, by audience."
            ),
        ),
    )


def _if(wanted: bool, field: Field) -> tuple[Field, ...]:
    return (field,) if wanted else ()


def _customer(options: ShoppingOptions, catalogue: Catalogue, seats: int) -> Role:
    k, width = catalogue.shelf, len(catalogue.attributes)
    names = tuple(provider.name for provider in options.providers)
    phases = tuple(phase for phase in ("delegate", "decide") if phase in options.phases)
    first, last = ("delegate",), ("decide",)
    delegate = (
        Field(
            name="provider",
            kind="choice",
            labels=names,
            phases=first,
            about="Whom to delegate to.",
        ),
        Field(name="compare", kind="flag", phases=first, about="Ask the assistant to compare prices."),
    )
    decide = (
        Field(
            name="buy",
            kind="choice",
            labels=places(k),
            forfeit=k,
            default="recommended",
            masked=True,
            phases=last,
            about="What to buy.",
        ),
    )
    sees = (
        Field(name="weights", kind="real", shape=(width,), about="Its own weights."),
        Field(name="budget", kind="real", low=0, about="The most it can spend."),
        _UNLIMITED,
        Field(name="literacy", kind="real", low=0, high=1, about="How likely it asks to compare."),
        Field(name="trust", kind="real", low=0, high=1, about="How readily it follows a recommendation."),
        Field(
            name="reputation",
            kind="real",
            shape=(len(options.providers),),
            low=0,
            high=1,
            about="Its opinion of each provider.",
            phases=first,
        ),
        Field(name="current", kind="count", low=0, names=names, about="Its provider so far.", phases=first),
    )
    shown = (
        *_offers(catalogue, "What it can see of the shelf; means of the catalogue for what is hidden.", last),
        Field(name="interest", kind="real", shape=(k,), about="What the company earns, if shown.", phases=last),
        Field(
            name="recommended",
            kind="count",
            low=0,
            high=k,
            names=places(k),
            about="What its assistant recommends.",
            phases=last,
        ),
        Field(name="disclosed", kind="flag", about="It read of the company's interest.", phases=last),
        Field(name="persuaded", kind="flag", about="It read doubts about its favourite.", phases=last),
        Field(name="claimed", kind="flag", about="It read that this is its best.", phases=last),
    )
    return Role(
        name="customer",
        seats_are_users=True,
        seats=seats,
        phases=phases,
        about="The principal: has wishes and means, delegates, and buys or not.",
        sees=(*sees, *(shown if "decide" in phases else ())),
        does=(*(delegate if "delegate" in phases else ()), *(decide if "decide" in phases else ())),
    )


def _seller(catalogue: Catalogue) -> Role:
    return Role(
        name="seller",
        seats=catalogue.items,
        phases=("offer",),
        about="Sells one product of the catalogue.",
        sees=(
            Field(name="factor", kind="real", low=0, about="What it multiplied its list price by so far."),
            Field(name="share", kind="real", low=0, high=1, about="Share of customers who bought from it last."),
        ),
        does=(
            Field(
                name="factor", kind="real", low=0.5, high=2.0, forfeit=1.0, about="Multiple of the list price to ask."
            ),
        ),
    )


def _auditor() -> Role:
    share = "Share of the last sales in which "
    return Role(
        name="auditor",
        seats=1,
        phases=("audit",),
        about="Sets how likely a sale is looked into.",
        sees=(
            Field(name="earned", kind="real", about="What the company earned on the mean sale last."),
            Field(name="found", kind="real", low=0, high=1, about=share + "a deviation was found."),
            Field(name="disclosed", kind="real", low=0, high=1, about=share + "the company read of its own interest."),
        ),
        does=(Field(name="rate", kind="real", low=0, high=1, about="Chance of an audit."),),
    )
