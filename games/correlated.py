"""Correlated equilibria and commitment to a mixture, by batched linear programming."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.games.linear import maximise


@dataclass(frozen=True)
class Correlated:
    """chance: [..., *acts] float64, of each cell; payoffs: [..., n] float64, expected."""

    chance: Tensor
    payoffs: Tensor


def incentives(game: Tensor) -> Tensor:
    """What a player would gain by deviating, [..., deviations, cells] float64.

    A row for each player, each act it is told and each other act it might take instead: the gain in every cell in which
    it is told the first (Aumann 1974). A lottery over cells is a correlated equilibrium if no row's mean is positive.
    """
    players = game.shape[-1]
    lead = game.shape[: -players - 1]
    acts = game.shape[-players - 1 : -1]
    wide = game.double()
    rows = []
    for player in range(players):
        own = wide[..., player].movedim(player - players, -1)
        for told in range(acts[player]):
            for instead in range(acts[player]):
                if told == instead:
                    continue
                gain = torch.zeros_like(own)
                gain[..., told] = own[..., instead] - own[..., told]
                rows.append(gain.movedim(-1, player - players).reshape(*lead, -1))
    return torch.stack(rows, -2)


def correlated_equilibrium(game: Tensor, weights: Tensor | None = None) -> Correlated:
    """The correlated equilibrium that maximises a weighted sum of payoffs. Any number of players.

    Args:
        game: [..., acts of player 1, ..., acts of player n, n].
        weights: [n], what a player's payoff counts; default 1 for all (the best for society).
    """
    players = game.shape[-1]
    acts = game.shape[-players - 1 : -1]
    wide = game.double()
    worth = wide.sum(-1) if weights is None else (wide * weights.double()).sum(-1)
    worth = worth.flatten(-players)
    # Probabilities sum to at most 1; as worth is made positive and the rest is a cone, they sum to 1 at the optimum.
    worth = _rescaled(worth, (-1,)) + 1.0
    # Equilibria do not depend on units: in [0, 1], what counts as zero is the same for pennies and for billions.
    limits = incentives(_rescaled(wide, tuple(range(-players - 1, -1))))
    limits = torch.cat((limits, torch.ones_like(limits[..., :1, :])), -2)
    bounds = torch.zeros_like(limits[..., 0])
    bounds[..., -1] = 1.0
    chance = maximise(worth, limits, bounds).x
    payoffs = (wide.flatten(-players - 1, -2) * chance.unsqueeze(-1)).sum(-2)
    return Correlated(chance.unflatten(-1, acts), payoffs)


def _rescaled(x: Tensor, over: tuple[int, ...]) -> Tensor:
    """Numbers brought into [0, 1] over some dimensions; all 0 where they are alike."""
    low, high = x.amin(over, keepdim=True), x.amax(over, keepdim=True)
    return (x - low) / torch.where(high > low, high - low, 1.0)


def correlated_gain(game: Tensor, chance: Tensor) -> Tensor:
    """The largest mean gain any player has from disobeying a recommendation, [...]: 0 in correlated equilibrium."""
    players = game.shape[-1]
    return (incentives(game) * chance.flatten(-players).unsqueeze(-2)).sum(-1).amax(-1)


@dataclass(frozen=True)
class Commitment:
    """leader: [..., acts] float64 mixture; follower: [...] int64 act; payoffs: [..., 2] in the game's order."""

    leader: Tensor
    follower: Tensor
    payoffs: Tensor


def stackelberg_mixed(game: Tensor, leader: int = 0) -> Commitment:
    """Optimal commitment to a mixture by one of two players; the follower favours the leader where indifferent.

    One linear programme a reply of the follower, the best of them taken (Conitzer and Sandholm 2006).

    Args:
        game: [..., m, k, 2].
        leader: 0 for player 1, 1 for player 2.
    """
    led = (game if leader == 0 else game.transpose(-3, -2)).double()
    own, follower = led[..., leader], led[..., 1 - leader]
    floor = own.amin((-2, -1), keepdim=True) - 1.0
    mixtures, values = [], []
    for k in range(led.shape[-2]):
        others = follower - follower[..., k].unsqueeze(-1)
        limits = torch.cat((others.transpose(-2, -1), torch.ones_like(others[..., 0]).unsqueeze(-2)), -2)
        bounds = torch.zeros_like(limits[..., 0])
        bounds[..., -1] = 1.0
        best = maximise((own - floor)[..., k], limits, bounds)
        mixtures.append(best.x)
        values.append(best.value)
    reply = torch.stack(values, -1).argmax(-1)
    pick = reply.unsqueeze(-1).unsqueeze(-1)
    mixture = torch.stack(mixtures, -2)
    mixture = mixture.gather(-2, pick.expand(*reply.shape, 1, mixture.shape[-1])).squeeze(-2)
    column = led.gather(-2, pick.unsqueeze(-1).expand(*led.shape[:-2], 1, 2)).squeeze(-2)
    return Commitment(mixture, reply, (mixture.unsqueeze(-1) * column).sum(-2))
