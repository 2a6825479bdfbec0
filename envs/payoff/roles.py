"""The seats of the payoff world: what they see and do."""

from dataclasses import replace

from populace.envs.payoff.options import PayoffOptions
from populace.envs.payoff.pricing import RATES
from populace.envs.payoff.primitives import ACTS, ASKS, REASONING, WORDS, WRITING, acts
from populace.envs.payoff.types import TYPES
from populace.fields import Field, Role
from populace.population import Census

OUTCOMES = ("none", "right", "not right")


def roles(options: PayoffOptions, census: Census) -> tuple[Role, ...]:
    """The roles `user` and `assistant`; user i talks to assistant seat i."""
    k = len(acts(options))
    user = Role(
        name="user",
        seats_are_users=True,
        seats=census.size,
        phases=("ask",),
        about="Has a question, asks it clearly at a cost or vaguely, or ends the conversation.",
        sees=(
            Field(name="type", kind="real", shape=(len(TYPES),), low=0, about=f"Its own {', '.join(TYPES)}."),
            Field(name="ambiguity", kind="real", low=0, high=1, about="How ambiguous its question is, asked vaguely."),
            Field(name="outcome", kind="choice", labels=OUTCOMES, about="What the last turn brought."),
            *_common(options, 2, k, "the assistant's acts"),
        ),
        does=(
            Field(name="act", kind="choice", labels=(*ASKS, "end"), forfeit=1, about="How it asks, or that it ends."),
        ),
    )
    sees: tuple[Field, ...] = (
        Field(name="signal", kind="real", low=0, high=1, about="Noisy sign of the ambiguity left in the question."),
        Field(name="over", kind="flag", about="Whether the user just ended the conversation: no act counts."),
        *_common(options, k, 2, "the user's asks, clear and vague, as the question sounds"),
        Field(
            name="usual_words",
            kind="real",
            shape=(k,),
            low=0,
            high=max(WORDS),
            about="Usual words of a response, by act.",
        ),
        Field(
            name="usual_reasoning",
            kind="real",
            shape=(k,),
            low=0,
            high=max(REASONING),
            about="Usual characters before it, by act.",
        ),
        Field(
            name="word_cost",
            kind="real",
            low=0,
            span=(0.0, options.conflict * WRITING),
            about="What writing a word costs the assistant, in its welfare.",
        ),
        Field(name="ambiguity", kind="real", low=0, high=1, private=True, about="True ambiguity of the question."),
    )
    if options.games:
        sees += (
            Field(
                name="truth", kind="real", shape=(2, k, 2), private=True, about="The true game: asks, acts, players."
            ),
        )
    if options.harm.share > 0:
        sees += (
            Field(name="third", kind="real", shape=(k,), low=0, high=1, about="Expected harm to others, by act."),
            Field(name="harmful", kind="flag", private=True, about="Whether an answer truly harms others."),
        )
    does: tuple[Field, ...] = (
        Field(name="act", kind="choice", labels=acts(options), about="What it does with the question."),
        Field(
            name="words",
            kind="count",
            low=0,
            high=5000,
            default=_usual(WORDS),
            about="Words of the response; 0 is no response at all.",
        ),
        Field(
            name="reasoning",
            kind="count",
            low=0,
            high=50000,
            default=_usual(REASONING),
            about="Characters written before the response.",
        ),
    )
    if options.stated:
        about = (
            "The game it says it sees: asks (clear, vague), acts (direct, clarify, both), players (user, assistant)."
        )
        does += (Field(name="stated", kind="real", shape=(2, 3, 2), low=-5, high=5, about=about),)
    assistant = Role(
        name="assistant",
        seats=census.size,
        phases=("respond",),
        about="Hears the question with noise; answers, asks back, or does both, at some length.",
        sees=sees,
        does=does,
    )
    if options.matter is not None:
        return _talking(user, 2 * options.turns), _talking(assistant, 2 * options.turns)
    return user, assistant


def _talking(role: Role, sayings: int) -> Role:
    """The role with what it reads and writes; a conversation has so many `sayings`."""
    row = Field(name="row", kind="count", private=True, about="The row of the question in the table of questions.")
    talk = Field(
        name="talk",
        kind="text",
        shape=(sayings,),
        carries=("faced",) if role.name == "assistant" else (),
        about="The conversation so far: question, answer, question, ...; 0 where nothing was said yet.",
    )
    if role.name == "assistant":
        answer = Field(name="answer", kind="text", carries=("act",), about="What it says to the user.")
        return replace(role, sees=(*role.sees, talk, row), does=(*role.does, answer))
    goal = Field(name="goal", kind="text", about="What the user wants to know, as it follows `You want to know`.")
    short = Field(name="short", kind="text", about="The short wording of its question, which leaves more open.")
    asked = Field(name="question", kind="text", carries=("act",), about="What it asks, in its own words.")
    return replace(role, sees=(*role.sees, talk, goal, short, row), does=(*role.does, asked))


def _common(options: PayoffOptions, own: int, other: int, others: str) -> tuple[Field, ...]:
    """Fields by which a player of any game can be played: its own acts first, the other's second."""
    dearest = max(max(prices.rates()) for prices in (options.pricing, options.later) if prices is not None)
    fields: tuple[Field, ...] = (
        Field(name="faced", kind="real", shape=(other,), low=0, high=1, about=f"Chances of {others}; 0 where unknown."),
        Field(name="turn", kind="count", about="Turns played in this conversation."),
        Field(
            name="rates",
            kind="real",
            shape=(len(RATES),),
            low=0,
            span=(0.0, dearest),
            about=f"Prices and costs: {', '.join(RATES)}.",
        ),
    )
    if options.games:
        fields += (
            Field(name="mine", kind="real", shape=(own, other), about="Its expected payoff: own acts x the other's."),
            Field(name="theirs", kind="real", shape=(own, other), about="The other's, in the same order."),
        )
    return fields


def _usual(lengths: tuple[float, ...]) -> int:
    """The mean usual length of GTAlign's acts: that of a response whose player chooses the act only."""
    return round(sum(lengths[: len(ACTS)]) / len(ACTS))
