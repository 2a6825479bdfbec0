"""The kernel of a round of games: who meets whom, what each is paid, and how often each cell was played."""

import numpy as np
import torch
from numba import float32 as f32
from numba import int64 as i64
from numba import uint8 as u8
from numba import uint64 as u64
from torch import Tensor

from populace.kernels.building import flat, kernel
from populace.kernels.threads import spread

F32, I64, U8 = torch.float32, torch.int64, torch.uint8


@kernel(F32, I64, U8, I64, F32, F32, F32, *[int] * 5, int, int)
def _play(
    game_at: int, game_n: int, act_at: int, act_n: int, there_at: int, there_n: int, place_at: int, place_n: int,
    payoff_at: int, payoff_n: int, faced_at: int, faced_n: int, shares_at: int, shares_n: int,
    users: int, players: int, acts: int, cells: int, joint: int, first: int, last: int,
) -> None:  # fmt: skip
    """Worlds [first, last): game [worlds, cells, players]; act, there, payoff [worlds, users]; faced [worlds, users,
    joint]; shares [worlds, cells]. Groups are neighbours in `place` [worlds, users], or without it in the seats.
    """
    game, act, there = flat(game_at, game_n, f32), flat(act_at, act_n, i64), flat(there_at, there_n, u8)
    place, payoff = flat(place_at, place_n, i64), flat(payoff_at, payoff_n, f32)
    faced, shares = flat(faced_at, faced_n, f32), flat(shares_at, shares_n, f32)
    member, chosen, tally = np.zeros(players, np.int64), np.zeros(players, np.int64), np.zeros(cells, np.int64)
    for w in range(first, last):
        tally[:] = 0
        groups, row = 0, w * users
        for i in range(row * joint, (row + users) * joint):
            faced[u64(i)] = f32(0.0)
        for start in range(row, row + users, players):
            cell, whole = 0, True
            for p in range(players):
                seat = row + place[u64(start + p)] if place_n else start + p
                member[p], chosen[p] = seat, act[u64(seat)]
                cell = cell * acts + chosen[p]
                whole = whole and there[u64(seat)] != 0
            for p in range(players):
                met = 0
                for other in range(players):
                    if other != p:
                        met = met * acts + chosen[other]
                payoff[u64(member[p])] = game[u64((w * cells + cell) * players + p)]
                faced[u64(member[p] * joint + met)] = f32(1.0)
            if whole:
                tally[u64(cell)] += 1
                groups += 1
        for c in range(cells):
            shares[u64(w * cells + c)] = f32(tally[c]) / f32(groups)


def play(game: Tensor, act: Tensor, there: Tensor, players: int, acts: int, place: Tensor | None) -> tuple[Tensor, ...]:
    """Payoffs [worlds, seats], faced [worlds, seats, joint] and shares [worlds, cells] of the groups played whole.

    Args:
        game: [worlds, cells, players].
        act: [worlds, seats] int64.
        there: [worlds, seats] bool, who gave an act.
        players: Of a game; the seats of a group are neighbours.
        acts: Of each player.
        place: [worlds, seats] int64, which seat stands at each place, or None: each at its own.
    """
    worlds, cells = game.shape[:2]
    joint = acts ** (players - 1)
    payoff = game.new_empty(act.shape)
    faced, shares = game.new_empty((*act.shape, joint)), game.new_empty((worlds, cells))
    spread(
        _play, worlds, act.numel() * 4, game.contiguous(), act.contiguous(), there.contiguous().view(torch.uint8),
        None if place is None else place.contiguous(), payoff, faced, shares, act.shape[1], players, acts, cells, joint,
    )  # fmt: skip
    return payoff, faced, shares
