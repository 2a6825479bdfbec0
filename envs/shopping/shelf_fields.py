"""What several seats of the shopping world see of a shelf and of its customers."""

from populace.envs.shopping.catalogue import Catalogue
from populace.fields import Field

_LOGS = {
    "log_price": "natural logarithm of the price",
    "log_reviews": "natural logarithm of 1 more than the number of reviews",
}
UNLIMITED = Field(name="unlimited", kind="flag", about="Whether any amount can be spent.")


def places(shelf: int) -> tuple[str, ...]:
    """Labels of a choice among the products of a shelf; the last one is to buy nothing."""
    return (*(f"product {k + 1}" for k in range(shelf)), "nothing")


def called(catalogue: Catalogue) -> tuple[str, ...]:
    """The attributes of products, as they are told."""
    return tuple(_LOGS.get(name, name.replace("_", " ")) for name in catalogue.attributes)


def unit(catalogue: Catalogue) -> str:
    """`, in $` where prices have a unit, to be put behind what they are."""
    return f", in {catalogue.currency}" if catalogue.currency else ""


def offers(catalogue: Catalogue, about: str, phases: tuple[str, ...] | None = None) -> tuple[Field, ...]:
    """Attributes and prices of the products on a shelf, and which of them can be chosen."""
    k, width = catalogue.shelf, len(catalogue.attributes)
    products = places(k)[:-1]
    return (
        # The labels are the names of the last dimension, so that policies find an attribute by name.
        Field(
            name="offers",
            kind="real",
            shape=(k, width),
            labels=catalogue.attributes,
            axes=(products, called(catalogue)),
            given="available",
            about=about,
            phases=phases,
        ),
        Field(
            name="price",
            kind="real",
            shape=(k,),
            low=0,
            span=(0.0, catalogue.ceiling),
            axes=(products,),
            given="available",
            about=f"Prices{unit(catalogue)}.",
            phases=phases,
        ),
        Field(
            name="available",
            kind="flag",
            shape=(k,),
            axes=(products,),
            about="Which products can be chosen.",
            phases=phases,
        ),
    )
