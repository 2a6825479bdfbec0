"""What can be chosen about the coevolution world."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from populace.files import word_or_file
from populace.options import Options
from populace.population import Census
from populace.table import PLAIN, TableFormat
from populace.wordings import WordedOptions, language_of

PACKAGE = "populace.envs.coevolution"
"""Where its tables of wordings are."""


class History(Options):
    """How society would move without an assistant."""

    series: str = "centuries"
    """`centuries` (nine centuries of text values, 5 dimensions), `walk` (a random walk, assumed), `still`, or the
    path of a csv with a column for each value and a row for each point."""
    every: int = Field(default=10, ge=1)
    """Ticks from one point to the next; between points society's course is a straight line."""
    rate: float = Field(default=0.2, ge=0, le=1)
    """Share of the way to history's course that a user goes in one tick and epoch; 1 is being the century's own user.
    Assumed; the trait `history_rate` overrides it."""
    epochs: float = Field(default=1.0, ge=0)
    """Times the rate is applied a tick: eta_e = 1 - (1 - eta)^epochs (ProgressGym: 1)."""
    spread: Literal["kept", "shed"] = "kept"
    """`kept`: history moves society, and everyone keeps the distance to its mean they began with (assumed);
    `shed`: history pulls everyone to the same point."""
    anchor: Literal["series", "people"] = "series"
    """`series`: people's values are deviations, and society begins at the first point; `people`: their values are
    absolute, and the series is shifted to begin at their mean."""
    points: int = Field(default=9, ge=2)
    """Points of a `walk`."""
    step: float = Field(default=0.3, ge=0)
    """Standard deviation of a `walk`'s step from point to point, in units of the values."""
    smooth: float = Field(default=0.5, ge=0, lt=1)
    """Correlation of successive steps of a `walk`."""
    format: TableFormat = PLAIN
    """How the csv is written, where it is not with commas, decimal points and UTF-8."""

    _there = field_validator("series")(
        lambda given, info: word_or_file(given, ("centuries", "walk", "still"), info.context)
    )


class Questionnaire(Options):
    """What the assistant may ask; P(option 1) = 1 / (1 + exp(-beta x.(v - centre)))."""

    items: int = Field(default=64, ge=1)
    """Items in the bank (the rows of a csv or of `statements` override it)."""
    asked: int = Field(default=8, ge=1)
    """Items asked of every user each tick."""
    held_out: float = Field(default=0.25, ge=0, lt=1)
    """Share of the bank that is scored and never asked."""
    fixed: bool = False
    """Ask the same items each tick, as ProgressGym does."""
    loadings: str = "sparse"
    """`sparse`: random signs on one to three values an item; `statements`: those of the statements that come with the
    library; or the path of a csv with a column for each value."""
    beta: float = Field(default=4.0, gt=0)
    """How sharply answers follow values, per unit of value."""
    centre: Literal["start", "zero"] = "start"
    """Where an item is balanced: at society's mean at the start, or at zero."""
    format: TableFormat = PLAIN
    """How the csv is written, where it is not with commas, decimal points and UTF-8."""

    _there = field_validator("loadings")(
        lambda given, info: word_or_file(given, ("sparse", "statements"), info.context)
    )


class CoevolutionOptions(WordedOptions):
    """The coevolution of a society's values and of those who advise it."""

    protocol: Literal["follow", "predict", "coevolve"] = "coevolve"
    """`follow`: match society as it is; `predict`: as it will be `ahead` ticks on; `coevolve`: as it would be by
    history alone, while users listen to the assistant. Only in `coevolve` has the assistant influence."""
    ahead: int = Field(default=10, ge=1)
    """Ticks ahead in `predict`; ProgressGym's m centuries are m * history.every."""
    history: History = History()
    """How society would move without an assistant."""
    questionnaire: Questionnaire = Questionnaire()
    """What the assistant may ask."""
    assistants: int = Field(default=1, ge=1)
    """Assistants; user i talks to assistant i mod assistants, unless a trait `assistant` says otherwise."""
    audience: Literal["all", "segment"] = "all"
    """Whether an assistant takes one position for all its users, or one for each segment."""
    assistant_rate: float = Field(default=0.02, ge=0, le=1)
    """Share of the way to what it hears that a user goes in one tick and epoch. Assumed; the trait
    `assistant_rate` overrides it."""
    assistant_epochs: float = Field(default=2.0, ge=0)
    """Times the rate is applied a tick (ProgressGym: 2)."""
    peer_rate: float = Field(default=0.0, ge=0, le=1)
    """Share of the way to its peers' mean that a user goes in one tick. Assumed; the trait `peer_rate`
    overrides it."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of each value's own change in a tick; 0 draws nothing."""
    turnover: float = Field(default=0.0, ge=0, le=1)
    """Chance a tick that a seat is taken by a newcomer."""
    push: float = Field(default=0.1, ge=0)
    """Length of the step that an echo goes beyond the user's own values, in units of the values."""
    bound: float = Field(default=4.0, gt=0)
    """Positions lie in [-bound, bound]; what lies beyond is heard as the bound."""
    reward: Literal["accuracy", "approval"] = "accuracy"
    """What the assistant is paid: minus its distance from the target, or minus the distance of what its users hear from
    what they hold (only where it is heard, in `coevolve`)."""
    matter: str | None = None
    """What is asked in words: `statements`, the table that comes with the library, or the path of a table of its form
    (see `envs/coevolution/matter/README.md`). Without it nothing is put into words; measures stay the same."""

    _there = field_validator("matter")(
        lambda given, info: None if given is None else word_or_file(given, ("statements",), info.context)
    )

    def audiences(self, census: Census) -> int:
        """Positions that an assistant takes: one, or one for each segment."""
        return len(census.segments) if self.audience == "segment" else 1

    _spoken = field_validator("language")(lambda given, info: language_of(given, PACKAGE, info.context))

    @model_validator(mode="after")
    def _enough_items(self) -> Self:
        q = self.questionnaire
        if q.loadings == "sparse" and q.items - int(q.held_out * q.items) < q.asked:
            raise ValueError(
                f"questionnaire: {q.items} items, {q.held_out:g} of them held out, leave fewer than the {q.asked} "
                "asked; raise items or lower asked"
            )
        if self.matter is not None and q.loadings not in ("sparse", self.matter):
            raise ValueError(
                f"matter: {self.matter} has no words for the items of questionnaire.loadings: {q.loadings}; name "
                "the same table in both, or set questionnaire.loadings to sparse"
            )
        if self.reward == "approval" and self.protocol != "coevolve":
            raise ValueError("reward: approval needs protocol: coevolve, as nobody hears the assistant otherwise")
        return self
