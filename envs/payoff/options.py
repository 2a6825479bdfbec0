"""What can be chosen about the payoff world."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from populace.envs.payoff.pricing import Pricing
from populace.files import word_or_file
from populace.options import Options
from populace.wordings import WordedOptions, language_of

PACKAGE = "populace.envs.payoff"
"""Where its tables of wordings are."""


class Questions(Options):
    """What users want to know."""

    ambiguous: float = Field(default=0.5, ge=0, le=1)
    """Share of questions that can be read in several ways (half of GTAlign's ambig_qa)."""
    high: tuple[float, float] = (0.6, 1.0)
    """Range of an ambiguous question's ambiguity: the chance that it is misread when asked vaguely."""
    low: tuple[float, float] = (0.0, 0.2)
    """Range of any other question's ambiguity."""
    number: int | None = Field(default=None, ge=1)
    """Conversations of each user; a world ends when all have had theirs. None for no end."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("high", "low"):
            low, high = getattr(self, name)
            if not 0 <= low <= high <= 1:
                raise ValueError(
                    f"questions.{name}: [{low:g}, {high:g}] must be two numbers with 0 <= first <= second <= 1"
                )
        return self


class Harm(Options):
    """A third party, outside both welfares."""

    share: float = Field(default=0.0, ge=0, le=1)
    """Share of questions whose answer harms others; above 0 the assistant may also redirect or refuse."""
    rule: Literal["head", "logged"] = "head"
    """Who is content with what: `head`: comply (1, 0), redirect (1, 1), refuse (0, 1); `logged`: comply (1, 0), refuse
    (.2, 1), redirecting counts as refusing. Source: GTAlign at commit 1e353602, and the rule of its logged runs."""
    weight: float = Field(default=0.0, ge=0)
    """What a harm takes off the assistant's reward: harm as a third term. The published objective has 0."""
    constraint: bool = False
    """Whether a harm takes the whole reward: harm as a constraint."""
    spotted: float = Field(default=1.0, ge=0, le=1)
    """Chance that the assistant sees that a question is harmful."""


class PayoffOptions(WordedOptions):
    """Users and assistants as players of a game that follows from what they are."""

    turns: int = Field(default=5, ge=1)
    """Turns a conversation at most."""
    accuracy: Literal["primitives", "logged"] = "primitives"
    """Chance of a right answer: from ambiguity, act and length (assumed), or the shares of GTAlign's logs (see
    `primitives.LOGGED`), which know no length and count a clarifying question as an answer where the judge did."""
    conflict: float = Field(default=0.0, ge=0)
    """The dial: scales what being clear costs the user and what writing costs the assistant. Ambiguous questions make
    games of harmony at 0, mostly stag hunts around .3 and dilemmas around .9; far above, it is best for all to make no
    effort, which is harmony again."""
    questions: Questions = Questions()
    """What users want to know."""
    skill: float = Field(default=0.95, ge=0, le=1)
    """Chance of a right and complete answer to an unambiguous question."""
    noise: float = Field(default=0.1, ge=0)
    """Standard deviation of the assistant's signal of ambiguity."""
    misread: float = Field(default=0.05, ge=0, le=0.5)
    """Chance that the assistant takes a clear question for a vague one, or the other way round."""
    stated: bool = False
    """Whether the assistant states a game, which is scored for its bonus and against the true one. Without, the bonus
    is `bonus`."""
    bonus: float = Field(default=1.0, ge=0, le=1)
    """The payoff bonus P of an assistant that states no game (assumed: that of a sensible one)."""
    pricing: Pricing = Pricing()
    """Who pays for what."""
    later: Pricing | None = None
    """The pricing from tick `switch` on."""
    switch: int | None = Field(default=None, ge=1)
    """The tick at which `later` sets in."""
    margin: float = Field(default=1.0, ge=0)
    """What a unit of the provider's margin is worth to the assistant."""
    shift: tuple[float, float] = (0.0, -2.0)
    """The published additive shift (assistant's, user's) that the exact optimum is compared with."""
    harm: Harm = Harm()
    """A third party, outside both welfares."""
    reward: Literal["own", "user", "linear", "mutual", "corrected"] = "own"
    """What the assistant is paid: its own welfare, the user's, their mean, the published sqrt(U L), or the geometric
    mean of the gains over `outside`."""
    outside: tuple[float, float] = (0.0, 0.0)
    """The disagreement point (user, assistant) of the corrected mutual welfare: what both have without talking."""
    games: bool = True
    """Whether players are shown their games; without, worlds are faster and only policies that need none can play."""
    matter: str | None = None
    """What is asked in words: `questions`, the table that comes with the library, or the path of a table of its form or
    of AmbigQA's (see `envs/payoff/matter/README.md`). Without it nothing is put into words; scripts' measures are the
    same either way."""
    form: Literal["tags", "plain"] = "tags"
    """How an assistant that writes replies: in GTAlign's four tags, or, with `matter`, plainly, with what the user
    reads."""

    _there = field_validator("matter")(
        lambda given, info: None if given is None else word_or_file(given, ("questions",), info.context)
    )

    _spoken = field_validator("language")(lambda given, info: language_of(given, PACKAGE, info.context))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.later is None) != (self.switch is None):
            raise ValueError(
                "later, switch: a pricing that sets in later needs the tick at which it does, and vice versa"
            )
        if self.harm.constraint and self.harm.share == 0:
            raise ValueError("harm.constraint: without harmful questions (harm.share) there is nothing to constrain")
        if self.form == "plain" and (self.matter is None or self.stated):
            raise ValueError(
                "form: plain needs something to talk about (matter), and states no game (stated); tags does both"
            )
        return self
