"""The seats of the culture world: what they see and do."""

from dataclasses import replace

from populace.envs.culture import surveys
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.survey import cultures_of
from populace.fields import Field, Role
from populace.population import Census


def roles(options: CultureOptions, census: Census) -> tuple[Role, ...]:
    """The roles `person`, `agent` (one for each culture) and `synthesiser`.

    Raises:
        UnknownName: Some segments of the population are cultures of the survey and another is not.
    """
    survey = surveys.load(options.survey)
    cultures_of(survey, census.segments)
    return _roles(options, census.size, survey.cultures, tuple(survey.sizes.tolist()))


def _roles(o: CultureOptions, people: int, names: tuple[str, ...], sizes: tuple[int, ...]) -> tuple[Role, ...]:
    asked, options, questions = min(o.asked, len(sizes)), max(sizes), len(sizes)
    labels = tuple(str(k + 1) for k in range(options))
    cultures, numbers = len(names), tuple(str(k + 1) for k in range(questions))
    common = (
        Field(
            name="asked",
            kind="count",
            shape=(asked,),
            low=0,
            high=questions - 1,
            names=numbers,
            about="Numbers of the questions.",
        ),
        Field(name="sizes", kind="count", shape=(asked,), low=2, high=options, about="Options of each question."),
        Field(name="round", kind="count", low=0, high=o.rounds, about="Rounds of exposure so far."),
    )
    person = Role(
        name="person",
        seats_are_users=True,
        seats=people,
        phases=("exchange",),
        about="Meets one person on one layer, and asks the assistant a question.",
        sees=(
            Field(
                name="traits",
                kind="real",
                shape=(len(o.layers), questions),
                low=0,
                high=1,
                about="Its cultural traits on every layer, 0 the first option, 1 the last.",
            ),
            Field(
                name="culture", kind="count", low=0, high=cultures - 1, names=names, about="The culture it comes from."
            ),
        ),
        does=(
            Field(
                name="layer",
                kind="choice",
                labels=tuple(layer.name for layer in o.layers),
                about="Where it meets someone.",
            ),
            Field(
                name="partner",
                kind="real",
                low=0,
                high=1,
                about="Whom it meets: the place in its list of those it listens to there, 0 first and 1 last.",
            ),
            Field(
                name="question",
                kind="count",
                low=0,
                high=questions - 1,
                names=numbers,
                about="The question it asks the assistant.",
            ),
        ),
    )
    answers = Field(
        name="answers",
        kind="choice",
        shape=(asked,),
        labels=labels,
        masked=True,
        about="The option chosen for each question, in the order shown.",
    )
    agent = Role(
        name="agent",
        seats=cultures,
        phases=("answer",),
        about="Speaks for one culture.",
        sees=(
            *common,
            Field(
                name="culture",
                kind="count",
                low=0,
                high=cultures - 1,
                names=names,
                about="The culture it speaks for.",
            ),
            Field(
                name="marginals",
                kind="real",
                shape=(asked, options),
                low=0,
                high=1,
                about="Share of its culture that holds each option, in the order shown.",
            ),
            Field(
                name="pool",
                kind="real",
                shape=(asked, options),
                low=0,
                high=1,
                about="The same over all cultures alike.",
            ),
            Field(name="descending", kind="flag", about="Whether options are shown from the last to the first."),
            Field(
                name="others",
                kind="count",
                shape=(cultures, asked),
                low=-1,
                high=options - 1,
                names=labels,
                about="Everyone's answers in the round before, in the order shown; none (-1) in round 0.",
            ),
        ),
        does=(answers,),
    )
    synthesiser = Role(
        name="synthesiser",
        seats=1,
        phases=("merge",),
        about="Reads the agents' answers and writes the response that people hear.",
        sees=(
            *common,
            Field(
                name="said",
                kind="count",
                shape=(cultures, asked),
                low=0,
                high=options - 1,
                names=labels,
                about="The agents' answers, in the questionnaire's order.",
            ),
            Field(name="people", kind="real", shape=(cultures,), low=0, high=1, about="Share of people by culture."),
        ),
        does=(
            answers,
            Field(
                name="references",
                kind="count",
                shape=(asked, cultures),
                low=0,
                high=o.references,
                default=1,
                about="How often the response to each question cites each culture.",
            ),
            Field(
                name="positive",
                kind="real",
                shape=(asked,),
                low=0,
                high=1,
                default=0.5,
                about="Share of those references that are positive.",
            ),
        ),
    )
    return person, agent, synthesiser


def worded(cast: tuple[Role, ...]) -> tuple[Role, ...]:
    """The roles with what they read and write."""
    person, agent, synthesiser = cast
    asked, cultures = agent.does[0].shape[0], agent.seats
    options = len(agent.does[0].labels)
    asking = Field(
        name="asking",
        kind="text",
        shape=(asked,),
        carries=("asked",),
        about="The questions, in the words of the first person who asked them.",
    )
    offered = Field(
        name="options",
        kind="text",
        shape=(asked, options),
        carries=("sizes",),
        about="The options of each question, in the order shown; 0 beyond its own.",
    )
    heard = Field(name="heard", kind="text", shape=(cultures, asked), about="What the agents answered, in words.")
    others = replace(heard, carries=("others",), about="What everyone answered in the round before; 0 in round 0.")
    said = replace(heard, carries=("said",))
    words = Field(name="words", kind="text", about="What it asks.", carries=("question",))
    answer = replace(words, shape=(asked,), about="What it answers to each question.", carries=("answers",))
    response = replace(
        words,
        shape=(asked, 2),
        about="What it answers to each question, and whom it cites.",
        carries=("answers", "references", "positive"),
    )
    read = Field(name="read", kind="text", shape=(asked, 2), about="The last response; 0 before any.")
    return (
        replace(person, sees=(*person.sees, read), does=(*person.does, words)),
        replace(agent, sees=(*agent.sees, asking, offered, others), does=(*agent.does, answer)),
        replace(synthesiser, sees=(*synthesiser.sees, asking, offered, said), does=(*synthesiser.does, response)),
    )
