"""How a drift world begins: everybody is here, nothing is said, and some users are biased."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.drift.options import DriftOptions
from populace.envs.drift.state import State
from populace.envs.drift.talking import Talking
from populace.population import Census, People


def begin(options: DriftOptions, census: Census, people: People, draw: Draw, talking: Talking | None = None) -> State:
    """The first state; `talking` is the world's where it has words."""
    o, device = options, draw.device
    worlds, size = people.segment.shape
    seats = size + o.probes
    no = torch.zeros((worlds, seats), dtype=torch.bool, device=device)
    zero = torch.zeros((worlds, seats), dtype=torch.int64, device=device)
    level = torch.zeros((worlds, size), device=device, dtype=torch.float32)
    return State(
        biased=types(options, census, people, draw),
        here=~no[:, :size],
        exposure=level,
        deceived=no[:, :size],
        turn=torch.zeros(worlds, dtype=torch.int64, device=device),
        topic=zero,
        cue=zero,
        truth=no,
        belief=no,
        known=no,
        checkable=no,
        act=zero,
        stance=zero,
        felt=level,
        rating=level,
        leaving=no[:, :size],
        suspicion=level if o.audit_budget > 0 else None,
        answered=no,
        rated=no[:, :size],
        spoken=no[:, 0],
        **({} if talking is None else talking.nothing(zero)),
    )


def types(options: DriftOptions, census: Census, people: People, draw: Draw) -> Tensor:
    """Who is biased, [worlds, users] bool: by the segment `biased` where there is one, or by `biased_share`."""
    if "biased" in census.segments:
        return people.segment == census.segments.index("biased")
    worlds, size = people.segment.shape
    if options.exact_share:
        place = (torch.arange(size, device=draw.device, dtype=torch.float32) + 0.5) / size
        return (place < options.biased_share).expand(worlds, -1)
    return draw.uniform("type", size) < options.biased_share
