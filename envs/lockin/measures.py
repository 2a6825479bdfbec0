"""What is reported of the lock-in world: one number per world and measure."""

import math

import torch
from torch import Tensor

from populace.envs.lockin.beliefs import NOTHING
from populace.envs.lockin.state import State
from populace.measures import Measure
from populace.numerics import mean, mean_of


def measures(state: State, truth: float) -> dict[str, Tensor]:
    """Beliefs and errors against `truth`, the quantity everyone estimates; NaN before an assistant spoke."""
    spoke = state.assistant.log_precision > NOTHING / 2
    belief = torch.where(spoke, state.assistant.mean, math.nan)
    error = belief - truth
    claimed = torch.where(spoke, torch.exp(-0.5 * state.assistant.log_precision), math.nan)
    missed = torch.where(spoke, (error.abs() > 2.0 * claimed).double(), math.nan)
    off = state.public.mean - mean(state.public.mean).unsqueeze(-1)
    found = {
        "assistant_mean": mean_of(belief, spoke),
        "assistant_error": mean_of(error.abs(), spoke),
        "claimed_sd": mean_of(claimed, spoke),
        "overconfident": mean_of(missed, spoke),
        "diversity": torch.sqrt(mean(off * off)),
        "human_error": mean((state.public.mean - truth).abs()),
    }
    return {name: value.float() for name, value in found.items()}


DECLARED = (
    Measure(
        name="assistant_mean",
        about="what the assistant believes the true value to be",
        kind="stock",
    ),
    Measure(
        name="assistant_error",
        about="distance of the assistant's belief from the truth",
        kind="stock",
        low=0.0,
        better="lower",
    ),
    Measure(
        name="claimed_sd",
        about="standard deviation that the assistant claims for its belief: how unsure it thinks it is",
        kind="stock",
        low=0.0,
    ),
    Measure(
        name="overconfident",
        about="share of assistants that miss the truth by more than twice what they claim",
        kind="stock",
        unit="share",
        low=0.0,
        high=1.0,
        better="lower",
    ),
    Measure(
        name="diversity",
        about="standard deviation of people's public beliefs: 0 if all hold the same",
        kind="stock",
        low=0.0,
    ),
    Measure(
        name="human_error",
        about="mean distance of people's public beliefs from the truth",
        kind="stock",
        low=0.0,
        better="lower",
    ),
)
"""What the world measures, and what it means."""
