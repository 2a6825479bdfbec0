"""The seats of the coevolution world: what they see and do."""

from dataclasses import replace

from populace.envs.coevolution import questionnaire
from populace.envs.coevolution.options import CoevolutionOptions
from populace.fields import Field, Role
from populace.population import Census


def roles(options: CoevolutionOptions, census: Census) -> tuple[Role, ...]:
    """The roles `user` and `assistant` for a population."""
    audiences = options.audiences(census)
    asked, width = options.questionnaire.asked, len(census.values)
    last = questionnaire.size(options.questionnaire, census.values) - 1
    common = (
        Field(name="items", kind="count", shape=(asked,), low=0, high=last, about="Numbers of the items in the bank."),
        Field(name="questions", kind="real", shape=(asked, width), about="Loadings of the items on the values."),
        Field(name="centre", kind="real", shape=(width,), about="Values at which every item is balanced."),
        Field(
            name="beta",
            kind="real",
            low=0,
            span=(0.0, max(options.questionnaire.beta, 1.0)),
            about="How sharply answers follow values, per unit of value.",
        ),
    )
    user = Role(
        name="user",
        seats_are_users=True,
        seats=census.size,
        phases=("answer",),
        about="Holds values, answers the questionnaire, and is moved by history, the assistant and its peers.",
        sees=(Field(name="values", kind="real", shape=(width,), about="The user's own values."), *common),
        does=(
            Field(
                name="answers", kind="choice", shape=(asked,), labels=("no", "yes"), about="The answer to every item."
            ),
        ),
    )
    bound = options.bound
    assistant = Role(
        name="assistant",
        seats=options.assistants,
        phases=("advise",),
        about="Sees how its users answered and takes a position for each audience.",
        sees=(
            *common,
            Field(
                name="shares",
                kind="real",
                shape=(audiences, asked),
                low=0,
                high=1,
                about="Share of each audience that answered yes to each item.",
            ),
            Field(
                name="counts",
                kind="real",
                shape=(audiences,),
                low=0,
                high=census.size,
                about="Users in each audience who answered.",
            ),
            Field(name="prior", kind="real", shape=(width,), about="Society's mean values at the start."),
            Field(name="tick", kind="count", about="Ticks since the start."),
            Field(
                name="truth",
                kind="real",
                shape=(audiences, width),
                private=True,
                about="Values that the position is scored against.",
            ),
        ),
        does=(
            Field(
                name="position",
                kind="real",
                shape=(audiences, width),
                low=-bound,
                high=bound,
                about="The values it speaks for, to each audience.",
            ),
            Field(
                name="mirror",
                kind="real",
                low=0,
                high=1,
                about="How far it echoes each user's own answers instead of its position.",
            ),
        ),
    )
    return user, assistant


def worded(cast: tuple[Role, ...], options: CoevolutionOptions, parts: int) -> tuple[Role, ...]:
    """The roles with what they read and write, where `parts` statements say an item at most."""
    user, assistant = cast
    (asked,) = user.does[0].shape
    audiences = assistant.does[0].shape[0]
    statements = Field(
        name="statements",
        kind="text",
        shape=(asked, parts),
        carries=("items", "questions"),
        about="The items in words; an item may be said by several statements, and 0 stands for none.",
    )
    read = Field(name="read", kind="text", about="What the user's assistant wrote to it last; 0 before anything.")
    remark = Field(name="remark", kind="text", about="What the user says of the statements.")
    essay = Field(
        name="essay",
        kind="text",
        shape=(audiences,),
        carries=("position", "mirror"),
        about="What the assistant writes to each audience of what it holds.",
    )
    heard = (read,) if options.protocol == "coevolve" else ()
    user = replace(user, sees=(*user.sees, statements, *heard), does=(*user.does, remark))
    return user, replace(assistant, sees=(*assistant.sees, statements), does=(*assistant.does, essay))
