"""How an agency world begins: types are drawn, nothing is offered, and everyone is trusted."""

import torch

from populace.draw import Draw
from populace.envs.agency.games import GAMES
from populace.envs.agency.options import AgencyOptions
from populace.envs.agency.state import State
from populace.population import People


def begin(options: AgencyOptions, people: People, draw: Draw) -> State:
    """The first state; the market shows the option `price`."""
    kind = GAMES[options.game](options).kind(people.size, draw)
    zero = torch.zeros_like(kind)
    return State(
        kind=kind,
        terms=zero.unsqueeze(-1).expand(-1, -1, 4).contiguous(),
        move=zero,
        given=zero == 0,
        signal=torch.full((draw.worlds, 1), options.price, device=draw.device, dtype=torch.float32),
        trusted=torch.ones_like(kind),
        weight=torch.ones(draw.worlds, device=draw.device, dtype=torch.float32),
        earned=zero,
        played=zero > 0,
        explanation=zero.to(torch.int64) if options.talk else None,
        words=zero.to(torch.int64) if options.talk else None,
    )
