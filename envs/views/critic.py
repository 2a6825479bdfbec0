"""The whole state of a world as one vector, for central critics."""

import numpy as np
import torch
from gymnasium import spaces

from populace import tree
from populace.envs.views.lazy import Array
from populace.fields import LIMIT
from populace.run import Run


def vector(run: Run) -> Array:
    """All numbers of the state of world 0, ground truth included, float32 [numbers].

    They are finite: what is infinite or beyond is +-LIMIT, and what is undefined is 0.
    """
    parts = [tensor[0].reshape(-1).float().cpu() for tensor in tree.tensors(run.state, shared=False)]
    if not parts:
        return np.zeros(0, np.float32)
    return torch.cat(parts).nan_to_num(nan=0.0).clamp(-LIMIT, LIMIT).numpy()


def space(run: Run) -> spaces.Box:
    """The space of `vector`."""
    return spaces.Box(-LIMIT, LIMIT, vector(run).shape, np.float32)
