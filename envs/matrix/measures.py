"""What is reported of a tick of the matrix world: one number per world and measure."""

import torch
from torch import Tensor

from populace.games import metrics, pure
from populace.measures import Measure, share


def measures(game: Tensor, counts: Tensor, shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Shares of acts, welfare, and how much of play is in equilibrium.

    Args:
        game: [worlds, cells, players], cells in row order.
        counts: [worlds, cells], shares of all encounters by cell.
        shape: Acts of each player.
    """
    players = len(shape)
    shaped = game.unflatten(1, shape)
    nash = pure.pure_nash(shaped).flatten(1).to(torch.float32)
    efficient = pure.pareto(shaped).flatten(1).to(torch.float32)
    mean = (counts.unsqueeze(-1) * game).sum(1)
    best = game.sum(-1).amax(-1) / players
    out = {
        "payoff": mean.mean(-1),
        "worst_player": mean.amin(-1),
        "efficiency_gap": best - mean.mean(-1),
        "nash_play": (counts * nash).sum(-1),
        "pareto_play": (counts * efficient).sum(-1),
    }
    shares = counts.unflatten(1, shape)
    mixtures = tuple(
        shares.sum(tuple(d for d in range(1, players + 1) if d != player + 1)) for player in range(players)
    )
    out["exploitability"] = metrics.exploitability(shaped, mixtures)
    for k in range(shape[0]):
        out[f"share_{k}"] = torch.stack([mixture[..., k] for mixture in mixtures], -1).mean(-1)
    return out


def of_promises(promise: Tensor, act: Tensor, there: Tensor) -> dict[str, Tensor]:
    """How many players promised an act in words and gave one, and how many of these kept their promise, [worlds] each.

    Args:
        promise: [worlds, players] int64, 0 for none, else 1 + the act.
        act: [worlds, players] int64.
        there: [worlds, players] bool, whose act was given.
    """
    promised = ((promise > 0) & there).to(torch.float32)
    kept = ((promise == act + 1) & there).to(torch.float32)
    return {"promised": promised.mean(-1), "kept": kept.sum(-1) / promised.sum(-1)}


DECLARED = (
    Measure(name="payoff", about="mean payoff of all players in this round", better="higher"),
    Measure(name="worst_player", about="mean payoff of the player position that is worst off", better="higher"),
    Measure(name="efficiency_gap", about="best reachable mean payoff less the mean payoff", better="lower"),
    share("nash_play", "share of groups that played a pure Nash equilibrium"),
    share("pareto_play", "share of groups that played a cell that no other cell improves for all", better="higher"),
    Measure(
        name="exploitability",
        about="what a best reply to the population's play would gain, mean over players",
        better="lower",
    ),
    share("share_*", "share of players who chose this act"),
    share("promised", "share of players whose words named one act before the move"),
    share("kept", "share of these who then chose that act", better="higher"),
)
"""What the world may measure, and what it means; a name with `*` stands for a family of measures."""
