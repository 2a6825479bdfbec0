"""Populations in one line of Python: from a specification, from a data frame; and one user in words."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch

from populace.agents.users.data import Columns, Range
from populace.agents.users.distributions import Missing
from populace.agents.users.population import SpecPopulation
from populace.agents.users.respondents import respondents
from populace.agents.users.spec import PopulationSpec
from populace.draw import Draw
from populace.errors import PopulaceError
from populace.population import People
from populace.tables import Table

if TYPE_CHECKING:
    import pandas as pd


def sample(
    spec: PopulationSpec | Mapping[str, object], worlds: int = 1, seed: int = 0, device: torch.device | str = "cpu"
) -> People:
    """The people of `worlds` worlds, as a runner with this seed would draw them.

    Args:
        spec: A specification, or a mapping of the same keys.
        worlds: How many worlds.
        seed: The seed.
        device: Where the tensors live.

    Raises:
        pydantic.ValidationError: The mapping is no valid specification.
        PopulaceError: The population cannot be built.
    """
    checked = spec if isinstance(spec, PopulationSpec) else PopulationSpec.model_validate(spec)
    ids = torch.arange(worlds, device=device)
    return SpecPopulation(checked).sample(Draw.of(seed, ids).scope("population"))


def from_dataframe(
    frame: "pd.DataFrame",
    size: int,
    *,
    values: Sequence[str] | Mapping[str, str] = (),
    traits: Sequence[str] | Mapping[str, str] = (),
    segment: str | None = None,
    weights: str | None = None,
    missing: Missing = "error",
    missing_codes: Sequence[float | str] = (),
    rescale: Literal["none", "z-score"] | Range = "none",
    smoothing: float | Literal["auto"] = 0.0,
    keep_variance: bool = True,
    words: Sequence[str] = (),
    source: str = "",
    licence: str = "",
    consent: str = "",
    spec: PopulationSpec | None = None,
) -> SpecPopulation:
    """A population whose people are rows of `frame`; the arguments are those of `data` in a scenario file.

    Args:
        frame: One row per respondent.
        size: Users in a world.
        values: Columns that become value dimensions, or dimension -> column.
        traits: Columns that become traits, or trait -> column.
        segment: Column whose entries become segments.
        weights: Column of sampling weights.
        missing: What becomes of missing entries.
        missing_codes: Numbers and words that stand for a missing answer.
        rescale: What is done to the values.
        smoothing: Noise added to sampled rows, in standard deviations.
        keep_variance: Shrink smoothed rows so that variances stay.
        words: Traits whose entries are words even where they are numbers.
        source: Where the data come from, in words.
        licence: Under which terms they may be used.
        consent: What the people in them agreed to.
        spec: More traits, segments or a network; its size is replaced.

    Raises:
        UnknownName: A column is not there.
        PopulaceError: A column holds what it must not.
    """

    def named(columns: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
        return dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}

    columns = Columns(
        values=named(values),
        traits=named(traits),
        segment=segment,
        weights=weights,
        missing=missing,
        missing_codes=tuple(missing_codes),
        rescale=rescale,
        smoothing=smoothing,
        keep_variance=keep_variance,
        words=tuple(words),
        source=source,
        licence=licence,
        consent=consent,
    )
    base = spec if spec is not None else PopulationSpec(size=size)
    return SpecPopulation(base.model_copy(update={"size": size}), respondents(Table.of_frame(frame), columns))


def render(people: People, world: int, user: int, population: SpecPopulation) -> dict[str, str | float]:
    """One user's profile for people to read: segment, values and traits by name, labels in words."""
    census = population.census
    if not (0 <= user < people.size and 0 <= world < len(people.values)):
        raise PopulaceError(f"world {world}, user {user}: there are {len(people.values)} worlds of {people.size} users")
    profile: dict[str, str | float] = {"segment": census.segments[int(people.segment[world, user])]}
    profile |= {name: float(people.values[world, user, k]) for k, name in enumerate(census.values)}
    for name, numbers in people.traits.items():
        number = float(numbers[world, user])
        profile[name] = population.labels[name][int(number)] if name in population.labels else number
    return profile
