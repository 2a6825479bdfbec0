"""People from a table: what a scenario file says of its columns."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from populace.agents.users.distributions import Missing, resolve
from populace.errors import did_you_mean
from populace.options import Options
from populace.table import PLAIN, TableFormat


def _listed(given: Any) -> Any:
    if isinstance(given, (list, tuple)) and len({str(name) for name in given}) < len(given):
        raise ValueError("columns are given twice; each needs its own name, {name: column, other name: column}")
    return {name: name for name in given} if isinstance(given, (list, tuple)) else given


Mapped = Annotated[dict[str, str], BeforeValidator(_listed, json_schema_input_type=dict[str, str] | list[str])]
"""Name -> column, or a list of columns that keep their names."""


class Range(Options):
    """A linear map of one range onto another."""

    min: float | None = None
    """What becomes `low`; the smallest number of the column when not given."""
    max: float | None = None
    """What becomes `high`; the largest number of the column when not given."""
    low: float = 0.0
    """Where `min` lands."""
    high: float = 1.0
    """Where `max` lands."""


class Columns(Options):
    """Which columns of a table become what."""

    values: Mapped = Field(default_factory=dict)
    """Value dimension -> column; or a list of columns that keep their names."""
    traits: Mapped = Field(default_factory=dict)
    """Trait -> column; or a list of columns. A column of words becomes a categorical trait; one that holds both numbers
    and words is refused."""
    words: tuple[str, ...] = ()
    """Traits whose entries are words even where they are numbers or dates, such as codes of regions."""
    segment: str | None = None
    """A column whose entries become the segments."""
    weights: str | None = None
    """A column of sampling weights."""
    missing: Missing = "error"
    """What becomes of missing entries: `drop` the row, take the `mean` of the column, or stop with an `error`."""
    missing_codes: tuple[float | str, ...] = ()
    """Entries that stand for a missing answer in any of the columns: numbers, such as 0 or 99, and words, such as NA.
    An empty cell is missing anyway, and nothing else is."""
    rescale: Literal["none", "z-score"] | Range = "none"
    """What is done to the values (not to traits): nothing, mean 0 and deviation 1, or {low: ..., high: ...}."""
    smoothing: float | Literal["auto"] = 0.0
    """Noise added to every sampled row, in standard deviations of the columns and correlated as they are; 0 for none,
    `auto` for Silverman's bandwidth (4 / ((d + 2) n))^(1 / (d + 4))."""
    keep_variance: bool = True
    """Shrink smoothed rows towards the mean so that variances stay what they are; otherwise they grow by 1 + h^2."""
    source: str = ""
    """Where the data come from, in words; kept with every run."""
    licence: str = ""
    """Under which terms they may be used; kept with every run."""
    consent: str = ""
    """What the people in them agreed to; kept with every run."""

    @field_validator("smoothing")
    @classmethod
    def _positive(cls, given: float | str) -> float | str:
        if isinstance(given, float) and given < 0:
            raise ValueError("smoothing must be 0 or more")
        return given

    @model_validator(mode="after")
    def _something(self) -> "Columns":
        if not (self.values or self.traits or self.segment):
            raise ValueError("data need columns: give values, traits or a segment")
        if both := set(self.values) & set(self.traits):
            raise ValueError(f"{sorted(both)} are both values and traits")
        for name in self.words:
            if name not in self.traits:
                raise ValueError(f"words: {name!r} is no trait of the data{did_you_mean(name, self.traits)}")
        return self


class DataSpec(Columns):
    """A file, and which of its columns become what."""

    file: Path
    """A CSV or Parquet file; a relative path is taken from the scenario file's folder."""

    format: TableFormat = PLAIN
    """How the CSV file is written, where it is not with commas, decimal points and UTF-8."""

    _resolve = field_validator("file")(lambda file, info: resolve(file, info))
