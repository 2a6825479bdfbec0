"""Linear programmes by the thousand: one dense simplex method, pivoting all programmes of a batch at once.

Correlated equilibria and commitment to a mixture are such programmes, and their feasible sets contain the origin, so
that no first phase is needed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.errors import PopulaceError

_ZERO = 1e-11


@dataclass(frozen=True)
class Optimum:
    """x: [..., n] float64; value: [...] float64."""

    x: Tensor
    value: Tensor


def maximise(worth: Tensor, limits: Tensor, bounds: Tensor, most: int = 1000) -> Optimum:
    """Maximise worth . x subject to limits x <= bounds and x >= 0, for bounds >= 0.

    Bland's rule, so that degenerate programmes end too. Exact up to float64 rounding (about 1e-10 of the payoffs for
    games of up to some tens of cells).

    Args:
        worth: [..., n].
        limits: [..., rows, n].
        bounds: [..., rows], at least 0.
        most: Pivots after which to give up.

    Raises:
        PopulaceError: A programme is unbounded, or `most` pivots did not do.
    """
    shape, n = worth.shape[:-1], worth.shape[-1]
    rows = limits.shape[-2]
    worth = worth.double().reshape(-1, n)
    limits = limits.double().expand(*shape, rows, n).reshape(-1, rows, n)
    bounds = bounds.double().expand(*shape, rows).reshape(-1, rows)
    batch, device = len(worth), worth.device
    slack = torch.eye(rows, dtype=torch.float64, device=device).expand(batch, -1, -1)
    table = torch.cat((limits, slack, bounds.unsqueeze(-1)), -1)
    gain = torch.cat((worth, torch.zeros((batch, rows + 1), dtype=torch.float64, device=device)), -1)
    table = torch.cat((table, gain.unsqueeze(-2)), -2)
    basis = torch.arange(n, n + rows, device=device).expand(batch, -1).clone()
    live = torch.arange(batch, device=device)
    for _ in range(most):
        open_ = table[live, -1, :-1] > _ZERO
        live, open_ = live[open_.any(-1)], open_[open_.any(-1)]
        if len(live) == 0:
            break
        entering = open_.to(torch.int8).argmax(-1)
        _pivot(table, basis, live, entering)
    else:
        raise PopulaceError(f"{len(live)} linear programmes were not solved within {most} pivots")
    x = torch.zeros((batch, n + rows), dtype=torch.float64, device=device).scatter(
        -1, basis, table[:, :-1, -1].clamp(min=0.0)
    )  # -1e-12 is 0
    return Optimum(x[:, :n].reshape(*shape, n), (-table[:, -1, -1]).reshape(shape))


def _pivot(table: Tensor, basis: Tensor, live: Tensor, entering: Tensor) -> None:
    """Bring one variable into the basis of each programme in `live`, in place."""
    part = table[live]
    at = torch.arange(len(live), device=live.device)
    column = part[at, :, entering]
    grows = column[:, :-1] > _ZERO
    if not bool(grows.any(-1).all()):
        raise PopulaceError("a linear programme is unbounded: bound it in every gainful direction")
    ratio = torch.where(grows, part[:, :-1, -1] / torch.where(grows, column[:, :-1], 1.0), torch.inf)
    tied = ratio <= ratio.amin(-1, keepdim=True) + _ZERO
    leaving = torch.where(tied, basis[live], torch.iinfo(torch.int64).max).argmin(-1)
    pivot = part[at, leaving] / column[at, leaving].unsqueeze(-1)
    part = part - column.unsqueeze(-1) * pivot.unsqueeze(-2)
    part[at, leaving] = pivot
    table[live] = part
    basis[live, leaving] = entering
