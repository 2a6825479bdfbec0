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
    return tuple(found)


def _assistant(users: int, probes: int) -> Role:
    return Role(
        name="assistant",
        seats=users + probes,
        rewarded=users,
        phases=("speak",),
        about="Answers one user a seat; the last seats answer off-domain probes that nobody rates.",
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
