"""Best replies, pure equilibria, classes of games and pure commitment, for batches of normal-form games.

A game is a tensor [..., acts of player 1, ..., acts of player n, n], its last dimension the players' payoffs. For two
players that is [..., m, k, 2]. All functions take any number of leading dimensions.
"""

from typing import Literal

import torch
from torch import Tensor

CLASSES = ("harmony", "stag_hunt", "dilemma", "conflict", "cyclic")
"""Kinds of games by their pure equilibria, see `classify`."""


def best_replies(game: Tensor, tolerance: float = 0.0) -> Tensor:
    """Whether each player's act is a best reply in each cell: [..., acts, n] bool.

    Args:
        game: [..., acts of player 1, ..., acts of player n, n].
        tolerance: What a reply may fall short of the best and still count, in payoff units.
    """
    players = game.shape[-1]
    found = []
    for player in range(players):
        own = game[..., player]
        best = _greatest(own, player - players)
        found.append(own >= (best - tolerance if tolerance else best))
    return torch.stack(found, -1)


def pure_nash(game: Tensor, tolerance: float = 0.0) -> Tensor:
    """The cells that are pure Nash equilibria, in the weak sense: [..., acts] bool. Any number of players."""
    players = game.shape[-1]
    found: Tensor | None = None
    for player in range(players):
        own = game[..., player]
        best = _greatest(own, player - players)
        replies = own >= (best - tolerance if tolerance else best)
        found = replies if found is None else found & replies
    assert found is not None
    return found


def _greatest(x: Tensor, dim: int) -> Tensor:
    """Maximum over a short dimension, kept: entry by entry, which is far faster than a reduction of a few numbers."""
    best = x.narrow(dim, 0, 1)
    for k in range(1, x.shape[dim]):
        best = torch.maximum(best, x.narrow(dim, k, 1))
    return best


def dominated_cells(game: Tensor) -> Tensor:
    """Whether some other cell is as good for all and better for one: [..., acts] bool."""
    players = game.shape[-1]
    shape = game.shape[:-1]
    cells = game.reshape(*game.shape[: -players - 1], -1, players)
    mine, other = cells.unsqueeze(-2), cells.unsqueeze(-3)
    worse = (other >= mine).all(-1) & (other > mine).any(-1)
    return worse.any(-1).reshape(shape)


def pareto(game: Tensor) -> Tensor:
    """The cells on the Pareto frontier: [..., acts] bool."""
    return ~dominated_cells(game)


def classify(game: Tensor) -> Tensor:
    """The class of each game, [...] int64 index into `CLASSES`.

    By pure equilibria, so that games of any shape can be told apart (assumed; symmetric 2 x 2 games fall
    where the textbooks put them):
    `dilemma`: all equilibria are Pareto-dominated. `stag_hunt`: several, and an undominated one is better for all than
    another. `harmony`: none is dominated and they pay everyone the same (so a single efficient one). `conflict`:
    several that players rank differently, such as chicken and battle of the sexes. `cyclic`: no pure equilibrium.
    """
    players = game.shape[-1]
    cells = game.reshape(*game.shape[: -players - 1], -1, players)
    nash = pure_nash(game).flatten(-players)
    efficient = pareto(game).flatten(-players)
    any_nash, good = nash.any(-1), (nash & efficient).any(-1)
    both = nash.unsqueeze(-1) & nash.unsqueeze(-2)
    mine, other = cells.unsqueeze(-2), cells.unsqueeze(-3)
    ranked = ((other >= mine).all(-1) & (other > mine).any(-1) & both).flatten(-2).any(-1)
    split = ((other != mine).any(-1) & both).flatten(-2).any(-1)
    found = torch.where(split, 3, 0)
    found = torch.where(ranked, 1, found)
    found = torch.where(~good, 2, found)
    return torch.where(any_nash, found, 4)


def shares(kinds: Tensor) -> Tensor:
    """Share of each class: kinds [..., games] -> [..., classes] float32."""
    return torch.stack([(kinds == k).float().mean(-1) for k in range(len(CLASSES))], -1)


def stackelberg(
    game: Tensor, leader: int = 0, favour: Literal["leader", "against"] = "leader"
) -> tuple[Tensor, Tensor, Tensor]:
    """Pure commitment by one of two players: the leader moves first, the follower replies best.

    Args:
        game: [..., m, k, 2].
        leader: 0 for player 1, 1 for player 2.
        favour: Who is favoured where the follower is indifferent: the leader (the strong concept) or not (the weak).

    Returns:
        The leader's act [...], the follower's act [...], and both payoffs [..., 2] in the game's order of players.
    """
    led = game if leader == 0 else game.transpose(-3, -2)
    own, follower = led[..., leader], led[..., 1 - leader]
    replies = follower >= follower.amax(-1, keepdim=True)
    worst = torch.full_like(own, -torch.inf if favour == "leader" else torch.inf)
    open_to = torch.where(replies, own, worst)
    reply = open_to.argmax(-1) if favour == "leader" else open_to.argmin(-1)
    value = open_to.gather(-1, reply.unsqueeze(-1)).squeeze(-1)
    act = value.argmax(-1)
    answer = reply.gather(-1, act.unsqueeze(-1)).squeeze(-1)
    cells = led.flatten(-3, -2)
    place = (act * led.shape[-2] + answer).unsqueeze(-1).unsqueeze(-1).expand(*act.shape, 1, 2)
    return act, answer, cells.gather(-2, place).squeeze(-2)
