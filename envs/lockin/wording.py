"""What scripts of the lock-in world would have written: the inverse of reading replies."""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from populace.dialogue import Chat

WIDEST = 1400.0
"""Largest size of a log precision that is said: a standard error of 1e304 or 1e-304, about as far as numbers go."""


def estimates(chats: Sequence[Chat], actions: Mapping[str, Tensor], lines: tuple[str, str]) -> list[str]:
    """An assistant's mean and its standard error, four digits each, in lines that begin with these words."""
    means, logs = (actions[name].cpu() for name in ("mean", "log_precision"))
    told = []
    for world, seat in ((chat.world, chat.seat) for chat in chats):
        log = min(max(float(logs[world, seat]), -WIDEST), WIDEST)
        told.append(f"{lines[0]}: {float(means[world, seat]):.4g}\n{lines[1]}: {math.exp(-0.5 * log):.4g}")
    return told
