"""Choosing a cell of a two-player game, or a lottery over cells: Pareto, utilitarian, and the bargaining solutions.

Games are [..., m, k, 2] with the user first; cells are numbered row by row, c = row * k + column. Discrete rules work
on payoffs rounded to `DECIMALS`, as sums of stated numbers such as .1 + .2 would else break ties by rounding.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

DECIMALS = 6

Concept = Literal["nash", "egalitarian", "kalai_smorodinsky"]


def cells(game: Tensor) -> Tensor:
    """[..., m, k, 2] -> [..., m * k, 2] float64, rounded."""
    return torch.round(game.double().flatten(-3, -2), decimals=DECIMALS)


def utilitarian(game: Tensor) -> Tensor:
    """The cell of the largest sum; ties go to the user's larger payoff, then to the assistant's: [...] int64."""
    points = cells(game)
    user, assistant = points.unbind(-1)
    best = _tied(torch.round(user + assistant, decimals=DECIMALS), torch.ones_like(user, dtype=torch.bool))
    best = _tied(assistant, _tied(user, best))
    return best.to(torch.int64).argmax(-1)


def utilitarian_set(game: Tensor) -> Tensor:
    """All cells of the largest sum, [..., cells] bool."""
    user, assistant = cells(game).unbind(-1)
    return _tied(torch.round(user + assistant, decimals=DECIMALS), torch.ones_like(user, dtype=torch.bool))


def product_set(game: Tensor) -> Tensor:
    """The published product rule: all cells of the largest u * l, [..., cells] bool.

    Two negative payoffs make a positive product, so that a cell bad for both may win. `nash_product_set` mends that.
    """
    user, assistant = cells(game).unbind(-1)
    return _tied(torch.round(user * assistant, decimals=DECIMALS), torch.ones_like(user, dtype=torch.bool))


def nash_product_set(game: Tensor, outside: Tensor | None = None) -> Tensor:
    """Cells of the largest product of gains over the disagreement point, among those that leave nobody worse off.

    Args:
        game: [..., m, k, 2].
        outside: [..., 2], what both get if they do not agree; default `security`.

    Returns:
        [..., cells] bool; all False where no cell is as good as the disagreement point for both.
    """
    gains = cells(game) - (security(game) if outside is None else outside).unsqueeze(-2)
    allowed = (gains >= 0).all(-1)
    return _tied(torch.round(gains[..., 0] * gains[..., 1], decimals=DECIMALS), allowed)


def security(game: Tensor) -> Tensor:
    """What each player can secure alone by a pure act, [..., 2] float64: the disagreement point (assumed)."""
    wide = game.double()
    return torch.stack((wide[..., 0].amin(-1).amax(-1), wide[..., 1].amin(-2).amax(-1)), -1)


def _tied(score: Tensor, among: Tensor) -> Tensor:
    """Where `score` is the largest among the allowed; nowhere if none is."""
    held = torch.where(among, score, -torch.inf)
    return among & (held == held.amax(-1, keepdim=True))


@dataclass(frozen=True)
class Bargain:
    """A lottery over two cells.

    Attributes:
        found: [...] bool, whether anything is as good as the disagreement point for both.
        payoffs: [..., 2] float64, expected payoffs; the disagreement point where nothing was found.
        first: [...] int64, a cell.
        second: [...] int64, another (or the same).
        chance: [...] float64, of the first cell.
    """

    found: Tensor
    payoffs: Tensor
    first: Tensor
    second: Tensor
    chance: Tensor


def bargain(game: Tensor, concept: Concept, outside: Tensor | None = None, *, lotteries: bool = True) -> Bargain:
    """The bargaining solution of a two-player game, exact up to rounding.

    Every Pareto-efficient lottery lies on a line between two cells, so the best of all such lines is the solution; on a
    line each concept has a closed form. Nash maximises the product of gains, the egalitarian solution the smaller gain,
    Kalai and Smorodinsky the smaller gain as a share of the player's ideal gain.

    Args:
        game: [..., m, k, 2].
        concept: Which solution.
        outside: [..., 2], the disagreement point; default `security`.
        lotteries: Whether cells may be mixed; without, the best single cell (of equals the first).
    """
    outside = security(game) if outside is None else outside.double()
    points = game.double().flatten(-3, -2)
    gains = points - outside.unsqueeze(-2)
    n = points.shape[-2]
    if lotteries:
        first, second = torch.triu_indices(n, n, device=game.device)
    else:
        first = second = torch.arange(n, device=game.device)
    a, b = gains[..., first, :], gains[..., second, :]
    low, high = _allowed(a, b)
    possible = low <= high
    scale = torch.ones_like(gains[..., :1, :])
    if concept == "kalai_smorodinsky":
        scale = _ideal(a, b, low, high, possible).unsqueeze(-2)
        scale = torch.where(scale > 0, scale, 1.0)
    share = _nash(a, b) if concept == "nash" else _crossing(a / scale, b / scale)
    options = torch.stack((low, high, torch.minimum(torch.maximum(share, low), high)), -1)
    mixed = options.unsqueeze(-1) * a.unsqueeze(-2) + (1.0 - options.unsqueeze(-1)) * b.unsqueeze(-2)
    rated = mixed.clamp(min=0.0) / scale.unsqueeze(-2)
    score = rated.prod(-1) if concept == "nash" else rated.amin(-1)
    # Of equals the one that leaves nothing on the table: a little weight on the sum breaks weakly efficient ties.
    worth = torch.where(possible.unsqueeze(-1), score + 1e-9 * rated.sum(-1), -torch.inf).flatten(-2)
    best = worth.argmax(-1, keepdim=True)
    line, found = best // 3, possible.any(-1)
    chance = options.flatten(-2).gather(-1, best).squeeze(-1)
    gain = mixed.flatten(-3, -2).gather(-2, best.unsqueeze(-1).expand(*best.shape, 2)).squeeze(-2)
    return Bargain(
        found,
        torch.where(found.unsqueeze(-1), outside + gain, outside),
        first[line.squeeze(-1)],
        second[line.squeeze(-1)],
        chance,
    )


def _allowed(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The weights t of `a` in [0, 1] at which t a + (1 - t) b leaves both with a gain >= 0: low, high [...]."""
    slope = a - b
    root = torch.where(slope != 0, -b / torch.where(slope != 0, slope, 1.0), 0.0)
    low = torch.where(slope > 0, root, torch.where((slope == 0) & (b < 0), torch.inf, 0.0))
    high = torch.where(slope < 0, root, 1.0)
    return low.amax(-1).clamp(min=0.0), high.amin(-1).clamp(max=1.0)


