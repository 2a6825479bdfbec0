"""What can be set in the games of principal-agent theory."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from populace.wordings import WordedOptions, language_of

PACKAGE = "populace.envs.agency"
"""Where its tables of wordings are."""


class AgencyOptions(WordedOptions):
    """One game, played by many pairs of a principal and an agent."""

    game: Literal[
        "contract", "cheap-talk", "delegation-cap", "lemons", "signalling", "screening", "audit", "reputation"
    ] = "contract"
    """Which game."""
    cost: float = Field(default=1.0, gt=0)
    """contract: c, effort e costs c e^2 / 2."""
    risk_aversion: float = Field(default=1.0, ge=0)
    """contract: r of the agent's exponential utility."""
    noise: float = Field(default=1.0, ge=0)
    """contract: variance of output."""
    bias: float = Field(default=0.1, gt=0)
    """cheap-talk, delegation-cap: d, how much more the agent wants than the principal."""
    multiplier: float = Field(default=1.5, ge=0)
    """lemons: what quality is worth to a buyer, as a multiple of what it is worth to its seller."""
    price: float = Field(default=1.0, ge=0)
    """lemons: the first price."""
    low: float = Field(default=1.0, ge=0)
    """screening: value per unit of the low type."""
    high: float = Field(default=1.5, ge=0)
    """screening: value per unit of the high type."""
    share_high: float = Field(default=0.3, ge=0, lt=1)
    """screening, signalling: share of the high (good) type."""
    gain: float = Field(default=1.0, ge=0)
    """signalling: what being taken for good is worth; audit, reputation: what deviating brings at once."""
    cost_low: float = Field(default=1.5, ge=0)
    """signalling: the badge's cost for the bad type."""
    cost_high: float = Field(default=0.5, ge=0)
    """signalling: the badge's cost for the good type."""
    audit: float = Field(default=0.3, ge=0, le=1)
    """audit: m, chance of an audit."""
    penalty: float = Field(default=4.0, ge=0)
    """audit: F, paid when found."""
    forfeit: bool = False
    """audit: whether the gain is lost, too, when found."""
    audit_cost: float = Field(default=0.1, ge=0)
    """audit: k, cost of an audit."""
    rent: float = Field(default=0.5, ge=0)
    """reputation: what a trusted agent earns a period."""
    discount: float = Field(default=0.8, ge=0, lt=1)
    """reputation: delta, weight of the next period."""
    talk: bool = False
    """Whether the customer explains its offer in a sentence, and the assistant says one beside its move."""

    _spoken = field_validator("language")(lambda given, info: language_of(given, PACKAGE, info.context))

    @model_validator(mode="after")
    def _ordered(self) -> "AgencyOptions":
        if self.low > self.high:
            raise ValueError(f"low must not exceed high, got {self.low:g} and {self.high:g}")
        return self
