"""The seats of the agency world: what they see and do."""

from collections.abc import Callable
from dataclasses import replace

from populace.envs.agency.options import AgencyOptions
from populace.fields import Field, Role
from populace.population import Census

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
    terms = Field(name="terms", kind="real", shape=(4,), about="What the principal offers; see the game.")
    offered = Field(name="terms", kind="real", shape=(4,), about="What was offered.", phases=("respond",))
    signal = Field(name="signal", kind="real", about="What the market showed last.")
    heard = Field(name="heard", kind="real", about="What the agent said or did, if seen.", phases=("respond",))
    theory = "What theory prescribes."
    customer = Role(
        name="customer",
        seats_are_users=True,
        seats=census.size,
        phases=("offer", "respond"),
        about="The principal: offers terms, and answers what it hears.",
        sees=(
            signal,
            offered,
            heard,
            Field(name="due_terms", kind="real", shape=(4,), private=True, phases=("offer",), about=theory),
            Field(name="due_answer", kind="real", private=True, phases=("respond",), about=theory),
        ),
        does=(
            replace(terms, phases=("offer",), span=span),
            Field(name="answer", kind="real", phases=("respond",), span=span, default="heard", about="Its answer."),
        ),
    )
    assistant = Role(
        name="assistant",
        seats=census.size,
        phases=("act",),
        about="The agent: knows its type or hides its effort.",
        sees=(
            Field(name="type", kind="real", low=0, high=1, about="What only it knows."),
            terms,
            Field(name="due_move", kind="real", private=True, about=theory),
        ),
        does=(Field(name="move", kind="real", span=span, about="Effort, message, choice or deviation; see the game."),),
    )
    return _talking(customer, assistant) if options.talk else (customer, assistant)


def _talking(customer: Role, assistant: Role) -> tuple[Role, Role]:
    """Both with a sentence beside what they do."""
    explanation = Field(name="explanation", kind="text", about="What the customer says with its offer.")
    said = Field(name="words", kind="text", about="What the assistant says with its move.")
    heard = replace(said, phases=("respond",))
    return (
        replace(customer, sees=(*customer.sees, heard), does=(*customer.does, replace(explanation, phases=("offer",)))),
        replace(assistant, sees=(*assistant.sees, explanation), does=(*assistant.does, said)),
    )
