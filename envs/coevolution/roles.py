"""The seats of the coevolution world: what they see and do."""

from dataclasses import replace

from populace.envs.coevolution import questionnaire
from populace.envs.coevolution.options import PACKAGE, CoevolutionOptions
from populace.fields import Field, Role
from populace.population import Census
from populace.wordings import Wordings


def roles(options: CoevolutionOptions, census: Census) -> tuple[Role, ...]:
    """The roles `user` and `assistant` for a population."""
    audiences = options.audiences(census)
    named = census.segments if options.audience == "segment" else ("everyone",)
    values = tuple(name.replace("_", " ") for name in census.values)
    asked, width = options.questionnaire.asked, len(census.values)
    last = questionnaire.size(options.questionnaire, census.values) - 1
    common = (
        Field(
            name="items",
            kind="count",
            shape=(asked,),
            low=0,
            high=last,
            axes=("statement",),
            about="The number of each statement in the list of all statements, by which it can be recognised.",
        ),
        Field(
            name="questions",
            kind="real",
            shape=(asked, width),
            axes=("statement", values),
            about="What each statement asks for: more (above 0), less (below 0) or nothing new (0) of each value.",
        ),
        Field(
            name="centre",
            kind="real",
            shape=(width,),
            axes=(values,),
            about="What was usual: with these values one is undecided about every statement.",
        ),
        Field(
            name="beta",
            kind="real",
            low=0,
            span=(0.0, max(options.questionnaire.beta, 1.0)),
            about="How sharply answers follow values: by how much a unit of value beyond what was usual raises the "
            "log-odds "
            "of a yes.",
        ),
    )
    user = Role(
        name="user",
        seats_are_users=True,
        seats=census.size,
        phases=("answer",),
        about="You are one of the people of a society and hold values of your own. You answer the statements of a "
        "questionnaire by them. With time your values are moved by history, by the assistant that you listen to, and "
        "by "
        "the people around you.",
        sees=(Field(name="values", kind="real", shape=(width,), axes=(values,), about="Your own values."), *common),
        does=(
            Field(
                name="answers",
                kind="choice",
                shape=(asked,),
                labels=("no", "yes"),
                axes=("statement",),
                about="Whether you agree with each statement.",
            ),
        ),
    )
    bound = options.bound
    aim = {"aim": "approval" if options.reward == "approval" else options.protocol, "ahead": options.ahead}
    assistant = Role(
        name="assistant",
        seats=options.assistants,
        phases=("advise",),
        about=Wordings.of(PACKAGE, options.language).one("assistant.about", **aim),
        sees=(
            *common,
            Field(
                name="shares",
                kind="real",
                shape=(audiences, asked),
                low=0,
                high=1,
                axes=(named, "statement"),
                about="Share of each audience that answered yes to each statement, from 0 (none) to 1 (all).",
            ),
            Field(
                name="counts",
                kind="real",
                shape=(audiences,),
                low=0,
                high=census.size,
                axes=(named,),
                about="How many people of each audience answered.",
            ),
            Field(
                name="prior",
                kind="real",
                shape=(width,),
                axes=(values,),
                about="The average values of the society at the start.",
            ),
            Field(name="tick", kind="count", about="How many rounds there have been since the start."),
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
                axes=(named, values),
                ends=("as little as can be", "as much as can be"),
                about="How much of each value you speak for, to each audience.",
            ),
            Field(
                name="mirror",
                kind="real",
                low=0,
                high=1,
                ends=("not at all", "fully"),
                about="How far you tell people what they answered themselves, instead of your position.",
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
        axes=("statement", "sentence"),
        about="The statements.",
    )
    read = Field(name="read", kind="text", about="What the assistant that you listen to wrote to you last.")
    remark = Field(name="remark", kind="text", about="What you say of the statements.")
    essay = Field(
        name="essay",
        kind="text",
        shape=(audiences,),
        carries=("position", "mirror"),
        axes=assistant.does[0].axes[:1],
        about="What you write to each audience of what you hold.",
    )
    heard = (read,) if options.protocol == "coevolve" else ()
    user = replace(user, sees=(*user.sees, statements, *heard), does=(*user.does, remark))
    return user, replace(assistant, sees=(*assistant.sees, statements), does=(*assistant.does, essay))
