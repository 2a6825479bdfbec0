"""People from a table: a person is a row drawn with replacement, as it stands or smoothed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from populace.agents.users.data import Columns, DataSpec, Range
from populace.agents.users.distributions import Discrete, Distribution
from populace.agents.users.quantiles import linear, pick, root
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.files import sha256
from populace.names import quoted
from populace.population import FEW
from populace.tables import Table, read_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Respondents:
    """Rows ready to be sampled.

    Attributes:
        values: Names of the value dimensions, the first columns of `rows`.
        traits: Names of the traits, the columns after them.
        rows: [rows, values + traits] float64; a categorical trait holds the index of its label.
        labels: Categorical trait -> its labels.
        segment: [rows] index into `segments`, or None.
        segments: Names of the segments.
        weights: [rows] float64, adding up to 1.
        bandwidth: Smoothing, in standard deviations.
        keep_variance: Whether smoothed rows are shrunk.
        provenance: Where the rows come from, as plain constants.
    """

    values: tuple[str, ...]
    traits: tuple[str, ...]
    rows: NDArray[np.float64]
    labels: dict[str, tuple[str, ...]]
    segment: NDArray[np.int64] | None
    segments: tuple[str, ...]
    weights: NDArray[np.float64]
    bandwidth: float
    keep_variance: bool
    provenance: dict[str, object]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Weighted share of each segment."""
        assert self.segment is not None
        return np.asarray(np.bincount(self.segment, self.weights, len(self.segments)), dtype=np.float64)

    def sample(self, users: int, draw: Draw) -> tuple[Tensor, Tensor | None]:
        """Numbers [worlds, users, values + traits] and segments [worlds, users] of `users` rows per world."""
        row = pick(self.weights, draw.normal("data/row", users))
        numbers = torch.as_tensor(self.rows, dtype=torch.float32, device=draw.device)[row]
        if self.bandwidth:
            numbers = self._smooth(numbers, draw.normal("data/smoothing", users, self.rows.shape[1]))
        if self.segment is None:
            return numbers, None
        return numbers, torch.as_tensor(self.segment, device=draw.device)[row]

    def _smooth(self, numbers: Tensor, noise: Tensor) -> Tensor:
        mean = np.average(self.rows, axis=0, weights=self.weights)
        centred = self.rows - mean
        words = np.array([name in self.labels for name in (*self.values, *self.traits)])
        centred[:, words] = 0  # labels are not smoothed
        factor = self.bandwidth * root((centred * self.weights[:, None]).T @ centred)
        centre = torch.as_tensor(mean, dtype=numbers.dtype, device=numbers.device)
        moved = numbers - centre + linear(noise, factor)
        if self.keep_variance:
            moved = moved / (1 + self.bandwidth**2) ** 0.5
        kept = torch.as_tensor(words, device=numbers.device)
        return torch.where(kept, numbers, centre + moved)


def from_file(spec: DataSpec) -> Respondents:
    """The people of a file; see `respondents`."""
    return respondents(read_table(spec.file, spec.format), spec, spec.file)


def respondents(table: Table, spec: Columns, file: Path | None = None) -> Respondents:
    """Check, clean and rescale a table of people.

    Args:
        table: One row for each person.
        spec: Which of its columns become what.
        file: Where it was read from, if from a file.

    Raises:
        UnknownName: A column is not there.
        PopulaceError: A column holds what it must not, with the line; or no row is left.
    """
    wanted = [*spec.values.values(), *spec.traits.values()]
    table.need(*wanted, spec.segment, spec.weights)
    labels: dict[str, tuple[str, ...]] = {}
    columns = [table.numbers(column, missing=True, codes=spec.missing_codes) for column in spec.values.values()]
    for trait, column in spec.traits.items():
        if trait not in spec.words and table.numeric(column, spec.missing_codes):
            columns.append(table.numbers(column, missing=True, codes=spec.missing_codes))
        else:
            index, labels[trait] = table.words(column, missing=True, codes=spec.missing_codes)
            columns.append(np.where(index < 0, np.nan, index))
    rows = np.stack(columns, axis=1) if columns else np.empty((table.rows, 0))
    segment, segments = np.zeros(table.rows, dtype=np.int64), tuple[str, ...]()
    if spec.segment is not None:
        segment, segments = table.words(spec.segment, missing=True, codes=spec.missing_codes)
    weights = np.ones(table.rows)
    if spec.weights is not None:
        weights = table.numbers(spec.weights, low=0, what="weights are numbers of 0 or more")
    gone = np.column_stack([np.isnan(rows), segment < 0])
    if gone.any() and spec.missing == "error":
        row, place = np.argwhere(gone)[0]
        column = [*wanted, spec.segment][place]
        raise PopulaceError(
            f"{table.name}: {int(gone.sum()):,} entries are missing, the first in {table.place(int(row))}, column "
            f"{column!r}; set missing to 'drop'" + (" or 'mean'" if place < len(wanted) else "")
        )
    keep = (weights > 0) & ~(gone.any(axis=1) if spec.missing == "drop" else gone[:, -1])
    if spec.missing == "mean" and gone[:, -1].any():
        raise PopulaceError(
            f"{table.at(int(gone[:, -1].argmax()), spec.segment)}: missing, and segments have no mean; set missing to "
            "'drop'"
        )
    if not keep.any():
        raise PopulaceError(f"{table.name}: no row is left after missing entries and weights of 0 were taken out")
    dropped = _dropped(gone, [*wanted, spec.segment], weights) if not keep.all() else {}
    rows, segment, weights = rows[keep], segment[keep], weights[keep] / weights[keep].sum()
    if spec.missing == "mean":
        rows = _filled(rows, weights, wanted, {spec.traits[t] for t in labels}, table.name)
    rows[:, : len(spec.values)] = _rescaled(rows[:, : len(spec.values)], weights, spec.rescale)
    if spec.segment is not None:
        there, segment = np.unique(segment, return_inverse=True)  # segments of rows that were taken out are none
        segments = tuple(segments[k] for k in there)
    d, n = max(rows.shape[1], 1), len(rows)
    bandwidth = (4 / ((d + 2) * n)) ** (1 / (d + 4)) if spec.smoothing == "auto" else float(spec.smoothing)
    provenance = {
        # The name alone: where a file lies on one machine is no part of where the data come from.
        "file": None if file is None else file.name,
        "sha256": _digest(rows, segment, weights) if file is None else sha256(file),
        "rows": table.rows,
        "columns": wanted,
        "source": spec.source,
        "licence": spec.licence,
        "consent": spec.consent,
        "used_rows": n,
        "missing": int(gone.sum()),
        "missing_policy": spec.missing,
        "dropped": dropped,
        "smoothing": bandwidth,
        "few": [name for name, rows_of in zip(segments, np.bincount(segment), strict=False) if rows_of < FEW],
    }
    return Respondents(
        tuple(spec.values),
        tuple(spec.traits),
        rows,
        labels,
        None if spec.segment is None else segment,
        segments,
        weights,
        bandwidth,
        spec.keep_variance,
        provenance,
    )