def _nash(a: Tensor, b: Tensor) -> Tensor:
    """The weight at which the product of gains is stationary; 0 where it is linear (the ends are tried anyway)."""
    slope = a - b
    bend = slope.prod(-1)
    turn = slope[..., 0] * b[..., 1] + slope[..., 1] * b[..., 0]
    return torch.where(bend < 0, -turn / torch.where(bend < 0, 2.0 * bend, 1.0), 0.0)


def _crossing(a: Tensor, b: Tensor) -> Tensor:
    """The weight at which both gains are equal; 0 where they never are."""
    gap_a, gap_b = a[..., 0] - a[..., 1], b[..., 0] - b[..., 1]
    turn = gap_b - gap_a
    return torch.where(turn != 0, gap_b / torch.where(turn != 0, turn, 1.0), 0.0)


def _ideal(a: Tensor, b: Tensor, low: Tensor, high: Tensor, possible: Tensor) -> Tensor:
    """The most each can gain while the other loses nothing, [..., 2]."""
    ends = torch.stack((low, high), -1).unsqueeze(-1)
    reach = ends * a.unsqueeze(-2) + (1.0 - ends) * b.unsqueeze(-2)
    reach = torch.where(possible.unsqueeze(-1).unsqueeze(-1), reach, -torch.inf)
    return reach.flatten(-3, -2).amax(-2)
