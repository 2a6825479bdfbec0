"""What stands under `population:` in a scenario file."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from populace.agents.users.data import DataSpec
from populace.agents.users.distributions import Distribution, Normal
from populace.agents.users.hierarchy import HierarchySpec
from populace.agents.users.networks import NetworkSpec
from populace.agents.users.preferences import PreferenceSpec
from populace.agents.users.surveys import SURVEYS, moments
from populace.agents.users.systems import SYSTEMS
from populace.errors import did_you_mean
from populace.options import Name, Options

STANDARD = Distribution(normal=Normal(sd=1.0))


class ValuesOverride(Options):
    """How the values of a segment are distributed, where that differs from everyone's."""

    distribution: Distribution | None = None
    """For all dimensions; one number's distribution is used for each of them independently."""
    each: dict[str, Distribution] = Field(default_factory=dict)
    """Dimension -> its own distribution."""

    @field_validator("each")
    @classmethod
    def _alone(cls, each: dict[str, Distribution]) -> dict[str, Distribution]:
        for name, dist in each.items():
            if dist.joint or dist.categorical is not None:
                raise ValueError(f"{name!r} is {dist.kind}: a value dimension is one number; see discrete for answers")
        return each

    @field_validator("distribution")
    @classmethod
    def _numbers(cls, dist: Distribution | None) -> Distribution | None:
        if dist is not None and dist.categorical is not None:
            raise ValueError("values are numbers, not labels; see discrete for the answers of a questionnaire")
        return dist


class ValuesSpec(ValuesOverride):
    """Which value dimensions users have, and how they are distributed over everyone."""

    system: str | None = None
    """A value system: progressgym (19 dimensions), schwartz (10), big-five (5), human-values-de (15)."""
    names: tuple[Name, ...] = ()
    """Names of the dimensions, instead of a system."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"system": given}
        return {"names": given} if isinstance(given, (list, tuple)) else given

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        names = {"type": "array", "items": {"type": "string"}}
        return {"anyOf": [{"enum": list(SYSTEMS)}, names, handler(core)]}

    @field_validator("system")
    @classmethod
    def _known(cls, system: str | None) -> str | None:
        if system is not None and system not in SYSTEMS:
            raise ValueError(f"unknown value system {system!r}{did_you_mean(system, SYSTEMS)}")
        return system

    @model_validator(mode="after")
    def _matched(self) -> "ValuesSpec":
        if (self.system is None) == (not self.names):
            raise ValueError("values need either a system or names")
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise ValueError(f"value dimensions given twice: {', '.join(map(repr, twice))}; each needs its own name")
        check_values(self, self.dimensions)
        return self

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the value dimensions."""
        return SYSTEMS[self.system] if self.system is not None else self.names

    @property
    def base(self) -> Distribution:
        """The distribution of all dimensions: the survey's own, or the standard normal when none is given."""
        if self.distribution is None and self.system in SURVEYS:
            return moments(self.system)
        return self.distribution or STANDARD


class SegmentSpec(Options):
    """A part of the population that differs from the rest."""

    share: float = Field(ge=0, le=1)
    """Its share of the population; the shares of all segments add up to 1."""
    values: ValuesOverride | None = None
    """How its values are distributed, where that differs."""
    traits: dict[str, Distribution] = Field(default_factory=dict)
    """Trait -> its distribution here; a person keeps the quantile it would have had in any segment."""


