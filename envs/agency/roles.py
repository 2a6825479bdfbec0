"""The seats of the agency world: what they see and do."""

from collections.abc import Callable
from dataclasses import replace

from populace.envs.agency.options import PACKAGE, AgencyOptions
from populace.envs.agency.terms import OFFER, about
from populace.fields import Field, Role
from populace.population import Census
from populace.wordings import Wordings

_REACH: dict[str, Callable[[AgencyOptions], float]] = {
    "contract": lambda o: max(1.0, 1.0 / o.cost),  # share at most 1, effort share / cost, wage at most 1 / (4 cost)
    "cheap-talk": lambda o: 1.0 + o.bias,
    "delegation-cap": lambda o: 1.0 + o.bias,
    "lemons": lambda o: max(1.0, o.price, o.multiplier),
    "signalling": lambda o: max(1.0, o.gain),
    "screening": lambda o: max(2.0, o.high, o.high * o.high),  # quantities, payments, and the number of a contract
    "audit": lambda o: 1.0,
    "reputation": lambda o: 1.0,
}
"""Game -> no number of equilibrium play is larger; learners are offered twice as much, either way."""


def roles(options: AgencyOptions, census: Census) -> tuple[Role, ...]:
    """The roles `customer` (the principal) and `assistant` (the agent), in pairs; the same in every game."""
    reach = 2.0 * _REACH[options.game](options)
    span = (-reach, reach)
    o, game = options, options.game
    wordings = Wordings.of(PACKAGE, o.language)
    terms = Field(
        name="terms",
        kind="real",
        shape=(4,),
        axes=(_places(wordings, game),) if game in OFFER else (),
        given="" if game in OFFER else "never",
        about=wordings.label("offered"),
    )
    theory = "What theory prescribes."
    customer = Role(
        name="customer",
        seats_are_users=True,
        seats=census.size,
        phases=("offer", "respond"),
        about=about(wordings, o, "customer"),
        sees=(
            _known("signal", wordings, game),
            replace(terms, about=wordings.label("own_offer"), phases=("respond",)),
            replace(_known("heard", wordings, game), phases=("respond",)),
            Field(name="due_terms", kind="real", shape=(4,), private=True, phases=("offer",), about=theory),
            Field(name="due_answer", kind="real", private=True, phases=("respond",), about=theory),
        ),
        does=(
            replace(terms, phases=("offer",), span=span, given="", about=_asked(wordings, game, "customer", "offer")),
            Field(
                name="answer",
                kind="real",
                phases=("respond",),
                span=span,
                default="heard",
                about=_asked(wordings, game, "customer", "respond"),
            ),
        ),
    )
    assistant = Role(
        name="assistant",
        seats=census.size,
        phases=("act",),
        about=about(wordings, o, "assistant"),
        sees=(
            replace(_known("type", wordings, game), low=0, high=1),
            terms,
            Field(name="due_move", kind="real", private=True, about=theory),
        ),
        does=(Field(name="move", kind="real", span=span, about=_asked(wordings, game, "assistant", "act")),),
    )
    return _talking(wordings, customer, assistant) if options.talk else (customer, assistant)


def _places(wordings: Wordings, game: str) -> tuple[str, ...]:
    """What the four numbers of an offer are called; "" for those that a game does not use."""
    named = wordings.listed(f"terms.{game}")
    return (*named, *[""] * (4 - len(named)))


def _known(name: str, wordings: Wordings, game: str) -> Field:
    """A number that a seat sees, which holds nothing in some games."""
    used = f"{name}.{game}" in wordings.labels
    told = wordings.label(f"{name}.{game}") if used else wordings.label("unused")
    return Field(name=name, kind="real", given="" if used else "never", about=told)


def _asked(wordings: Wordings, game: str, role: str, phase: str) -> str:
    """What is decided, where it is told field by field."""
    name = f"decides.{role}.{phase}.{game}"
    return wordings.label(name if name in wordings.labels else "nothing_asked")


def _talking(wordings: Wordings, customer: Role, assistant: Role) -> tuple[Role, Role]:
    """Both with a sentence beside what they do."""
    explanation = Field(name="explanation", kind="text", about=wordings.label("customer_said"))
    said = Field(name="words", kind="text", about=wordings.label("assistant_said"))
    explains = replace(explanation, about=wordings.label("customer_says"), phases=("offer",))
    says = replace(said, about=wordings.label("assistant_says"))
    return (
        replace(customer, sees=(*customer.sees, replace(said, phases=("respond",))), does=(*customer.does, explains)),
        replace(assistant, sees=(*assistant.sees, explanation), does=(*assistant.does, says)),
    )
