"""How a trait or a value is distributed: the words of a scenario file, without any sampling.

A distribution is a number (a constant) or a mapping with ONE key that names its kind: `{beta: {a: 2, b: 4}}`.
"""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from populace.files import named
from populace.options import Options
from populace.table import PLAIN, TableFormat

Missing = Literal["drop", "mean", "error"]


class Uniform(Options):
    """Evenly between two numbers."""

    low: float = 0.0
    """Smallest value."""
    high: float = 1.0
    """Largest value."""

    @model_validator(mode="after")
    def _ordered(self) -> "Uniform":
        if self.low > self.high:
            raise ValueError(f"low is {self.low:g} and high {self.high:g}: low must not be above high")
        return self


class Normal(Options):
    """The normal distribution."""

    mean: float = 0.0
    """Its mean."""
    sd: float = Field(1.0, ge=0)
    """Its standard deviation."""


class LogNormal(Options):
    """The exponential of a normal: positive and skewed."""

    mu: float = 0.0
    """Mean of the logarithm; exp(mu) is the median."""
    sigma: float = Field(1.0, ge=0)
    """Standard deviation of the logarithm."""


class Beta(Options):
    """The beta distribution, between 0 and 1, with mean a / (a + b)."""

    a: float = Field(gt=0)
    """First shape."""
    b: float = Field(gt=0)
    """Second shape."""


class Gamma(Options):
    """The gamma distribution, positive, with mean shape * scale."""

    shape: float = Field(gt=0)
    """Its shape."""
    scale: float = Field(1.0, gt=0)
    """Its scale."""


def _check_weights(weights: tuple[float, ...], of: int, what: str) -> None:
    if weights and len(weights) != of:
        raise ValueError(f"{len(weights)} weights for {of} {what}: give one weight each, or none for equal weights")
    if any(w < 0 for w in weights) or (weights and sum(weights) == 0):
        raise ValueError("weights must be 0 or more, and one of them above 0")


class Categorical(Options):
    """One of some labels; the tensor holds the label's index."""

    labels: tuple[str, ...] = Field(min_length=1)
    """Their names."""
    weights: tuple[float, ...] = ()
    """Their relative frequencies; equal when not given."""

    @model_validator(mode="after")
    def _matched(self) -> "Categorical":
        _check_weights(self.weights, len(self.labels), "labels")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels are repeated: {', '.join(self.labels)}")
        return self


class Discrete(Options):
    """One of some numbers, such as the answers 1 to 5 of a questionnaire."""

    options: tuple[float, ...] = Field(min_length=1)
    """The numbers."""
    weights: tuple[float, ...] = ()
    """Their relative frequencies; equal when not given."""

    @model_validator(mode="after")
    def _matched(self) -> "Discrete":
        _check_weights(self.weights, len(self.options), "options")
        return self


class Empirical(Options):
    """The numbers of one column of a file, drawn with replacement."""

    file: Path
    """A CSV or Parquet file; a relative path is taken from the scenario file's folder."""
    column: str
    """Name of the column."""
    weights: str | None = None
    """Name of a column of sampling weights."""
    missing: Missing = "error"
    """What becomes of rows without a number: `drop` them, take the `mean` of the others, or stop with an `error`."""
    missing_codes: tuple[float | str, ...] = ()
    """Entries that stand for a missing answer: numbers, such as -1 or 99, and words, such as NA."""
    source: str = ""
    """Where the data come from, in words; kept with every run."""
    licence: str = ""
    """Under which terms they may be used; kept with every run."""
    consent: str = ""
    """What the people in them agreed to; kept with every run."""
    format: TableFormat = PLAIN
    """How the CSV file is written, where it is not with commas, decimal points and UTF-8."""

    _resolve = field_validator("file")(lambda file, info: resolve(file, info))


