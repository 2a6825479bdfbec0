"""Rows of a run's tables: how recorded tensors become them, and their canonical order."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from populace.numerics import blocks

_ROWS = 1 << 22
"""Rows that are brought into canonical order at a time."""


def moments(panel: Mapping[str, Tensor], segment: Tensor, segments: int) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Name -> (n, mean, var) [worlds, segments], summed in float64 a block at a time.

    Of the users for whom the variable is defined (not NaN); where it is for nobody, n is that of all users of the
    segment, and mean and var are NaN.
    """
    worlds, users = segment.shape
    zero = torch.zeros(worlds, segments, dtype=torch.float64, device=segment.device)
    everyone, sums = zero, dict.fromkeys(panel, (zero, zero, zero))
    labels = torch.arange(segments, device=segment.device)
    for block in blocks(users, segments):
        member = (segment[:, block, None] == labels).double()  # [worlds, block, segments]
        everyone = everyone + member.sum(1)
        for name, value in panel.items():
            x = value[:, block, None].double()
            unknown = x.isnan()
            x = x.masked_fill(unknown, 0.0)
            own, first, second = sums[name]
            own = own + (member * ~unknown).sum(1)
            sums[name] = (own, first + (member * x).sum(1), second + (member * x * x).sum(1))
    moments = {}
    for name, (own, first, second) in sums.items():
        mean = first / own
        moments[name] = (torch.where(own > 0, own, everyone), mean, (second / own - mean**2).clamp(min=0.0))
    return moments


def constant(word: str, size: int) -> pa.DictionaryArray:
    """A column of `size` times the same word."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, dtype=np.int32)), pa.array([word]))


def coded(codes: NDArray[np.integer], words: list[str]) -> pa.DictionaryArray:
    """A column of words, by their places in a list."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words, type=pa.string()))


def joined(tables: list[pa.Table]) -> pa.Table:
    """Tables below each other, with plain strings in place of words coded differently in each."""
    return pa.concat_tables([table.cast(plain(table.schema)) for table in tables], promote_options="permissive")


def canonical(table: pa.Table, worlds: int, inner: int) -> Iterator[pa.Table]:
    """Rows [outer, worlds, inner] in the order [worlds, outer, inner], some worlds at a time."""
    order = np.arange(len(table)).reshape(-1, worlds, inner).transpose(1, 0, 2).reshape(worlds, -1)
    size = max(1, _ROWS // max(1, order.shape[1]))
    for first in range(0, worlds, size):
        yield table.take(pa.array(order[first : first + size].reshape(-1)))


def by_world(table: pa.Table) -> pa.Table:
    """The same rows by world, and those of a world in their order."""
    return table.take(pa.array(np.argsort(table.column("world").to_numpy(), kind="stable")))


def once(table: pa.Table) -> pa.Table:
    """Each row of a table of keys and texts once, ordered by the first column."""
    return table.group_by(table.column_names).aggregate([]).sort_by(table.column_names[0])


def undefined(steps: pa.Table) -> dict[str, int]:
    """Measure -> how many of its values are infinite."""
    value = steps.column("value").to_numpy()
    names = steps.column("measure").filter(pa.array(np.isinf(value))).value_counts().to_pylist()
    return {row["values"]: row["counts"] for row in names}


def plain(schema: pa.Schema) -> pa.Schema:
    """The schema with plain strings: dictionaries differ from part to part."""
    return pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in schema])
