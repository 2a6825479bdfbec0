"""The design of a study, as stated before it is run: its hypotheses, and the errors that it accepts."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from populace.json_types import JsonObject
from populace.options import Name, Options
from populace.outcomes import Outcome

Direction = Literal["higher", "lower", "different", "none"]


class Hypothesis(Outcome):
    """What a measure of an arm is expected to be at the end, compared with something.

    Examples:
        `{name: raters mislead, arm: biased, measure: dishonest/off_domain, direction: higher, smallest: 0.05}`
    """

    name: Name = Field(min_length=1, max_length=100)
    """Its name, by which a report speaks of it."""
    arm: Name = Field(min_length=1)
    """The arm; in a sweep one cell of it by its full name, such as `mirror[world.options=5]`."""
    direction: Direction = "different"
    """What is expected of the arm compared with `contrast`: `higher`, `lower`, `different` in either direction, or
    `none`, a difference smaller than `smallest` in both directions (equivalence)."""

    @model_validator(mode="after")
    def _sized(self) -> Self:
        if self.direction == "none" and not self.smallest:
            raise ValueError("direction: none needs `smallest`, the size from which a difference would matter")
        return self


class Design(Options):
    """Hypotheses that a run is to test, corrected over exactly these; all else that it shows is exploratory."""

    hypotheses: tuple[Hypothesis, ...] = Field(min_length=1)
    """What is expected."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance of one or more wrong verdicts in the whole study, at most."""
    power: float = Field(default=0.8, gt=0.5, lt=1)
    """Chance to support a hypothesis whose effect is `smallest`, at which `populace power` aims."""

    @field_validator("hypotheses")
    @classmethod
    def _apart(cls, given: tuple[Hypothesis, ...]) -> tuple[Hypothesis, ...]:
        names = [one.name for one in given]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two hypotheses are named {name!r}")
        return given

    def record(self) -> JsonObject:
        """What run.json keeps: the design, and the SHA-256 hash of it as of the start of the run."""
        found = self.model_dump(mode="json")
        return {**found, "sha256": _hash(found)}

    @classmethod
    def read(cls, recorded: Mapping[str, Any]) -> tuple["Design", bool]:
        """The design that a run.json holds, and whether its hash is still that of the start.

        Raises:
            ValidationError: It is none.
        """
        design = cls.model_validate({key: value for key, value in recorded.items() if key != "sha256"})
        return design, _hash(design.model_dump(mode="json")) == recorded.get("sha256")


def _hash(design: JsonObject) -> str:
    return hashlib.sha256(json.dumps(design, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
