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

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
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
    provenance: dict[str, Any]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Weighted share of each segment."""
        assert self.segment is not None
        return np.asarray(np.bincount(self.segment, self.weights, len(self.segments)), dtype=np.float64)

    def sample(self, users: int, draw: Draw) -> tuple[Tensor, Tensor | None]:
        """Numbers [worlds, users, values + traits] and segments [worlds, users] of `users` rows a world."""
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


def read_frame(file: Path) -> "pd.DataFrame":
    """A CSV or Parquet file as a frame.

    Raises:
        PopulaceError: The file is of another kind or cannot be read.
    """
    import pandas as pd

    if file.suffix not in (".csv", ".gz", ".parquet"):
        raise PopulaceError(f"{file}: data files end in .csv, .csv.gz or .parquet, not in {file.suffix or 'nothing'!r}")
    try:
        return pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise PopulaceError(f"cannot read {file}: {str(error).strip()}") from error


def read_table(spec: DataSpec) -> Table:
    """The table of a file."""
    return make_table(read_frame(spec.file), spec, spec.file)


def make_table(frame: "pd.DataFrame", spec: Columns, file: Path | None = None) -> Table:
    """Check, clean and rescale a frame.

    Raises:
        UnknownName: A column is not there.
        PopulaceError: A column holds what it must not, or no row is left.
    """
    name = str(file or "the data frame")
    wanted = [*spec.values.values(), *spec.traits.values()]
    for column in (*wanted, spec.segment, spec.weights):
        if column is not None and column not in frame.columns:
            raise UnknownName(f"column of {name}", column, map(str, frame.columns))
    labels: dict[str, tuple[str, ...]] = {}
    columns = [_numbers(frame, column, trait, labels, spec, name) for trait, column in _mapped(spec)]
    rows = np.stack(columns, axis=1) if columns else np.empty((len(frame), 0))
    weights = _weights(frame, spec.weights, name)
    gone = np.isnan(rows)
    keep = np.ones(len(frame), dtype=bool)
    if spec.segment is not None:
        keep &= frame[spec.segment].notna().to_numpy()
    if gone.any() and spec.missing == "error":
        row, column = np.argwhere(gone)[0]
        raise PopulaceError(
            f"{name}: {int(gone.sum())} numbers are missing, the first in line {row + 2}, column {wanted[column]!r}; "
            "set missing to 'drop' or 'mean'"
        )
    if spec.missing == "drop":
        keep &= ~gone.any(axis=1)
    keep &= weights > 0
    if not keep.any():
        raise PopulaceError(f"{name}: no row is left after missing numbers and weights of 0 were taken out")
    rows, weights = rows[keep], weights[keep] / weights[keep].sum()
    if spec.missing == "mean":
        rows = _filled(rows, weights, wanted, {spec.traits[t] for t in labels}, name)
    rows[:, : len(spec.values)] = _rescaled(rows[:, : len(spec.values)], weights, spec.rescale)
    segment, segments = _segments(frame, spec.segment, keep)
    d, n = max(rows.shape[1], 1), len(rows)
    bandwidth = (4 / ((d + 2) * n)) ** (1 / (d + 4)) if spec.smoothing == "auto" else float(spec.smoothing)
    provenance = _provenance(frame, spec, file) | {"used_rows": n, "missing": int(gone.sum())}
    provenance |= {"missing_policy": spec.missing, "smoothing": bandwidth}
    return Table(
        *(tuple(spec.values), tuple(spec.traits), rows, labels, segment, segments, weights),
        *(bandwidth, spec.keep_variance, provenance),
    )


def _mapped(spec: Columns) -> list[tuple[str | None, str]]:
    return [(None, column) for column in spec.values.values()] + list(spec.traits.items())


def _numbers(
    frame: "pd.DataFrame", column: str, trait: str | None, labels: dict[str, tuple[str, ...]], spec: Columns, name: str
) -> NDArray[np.float64]:
    import pandas as pd

    series = frame[column]
    if not pd.api.types.is_numeric_dtype(series):
        if trait is not None:
            codes, kinds = pd.factorize(series, sort=True)
            labels[trait] = tuple(map(str, kinds))
            return np.where(codes < 0, np.nan, codes)
        numbers = pd.to_numeric(series, errors="coerce")
        if (wrong := numbers.isna() & series.notna()).any():
            row = int(np.flatnonzero(wrong)[0])
            raise PopulaceError(f"{name}, line {row + 2}: {column!r} holds {series.iloc[row]!r}, which is no number")
        series = numbers
    found = series.to_numpy(dtype=np.float64, na_value=np.nan).copy()
    found[np.isin(found, spec.missing_codes)] = np.nan
    return found


def _weights(frame: "pd.DataFrame", column: str | None, name: str) -> NDArray[np.float64]:
    if column is None:
        return np.ones(len(frame))
    return weights_of(frame, column, name)


def weights_of(frame: "pd.DataFrame", column: str, name: str) -> NDArray[np.float64]:
    """A column of weights.

    Raises:
        PopulaceError: One is no number, negative or infinite; with its line.
    """
    import pandas as pd

    weights = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if (wrong := ~((weights >= 0) & np.isfinite(weights))).any():
        row = int(np.flatnonzero(wrong)[0])
        given = frame[column].iloc[row]
        raise PopulaceError(f"{name}, line {row + 2}: the weight is {given}; weights are numbers of 0 or more")
    return weights


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


def _segments(
    frame: "pd.DataFrame", column: str | None, keep: NDArray[np.bool_]
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    import pandas as pd

    if column is None:
        return None, ()
    codes, kinds = pd.factorize(frame[column][keep], sort=True)
    return codes.astype(np.int64), tuple(map(str, kinds))


def _provenance(frame: "pd.DataFrame", spec: Columns, file: Path | None) -> dict[str, Any]:
    import pandas as pd

    if file is not None:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    else:
        digest = hashlib.sha256(pd.util.hash_pandas_object(frame).to_numpy().tobytes()).hexdigest()
    return {
        "path": None if file is None else str(file),
        "sha256": digest,
        "rows": len(frame),
        "columns": [column for _, column in _mapped(spec)],
        "source": spec.source,
    }


def option_shares(
    frame: "pd.DataFrame", *, item: str, option: str, share: str, where: dict[str, str] | None = None
) -> dict[str, Distribution]:
    """Answers of a survey that is published as shares: item -> its options, with the shares renormalised.

    Args:
        frame: One row an item and option.
        item: Column of the items, which become value dimensions.
        option: Column of the answers, as numbers.
        share: Column of their shares; they need not add up to 1.
        where: Column -> the entry whose rows are used, e.g. `{"country_iso3": "DEU"}`.

    Returns:
        Distributions for `values: {names: ..., each: ...}`. Assumption of ours: answers to different items are
        independent, as shares do not tell how they go together.

    Raises:
        UnknownName: No row has the entry asked for.
    """
    for column, entry in (where or {}).items():
        if entry not in (known := frame[column].astype(str).unique()):
            raise UnknownName(f"entry of column {column!r}", entry, map(str, known))
        frame = frame[frame[column].astype(str) == entry]
    return {
        str(name): Distribution(discrete=Discrete(options=tuple(rows[option]), weights=tuple(rows[share])))
        for name, rows in frame.groupby(item, sort=False)
    }
