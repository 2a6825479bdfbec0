"""What is reported of the lock-in world: one number per world and measure."""

import math

import torch
from torch import Tensor

from populace.envs.lockin.beliefs import NOTHING
from populace.envs.lockin.state import State
from populace.numerics import mean


def measures(state: State, truth: float) -> dict[str, Tensor]:
    """Beliefs and errors against `truth`, the quantity everyone estimates; NaN before the assistant spoke."""
    spoke = state.assistant.log_precision > NOTHING / 2
    belief = torch.where(spoke, state.assistant.mean, math.nan)
    error = belief - truth
    claimed = torch.where(spoke, torch.exp(-0.5 * state.assistant.log_precision), math.nan)
    missed = torch.where(spoke, (error.abs() > 2.0 * claimed).double(), math.nan)
    off = state.public.mean - mean(state.public.mean).unsqueeze(-1)
    found = {
        "assistant_mean": belief.mean(-1),
        "assistant_error": error.abs().mean(-1),
        "claimed_sd": claimed.mean(-1),
        "overconfident": missed.mean(-1),
        "diversity": torch.sqrt(mean(off * off)),
        "human_error": mean((state.public.mean - truth).abs()),
    }
    return {name: value.float() for name, value in found.items()}
