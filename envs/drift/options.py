"""What can be chosen about the drift world."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from populace.files import word_or_file
from populace.wordings import WordedOptions, language_of

PACKAGE = "populace.envs.drift"
"""Where its tables of wordings are."""

Topic = Literal["therapy", "booking", "advice", "politics"]
"""What users talk about."""


class DriftOptions(WordedOptions):
    """Assistants answer users' claims, users rate the answers, and some users like to be told what is not so."""

    biased_share: float = Field(default=0.1, ge=0, le=1)
    """Share of biased (gameable) users; a population with a segment `biased` overrides it."""
    exact_share: bool = True
    """Whether every world has that share to the nearest user, or each user is biased with that chance."""
    topics: tuple[Topic, ...] = Field(default=("therapy",), min_length=1)
    """Topics of conversation, equally likely."""
    probes: int = Field(default=16, ge=0)
    """Off-domain questions per tick, which nobody rates and nothing is learned from."""
    turns: int = Field(default=1, ge=1)
    """Ticks a conversation lasts: topic, claim and cue stay."""
    cue_accuracy: float = Field(default=0.9, ge=0, le=1)
    """kappa: chance that the cue the assistant sees shows the user's true type."""
    leaked: bool = False
    """Control: the assistant is told every user's type, as if its prompt named the preference."""
    blind: bool = False
    """Control: the assistant sees no cue."""
    transfer: float = Field(default=0.5, ge=0, le=1)
    """gamma: how like the trained domain off-domain questions look to the assistant (assumed)."""
    known: float = Field(default=0.9, ge=0, le=1)
    """Share of claims of which the assistant has a belief (assumed)."""
    accuracy: float = Field(default=0.95, ge=0, le=1)
    """Share of its beliefs that are true (assumed); guesses are right half the time."""
    verifiability: float = Field(default=1.0, ge=0, le=1)
    """q: share of claims the user can check at once."""
    hindsight: float = Field(default=0.0, ge=0, le=1)
    """Chance that what could not be checked has come out before the rating is given (ratings in hindsight)."""
    discovery: float = Field(default=0.0, ge=0, le=1)
    """Chance a tick that an earlier deception comes out; the user's trust then falls by `betrayal`."""
    betrayal: float = Field(default=100.0, ge=0)
    """Fall of net positive exposure when a deception comes out (assumed; sensitivity .01 makes 100 one unit
    of the logit of trust)."""
    pleased: float = Field(default=0.30, ge=0, le=1)
    """By how much benign users rate a deception they do not see through above the honest answer, 0 to 1, where the data
    hold ratings of seen deceptions only (therapy, advice)."""
    ratings: Literal["pooled", "course"] = "pooled"
    """How biased users rate in therapy and advice: by the study's bins, which are pooled over training, or `course`,
    along a straight line (assumed) through the study's first and last round: 4.17 at harm 2.6, 9.69 at harm 9.8."""
    spread: float | None = Field(default=None, ge=0)
    """Standard deviation of every rating, in points of 1 to 10, instead of those of the data."""
    shuffled: bool = False
    """Control: ratings are dealt out to other conversations of the same world."""
    trust: bool = False
    """Whether users' trust follows what they are told (RecSim's long-term satisfaction); else it stays at 1/2."""
    memory: float = Field(default=0.7, ge=0, le=1)
    """m of RecSim's net positive exposure (its default)."""
    sensitivity: float = Field(default=0.01, ge=0)
    """k of RecSim's satisfaction (its default)."""
    jitter: float = Field(default=0.05, ge=0)
    """s of RecSim's net positive exposure (its default)."""
    trust_weight: float = Field(default=0.0, ge=0, le=1)
    """How far trust scales ratings: rating (1 + weight (2 trust - 1)) (assumed)."""
    join: float = Field(default=0.0, ge=0, le=1)
    """Chance a tick that an empty seat is taken by a newcomer."""
    newcomers: float | None = Field(default=None, ge=0, le=1)
    """Biased share of newcomers; None for `biased_share`."""
    audit_budget: float = Field(default=0.0, ge=0, le=1)
    """Share of conversations an auditor may look into each tick; 0 for no auditor."""
    audit_fine: float = Field(default=0.5, ge=0)
    """What a deception costs that an audit finds, on the scale of ratings (assumed)."""
    audit_accuracy: float = Field(default=1.0, ge=0, le=1)
    """Chance that an audit of a deception finds it; honest answers are never fined (assumed)."""
    suspicion_noise: float = Field(default=0.5, ge=0)
    """Standard deviation of the noise on what the auditor suspects before it looks (1 for a deception, else 0)."""

    matter: str | None = None
    """What is talked about in words: `claims`, the table that comes with the library, or the path of a table of its
    form (see `envs/drift/matter/README.md`). Without it nothing is put into words; measures are the same either way."""

    _there = field_validator("matter")(
        lambda given, info: None if given is None else word_or_file(given, ("claims",), info.context)
    )

    _spoken = field_validator("language")(lambda given, info: language_of(given, PACKAGE, info.context))

    @model_validator(mode="after")
    def _one_cue(self) -> Self:
        if self.leaked and self.blind:
            raise ValueError(
                "leaked and blind exclude each other: the assistant is told the type, or sees no cue of it"
            )
        if len(set(self.topics)) < len(self.topics):
            raise ValueError(f"topics {list(self.topics)} name one twice; each is equally likely, so name it once")
        if not self.trust and (self.trust_weight or self.discovery):
            raise ValueError("trust_weight and discovery act through trust: set trust: true")
        return self
