"""TorchRL: the bridge's native environment beside TorchRL's own wrapper of the PettingZoo view, on the same world."""

import logging
from typing import Any

import torch

from benchmarks.timing import Row, per_second
from populace.envs import views

WORLD = "populace/coevolution-v0"
USERS, STEPS = 20, 20


def rows() -> list[Row]:
    """Frames a second; a frame is one decision of one seat in one world."""
    logging.disable(logging.WARNING)
    from torchrl.envs.libs.pettingzoo import PettingZooWrapper

    from populace.envs.bridges import torchrl

    def rate(env: Any, frames: int, **reset: Any) -> float:
        data = env.reset(**reset)

        def play() -> None:
            nonlocal data
            for _ in range(STEPS):
                _, data = env.step_and_maybe_reset(env.rand_action(data))

        return per_second(play, frames * STEPS, 3.0)

    parallel = views.parallel_env(WORLD, users=USERS, focal="assistant", flat=True, acts={"assistant": ["position"]})
    wrapped = rate(PettingZooWrapper(parallel, use_mask=False), 1)
    found: list[Row] = [("TorchRL's PettingZooWrapper, 1 world", wrapped, "frames/s", f"{USERS} users, one assistant")]
    for worlds in (1, 64, 1024):
        env = torchrl.env(WORLD, worlds, users=USERS, acts=("position",))
        torch.manual_seed(0)
        native = rate(env, worlds)
        found.append((f"native, {worlds:,} worlds", native, "frames/s", f"{native / wrapped:,.1f} times the wrapper"))
    return found
