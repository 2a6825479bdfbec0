"""A conformance check for Gymnasium vector environments, which Gymnasium itself does not have."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from populace.envs.views.lazy import Array
from populace.testing.tools import CheckFailed

Make = Callable[[int], "VectorEnv[Any, Any, Any]"]
Record = list[tuple[object, Array, Array, Array, dict[str, Any]]]


def check_vector_env(make: Make, *, num_envs: int = 4, steps: int = 40, seed: int = 0) -> None:
    """Check a vector environment: spaces, determinism, independence of `num_envs`, and autoreset.

    Where autoreset is disabled, environments whose episode ended are reset by `reset_mask` before the next step.

    Args:
        make: `make(n)` gives a fresh environment of n sub-environments; episodes must end within `steps`.
        num_envs: Sub-environments of the smaller batch; the larger has four times as many.
        steps: Steps to play.
        seed: The seed.

    Raises:
        CheckFailed: The first thing found wrong.
    """
    small, actions = make(num_envs), _actions(make(4 * num_envs), steps, seed)
    mine = [_part(a, num_envs) for a in actions]
    first = _play(small, mine, seed)
    _spaces(small, first, num_envs)
    _same(first, _play(make(num_envs), mine, seed), "two environments with the same seed differ")
    _same(first, _play(small, mine, seed), "a second reset with the same seed does not give the first episode again")
    other = _play(make(num_envs), mine, seed + 1)
    if all(_equal(x, y) for a, b in zip(first, other, strict=True) for x, y in zip(a[:4], b[:4], strict=True)):
        raise CheckFailed("different seeds give the same episodes: reset(seed=...) must have an effect")
    wide = _play(make(4 * num_envs), actions, seed)
    cut = [tuple(_part(x, num_envs) for x in step[:4]) for step in wide]
    for t, (a, b) in enumerate(zip(first, cut, strict=True)):
        for what, x, y in zip(("observations", "rewards", "terminations", "truncations"), a, b, strict=False):
            if not _equal(x, y):
                raise CheckFailed(
                    f"step {t}: the {what} of the first {num_envs} environments depend on num_envs "
                    f"({num_envs} or {4 * num_envs}); a sub-environment must not notice its neighbours"
                )
    _autoreset(small, first)


def _actions(env: "VectorEnv[Any, Any, Any]", steps: int, seed: int) -> list[Any]:
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(steps)]


def _play(env: "VectorEnv[Any, Any, Any]", actions: list[Any], seed: int) -> Record:
    observation, infos = env.reset(seed=seed)
    n = env.num_envs
    record: Record = [(observation, np.zeros(n), np.zeros(n, np.bool_), np.zeros(n, np.bool_), infos)]
    for action in actions:
        over = record[-1][2] | record[-1][3]
        if env.metadata.get("autoreset_mode") == AutoresetMode.DISABLED and over.any():
            env.reset(options={"reset_mask": over})
        record.append(env.step(action))
    return record


def _spaces(env: "VectorEnv[Any, Any, Any]", record: Record, n: int) -> None:
    for t, (observation, rewards, ended, cut, infos) in enumerate(record):
        if not env.observation_space.contains(observation):
            raise CheckFailed(f"step {t}: the observation is not in observation_space {env.observation_space}")
        if t and (rewards.shape != (n,) or rewards.dtype.kind != "f" or not np.isfinite(rewards).all()):
            raise CheckFailed(f"step {t}: rewards must be finite floats [{n}], got {rewards.dtype}{rewards.shape}")
        for name, flags in (("terminations", ended), ("truncations", cut)):
            if flags.shape != (n,) or flags.dtype != np.bool_:
                raise CheckFailed(f"step {t}: {name} must be bool [{n}], got {flags.dtype}{flags.shape}")
        if (ended & cut).any():
            raise CheckFailed(f"step {t}: an environment is both terminated and truncated; termination comes first")
        for name in infos:
            if not name.startswith("_") and f"_{name}" not in infos:
                raise CheckFailed(f"step {t}: infos has {name!r} but no mask '_{name}'")


def _autoreset(env: "VectorEnv[Any, Any, Any]", record: Record) -> None:
    mode = env.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise CheckFailed(f"metadata['autoreset_mode'] is {mode!r}; expected a gymnasium.vector.AutoresetMode")
    if not any((ended | cut).any() for _, _, ended, cut, _ in record):
        raise CheckFailed("no episode ended: give more steps, or a shorter horizon, so that autoreset can be checked")
    for t, (_, _, ended, cut, infos) in enumerate(record):
        over = ended | cut
        if mode == AutoresetMode.SAME_STEP:
            has = infos.get("_final_obs", np.zeros_like(over))
            if (has != over).any():
                raise CheckFailed(f"step {t}: same-step autoreset must give final_obs exactly where an episode ended")
            for i in np.flatnonzero(over):
                if not env.single_observation_space.contains(infos["final_obs"][i]):
                    raise CheckFailed(f"step {t}: final_obs[{i}] is not in single_observation_space")
        elif mode == AutoresetMode.NEXT_STEP and t + 1 < len(record):
            _, rewards, ended_next, cut_next, _ = record[t + 1]
            if (rewards[over] != 0).any() or (ended_next | cut_next)[over].any():
                raise CheckFailed(f"step {t + 1}: a step that only resets must have reward 0 and end nothing")


def _same(a: Record, b: Record, fault: str) -> None:
    for t, (x, y) in enumerate(zip(a, b, strict=True)):
        if not all(_equal(u, v) for u, v in zip(x[:4], y[:4], strict=True)):
            raise CheckFailed(
                f"step {t}: {fault}; draw all random numbers from the seed and keep no state between resets"
            )


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[name], b[name]) for name in a)
    return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f"))


def _part(batch: Any, n: int) -> Any:
    if isinstance(batch, dict):
        return {name: _part(column, n) for name, column in batch.items()}
    return batch[:n]
