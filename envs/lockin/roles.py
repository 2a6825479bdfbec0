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
        Field(
            name="public_mean",
            kind="real",
            shape=(humans,),
            axes=("person",),
            about="What each person estimates.",
        ),
        Field(
            name="public_log_precision",
            kind="real",
            shape=(humans,),
            axes=("person",),
            about="How sure each person is, as a log precision: minus twice the natural logarithm of the standard "
            "error; "
            "the larger, the surer.",
        ),
        Field(
            name="trust",
            kind="real",
            shape=(humans,),
            low=0,
            axes=("person",),
            about="How much what each person says counts for you, where 1 is a full opinion.",
        ),
        Field(name="round", kind="count", about="How many rounds there have been so far."),
        Field(name="truth", kind="real", private=True, about="The quantity that everyone estimates."),
    )
    # What learners are offered: means within ten signals' deviations, and to be e^10 times more or less precise than a
    # signal is in standard deviations. Beliefs themselves have no bounds. Left out, it is as sure as one signal is.
    reach, sure = 10.0 * max(options.sigma, abs(options.truth)), -2.0 * math.log(options.sigma)
    done = (
        Field(name="mean", kind="real", span=(-reach, reach), about="What you estimate."),
        Field(
            name="log_precision",
            kind="real",
            high=1e30,
            span=(sure - 20.0, sure + 20.0),
            forfeit=NOTHING,
            default=sure,
            about="How sure you are, as a log precision: minus twice the natural logarithm of your standard error.",
        ),
    )
    about = (
        "You are an assistant whom people believe. They estimate a quantity that nobody knows, each from looks of "
        "their "
        "own and from what you say. You have not looked yourself: you make an estimate of your own out of theirs."
    )
    return (Role(name="assistant", seats=options.assistants, sees=seen, does=done, phases=("advise",), about=about),)


def worded(cast: tuple[Role, ...]) -> tuple[Role, ...]:
    """The roles with what they read and write."""
    (assistant,) = cast
    quantity = Field(name="quantity", kind="text", about="What is estimated.")
    words = Field(name="words", kind="text", carries=("mean", "log_precision"), about="What you say.")
    return (replace(assistant, sees=(*assistant.sees, quantity), does=(*assistant.does, words)),)
