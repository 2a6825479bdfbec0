"""Mixed Nash equilibria of two-player games, by support enumeration over whole batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

TOLERANCE = 1e-9
"""What a probability or a reply may be off by, relative to the largest payoff of the game."""


@dataclass(frozen=True)
class Equilibria:
    """Candidate equilibria, one a pair of supports.

    Attributes:
        row: [..., supports, m] float64, player 1's mixture; zero where not found.
        column: [..., supports, k] float64, player 2's.
        found: [..., supports] bool, which of them are equilibria.
    """

    row: Tensor
    column: Tensor
    found: Tensor

    @property
    def count(self) -> Tensor:
        """Equilibria of each game, [...]."""
        return self.found.sum(-1)


def mixed_nash(game: Tensor, *, unequal: bool = False) -> Equilibria:
    """All equilibria of non-degenerate two-player games.

    For every pair of supports both players' indifference conditions are solved for all games at once. Without
    degeneracy, supports have equal sizes and the answer is complete. `unequal` also tries supports of unequal sizes,
    where only degenerate games have equilibria; those lie in continua, of which one point per pair of supports
    is given. The number of supports grows as 4^min(m, k): meant for games of up to about 6 x 6.

    Args:
        game: [..., m, k, 2].
        unequal: Whether supports of unequal sizes are tried too.

    Returns:
        Equilibria in float64; a mixture is zero outside its support and at least `TOLERANCE` on it.
    """
    wide = game.double()
    # Each player's payoffs on [0, 1]: equilibria stay the same and one tolerance does for all games.
    low, high = wide.amin((-3, -2), keepdim=True), wide.amax((-3, -2), keepdim=True)
    wide = (wide - low) / torch.where(high > low, high - low, 1.0)
    m, k = wide.shape[-3:-1]
    found = [_on(wide, rows, columns) for rows, columns in _supports(m, k, unequal)]
    rows, columns, hold = zip(*found, strict=True)
    return Equilibria(torch.stack(rows, -2), torch.stack(columns, -2), torch.stack(hold, -1))


def _supports(m: int, k: int, unequal: bool) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    for a in range(1, m + 1):
        for b in range(1, k + 1):
            if a == b or unequal:
                for rows in combinations(range(m), a):
                    for columns in combinations(range(k), b):
                        yield rows, columns


def _on(game: Tensor, rows: tuple[int, ...], columns: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The equilibrium with exactly these supports: mixtures [..., m], [..., k] and whether it is one [...]."""
    first, second = game[..., 0], game[..., 1].transpose(-2, -1)
    column, value_1, ok_1 = _indifferent(first, rows, columns)
    row, value_2, ok_2 = _indifferent(second, columns, rows)
    best_1 = (first * column.unsqueeze(-2)).sum(-1).amax(-1) <= value_1 + TOLERANCE
    best_2 = (second * row.unsqueeze(-2)).sum(-1).amax(-1) <= value_2 + TOLERANCE
    found = ok_1 & ok_2 & best_1 & best_2
    return row * found.unsqueeze(-1), column * found.unsqueeze(-1), found


def _indifferent(own: Tensor, acts: tuple[int, ...], mixed: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The other player's mixture over `mixed` that leaves `acts` equally good: mixture, value, whether it exists.

    Args:
        own: [..., acts, other's acts], the player's payoffs.
        acts: Its support.
        mixed: The other's support.
    """
    device, size = own.device, len(mixed)
    part = own[..., torch.tensor(acts, device=device), :][..., torch.tensor(mixed, device=device)]
    if size == 1 and len(acts) == 1:
        weights, value = torch.ones_like(part[..., 0, :]), part[..., 0, 0]
        fits = torch.ones_like(value, dtype=torch.bool)
    else:
        ones = torch.ones_like(part[..., :1, :])
        left = torch.cat((part, ones), -2)
        minus = torch.cat((-torch.ones_like(part[..., :1]), torch.zeros_like(ones[..., :1])), -2)
        left = torch.cat((left, minus), -1)
        right = torch.zeros_like(left[..., 0])
        right[..., -1] = 1.0
        if len(acts) == size:
            solved, info = torch.linalg.solve_ex(left, right.unsqueeze(-1))
            fits = info == 0
        else:
            solved = torch.linalg.pinv(left) @ right.unsqueeze(-1)
            fits = ((left @ solved).squeeze(-1) - right).abs().amax(-1) < TOLERANCE
        solved = solved.squeeze(-1)
        weights, value = solved[..., :-1], solved[..., -1]
        fits = fits & torch.isfinite(solved).all(-1) & (weights > TOLERANCE).all(-1)
        weights = torch.where(fits.unsqueeze(-1), weights, 0.0)
        value = torch.where(fits, value, 0.0)
    full = torch.zeros_like(own[..., 0, :])
    full[..., torch.tensor(mixed, device=device)] = weights
    return full, value, fits
