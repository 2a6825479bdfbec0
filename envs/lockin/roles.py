"""The seats of the lock-in world: what they see and do."""

import math
from dataclasses import replace

from populace.envs.lockin.beliefs import NOTHING
from populace.envs.lockin.options import LockInOptions
from populace.fields import Field, Role
from populace.population import Census


def roles(options: LockInOptions, census: Census) -> tuple[Role, ...]:
    """The role `assistant`; humans update by Bayes' rule, which is the mechanism."""
    humans = census.size
    seen = (
        Field(name="public_mean", kind="real", shape=(humans,), about="Means of humans' public beliefs."),
        Field(name="public_log_precision", kind="real", shape=(humans,), about="Log precisions of these beliefs."),
        Field(name="trust", kind="real", shape=(humans,), low=0, about="How far it trusts each human."),
        Field(name="round", kind="count", about="Rounds played."),
        Field(name="truth", kind="real", private=True, about="The quantity that everyone estimates."),
    )
    # What learners are offered: means within ten signals' deviations, and to be e^10 times more or less precise than a
    # signal is in standard deviations. Beliefs themselves have no bounds. Left out, it is as sure as one signal is.
    reach, sure = 10.0 * max(options.sigma, abs(options.truth)), -2.0 * math.log(options.sigma)
    done = (
        Field(name="mean", kind="real", span=(-reach, reach), about="Mean of its belief."),
        Field(
            name="log_precision",
            kind="real",
            high=1e30,
            span=(sure - 20.0, sure + 20.0),
            forfeit=NOTHING,
            default=sure,
            about="Log precision of its belief.",
        ),
    )
    about = "Aggregates what humans believe in public, and is believed."
    return (Role(name="assistant", seats=options.assistants, sees=seen, does=done, phases=("advise",), about=about),)


def worded(cast: tuple[Role, ...]) -> tuple[Role, ...]:
    """The roles with what they read and write."""
    (assistant,) = cast
    quantity = Field(name="quantity", kind="text", about="What is estimated, a clause that begins with `how`.")
    words = Field(name="words", kind="text", carries=("mean", "log_precision"), about="What the assistant says.")
    return (replace(assistant, sees=(*assistant.sees, quantity), does=(*assistant.does, words)),)