class Correlated(Options):
    """Several traits or values that go together: a Gaussian copula.

    `correlation` holds between the underlying normals; for normal marginals that is Pearson's correlation itself, for
    others Spearman's is 6 / pi * asin(r / 2) (Pearson 1907).
    """

    names: tuple[str, ...] = ()
    """Names of the traits; under `values` they are the value dimensions and need not be given."""
    means: tuple[float, ...] = ()
    """Mean of each; zeros when not given."""
    sds: tuple[float, ...] = ()
    """Standard deviation of each; ones when not given."""
    correlation: float | tuple[tuple[float, ...], ...] = 0.0
    """One correlation between all pairs, or a symmetric matrix as a list of rows."""
    marginals: "dict[str, Distribution]" = Field(default_factory=dict)
    """Name -> a distribution that takes the place of its normal with mean and sd."""

    @field_validator("correlation")
    @classmethod
    def _symmetric(cls, given: float | tuple[tuple[float, ...], ...]) -> float | tuple[tuple[float, ...], ...]:
        if isinstance(given, float):
            if not -1 <= given <= 1:
                raise ValueError(f"a correlation of {given:g}: it lies between -1 and 1")
            return given
        if any(len(row) != len(given) for row in given):
            raise ValueError("a correlation matrix has as many rows as columns; give every row in full")
        matrix = np.array(given)
        if not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1):
            raise ValueError("a correlation matrix is symmetric, with ones on its diagonal")
        least = float(np.linalg.eigvalsh(matrix)[0])
        if least < -1e-6:
            raise ValueError(
                f"no variables can be correlated so: the matrix has the eigenvalue {least:.3g}, which must not be "
                "negative; bring the correlations closer to 0"
            )
        return given

    @field_validator("marginals")
    @classmethod
    def _each_alone(cls, given: "dict[str, Distribution]") -> "dict[str, Distribution]":
        for name, marginal in given.items():
            if marginal.joint:
                raise ValueError(f"the marginal of {name!r} is {marginal.kind}: a marginal describes one number")
        return given

    @model_validator(mode="after")
    def _matched(self) -> "Correlated":
        sizes = {k: len(v) for k, v in (("names", self.names), ("means", self.means), ("sds", self.sds)) if v}
        if not isinstance(self.correlation, float):
            sizes["correlation"] = len(self.correlation)
        if len(set(sizes.values())) > 1:
            raise ValueError("lengths differ: " + ", ".join(f"{k} has {n}" for k, n in sizes.items()))
        if any(sd < 0 for sd in self.sds):
            raise ValueError("standard deviations must be 0 or more")
        if self.names and (unknown := set(self.marginals) - set(self.names)):
            raise ValueError(f"marginals are given for {sorted(unknown)}, which are not among names {self.names}")
        return self


class Dirichlet(Options):
    """Shares that add up to 1."""

    alpha: float | tuple[float, ...] = 1.0
    """Concentration, one for all or one each: 0.1 gives near-pure types, 1 mixes evenly."""
    names: tuple[str, ...] = ()
    """Names of the traits that hold the shares; under `values` they are the value dimensions."""

    @model_validator(mode="after")
    def _positive(self) -> "Dirichlet":
        alphas = self.alpha if isinstance(self.alpha, tuple) else (self.alpha,)
        if any(a <= 0 for a in alphas):
            raise ValueError("alpha must be above 0")
        if isinstance(self.alpha, tuple) and self.names and len(self.names) != len(self.alpha):
            raise ValueError(f"{len(self.alpha)} alphas for {len(self.names)} names")
        return self


class Distribution(Options):
    """One key names the kind; a bare number is a constant."""

    constant: float | None = None
    """The same number for everyone."""
    uniform: Uniform | None = None
    """Evenly between `low` and `high`."""
    normal: Normal | None = None
    """With `mean` and `sd`."""
    lognormal: LogNormal | None = None
    """With `mu` and `sigma` of the logarithm."""
    beta: Beta | None = None
    """With shapes `a` and `b`."""
    gamma: Gamma | None = None
    """With `shape` and `scale`."""
    categorical: Categorical | None = None
    """One of some labels."""
    discrete: Discrete | None = None
    """One of some numbers."""
    empirical: Empirical | None = None
    """A column of a data file."""
    correlated: Correlated | None = None
    """Several numbers that go together."""
    dirichlet: Dirichlet | None = None
    """Several shares that add up to 1."""

    @model_validator(mode="before")
    @classmethod
    def _number(cls, given: Any) -> Any:
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            return {"constant": given}
        if not isinstance(given, (dict, Distribution)):
            raise ValueError(f"{given!r} is no distribution: give a number, or a mapping such as {{normal: {{sd: 1}}}}")
        return given

    @model_validator(mode="after")
    def _one(self) -> "Distribution":
        kinds = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) if kinds else "none"
            raise ValueError(f"a distribution has exactly one kind, here: {found}; e.g. {{normal: {{mean: 0, sd: 1}}}}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "number"}, handler(core)]}

    @property
    def kind(self) -> str:
        """Which key was given."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest number it can give, as far as its kind tells; infinite where it is unbounded.

        A column of a file counts as unbounded here: its numbers are known only once it is read.
        """
        if self.constant is not None:
            return self.constant, self.constant
        if self.uniform is not None:
            return self.uniform.low, self.uniform.high
        if self.discrete is not None:
            return min(self.discrete.options), max(self.discrete.options)
        if self.categorical is not None:
            return 0.0, len(self.categorical.labels) - 1.0
        if self.beta is not None or self.dirichlet is not None:
            return 0.0, 1.0
        if self.normal is not None and self.normal.sd == 0:
            return self.normal.mean, self.normal.mean
        return (0.0 if self.gamma is not None or self.lognormal is not None else -math.inf), math.inf

    @property
    def joint(self) -> bool:
        """Whether it describes several numbers at once."""
        return self.correlated is not None or self.dirichlet is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers of a joint distribution."""
        block = self.correlated or self.dirichlet
        return block.names if block is not None else ()


def resolve(file: Path, info: ValidationInfo) -> Path:
    """A data file's path, from the folder that validation was given as context `folder`; it must be one to read."""
    return named(file, info.context)


Correlated.model_rebuild()
Distribution.model_rebuild()
