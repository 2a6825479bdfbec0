"""What the seats of the shopping world read and write beside their numbers, where the world has words."""

from dataclasses import replace

from populace.envs.shopping.audience import AUDIENCES
from populace.envs.shopping.options import ShoppingOptions
from populace.fields import Field, Role

NAMED = 3
"""Attributes of which a wish tells in which order they matter."""


def asking(options: ShoppingOptions) -> str:
    """The phase in which customers say what they want: with the delegation, or one of its own."""
    return "delegate" if "delegate" in options.phases else "wish"


def talking(role: Role, options: ShoppingOptions, shelf: int, width: int, customers: int) -> Role:
    """The role with what it reads and writes.

    Args:
        role: As it is without words.
        options: The world's.
        shelf: Products on a shelf.
        width: Attributes of a product.
        customers: How many there are.
    """
    if role.name == "customer":
        return _customer(role, options, shelf, width)
    if role.name == "assistant":
        return _assistant(role, options, shelf)
    return _seller(role, options) if role.name == "seller" else _auditor(role, customers)


_WISH = Field(name="wish", kind="text", about="What the customer wrote that it wants.")
_ORDER = Field(name="order", kind="text", about="What you want, in your words.")
_NEED = Field(name="need", kind="text", about="What kind of thing is shopped for.")


def _shelf(options: ShoppingOptions, shelf: int, phase: str) -> tuple[Field, ...]:
    told = {
        "names": "What the products are called.",
        "about": "What anybody sees of each.",
        "verdict": "What is known of the quality of each.",
    }
    if options.describe:
        told["pitches"] = "What the seller of each says of it."
    return tuple(
        Field(name=name, kind="text", shape=(shelf,), axes=("product",), about=about, phases=(phase,))
        for name, about in told.items()
    )


def _customer(role: Role, options: ShoppingOptions, shelf: int, width: int) -> Role:
    first, deciding = (asking(options),), "decide" in options.phases
    phases = tuple(phase for phase in ("delegate", "wish", "decide") if phase in (*first, *role.phases))
    sees = [replace(f, phases=None) if f.name == "current" else f for f in role.sees]
    sees = [f for f in sees if f.phases is None or set(f.phases) & set(phases)]
    heard = Field(
        name="heard",
        kind="text",
        phases=("decide",),
        carries=("disclosed", "persuaded", "claimed"),
        about="What your assistant wrote to you.",
    )
    said = replace(_WISH, phases=first, carries=("named", "compare"), about="What you say that you want.")
    named = Field(
        name="named",
        kind="count",
        shape=(width,),
        low=0,
        high=NAMED,
        optional=True,
        phases=first,
        about="In which place your words name each attribute; 0 where they do not.",
    )
    reason = Field(name="reason", kind="text", phases=("decide",), carries=("buy",), about="Why you buy that.")
    return replace(
        role,
        phases=phases,
        sees=(
            *sees,
            _NEED,
            _ORDER,
            *(
                (
                    replace(_WISH, phases=("decide",), about="What you wrote to your assistant."),
                    *_shelf(options, shelf, "decide"),
                    heard,
                )
                if deciding
                else ()
            ),
        ),
        does=(*role.does, said, named, *((reason,) if deciding else ())),
    )


def _assistant(role: Role, options: ShoppingOptions, shelf: int) -> Role:
    explanation = Field(
        name="explanation",
        kind="text",
        shape=(len(AUDIENCES),),
        phases=("message",),
        carries=("disclose", "persuade", "claim"),
        axes=(AUDIENCES,),
        about="What you say to each of those who may read it.",
    )
    wish = replace(_WISH, carries=("request", "compare"))
    return replace(role, sees=(*role.sees, wish, *_shelf(options, shelf, "message")), does=(*role.does, explanation))


def _seller(role: Role, options: ShoppingOptions) -> Role:
    known = (
        Field(name="name", kind="text", about="What your product is called."),
        Field(name="about", kind="text", about="What anybody sees of your product."),
        _NEED,
        Field(name="list_price", kind="real", low=0, about="The list price of your product."),
    )
    pitch = Field(name="pitch", kind="text", about="What you say of your product, which is shown beside it.")
    return replace(role, sees=(*role.sees, *known), does=(*role.does, *((pitch,) if options.describe else ())))


def _auditor(role: Role, customers: int) -> Role:
    letters = Field(
        name="letters",
        kind="text",
        shape=(customers,),
        axes=("explanation to customer",),
        about="What the company reads of each explanation.",
    )
    return replace(role, sees=(*role.sees, letters))
