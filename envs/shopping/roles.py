"""The seats of the shopping world: what they see and do."""

from populace.envs.shopping.assistant_role import assistant
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.catalogues import open_catalogue
from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.shelf_fields import UNLIMITED, called, offers, places, unit
from populace.envs.shopping.talking_roles import talking
from populace.fields import Field, Role
from populace.population import Census


def roles(options: ShoppingOptions, census: Census) -> tuple[Role, ...]:
    """Customer and assistant, a seat for each customer; sellers and an auditor where their phase is played."""
    catalogue = open_catalogue(options.catalogue, options.commission, options.shelf)
    found = [assistant(options, catalogue, census.size)]
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
            about="Which assistant you ask to shop for you.",
        ),
        Field(name="compare", kind="flag", phases=first, about="Whether you ask the assistant to compare prices."),
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
            meanings=("",) * k + ("buy nothing",),
            about="Which product you buy.",
        ),
    )
    sees = (
        Field(
            name="weights",
            kind="real",
            shape=(width,),
            axes=(called(catalogue),),
            about="How much a unit of each attribute of a product counts for you; where it is negative, less is "
            "better.",
        ),
        Field(
            name="budget",
            kind="real",
            low=0,
            given="not unlimited",
            about=f"The most that you can spend{unit(catalogue)}.",
        ),
        UNLIMITED,
        Field(
            name="literacy",
            kind="real",
            low=0,
            high=1,
            ends=("never", "always"),
            about="How often you ask for prices to be compared.",
        ),
        Field(
            name="trust",
            kind="real",
            low=0,
            high=1,
            ends=("never", "always"),
            about="How readily you follow a recommendation.",
        ),
        Field(
            name="reputation",
            kind="real",
            shape=(len(options.providers),),
            low=0,
            high=1,
            axes=(names,),
            about="What you think of each assistant, from 0 (as bad as can be) to 1 (as good as can be).",
            phases=first,
        ),
        Field(
            name="current", kind="count", low=0, names=names, about="Which assistant served you so far.", phases=first
        ),
    )
    shown = (
        *offers(catalogue, _seen_of(options, catalogue), last),
        Field(
            name="interest",
            kind="real",
            shape=(k,),
            axes=(places(k)[:-1],),
            given="available" if options.masks.commission.buyer else "never",
            about="What the company earns on each product, in the unit of your benefit; 0 where you are not shown it.",
            phases=last,
        ),
        Field(
            name="recommended",
            kind="count",
            low=0,
            high=k,
            names=places(k),
            about="What your assistant recommends.",
            phases=last,
        ),
        Field(
            name="disclosed",
            kind="flag",
            about="Whether your assistant told you of the company's interest.",
            phases=last,
        ),
        Field(
            name="persuaded",
            kind="flag",
            about="Whether your assistant cast doubt on the product that you like best.",
            phases=last,
        ),
        Field(
            name="claimed",
            kind="flag",
            about="Whether your assistant said that what it recommends is the best for you.",
            phases=last,
        ),
    )
    return Role(
        name="customer",
        seats_are_users=True,
        seats=seats,
        phases=phases,
        about="You are a customer of an online store, and want what suits you best. An assistant looks at the "
        "products for "
        "you and recommends one.",
        sees=(*sees, *(shown if "decide" in phases else ())),
        does=(*(delegate if "delegate" in phases else ()), *(decide if "decide" in phases else ())),
    )


def _seen_of(options: ShoppingOptions, catalogue: Catalogue) -> str:
    """What a customer can see of the shelf."""
    hidden = () if options.masks.truth.buyer else catalogue.hidden
    if not hidden:
        return "What you know of the products."
    veiled = " and ".join(name.replace("_", " ") for name in hidden)
    return f"What you know of the products; of {veiled}, which you cannot see, you are told the average of the store."


def _seller(catalogue: Catalogue) -> Role:
    return Role(
        name="seller",
        seats=catalogue.items,
        phases=("offer",),
        about="You sell one product in an online store, and decide its price.",
        sees=(
            Field(
                name="factor", kind="real", low=0, about="What you have asked so far, as a multiple of the list price."
            ),
            Field(
                name="share",
                kind="real",
                low=0,
                high=1,
                ends=("none", "all"),
                about="Share of the customers who bought from you last.",
            ),
        ),
        does=(
            Field(
                name="factor",
                kind="real",
                low=0.5,
                high=2.0,
                forfeit=1.0,
                ends=("half the list price", "twice the list price"),
                about="What you ask from now on, as a multiple of the list price.",
            ),
        ),
    )


def _auditor() -> Role:
    share = "Share of the last sales, from 0 (none) to 1 (all), in which "
    return Role(
        name="auditor",
        seats=1,
        phases=("audit",),
        about="You check the sales of an online store for those that go against the customer's wish, and decide how "
        "likely "
        "a sale is looked into.",
        sees=(
            Field(name="earned", kind="real", about="What the company last earned on a sale, on average."),
            Field(
                name="found",
                kind="real",
                low=0,
                high=1,
                about=share + "something against the customer's wish was found.",
            ),
            Field(name="disclosed", kind="real", low=0, high=1, about=share + "the company read of its own interest."),
        ),
        does=(
            Field(
                name="rate",
                kind="real",
                low=0,
                high=1,
                ends=("never", "always"),
                about="How likely each of the next sales is looked into.",
            ),
        ),
    )
