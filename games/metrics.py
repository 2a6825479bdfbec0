"""How far play is from equilibrium and from the best society could have; and what a stated game is worth."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.games.pure import pure_nash


def deviations(game: Tensor, mixtures: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
    """What each pure act would pay each player against the others' mixtures, and what their own mixture pays.

    Args:
        game: [..., acts of player 1, ..., acts of player n, n].
        mixtures: For each player [..., acts].

    Returns:
        For each player [..., acts], and the expected payoffs [..., n].
    """
    players = game.shape[-1]
    each, expected = [], []
    for player in range(players):
        left = game[..., player].movedim(player - players, -players)
        others = [other for other in range(players) if other != player]
        while others:
            weight = mixtures[others.pop()]
            between = [1] * (len(others) + 1)
            left = (left * weight.reshape(*weight.shape[:-1], *between, weight.shape[-1])).sum(-1)
        each.append(left)
        expected.append((left * mixtures[player]).sum(-1))
    return tuple(each), torch.stack(expected, -1)


def gains(game: Tensor, mixtures: tuple[Tensor, ...]) -> Tensor:
    """What each player could gain by its best deviation, [..., n] >= 0."""
    each, expected = deviations(game, mixtures)
    return torch.stack([acts.amax(-1) for acts in each], -1) - expected


def nash_conv(game: Tensor, mixtures: tuple[Tensor, ...]) -> Tensor:
    """The sum of all players' best deviations, [...]; 0 exactly in Nash equilibrium (Lanctot et al. 2017)."""
    return gains(game, mixtures).sum(-1)


def exploitability(game: Tensor, mixtures: tuple[Tensor, ...]) -> Tensor:
    """`nash_conv` a player, [...]."""
    return nash_conv(game, mixtures) / game.shape[-1]


def regret(game: Tensor, acts: Tensor) -> Tensor:
    """What each player missed by not playing the best act, [..., n]; acts [..., n] int64 is the cell played."""
    players = game.shape[-1]
    mixtures = tuple(
        torch.nn.functional.one_hot(acts[..., player], game.shape[player - players - 1]).to(game.dtype)
        for player in range(players)
    )
    return gains(game, mixtures)


def price_of_anarchy(game: Tensor) -> Tensor:
    """The largest sum of payoffs over that of the worst pure equilibrium, [...].

    NaN where there is no pure equilibrium or where that sum is not positive, as the ratio then says nothing.
    """
    players = game.shape[-1]
    sums = game.sum(-1)
    worst = torch.where(pure_nash(game), sums, torch.inf).flatten(-players).amin(-1)
    best = sums.flatten(-players).amax(-1)
    return torch.where((worst > 0) & torch.isfinite(worst), best / worst, torch.nan)


def worst_type(welfare: Tensor, kind: Tensor, kinds: int) -> Tensor:
    """The mean welfare of the worst-off type present: welfare and kind [worlds, users] -> [worlds]."""
    sums = torch.zeros((len(welfare), kinds), dtype=torch.float64, device=welfare.device)
    count = torch.zeros_like(sums).scatter_add_(1, kind, torch.ones_like(welfare, dtype=torch.float64))
    sums = sums.scatter_add_(1, kind, welfare.double())
    return torch.where(count > 0, sums / count.clamp(min=1.0), torch.inf).amin(-1).to(welfare.dtype)


@dataclass(frozen=True)
class Calibration:
    """How stated payoffs compare with true ones.

    Attributes:
        error: [...] mean absolute difference after the stated numbers are put on the true ones' mean and spread, in
            units of that spread: 0 for any increasing straight line, so that scale and origin are free.
        correlation: [...] of Pearson; NaN where either does not vary.
        hit: [...] share of (asks) rows in which the act stated to be best for the user truly is.
    """

    error: Tensor
    correlation: Tensor
    hit: Tensor


def calibration(stated: Tensor, true: Tensor) -> Calibration:
    """Stated games against true ones, both [..., m, k, 2]; each of the two players' payoffs is compared by itself."""
    a, b = (x.double().flatten(-3, -2) for x in (stated, true))
    a, b = a - a.mean(-2, keepdim=True), b - b.mean(-2, keepdim=True)
    spread_a, spread_b = (x.square().mean(-2, keepdim=True).sqrt() for x in (a, b))
    fixed = (spread_a <= 0) | (spread_b <= 0)
    a, b = a / torch.where(spread_a > 0, spread_a, 1.0), b / torch.where(spread_b > 0, spread_b, 1.0)
    correlation = torch.where(fixed.squeeze(-2), torch.nan, (a * b).mean(-2)).mean(-1)
    meant, best = stated[..., 0].argmax(-1, keepdim=True), true[..., 0].amax(-1)
    hit = (true[..., 0].gather(-1, meant).squeeze(-1) >= best).double().mean(-1)
    return Calibration((a - b).abs().mean((-2, -1)), correlation, hit)


def distinct(stated: Tensor) -> Tensor:
    """How many different games a population stated: [worlds, users, ...] -> [worlds] int64; one decimal counts."""
    rows = torch.round(stated.double() * 10.0).to(torch.int64).flatten(2)
    # A 64-bit polynomial hash a game: two of 10^5 games collide with a chance below 10^-9.
    code = torch.zeros_like(rows[..., 0])
    for column in range(rows.shape[-1]):
        code = (
            (code ^ (code >> 29)) * 6364136223846793005 + rows[..., column] * 2685821657736338717 + 1442695040888963407
        )
    ordered = code.sort(-1).values
    return (ordered[..., 1:] != ordered[..., :-1]).sum(-1) + 1


def copied(stated: Tensor, example: Tensor) -> Tensor:
    """Share of games that repeat the prompt's example: [worlds, users, ...] and [...] -> [worlds]."""
    return copies(stated, example).float().mean(-1)


def copies(stated: Tensor, example: Tensor) -> Tensor:
    """Which games repeat the prompt's example: [worlds, users, ...] and [...] -> [worlds, users] bool."""
    return (torch.round(stated.double() * 10.0) == torch.round(example.double() * 10.0)).flatten(2).all(-1)
