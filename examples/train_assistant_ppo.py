"""Train the assistant's seat with stable-baselines3's PPO in many societies at once, and compare it with chance.

Run it with:

    pip install "populace[sb3]"
    python examples/train_assistant_ppo.py
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from populace.envs import coevolution_v0
from populace.envs.bridges.sb3 import StableBaselines
from populace.envs.views import VectorView

HORIZON = 32
"""Ticks per episode."""


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
