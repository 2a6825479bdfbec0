"""The seats of the agency world: what they see and do."""

from dataclasses import replace

from populace.envs.agency.options import AgencyOptions
from populace.fields import Field, Role
from populace.population import Census


def roles(options: AgencyOptions, census: Census) -> tuple[Role, ...]:
    """The roles `customer` (the principal) and `assistant` (the agent), in pairs; the same in every game."""
    terms = Field(name="terms", kind="real", shape=(4,), about="What the principal offers; see the game.")
    offered = Field(name="terms", kind="real", shape=(4,), about="What was offered.", phases=("respond",))
    signal = Field(name="signal", kind="real", about="What the market showed last.")
    heard = Field(name="heard", kind="real", about="What the agent said or did, if seen.", phases=("respond",))
    theory = "What theory prescribes."
    customer = Role(
        name="customer",
        lives=True,
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
            replace(terms, phases=("offer",)),
            Field(name="answer", kind="real", phases=("respond",), about="Its answer."),
        ),
    )
    assistant = Role(
        name="assistant",
        seats=census.size,
        phases=("act",),
        about="The agent: knows its type or hides its effort.",
        sees=(
            Field(name="type", kind="real", about="What only it knows."),
            terms,
            Field(name="due_move", kind="real", private=True, about=theory),
        ),
        does=(Field(name="move", kind="real", about="Effort, message, choice or deviation; see the game."),),
    )
    return customer, assistant
