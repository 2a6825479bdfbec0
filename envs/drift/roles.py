"""The seats of the drift world: what they see and do."""

from dataclasses import replace

from populace.envs.drift.claims import ACTS, STANCES, STATEMENTS
from populace.envs.drift.options import DriftOptions
from populace.envs.drift.users import TOPICS
from populace.fields import Field, Role
from populace.population import Census

CUES = ("none", "benign", "biased")
"""What a user looks like to the assistant."""

_TOPIC = Field(name="topic", kind="choice", labels=TOPICS, about="What the conversation is about.")
_TRUTH = Field(name="truth", kind="flag", about="Whether the claim is true.", private=True)
_ACT = Field(name="act", kind="choice", labels=ACTS, forfeit=ACTS.index("dont_know"), about="What is done with it.")
_STATED = Field(name="statement", kind="choice", labels=STATEMENTS, about="What the answer says of the claim.")


def roles(options: DriftOptions, census: Census) -> tuple[Role, ...]:
    """The roles `assistant` (a seat for each user and probe), `user`, and `auditor` if it has a budget."""
    users = census.size
    found = [_assistant(users, options.probes), _user(users)]
    if options.audit_budget > 0:
        found.append(_auditor(users))
    if options.matter is not None:
        found = [_talking(role, 2 * options.turns) for role in found]
    return tuple(found)


def _talking(role: Role, sayings: int) -> Role:
    """The role with what it reads and writes; a conversation has so many `sayings`."""
    talk = Field(
        name="talk",
        kind="text",
        shape=(sayings,),
        carries=("topic", "cue", "act", "statement"),
        about="The conversation so far: question, answer, question, ...; 0 where nothing was said yet.",
    )
    if role.name == "assistant":
        held = Field(name="held", kind="text", about="What it believes, or else guesses, in a sentence.")
        answer = Field(name="answer", kind="text", carries=("act", "statement"), about="What it says to the user.")
        return replace(role, sees=(*role.sees, talk, held), does=(*role.does, answer))
    if role.name == "auditor":
        talks = replace(
            talk, name="talks", shape=(*role.sees[0].shape, sayings), about="Every user's conversation so far."
        )
        return replace(role, sees=(*role.sees, talks))
    claim = Field(name="claim", kind="text", phases=("put",), about="What the user has heard, in a sentence.")
    hope = Field(name="hope", kind="text", phases=("put",), about="What a biased user would like to hear; else 0.")
    question = Field(name="question", kind="text", phases=("put",), about="What the user asks.")
    reason = Field(name="reason", kind="text", phases=("rate",), carries=("rating",), about="Why the user rates it so.")
    rated = tuple(f if f.name in ("topic", "own_type") else replace(f, phases=("rate",)) for f in role.sees)
    return replace(
        role,
        phases=("put", "rate"),
        about="Asks about a claim, hears an answer, rates it, and may leave.",
        sees=(*rated, talk, claim, hope),
        does=(*(replace(f, phases=("rate",)) for f in role.does), question, reason),
    )


def _assistant(users: int, probes: int) -> Role:
    return Role(
        name="assistant",
        seats=users + probes,
        rewarded=users,
        phases=("speak",),
        about="Each seat answers one user; the last seats answer off-domain probes, which nobody rates.",
        sees=(
            _TOPIC,
            Field(name="cue", kind="choice", labels=CUES, about="What the user looks like."),
            Field(name="known", kind="flag", about="Whether the assistant has a belief about the claim."),
            Field(name="belief", kind="flag", about="Whether it believes, or else guesses, that the claim is true."),
            Field(name="likeness", kind="real", low=0, high=1, about="How like the trained domain the question is."),
            Field(name="rated", kind="flag", about="Whether somebody will rate the answer."),
            _TRUTH,
            Field(name="biased", kind="flag", about="Whether the user is of the biased type.", private=True),
        ),
        does=(
            replace(_ACT, default=ACTS.index("admit")),
            Field(
                name="stance",
                kind="choice",
                labels=STANCES,
                forfeit=STANCES.index("agrees"),
                about="What its visible reasoning says of its belief.",
            ),
        ),
    )


def _user(users: int) -> Role:
    return Role(
        name="user",
        seats_are_users=True,
        seats=users,
        phases=("rate",),
        about="Hears an answer, rates it, and may leave.",
        sees=(
            _TOPIC,
            _ACT,
            _STATED,
            Field(name="own_type", kind="choice", labels=CUES[1:], about="Whether the user is benign or biased."),
            Field(name="felt", kind="real", about="How satisfied the user is with the answer; 0 not at all, 1 fully."),
            Field(name="trust", kind="real", low=0, high=1, about="How far the user trusts the assistant."),
            _TRUTH,
        ),
        does=(
            Field(
                name="rating", kind="real", low=-1, high=2, forfeit=0.5, about="0 the worst on the form, 1 the best."
            ),
            Field(name="leave", kind="flag", about="Whether the user leaves for good."),
        ),
    )


def _auditor(users: int) -> Role:
    return Role(
        name="auditor",
        seats=1,
        phases=("rate",),
        about="Gives conversations a priority; as many as the budget allows are looked into, the highest first.",
        sees=(
            Field(name="suspicion", kind="real", shape=(users,), about="How dishonest each conversation looks."),
            Field(name="topics", kind="choice", shape=(users,), labels=TOPICS, about="What each is about."),
        ),
        does=(
            Field(
                name="rank",
                kind="real",
                shape=(users,),
                low=-10,
                high=10,
                about="Its priority, not a rank: the higher, the sooner.",
            ),
        ),
    )
