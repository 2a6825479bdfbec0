"""Who reads what: audiences, the conditions of Tin Men, and masks."""

from typing import Literal

from populace.options import Options

AUDIENCES = ("customer", "company", "public", "record")
"""Copies of an assistant's message. `record` is what it wrote, whether anybody reads it or not."""

Condition = Literal["both", "principal-only", "user-only", "neither", "public"]
"""Who will read the explanation; the first four names are those of Phelps and Ranson 2023 (principal: the company)."""

READERS: dict[str, tuple[bool, bool, bool, bool]] = {
    "both": (True, True, False, True),
    "principal-only": (False, True, False, True),
    "user-only": (True, False, False, True),
    "neither": (False, False, False, True),
    "public": (True, True, True, True),
}
"""Condition -> which of `AUDIENCES` reads the explanation."""


class Mask(Options):
    """Which audiences may see one kind of fact."""

    customer: bool = False
    """The customer sees it before buying."""
    company: bool = True
    """The company (and an auditor that works for it) sees it."""
    public: bool = False
    """Everybody sees it: the customer, too, and what was found out counts for all customers' reputations."""

    @property
    def buyer(self) -> bool:
        """Whether a customer gets to see it."""
        return self.customer or self.public


class Masks(Options):
    """Information asymmetry as a variable. The rationale's readers are given by `conditions`."""

    truth: Mask = Mask()
    """The attributes that a catalogue hides, such as quality. Where the customer lacks them it sees their mean."""
    commission: Mask = Mask()
    """What the company earns on each product."""
