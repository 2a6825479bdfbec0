"""What an assistant is paid, and whether anyone would work for that."""

from pydantic import Field
from torch import Tensor

from populace.errors import PopulaceError
from populace.names import quoted
from populace.options import Name, Options


class Contract(Options):
    """Pay of an assistant a sale, in units of the customer's utility (assumed: one currency for all)."""

    flat: float = 0.0
    """Fixed fee, sale or not."""
    commission: float = Field(default=0.0, ge=0)
    """Share of what the company earns on the product sold."""
    bonus: float = Field(default=0.0, ge=0)
    """Paid when the customer's needs are met: the product is within budget and has all must-haves."""
    clawback: float = Field(default=0.0, ge=0, le=1)
    """Share of the commission that is taken back when a deviation is found."""
    penalty: float = Field(default=0.0, ge=0)
    """Paid by the assistant when a deviation is found. Charged once, when found: not again times the audit's chance."""
    effort: float = Field(default=0.0, ge=0)
    """Cost c of search: looking at a share e of the shelf costs c e^2 / 2."""
    outside: float = 0.0
    """What the assistant earns elsewhere: below it nobody takes the contract."""


class Provider(Options):
    """A kind of assistant that customers may delegate to."""

    name: Name = "assistant"
    """Its name."""
    loyalty: float = Field(default=1.0, ge=0, le=1)
    """Weight of the customer's utility in its own; the rest is the company's interest."""
    norm: float = Field(default=0.0, ge=0)
    """What it costs the assistant, by its principles, to sell a harmful product."""
    contract: Contract = Contract()
    """How it is paid."""


def pay(contract: Contract, earned: float) -> float:
    """The most the contract can bring: a sale that earns the company `earned`, needs met, no search, nothing found."""
    return contract.flat + contract.commission * earned + contract.bonus


def check(providers: tuple[Provider, ...], most: float) -> None:
    """Refuse contracts that no one would accept (individual rationality).

    Args:
        providers: Row by row.
        most: The most a sale can earn the company.

    Raises:
        PopulaceError: Names row and columns.
    """
    for row, provider in enumerate(providers):
        contract = provider.contract
        best = pay(contract, most)
        if best < contract.outside:
            raise PopulaceError(
                f"providers row {row} ({quoted(provider.name)}), columns flat, commission and bonus: the contract "
                f"brings at most {best:g}, below the outside option of {contract.outside:g}, so no one would accept "
                "it; raise the pay or lower `outside`"
            )


def slack(utility_if_loyal: Tensor, utility_if_not: Tensor, outside: Tensor) -> tuple[Tensor, Tensor]:
    """How far a contract is from its two constraints, elementwise: (individual rationality, incentive compatibility).

    Both are at least 0 where a loyal assistant takes the contract and stays loyal.
    """
    return utility_if_loyal - outside, utility_if_loyal - utility_if_not
