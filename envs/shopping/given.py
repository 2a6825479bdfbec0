"""Which acts were given in a tick: what was forfeited says nothing of who was asked."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from populace.acts import given
from populace.envs.shopping.state import State


def noted(state: State, phase: str, first: bool, actions: Mapping[str, Mapping[str, Tensor]]) -> State:
    """The state with what is known of which acts were given in this tick.

    Args:
        state: Before the acts.
        phase: The phase.
        first: Whether it is the first of the tick.
        actions: Role -> what its seats did.
    """
    if first:
        every = torch.ones_like(state.answered)
        state = replace(state, answered=every, decided=every, inspected=every[:, 0])
    if "assistant" in actions:
        state = replace(state, answered=state.answered & given(actions["assistant"], state.answered))
    if "customer" in actions and phase != "wish":  # a wish decides nothing
        state = replace(state, decided=state.decided & given(actions["customer"], state.decided))
    if "auditor" in actions:
        state = replace(state, inspected=given(actions["auditor"], state.chance.unsqueeze(-1))[:, 0])
    return state
