"""What a Parallel view's dicts are filled with: columns of observations, masks and flags by seat."""

import numpy as np

from populace.envs.views.layout import Layout
from populace.envs.views.lazy import Array, Column, Numbers, Rows, Same, Table
from populace.envs.views.stage import LazyObservation
from populace.fields import Role


def observed(layout: Layout, sight: LazyObservation) -> Rows:
    """Observations of all seats, or observations and masks."""
    arrays = layout.arrays(sight.seen, sight.phase, layout.role.seats)
    if layout.flat and not layout.masked:
        return Column(arrays["observation"])
    return Table({name: Column(array) for name, array in arrays.items()})


def legal(layout: Layout, sight: LazyObservation) -> Rows:
    """The masks of the legal options of all seats."""
    return Column(layout.legal(sight.seen, layout.role.seats))


def flags(column: Array) -> Rows:
    """A column of small numbers; one constant where all are alike, which is faster."""
    return Same(int(column[0]), len(column)) if (column == column[0]).all() else Numbers(column.copy())


def rewarded(role: Role) -> Array:
    """1 for each seat that is ever rewarded, else 0, int8 [seats]."""
    return (np.arange(role.seats) < (role.seats if role.rewarded is None else role.rewarded)).astype(np.int8)
