"""Means and variances by arm, world, step and segment as dense arrays, which combine exactly over segments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from populace.errors import UnknownName

OVERALL = "all users"
"""Name of the pooled segment."""

Floats = NDArray[np.float64]


def labelled(codes: NDArray[np.int8 | np.int16 | np.int32 | np.int64], names: Sequence[str]) -> "pd.Categorical[Any]":
    """Names by their index, as a categorical that keeps their order."""
    return pd.Categorical.from_codes(codes, pd.Index(list(names)))


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of panel variables; NaN where nothing was recorded or a segment is empty.

    Attributes:
        arms: Names of arms.
        worlds: [worlds] ids.
        steps: [steps] recorded steps, ascending.
        segments: Names of segments.
        variables: Names of panel variables.
        n: [arms, worlds, steps, segments] users.
        mean: [arms, worlds, steps, segments, variables].
        var: [arms, worlds, steps, segments, variables], divided by `known`.
        known: [arms, worlds, steps, segments, variables], the users for whom the variable is defined; None for all.
    """

    arms: tuple[str, ...]
    worlds: NDArray[np.int64]
    steps: NDArray[np.int64]
    segments: tuple[str, ...]
    variables: tuple[str, ...]
    n: Floats
    mean: Floats
    var: Floats
    known: Floats | None = None

    @staticmethod
    def of(groups: pd.DataFrame) -> "Moments":
        """From the `groups` frame of a run."""
        arms, segments, variables = (
            tuple(groups[c].cat.remove_unused_categories().cat.categories) for c in ("arm", "segment", "variable")
        )
        worlds, steps = (np.sort(pd.unique(groups[c].to_numpy())) for c in ("world", "step"))
        place: tuple[Any, ...] = tuple(
            pd.Index(labels).get_indexer(pd.Index(groups[column]))
            if column in ("world", "step")
            else groups[column].cat.set_categories(list(labels)).cat.codes.to_numpy()
            for column, labels in (("arm", arms), ("world", worlds), ("step", steps), ("segment", segments))
        )
        which = groups["variable"].cat.set_categories(list(variables)).cat.codes.to_numpy()
        shape = (len(arms), len(worlds), len(steps), len(segments))
        n, known = np.zeros(shape), np.zeros((*shape, len(variables)))
        mean, var = (np.full((*shape, len(variables)), np.nan) for _ in range(2))
        np.maximum.at(n, place, groups["n"].to_numpy())
        known[(*place, which)] = groups["n"].to_numpy() * groups["mean"].notna().to_numpy()
        mean[(*place, which)] = groups["mean"].to_numpy()
        var[(*place, which)] = groups["var"].to_numpy()
        return Moments(arms, worlds, steps, segments, variables, n, mean, var, known)

    def select(self, variables: Sequence[str]) -> "Moments":
        """Of these variables only, in this order.

        Raises:
            UnknownName: A variable was not recorded.
        """
        for name in variables:
            if name not in self.variables:
                raise UnknownName("panel variable", name, self.variables)
        columns = [self.variables.index(name) for name in variables]
        cut = {name: getattr(self, name)[..., columns] for name in ("mean", "var")}
        known = None if self.known is None else self.known[..., columns]
        return replace(self, variables=tuple(variables), known=known, **cut)

    @cached_property
    def pooled(self) -> "Moments":
        """All segments as one.

        N = Σ n_s,  m = Σ n_s m_s / N,  v = Σ n_s (v_s + (m_s - m)²) / N, where n_s are the users for whom a variable is
        defined; exact, as v_s divides by n_s.
        """
        n = self.n[..., None] if self.known is None else self.known
        total = n.sum(-2, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            weight = n / total
            mean = np.where(n > 0, weight * self.mean, 0.0).sum(-2, keepdims=True)
            inner = np.where(n > 0, weight * (self.var + (self.mean - mean) ** 2), 0.0).sum(-2, keepdims=True)
        nobody = total == 0
        return replace(
            self,
            segments=(OVERALL,),
            n=self.n.sum(-1, keepdims=True),
            known=None if self.known is None else total,
            mean=np.where(nobody, np.nan, mean),
            var=np.where(nobody, np.nan, inner),
        )

    @cached_property
    def with_overall(self) -> "Moments":
        """The segments, and all users as one more."""
        if self.segments == (OVERALL,):
            return self
        parts = (self, self.pooled)
        return replace(
            self,
            segments=(*self.segments, OVERALL),
            n=np.concatenate([p.n for p in parts], -1),
            mean=np.concatenate([p.mean for p in parts], -2),
            var=np.concatenate([p.var for p in parts], -2),
            known=None if self.known is None else np.concatenate([p.known for p in parts if p.known is not None], -2),
        )

    def tidy(self, values: Floats, measure: str | Sequence[str]) -> pd.DataFrame:
        """`values` [arms, worlds, steps, segments] (or [..., measures]) as rows; what is not finite is left out.

        Returns:
            Frame `arm, world, step, segment, measure, value`.
        """
        names = [measure] if isinstance(measure, str) else list(measure)
        cube = values[..., None] if isinstance(measure, str) else values
        where = np.nonzero(np.isfinite(cube))
        return self._rows(where, names).assign(value=cube[where])

    def complete(self, frame: pd.DataFrame, due: NDArray[np.bool_] | bool = True) -> pd.DataFrame:
        """A frame of `tidy` with a row of NaN wherever there were users, but a measure is undefined.

        Args:
            frame: Rows of one or more measures.
            due: [arms, 1, 1, 1, measures] of which measures a number is due in an arm; default: all.
        """
        names = list(frame["measure"].cat.categories)
        where = np.nonzero(np.broadcast_to((self.n > 0)[..., None] & due, (*self.n.shape, len(names))))
        if len(frame) == len(where[0]):
            return frame
        return self._rows(where, names).merge(frame, on=["arm", "world", "step", "segment", "measure"], how="left")

    def _rows(self, where: tuple[NDArray[np.int64], ...], names: Sequence[str]) -> pd.DataFrame:
        arm, world, step, segment, name = where
        return pd.DataFrame(
            {
                "arm": labelled(arm, self.arms),
                "world": self.worlds[world],
                "step": self.steps[step],
                "segment": labelled(segment, self.segments),
                "measure": labelled(name, names),
            }
        )
