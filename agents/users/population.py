"""A population as its specification describes it: sampled as tensors, with its ground truth and its provenance."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from populace.agents.users import networks
from populace.agents.users.data import Columns
from populace.agents.users.distributions import Distribution, Empirical
from populace.agents.users.hierarchy import centres, nest
from populace.agents.users.quantiles import Column, joint, pick, transform
from populace.agents.users.respondents import Respondents, from_file, respondents
from populace.agents.users.spec import PopulationSpec, every_distribution, trait_names
from populace.agents.users.surveys import SURVEYS
from populace.draw import Draw
from populace.errors import OptionError, PopulaceError, UnknownName
from populace.population import Census, Network, People
from populace.tables import read_table

_GOLDEN = 0x9E3779B9
"""2^32 divided by the golden ratio: multiples of it, modulo 2^32, fill the circle evenly."""


class SpecPopulation:
    """A `Population` built from a `PopulationSpec`.

    Args:
        spec: What stands under `population:`.
        table: Rows to draw people from, in place of the spec's `data`.

    Raises:
        OptionError: A data file cannot be used, or the network is impossible; it names the key.
        UnknownName: A column of a file or a trait is not there.
    """

    def __init__(self, spec: PopulationSpec, table: Respondents | None = None) -> None:
        self.spec = spec
        self.table = table
        if table is None and spec.data is not None:
            with blamed("population", "data", "file"):
                self.table = from_file(spec.data)
        self._edges = None
        if spec.network is not None:
            with blamed("population", "network", "degree"):
                spec.network.check(spec.size)
            if spec.network.kind == "file":
                with blamed("population", "network", "file", names=True):
                    self._edges = networks.read_edges(spec.network, spec.size)
        if self.table is not None and self.table.values and (spec.value_spec is not None or spec.hierarchy is not None):
            raise OptionError(
                "values come either from the data or from the specification, not from both",
                ("population", "data", "values"),
            )
        if self.table is not None and (both := set(self.table.traits) & set(trait_names(spec.traits))):
            raise OptionError(
                f"{sorted(both)} are traits of the data and of the specification; leave out one of them",
                ("population", "traits", min(both)),
                ("population", "data", "traits"),
            )
        self._distributions = spec.all_traits
        self._tables: dict[Empirical, Respondents] = {}
        whole = {dist.empirical for dist in self._distributions.values()}
        for path, dist in every_distribution(spec):
            if (column := dist.empirical) is None or column in self._tables:
                continue
            with blamed("population", *path, "empirical", "file"):
                self._tables[column] = _read(column)
                if self._tables[column].labels and column not in whole:
                    raise PopulaceError(f"{column.file}: {column.column!r} holds words; numbers are needed here")
        self._read = {key: Column(table.rows[:, 0], table.weights) for key, table in self._tables.items()}
        self.labels = self._all_labels()
        self.provenance = self._sources()
        by = spec.network.by if spec.network is not None and spec.network.kind == "stochastic-block" else "segment"
        if by != "segment" and by not in self.census.traits:
            raise UnknownName("trait in population.network.by", by, ("segment", *self.census.traits))

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the value dimensions."""
        if self.table is not None and self.table.values:
            return self.table.values
        values = self.spec.value_spec
        return values.dimensions if values is not None else ()

    @property
    def shares(self) -> dict[str, float]:
        """Segment -> its expected share."""
        if self.spec.segments:
            return {name: segment.share for name, segment in self.spec.segments.items()}
        if self.table is not None and self.table.segment is not None:
            return dict(zip(self.table.segments, self.table.shares.tolist(), strict=True))
        nested = self.spec.hierarchy
        if nested is not None and nested.segment_by == "culture":
            shares = nested.shares or (1 / nested.cultures,) * nested.cultures
            return dict(zip(nested.labels, shares, strict=True))
        if nested is not None and nested.segment_by == "group":
            return {f"group_{k}": 1 / nested.groups for k in range(nested.groups)}
        return {"everyone": 1.0}

    @property
    def census(self) -> Census:
        """Size and names, known before sampling."""
        traits = trait_names(self._distributions)
        if self.table is not None:
            traits += self.table.traits
        if self.spec.hierarchy is not None:
            traits += self.spec.hierarchy.trait_names
        segments, networked = tuple(self.shares), self.spec.network is not None
        return Census(self.spec.size, self.dimensions, segments, traits, networked, self._bounds(), self.labels)

    def sample(self, draw: Draw) -> People:
        """The people of `draw.worlds` worlds: person i of a world depends neither on the size nor on the batch."""
        size, traits, segment = self.spec.size, dict[str, Tensor](), None
        values = torch.zeros((draw.worlds, size, 0), device=draw.device, dtype=torch.float32)
        if self.table is not None:
            numbers, segment = self.table.sample(size, draw)
            values = numbers[..., : len(self.table.values)]
            for k, name in enumerate(self.table.traits, start=len(self.table.values)):
                traits[name] = numbers[..., k].contiguous()
        if self.spec.hierarchy is not None:
            theta, nested = nest(self.spec.hierarchy, size, len(self.dimensions), draw)
            traits |= nested
            by = self.spec.hierarchy.segment_by
            segment = nested[by].to(torch.int64) if by != "none" else None
        if self.spec.segments:
            segment = self._assign(draw)
        if segment is None:
            segment = torch.zeros((draw.worlds, size), dtype=torch.int64, device=draw.device)
        if self.spec.hierarchy is not None:
            values = self._spread(theta, segment)
        elif self.spec.value_spec is not None:
            values = self._values(draw.normal("values", size, len(self.dimensions)), segment)
        traits |= self._traits(segment, draw)
        return People(values.contiguous(), segment, traits, self._network(segment, traits, draw))

    def truth(self, draw: Draw) -> dict[str, Tensor]:
        """Culture parts [worlds, cultures, values] and prototypes [worlds, groups, values] that `sample` uses."""
        if self.spec.hierarchy is None:
            return {}
        cultures, prototypes = centres(self.spec.hierarchy, len(self.dimensions), draw)
        return {"cultures": cultures, "prototypes": prototypes}

    def bytes_per_user(self) -> int:
        """Bytes of a user's tensors: values, segment, traits, and the edges that end at it, on average."""
        census = self.census
        edges = self.spec.network.degree if self.spec.network is not None else 0
        if self.spec.network is not None and self.spec.network.kind in ("complete", "file"):
            edges = 0
        return 4 * len(census.values) + 8 + 4 * len(census.traits) + 20 * edges

    def describe(self) -> dict[str, object]:
        """What it is, as plain constants: size, names, shares, labels, bytes and provenance."""
        census, network = self.census, self.spec.network
        return {
            "size": census.size,
            "values": list(census.values),
            "traits": list(census.traits),
            "labels": {name: list(labels) for name, labels in self.labels.items()},
            "segments": self.shares,
            "network": None if network is None else network.model_dump(mode="json", exclude_unset=True),
            "bytes_per_user": self.bytes_per_user(),
            "provenance": self.provenance,
        }

    def _bounds(self) -> dict[str, tuple[float, float]]:
        """Trait -> least and greatest number of anyone, over all segments, of traits that the specification gives."""
        found = {}
        for key, dist in self._distributions.items():
            marginals = dist.correlated.marginals if dist.correlated is not None else {}
            for name in dist.names or (key,):
                every = [marginals.get(name, dist)]
                every += [part.traits[name] for part in self.spec.segments.values() if name in part.traits]
                ends = [self._ends(one) for one in every]
                found[name] = (min(low for low, _ in ends), max(high for _, high in ends))
        if self.table is not None and not self.table.bandwidth:
            for k, name in enumerate(self.table.traits, start=len(self.table.values)):
                found[name] = (float(self.table.rows[:, k].min()), float(self.table.rows[:, k].max()))
        return found

    def _ends(self, dist: Distribution) -> tuple[float, float]:
        if dist.empirical is None:
            return dist.bounds
        rows = self._tables[dist.empirical].rows
        return float(rows.min()), float(rows.max())

    def _all_labels(self) -> dict[str, tuple[str, ...]]:
        found = dict(self.table.labels) if self.table is not None else {}
        for key, dist in self._distributions.items():
            marginals = dist.correlated.marginals if dist.correlated is not None else {key: dist}
            for name, marginal in marginals.items():
                if marginal.categorical is not None:
                    found[name] = marginal.categorical.labels
            if dist.empirical is not None and (words := self._tables[dist.empirical].labels):
                found[key] = next(iter(words.values()))
        if self.spec.hierarchy is not None:
            found["culture"] = self.spec.hierarchy.labels
            found["group"] = tuple(f"group_{k}" for k in range(self.spec.hierarchy.groups))
        return found

    def _sources(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        values = self.spec.value_spec
        if values is not None and values.system in SURVEYS and values.distribution is None:
            found["values"] = {"survey": values.system, "source": SURVEYS[values.system]}
        if self.table is not None:
            found["data"] = self.table.provenance
        return found | {f"column/{key.file.name}:{key.column}": table.provenance for key, table in self._tables.items()}

    def _assign(self, draw: Draw) -> Tensor:
        shares = tuple(segment.share for segment in self.spec.segments.values())
        if self.spec.assign == "random":
            return pick(shares, draw.normal("segment", self.spec.size))
        start = draw.integers("segment", 0, 2**32).unsqueeze(-1)
        steps = torch.arange(self.spec.size, device=draw.device) * _GOLDEN
        place = ((start + steps) & 0xFFFFFFFF).to(torch.float64) / 2**32
        edges = torch.tensor(np.cumsum(shares)[:-1], dtype=torch.float64, device=draw.device)
        return torch.bucketize(place, edges, right=True)

    def _spread(self, theta: Tensor, segment: Tensor) -> Tensor:
        """Values from standardised ones: the mean and standard deviation of everyone, or of the segment."""
        values = self.spec.values
        assert values is not None
        out = transform(values.base, theta, self._read)
        return self._overridden(out, theta, segment)

    def _values(self, z: Tensor, segment: Tensor) -> Tensor:
        spec = self.spec.value_spec
        assert spec is not None
        return self._overridden(self._shaped(z, spec.base, spec.each), z, segment)

    def _overridden(self, out: Tensor, z: Tensor, segment: Tensor) -> Tensor:
        base = self.spec.value_spec
        assert base is not None
        for index, part in enumerate(self.spec.segments.values()):
            if (own := part.values) is not None:
                each = own.each if own.distribution is not None else {**base.each, **own.each}
                here = self._shaped(z, own.distribution or base.base, each)
                out = torch.where((segment == index).unsqueeze(-1), here, out)
        return out

    def _shaped(self, z: Tensor, dist: Distribution, each: Mapping[str, Distribution]) -> Tensor:
        out, z = joint(z, dist, self.dimensions, self._read)
        for name, own in each.items():
            k = self.dimensions.index(name)
            out[..., k] = transform(own, z[..., k], self._read)
        return out

    def _traits(self, segment: Tensor, draw: Draw) -> dict[str, Tensor]:
        traits: dict[str, Tensor] = {}
        for key, dist in self._distributions.items():
            names = dist.names or (key,)
            parts = [part.traits for part in self.spec.segments.values()]
            if dist.constant is not None and not any(key in part for part in parts):
                traits[key] = torch.full_like(segment, dist.constant, dtype=torch.float32)
                continue
            z = draw.normal(f"trait/{key}", self.spec.size, len(names)) if dist.joint else None
            z = draw.normal(f"trait/{key}", self.spec.size).unsqueeze(-1) if z is None else z
            numbers, z = joint(z, dist, names, self._read)
            for k, name in enumerate(names):
                traits[name] = numbers[..., k].contiguous()
                for index, part in enumerate(parts):
                    if name in part:
                        here = transform(part[name], z[..., k], self._read)
                        traits[name] = torch.where(segment == index, here, traits[name])
        return traits

    def _network(self, segment: Tensor, traits: Mapping[str, Tensor], draw: Draw) -> Network | None:
        spec = self.spec.network
        if spec is None:
            return None
        groups = segment
        if spec.kind == "stochastic-block" and spec.by != "segment":
            numbers = traits[spec.by]
            named = spec.by in self.labels
            groups = numbers.to(torch.int64) if named else networks.ranks_to_groups(numbers, spec.bins)
        return networks.build(spec, self.spec.size, draw, groups, self._edges)


@contextmanager
def blamed(*key: str, names: bool = False) -> Iterator[None]:
    """Tell the key of a scenario with what is refused inside; an unknown name points at itself, but for `names`."""
    try:
        yield
    except PopulaceError as error:
        if isinstance(error, UnknownName) and not names:
            raise
        raise OptionError(str(error), key) from error


def _read(column: Empirical) -> Respondents:
    """A column as a table of one trait, in increasing order."""
    columns = Columns(
        traits={column.column: column.column},
        weights=column.weights,
        missing=column.missing,
        missing_codes=column.missing_codes,
        source=column.source,
        licence=column.licence,
        consent=column.consent,
    )
    table = respondents(read_table(column.file, column.format), columns, column.file)
    order = np.argsort(table.rows[:, 0], kind="stable")
    return replace(table, rows=table.rows[order], weights=table.weights[order])
