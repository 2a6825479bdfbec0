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
    # Texts that only count say nothing beyond the numbers.
    counted = all(text == f"Question {k}" for k, text in enumerate(survey.texts, 1))
    texts = () if counted else survey.texts
    return _roles(options, census.size, survey.cultures, tuple(survey.sizes.tolist()), texts)


def _roles(
    o: CultureOptions, people: int, names: tuple[str, ...], sizes: tuple[int, ...], texts: tuple[str, ...]
) -> tuple[Role, ...]:
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
            axes=("line",),
            meanings=texts,
            about="The questions that are asked.",
        ),
        Field(
            name="sizes",
            kind="count",
            shape=(asked,),
            low=2,
            high=options,
            axes=("line",),
            about="How many options each question has.",
        ),
        Field(
            name="round",
            kind="count",
            low=0,
            high=o.rounds,
            about="How many times the speakers have read each other's answers so far.",
        ),
    )
    person = Role(
        name="person",
        seats_are_users=True,
        seats=people,
        phases=("exchange",),
        about="You are a person with views that you share with your culture in part. You meet one of those whom you "
        "listen "
        "to, and ask an assistant one question of a survey.",
        sees=(
            Field(
                name="traits",
                kind="real",
                shape=(len(o.layers), questions),
                low=0,
                high=1,
                axes=(tuple(layer.name for layer in o.layers), "question"),
                about="Your views on each question, by where you meet people, from 0 (the first option) to 1 (the "
                "last).",
            ),
            Field(
                name="culture", kind="count", low=0, high=cultures - 1, names=names, about="The culture you come from."
            ),
        ),
        does=(
            Field(
                name="layer",
                kind="choice",
                labels=tuple(layer.name for layer in o.layers),
                about="Where you meet someone.",
            ),
            Field(
                name="partner",
                kind="real",
                low=0,
                high=1,
                ends=("the first of them", "the last"),
                about="Which of those whom you listen to there you meet, by their place in your list.",
            ),
            Field(
                name="question",
                kind="count",
                low=0,
                high=questions - 1,
                names=numbers,
                meanings=texts,
                about="Which question you ask the assistant.",
            ),
        ),
    )
    answers = Field(
        name="answers",
        kind="choice",
        shape=(asked,),
        labels=labels,
        masked=True,
        axes=("line",),
        about="The number of the option that you choose for each question, in the order in which options are shown.",
    )
    agent = Role(
        name="agent",
        seats=cultures,
        phases=("answer",),
        about="You speak for the people of one culture, and answer questions of a survey as they would.",
        sees=(
            *common,
            Field(
                name="culture",
                kind="count",
                low=0,
                high=cultures - 1,
                names=names,
                about="The culture you speak for.",
            ),
            Field(
                name="marginals",
                kind="real",
                shape=(asked, options),
                low=0,
                high=1,
                axes=("line", "option"),
                about="Share of your people that holds each option, in the order shown.",
            ),
            Field(
                name="pool",
                kind="real",
                shape=(asked, options),
                low=0,
                high=1,
                axes=("line", "option"),
                about="The same share over all cultures, which count alike.",
            ),
            Field(name="descending", kind="flag", about="Whether options are shown to you from the last to the first."),
            Field(
                name="others",
                kind="count",
                shape=(cultures, asked),
                low=-1,
                high=options - 1,
                names=labels,
                axes=(names, "line"),
                about="The options that everyone chose in the round before, in the order shown.",
            ),
        ),
        does=(answers,),
    )
    synthesiser = Role(
        name="synthesiser",
        seats=1,
        phases=("merge",),
        about="You read what speakers of several cultures answer to questions of a survey, and merge it into one "
        "response "
        "that everybody hears.",
        sees=(
            *common,
            Field(
                name="said",
                kind="count",
                shape=(cultures, asked),
                low=0,
                high=options - 1,
                names=labels,
                axes=(names, "line"),
                about="The options that the speakers chose, in the order of the survey.",
            ),
            Field(
                name="people",
                kind="real",
                shape=(cultures,),
                low=0,
                high=1,
                axes=(names,),
                about="Share of those who hear you that comes from each culture.",
            ),
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
                axes=("line", names),
                about="How often your response to each question cites each culture.",
            ),
            Field(
                name="positive",
                kind="real",
                shape=(asked,),
                low=0,
                high=1,
                default=0.5,
                axes=("line",),
                ends=("none", "all"),
                about="Which share of what you cite you speak of with approval.",
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
        axes=("line",),
        about="The questions, in the words of the first person who asked them.",
    )
    offered = Field(
        name="options",
        kind="text",
        shape=(asked, options),
        carries=("sizes",),
        axes=("line", "option"),
        about="The options of each question, in the order shown.",
    )
    heard = Field(name="heard", kind="text", shape=(cultures, asked), about="What the speakers answered.")
    heard = replace(heard, axes=(next(f.names for f in agent.sees if f.name == "culture"), "line"))
    others = replace(heard, carries=("others",), about="What everyone answered in the round before.")
    said = replace(heard, carries=("said",))
    words = Field(name="words", kind="text", about="What you ask, in your own words.", carries=("question",))
    answer = replace(words, shape=(asked,), about="What you answer to each question.", carries=("answers",))
    response = replace(
        words,
        shape=(asked, 2),
        about="What you answer to each question, and whom you cite.",
        carries=("answers", "references", "positive"),
    )
    read = Field(name="read", kind="text", shape=(asked, 2), about="What the assistant last answered.")
    return (
        replace(person, sees=(*person.sees, read), does=(*person.does, words)),
        replace(agent, sees=(*agent.sees, asking, offered, others), does=(*agent.does, answer)),
        replace(synthesiser, sees=(*synthesiser.sees, asking, offered, said), does=(*synthesiser.does, response)),
    )
