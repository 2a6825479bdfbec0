"""What a scenario asks about: the measures that answer its question, and what they are compared with.

Manifests hold outcomes, so nothing heavy is imported here.
"""

from typing import Any

from pydantic import Field, model_validator

from populace.options import Name, Options

REFERENCE, START = "reference", "start"
"""What an outcome may be compared with, besides an arm by its name."""


class Outcome(Options):
    """A measure that answers the scenario's question; a report speaks of it first. A bare name is short for `measure`.

    Examples:
        `{measure: dishonest/off_domain, smallest: 0.02}`, `{measure: loss, role: assistant, contrast: start}`
    """

    measure: Name = Field(min_length=1)
    """A measure that the world declares or, with `role`, one of the role's policy."""
    role: Name = ""
    """The role whose seats are measured; not given for measures of the world."""
    player: Name = ""
    """The player, where several share the role."""
    contrast: Name = REFERENCE
    """What an arm's value at the end is compared with, world by world: `reference` for the reference arm, `start` for
    its own first record, or an arm's name."""
    smallest: float | None = Field(default=None, ge=0)
    """The smallest effect of interest, in the measure's unit; effects below it are called none."""
    about: str = ""
    """What it says about the question, in a sentence; the measure's own sentence when not given."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"measure": given} if isinstance(given, str) else given

    @property
    def key(self) -> str:
        """The measure as text: `drift`, `loss/assistant`, `reward/assistant/<player>`."""
        return "/".join(part for part in (self.measure, self.role, self.player) if part)
