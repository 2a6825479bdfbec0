"""Worlds for stable-baselines3 (and sb3-contrib's MaskablePPO): one seat in many societies as a `VecEnv`.

from stable_baselines3 import PPO
from populace.envs.bridges import sb3
PPO("MlpPolicy", sb3.vec_env("populace/coevolution-v0", num_envs=32, users=20)).learn(50_000)
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from populace.envs import views
from populace.envs.views import VectorView
from populace.envs.views.build import WorldName
from populace.envs.views.layout import MASK
from populace.envs.views.lazy import Array
from populace.errors import MissingExtra, PopulaceError

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError:
    raise MissingExtra("populace.envs.bridges.sb3", "stable-baselines3", "sb3") from None

Indices: TypeAlias = int | Iterable[int] | None
"""Which environments; None for all."""

Seen: TypeAlias = Array | dict[str, Array]
"""Observations of all environments, an array or one for each field."""

_WHOLE = ("reset", "step", "step_async", "step_wait", "close")
"""Methods that are of all environments together."""


class StableBaselines(VecEnv):
    """A `VectorView` with same-step autoreset as a VecEnv.

    Each environment's info holds, besides what stable-baselines3 wants at an episode's end, `action_mask` where options
    can be forbidden. `env_method("action_masks")`, which MaskablePPO calls, gives each environment's own mask.

    Args:
        env: The environments; their actions must be one array, so make them with `flat_actions=True` where the seat
            does several things.
        seed: The seed of a first `reset` that is not preceded by `seed(...)`; None for the environments' own.

    Raises:
        PopulaceError: The environments autoreset otherwise, or an action is a dict.
    """

    def __init__(self, env: VectorView, seed: int | None = None) -> None:
        if env.metadata["autoreset_mode"] != AutoresetMode.SAME_STEP:
            raise PopulaceError(
                f"stable-baselines3 needs autoreset in the same step, but these environments have "
                f"{env.metadata['autoreset_mode']}: make them with autoreset='same_step'"
            )
        if isinstance(env.single_action_space, spaces.Dict):
            raise PopulaceError(
                "stable-baselines3 does not support dicts of actions, and this seat has "
                f"{sorted(env.single_action_space)}: make the environments with flat_actions=True, or acts=(...) of "
                "one field"
            )
        self.env, self._first = env, seed
        self._actions: Any = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> Seen:
        """Begin everywhere: with the seed that was set, or everybody's next episode."""
        seed = self._seeds[0] if self._seeds[0] is not None else self._first
        self._first = None
        observation, infos = self.env.reset(seed=seed)
        self.reset_infos = self._infos(infos)
        self._reset_seeds()
        self._reset_options()
        return observation

    def step_async(self, actions: NDArray[np.generic]) -> None:
        """Take the actions."""
        self._actions = actions

    def step_wait(self) -> tuple[Seen, Array, Array, list[dict[str, Any]]]:
        """Play them; an episode's last observation goes where stable-baselines3 looks for it."""
        observation, rewards, ended, cut, infos = self.env.step(self._actions)
        told = self._infos(infos)
        for i in np.flatnonzero(ended | cut):
            told[i] |= {"terminal_observation": infos["final_obs"][i], "TimeLimit.truncated": bool(cut[i])}
        return observation, rewards, ended | cut, told

    def _infos(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        """An info for each environment: its mask, where there is one."""
        if MASK not in infos:
            return [{} for _ in range(self.num_envs)]
        return [{MASK: mask} for mask in infos[MASK].astype(np.bool_)]

    def close(self) -> None:
        """Nothing is held open."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[object]:
        """An attribute, once for each environment.

        Raises:
            AttributeError: There is none.
        """
        return [getattr(self.env, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: object, indices: Indices = None) -> None:
        """Set an attribute of the batch; `indices` cannot single out some environments."""
        if len(list(self._get_indices(indices))) < self.num_envs:
            raise PopulaceError(f"{attr_name!r} belongs to all environments together: leave indices out")
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *args: object, indices: Indices = None, **keywords: object) -> list[object]:
        """Call a method of the batch once and give each environment its own part of what came back.

        Raises:
            PopulaceError: The method plays or closes all environments together.
            AttributeError: There is no such method.
        """
        if method_name in _WHOLE:
            raise PopulaceError(f"{method_name!r} is of all environments together: call it on the VecEnv itself")
        found = getattr(self.env, method_name)(*args, **keywords)
        shared = not isinstance(found, Sequence | np.ndarray) or isinstance(found, str) or len(found) != self.num_envs
        return [found if shared else found[i] for i in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Indices = None) -> list[bool]:
        """No wrappers here."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[Array | None]:
        """A picture of each environment, with `render_mode="rgb_array"`."""
        return self.env.render() or []


def vec_env(world: WorldName, num_envs: int = 1, *, seed: int = 0, **arguments: Any) -> StableBaselines:
    """Environments of one seat, with `flat_actions=True`.

    Args:
        world: As for `populace.envs.views.vector_env`.
        num_envs: How many.
        seed: The seed of the first reset.
        arguments: The other arguments of `vector_env`.

    Raises:
        PopulaceError: An argument does not fit; the text says why.
    """
    return StableBaselines(views.vector_env(world, num_envs=num_envs, **{"flat_actions": True, **arguments}), seed)
