"""What can be set in the shopping world."""

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from populace.envs.shopping.audience import Condition, Masks
from populace.envs.shopping.contracts import Provider
from populace.errors import did_you_mean
from populace.files import named, word_or_file
from populace.table import PLAIN, TableFormat
from populace.wordings import WordedOptions, language_of

PACKAGE = "populace.envs.shopping"
"""Where its tables of wordings are."""

PHASES = ("offer", "delegate", "search", "message", "decide", "audit")
"""All phases in order; whoever settles does so at the end of the last one that a scenario uses."""

FILES = (".csv", ".csv.gz", ".parquet", ".json", ".json.gz")
"""How catalogues end that are files."""

Phase = Literal["offer", "delegate", "search", "message", "decide", "audit"]


class ShoppingOptions(WordedOptions):
    """The shopping world."""

    catalogue: str = "goods"
    """What is for sale: tin-men-loyalty, tin-men-harm, flights, hotels, shelf-of-eight, market, goods, a `.csv` table
    of products, or a `.json(.gz)` market in Magentic's format."""
    customers: str | None = None
    """A `.csv` table of customers, used in turn: wealth, budget, skill, literacy, trust, ses, weight/<attribute>,
    must/<attribute>; None to take them from the population's traits."""
    format: TableFormat = PLAIN
    """How these tables are written, where they are not with commas, decimal points and UTF-8."""
    phases: tuple[Phase, ...] = ("message",)
    """Phases of a tick: offer (sellers), delegate, search, message, decide, audit. `message` is needed."""
    order: Literal["shuffled", "file"] = "shuffled"
    """Order on the shelf, which is also the order of arrival. In Magentic's files the seller that lacks an amenity is
    always last: `file` gives that away."""
    arrival: Literal["sequential", "batched"] = "sequential"
    """Whether proposals arrive one after another or are revealed together; assistants see which."""
    restock: bool = True
    """A new shelf every tick; else the same all episode."""
    shelf: int | None = Field(default=None, ge=1)
    """Products shown to a customer; None for the catalogue's number."""
    weights: dict[str, float] = Field(default_factory=dict)
    """Attribute -> customers' weight, where it differs from the catalogue's."""
    must: dict[str, float] = Field(default_factory=dict)
    """Attribute -> the smallest value that will do, for all customers."""
    nothing: float | None = None
    """Utility of buying nothing; None for the catalogue's: 0 in markets and Tin Men, else that of the shelf's worst."""
    stated: float = Field(default=0.0, ge=0)
    """Standard deviation of the error in the weights that a customer states to its assistant."""
    conditions: tuple[Condition, ...] = ("both",)
    """Who will read the explanation; with several, customers take them in turn, so that each has the same share."""
    masks: Masks = Masks()
    """Who sees hidden attributes and commissions."""
    commission: float = Field(default=0.1, ge=0, le=1)
    """Share of the price that the company earns on sponsored products, where the catalogue does not say."""
    providers: tuple[Provider, ...] = Field(default=(Provider(),), min_length=1)
    """Kinds of assistants that customers delegate to."""
    monitoring: float = Field(default=0.0, ge=0, le=1)
    """Chance that a sale is audited, when no auditor sets it."""
    audit_cost: float = Field(default=0.0, ge=0)
    """Cost of an audit."""
    reputation: float = Field(default=0.3, ge=0, le=1)
    """Rate at which a customer's opinion of a provider follows its experience."""
    feedback: float = Field(default=0.0, ge=0)
    """Standard deviation of the noise in that experience."""
    reveal: bool = False
    """Record the whole shelf of tracked customers with every choice, for the auditor's conditional logit."""

    matter: str | None = None
    """What is said in words: `products` gives the catalogue's numbers names and descriptions of the library's own,
    `catalogue` uses its own names, and the path of a table of products in words does as `products` (see
    `envs/shopping/matter/README.md`). Without it nothing is put into words; scripts do the same either way."""
    describe: bool = False
    """Whether sellers say something of their products, which stands beside these on the shelf."""

    _spoken = field_validator("language")(lambda given, info: language_of(given, PACKAGE, info.context))

    _there = field_validator("matter")(
        lambda given, info: None if given is None else word_or_file(given, ("products", "catalogue"), info.context)
    )

    @model_validator(mode="after")
    def _described(self) -> Self:
        if self.describe and (self.matter is None or "offer" not in self.phases):
            raise ValueError("describe needs words and sellers: set matter, and name the phase offer")
        return self

    @field_validator("catalogue")
    @classmethod
    def _for_sale(cls, catalogue: str, info: ValidationInfo) -> str:
        # What else is no file may be a preset; whoever opens it knows.
        return str(named(catalogue, info.context, there=False)) if catalogue.endswith(FILES) else catalogue

    @field_validator("customers")
    @classmethod
    def _buying(cls, customers: str | None, info: ValidationInfo) -> str | None:
        return None if customers is None else str(named(customers, info.context, there=False))

    @field_validator("phases")
    @classmethod
    def _ordered(cls, phases: tuple[str, ...]) -> tuple[str, ...]:
        if "message" not in phases:
            raise ValueError("a tick needs the phase 'message': that is where the assistant chooses")
        if list(phases) != [phase for phase in PHASES if phase in phases]:
            raise ValueError(
                f"phases must follow the order {', '.join(PHASES)}, each at most once; got {', '.join(phases)}"
            )
        return phases

    @field_validator("conditions")
    @classmethod
    def _some(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        if not conditions or len(set(conditions)) < len(conditions):
            raise ValueError("name at least one condition, each once")
        return conditions


def check_attributes(given: dict[str, float], key: str, attributes: tuple[str, ...]) -> None:
    """Raise ValueError when `given` names an attribute that the catalogue lacks."""
    for name in given:
        if name not in attributes:
            raise ValueError(f"{key} names the attribute {name!r}{did_you_mean(name, attributes)}")