class PopulationSpec(Options):
    """A population of users."""

    size: int = Field(1000, ge=1, le=10**9)
    """Users in a world."""
    survey: str | None = None
    """A survey whose fitted moments give the values, e.g. human-values-de; short for `values: <survey>`."""
    values: ValuesSpec | None = None
    """The value system and the distribution of values; also just a system's name, or a list of names."""
    data: DataSpec | None = None
    """A file of which every person is a row, drawn with replacement."""
    traits: dict[str, Distribution] = Field(default_factory=dict)
    """Trait -> its distribution; the key of a joint distribution is only a label, its `names` become the traits."""
    preference: PreferenceSpec | None = None
    """How users choose between answers, and with how much noise."""
    segments: dict[str, SegmentSpec] = Field(default_factory=dict)
    """Segment -> its share, and what is different there."""
    assign: Literal["random", "even"] = "random"
    """`random`: everyone's segment is drawn by itself; `even`: counts stay within a few users of size times share."""
    hierarchy: HierarchySpec | None = None
    """Values nested in cultures and groups."""
    network: NetworkSpec | None = None
    """Who listens to whom."""

    @field_validator("survey")
    @classmethod
    def _surveyed(cls, survey: str | None) -> str | None:
        if survey is not None and survey not in SURVEYS:
            raise ValueError(f"unknown survey {survey!r}{did_you_mean(survey, SURVEYS)}")
        return survey

    @field_validator("values")
    @classmethod
    def _either(cls, values: ValuesSpec | None, info: ValidationInfo) -> ValuesSpec | None:
        if values is not None and info.data.get("survey"):
            raise ValueError("give either a survey or values: the survey brings its own value system")
        return values

    @field_validator("traits")
    @classmethod
    def _named(cls, traits: dict[str, Distribution]) -> dict[str, Distribution]:
        names: list[str] = []
        for key, dist in traits.items():
            if dist.joint and not dist.names:
                raise ValueError(f"{key!r} is {dist.kind} and needs names: the traits it stands for")
            names += dist.names or (key,)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"traits given twice: {', '.join(twice)}")
        return traits

    @field_validator("segments")
    @classmethod
    def _whole(cls, segments: dict[str, SegmentSpec], info: ValidationInfo) -> dict[str, SegmentSpec]:
        total = sum(segment.share for segment in segments.values())
        if segments and abs(total - 1) > 1e-6:
            shares = " + ".join(f"{segment.share:g}" for segment in segments.values())
            raise ValueError(f"the shares of the segments must add up to 1, but {shares} = {total:g}")
        preference = info.data.get("preference")
        traits = (preference.traits if preference is not None else {}) | (info.data.get("traits") or {})
        known = trait_names(traits)
        for name, segment in segments.items():
            for trait, dist in segment.traits.items():
                if "traits" in info.data and trait not in known:
                    near = did_you_mean(trait, known)
                    raise ValueError(
                        f"segment {name!r} sets the trait {trait!r}, which not everyone has{near}; "
                        "give it under the population's traits, too"
                    )
                _check_override(name, trait, dist, traits)
            if segment.values is not None and (values := info.data.get("values")) is not None:
                check_values(segment.values, values.dimensions, f"segment {name!r}: ")
        return segments

    @field_validator("hierarchy")
    @classmethod
    def _nested(cls, hierarchy: HierarchySpec | None, info: ValidationInfo) -> HierarchySpec | None:
        values = info.data.get("values")
        if hierarchy is not None and (values is None or values.base.normal is None or values.each):
            raise ValueError("a hierarchy spreads values that are {normal: {mean: ..., sd: ...}}, the same for each")
        if hierarchy is not None and info.data.get("data") is not None:
            raise ValueError("give either data or a hierarchy: both would set the values")
        return hierarchy

    @model_validator(mode="after")
    def _sourced(self) -> "PopulationSpec":
        if self.data is not None and self.data.segment is not None and self.segments:
            raise ValueError("segments come either from a column of the data or from `segments`, not from both")
        if self.data is not None and self.data.values and (self.values or self.survey):
            raise ValueError("values come either from the data or from `values`, not from both")
        return self

    @property
    def all_traits(self) -> dict[str, Distribution]:
        """The traits asked for, and those of the preferences, which `traits` may overrule."""
        named = trait_names(self.traits)
        extra = self.preference.traits if self.preference is not None else {}
        return {name: dist for name, dist in extra.items() if name not in named} | self.traits

    @property
    def value_spec(self) -> ValuesSpec | None:
        """The values asked for, whichever way, or None."""
        return ValuesSpec(system=self.survey) if self.survey is not None else self.values


def trait_names(traits: dict[str, Distribution]) -> tuple[str, ...]:
    """Names of the traits that a mapping of distributions stands for."""
    return tuple(name for key, dist in traits.items() for name in (dist.names or (key,)))


def every_distribution(spec: PopulationSpec) -> Iterator[tuple[tuple[str, ...], Distribution]]:
    """All distributions in `spec`, marginals included, each with its key below `population`."""
    found: list[tuple[tuple[str, ...], Distribution]] = [
        (("traits" if key in spec.traits else "preference", key), dist) for key, dist in spec.all_traits.items()
    ]
    parts: list[tuple[tuple[str, ...], ValuesOverride | None]] = [(("values",), spec.value_spec)]
    for name, segment in spec.segments.items():
        parts.append((("segments", name, "values"), segment.values))
        found += [(("segments", name, "traits", key), dist) for key, dist in segment.traits.items()]
    for path, part in parts:
        if part is not None and part.distribution is not None:
            found.append(((*path, "distribution"), part.distribution))
        if part is not None:
            found += [((*path, "each", key), dist) for key, dist in part.each.items()]
    for path, dist in found:
        yield path, dist
        if dist.correlated is not None:
            for name, marginal in dist.correlated.marginals.items():
                yield (*path, "correlated", "marginals", name), marginal


def check_values(spec: ValuesOverride, names: tuple[str, ...], where: str = "") -> None:
    """Raise ValueError when a distribution does not fit the value dimensions."""
    for name in spec.each:
        if name not in names:
            raise ValueError(f"{where}unknown value dimension {name!r}{did_you_mean(name, names)}")
    block = spec.distribution.correlated if spec.distribution is not None else None
    if block is not None:
        lengths = {len(x) for x in (block.names, block.means, block.sds) if x}
        if isinstance(block.correlation, tuple):
            lengths.add(len(block.correlation))
        if lengths - {len(names)}:
            raise ValueError(f"{where}the correlated block is of {sorted(lengths)[0]} numbers, values of {len(names)}")
        for name in block.marginals:
            if name not in names:
                raise ValueError(f"{where}unknown value dimension {name!r}{did_you_mean(name, names)}")
    shares = spec.distribution.dirichlet if spec.distribution is not None else None
    if shares is not None and isinstance(shares.alpha, tuple) and len(shares.alpha) != len(names):
        raise ValueError(f"{where}{len(shares.alpha)} alphas for {len(names)} value dimensions")


def _check_override(segment: str, trait: str, dist: Distribution, base: dict[str, Distribution]) -> None:
    if dist.joint:
        raise ValueError(f"segment {segment!r}: the trait {trait!r} can be set to one number's distribution only")
    common = base.get(trait)
    owner = next((d for d in base.values() if d.dirichlet is not None and trait in d.names), None)
    if owner is not None:
        raise ValueError(f"segment {segment!r}: {trait!r} is a share of a Dirichlet and cannot be set by itself")
    labels = common.categorical.labels if common is not None and common.categorical is not None else None
    here = dist.categorical.labels if dist.categorical is not None else None
    if labels != here and (labels is not None or here is not None) and dist.constant is None:
        raise ValueError(f"segment {segment!r}: the trait {trait!r} must keep its labels {labels or '(it has none)'}")
