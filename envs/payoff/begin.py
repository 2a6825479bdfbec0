"""How a payoff world begins: everyone has a first question."""

import torch

from populace.draw import Draw
from populace.envs.payoff import primitives, turns, types
from populace.envs.payoff.options import PayoffOptions
from populace.envs.payoff.state import State
from populace.envs.payoff.talking import Talking
from populace.population import People


def begin(options: PayoffOptions, people: People, draw: Draw, talking: Talking | None = None) -> State:
    """The first state: types from the population, questions drawn, nothing asked; `talking` where there are words."""
    o, users = options, people.size
    kind = types.of(people)
    ambiguity, harmful, spotted = turns.questions(o, users, draw)
    none = torch.zeros_like(people.segment)
    nothing = torch.zeros_like(ambiguity)
    first = State(
        kind=kind,
        segment=people.segment,
        ambiguity=ambiguity,
        harmful=harmful,
        spotted=spotted,
        turn=none,
        finished=none,
        asked=none + 1,
        given=torch.ones_like(harmful),
        heard=none + 1,
        signal=torch.full_like(ambiguity, 0.5),
        act=none + len(primitives.acts(o)),
        outcome=none,
        played=torch.zeros_like(harmful),
        user_welfare=nothing,
        assistant_welfare=nothing,
        tick=none[:, 0].clone(),
    )
    return first if talking is None else talking.begun(first, draw)