def _dropped(gone: NDArray[np.bool_], columns: list[str | None], weights: NDArray[np.float64]) -> dict[str, int]:
    """Reason -> rows that were taken out for it; a row with several counts under the first of them.

    Args:
        gone: [rows, columns], whether an entry is missing.
        columns: Names of the columns.
        weights: [rows].
    """
    first = np.where(gone.any(axis=1), gone.argmax(axis=1), -1)
    found: dict[str, int] = {}
    for place, column in enumerate(columns):
        if count := int((first == place).sum()):
            reason = f"no entry in column {quoted(str(column))}"
            found[reason] = found.get(reason, 0) + count
    if count := int(((first < 0) & (weights <= 0)).sum()):
        found["a weight of 0"] = count
    return found


def _digest(*arrays: NDArray[Any]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def _filled(
    rows: NDArray[np.float64], weights: NDArray[np.float64], names: list[str], words: set[str], name: str
) -> NDArray[np.float64]:
    for column in range(rows.shape[1]):
        gone = np.isnan(rows[:, column])
        if not gone.any():
            continue
        if names[column] in words or gone.all():
            raise PopulaceError(f"{name}: {names[column]!r} has missing entries and no mean; set missing to 'drop'")
        rows[gone, column] = np.average(rows[~gone, column], weights=weights[~gone])
    return rows


def _rescaled(
    values: NDArray[np.float64], weights: NDArray[np.float64], rescale: Literal["none", "z-score"] | Range
) -> NDArray[np.float64]:
    if rescale == "none" or not values.size:
        return values
    if isinstance(rescale, Range):
        low = values.min(axis=0) if rescale.min is None else rescale.min
        high = values.max(axis=0) if rescale.max is None else rescale.max
        return np.asarray(rescale.low + (values - low) / _not_zero(high - low) * (rescale.high - rescale.low))
    mean = np.average(values, axis=0, weights=weights)
    sd = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    return np.asarray((values - mean) / _not_zero(sd))


def _not_zero(spread: Any) -> Any:
    return np.where(np.asarray(spread) == 0, 1.0, spread)


def option_shares(
    frame: "pd.DataFrame", *, item: str, option: str, share: str, where: dict[str, str] | None = None
) -> dict[str, Distribution]:
    """Answers of a survey that is published as shares: item -> its options, with the shares renormalised.

    Args:
        frame: One row per item and option.
        item: Column of the items, which become value dimensions.
        option: Column of the answers, as numbers.
        share: Column of their shares; they need not add up to 1.
        where: Column -> the entry whose rows are used, e.g. `{"country_iso3": "DEU"}`.

    Returns:
        Distributions for `values: {names: ..., each: ...}`. Assumed: answers to different items are
        independent, as shares do not tell how they go together.

    Raises:
        UnknownName: A column is not there, or no row has the entry asked for.
        PopulaceError: An item, an option or a share is missing or no number, with its row.
    """
    table = Table.of_frame(frame)
    table.need(item, option, share, *(where or {}))
    keep = np.ones(table.rows, dtype=bool)
    for column, entry in (where or {}).items():
        index, known = table.words(column, missing=True)
        if entry not in known:
            raise UnknownName(f"entry of column {quoted(column)}", entry, known)
        keep &= index == known.index(entry)
    items, names = table.words(item)
    options = table.numbers(option, missing=True)
    shares = table.numbers(share, missing=True, low=0, what="shares are numbers of 0 or more")
    for column, numbers in ((option, options), (share, shares)):
        if (gone := keep & np.isnan(numbers)).any():
            raise PopulaceError(f"{table.at(int(gone.argmax()), column)}: missing; expected a number")
    found = {}
    for k in dict.fromkeys(items[keep].tolist()):
        rows = keep & (items == k)
        discrete = Discrete(options=tuple(options[rows].tolist()), weights=tuple(shares[rows].tolist()))
        found[names[k]] = Distribution(discrete=discrete)
    return found
