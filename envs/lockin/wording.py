"""What scripts of the lock-in world would have written: the inverse of reading replies."""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from populace.dialogue import Chat

WIDEST = 1400.0
"""Largest size of a log precision that is said: a standard error of 1e304 or 1e-304, about as far as numbers go."""


def estimates(chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
    """An assistant's mean and its standard error, four digits each."""
    means, logs = (actions[name].cpu() for name in ("mean", "log_precision"))
    told = []
    for world, seat in ((chat.world, chat.seat) for chat in chats):
        log = min(max(float(logs[world, seat]), -WIDEST), WIDEST)
        told.append(f"mean: {float(means[world, seat]):.4g}\nsd: {math.exp(-0.5 * log):.4g}")
    return told
