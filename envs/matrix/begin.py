"""How a matrix world begins: the game of each world, and nobody has played."""

import math

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.matrix.options import MatrixOptions
from populace.envs.matrix.state import State
from populace.population import People


def begin(options: MatrixOptions, people: People, draw: Draw) -> State:
    """The first state: the game that all worlds share, or one drawn for each."""
    worlds, users, device = len(people.values), people.size, people.values.device
    acts, table = options.acts, options.table()
    if table is None:
        game = filled(draw.normal("game", math.prod(acts), len(acts)).unflatten(1, acts), acts)
    else:
        game = filled(table.to(device, torch.float32).unsqueeze(0), acts).expand(worlds, -1, -1)
    seats = torch.zeros((worlds, users), dtype=torch.int64, device=device)
    return State(
        game=game,
        act=seats + options.shape[0],
        given=torch.ones((worlds, users), dtype=torch.bool, device=device),
        faced=torch.zeros((worlds, users, options.joint), device=device, dtype=torch.float32),
        payoff=torch.zeros((worlds, users), device=device, dtype=torch.float32),
        model=models(options, users, draw),
        tick=torch.zeros(worlds, dtype=torch.int64, device=device),
        message=seats if options.talk else None,
        promise=seats if options.talk else None,
        network=people.network,
    )


def filled(game: Tensor, acts: tuple[int, ...]) -> Tensor:
    """[worlds, *acts, n] -> [worlds, cells, n]: acts beyond a player's own number repeat its last one."""
    most = max(acts)
    for dim, own in enumerate(acts, 1):
        if own < most:
            game = game.index_select(dim, torch.arange(most, device=game.device).clamp(max=own - 1))
    return game.flatten(1, -2)


def models(options: MatrixOptions, users: int, draw: Draw) -> Tensor | None:
    """Whose act and payoff each player sees next, [worlds, users] int64, or None."""
    return draw.integers("model", 0, users, users) if options.models else None
