"""Train the assistant's seat with stable-baselines3's PPO in many societies at once, and compare it with chance.

    pip install "populace[test]"
    python examples/train_assistant_ppo.py

The adapter below is all that stable-baselines3 needs: our vector environment already begins episodes anew in the same
step, as its `VecEnv` wants.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from populace.envs import coevolution_v0
from populace.envs.views import VectorView

HORIZON = 32
"""Ticks an episode."""


class StableBaselines(VecEnv):
    """A `VectorView` with same-step autoreset as a stable-baselines3 VecEnv; actions are flattened to one Box."""

    def __init__(self, env: VectorView, seed: int = 0) -> None:
        self.env, self._first = env, seed
        single = env.single_action_space
        if isinstance(single, Box):
            single = Box(single.low.reshape(-1), single.high.reshape(-1), dtype=np.float32)
        super().__init__(env.num_envs, env.single_observation_space, single)
        self._actions: Any = None

    def reset(self) -> Any:
        """Begin everywhere with the first seed."""
        observation, _ = self.env.reset(seed=self._first)
        return observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions."""
        self._actions = actions.reshape(self.env.action_space.shape)

    def step_wait(self) -> Any:
        """Play them; an episode's last observation goes where stable-baselines3 looks for it."""
        observation, rewards, ended, cut, infos = self.env.step(self._actions)
        notes: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(ended | cut):
            notes[i] = {"terminal_observation": infos["final_obs"][i], "TimeLimit.truncated": bool(cut[i])}
        return observation, rewards, ended | cut, notes

    def close(self) -> None:
        """Nothing is held open."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute, once for each environment."""
        return [getattr(self.env, attr_name, None) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the batch."""
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **keywords: Any) -> list[Any]:
        """Call a method of the batch."""
        return [getattr(self.env, method_name)(*args, **keywords)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No wrappers here."""
        return [False for _ in self._get_indices(indices)]


def societies(num_envs: int) -> VectorView:
    """Societies of 20 users whose values go through nine centuries; the assistant is paid for following their mean."""
    return coevolution_v0.vector_env(
        num_envs=num_envs,
        users=20,
        options={
            "protocol": "follow",
            "bound": 1.0,
            "history": {"series": "centuries", "every": 4},
        },
        acts=("position",),
        max_cycles=HORIZON,
    )


def train(steps: int, num_envs: int = 32, seed: int = 0) -> tuple[PPO, VecNormalize]:
    """A trained policy, and the normaliser of its observations."""
    env = VecNormalize(StableBaselines(societies(num_envs), seed), norm_reward=False)
    model = PPO(
        "MlpPolicy", env, n_steps=HORIZON, batch_size=256, n_epochs=10, gamma=0.0, learning_rate=1e-3, seed=seed,
        device="cpu", policy_kwargs={"log_std_init": -1.0},
    )  # fmt: skip
    model.learn(steps)
    env.training = False
    return model, env


def returns(act: Any, seed: int, num_envs: int = 32) -> NDArray[Any]:
    """Mean reward of each of `num_envs` societies that `seed` makes, over one episode."""
    env = societies(num_envs)
    observation, _ = env.reset(seed=seed)
    total = np.zeros(num_envs)
    for _ in range(HORIZON):
        observation, rewards, *_ = env.step(np.asarray(act(observation)).reshape(env.action_space.shape))
        total += rewards
    return total / HORIZON


def compare(steps: int, seeds: Sequence[int] = (1001,)) -> dict[str, NDArray[Any]]:
    """Mean reward by society of the trained policy, of chance, and of an assistant that stands at zero."""
    model, env = train(steps)
    rng = np.random.default_rng(0)

    def learned(observation: Any) -> Any:
        return model.predict(env.normalize_obs(observation), deterministic=True)[0]

    def chance(observation: Any) -> Any:
        return rng.uniform(-1, 1, (len(observation), *societies(1).single_action_space.shape))

    def nothing(observation: Any) -> Any:
        return np.zeros((len(observation), *societies(1).single_action_space.shape))

    players = {"learned": learned, "chance": chance, "nothing": nothing}
    return {name: np.concatenate([returns(act, s) for s in seeds]) for name, act in players.items()}


if __name__ == "__main__":
    found = compare(60_000, seeds=range(1001, 1005))
    for name, values in found.items():
        error = values.std(ddof=1) / len(values) ** 0.5
        print(f"{name:8} {values.mean():.3f} +- {error:.3f} (standard error over {len(values)} societies)")
