"""Worlds for TorchRL: one seat in many societies as an `EnvBase` whose batch is the worlds.

env = torchrl.env("populace/payoff-v0", num_envs=256, seat=("user", 0))
env.rollout(100, break_when_any_done=False)
"""

from typing import Any

import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from torch import Tensor

from populace.envs import views
from populace.envs.views import VectorView
from populace.envs.views.build import WorldName
from populace.envs.views.layout import MASK
from populace.errors import MissingExtra, PopulaceError

try:
    from tensordict import TensorDict, TensorDictBase
    from torchrl.data import Binary, Bounded, Categorical, Composite, MultiCategorical, TensorSpec, Unbounded
    from torchrl.envs import EnvBase
except ImportError:
    raise MissingExtra("populace.envs.bridges.torchrl", "torchrl", "torchrl") from None

_ENDS = ("done", "terminated", "truncated")


class TorchRL(EnvBase):
    """A `VectorView` as a TorchRL environment, with batch size [num_envs].

    A tensordict holds `observation` [num_envs, width] float32, `action`, and `action_mask` [num_envs, options] bool
    where options can be forbidden. A seat that makes one choice has a `Categorical` action [num_envs], one that makes
    several a `MultiCategorical`, and one that names numbers a `Bounded` one in [-1, 1]. Worlds that end are begun anew
    by TorchRL, through `_reset`: the same people, new random numbers.

    Args:
        env: The environments, with `autoreset="disabled"` and `flat_actions=True`.

    Raises:
        PopulaceError: The environments reset by themselves, or an action or observation is a dict of fields.
    """

    def __init__(self, env: VectorView) -> None:
        if env.metadata["autoreset_mode"] != AutoresetMode.DISABLED:
            raise PopulaceError(
                f"TorchRL resets environments itself, but these have {env.metadata['autoreset_mode']}: make them with "
                "autoreset='disabled'"
            )
        if isinstance(env.single_action_space, spaces.Dict) or not env.flat:
            raise PopulaceError("TorchRL needs arrays: make the environments with flat=True and flat_actions=True")
        super().__init__(device=torch.device(env.stage.device), batch_size=torch.Size([env.num_envs]))
        self.env = env
        self._next_seed: int | None = None
        self._single = isinstance(env.single_action_space, spaces.MultiDiscrete) and len(env.single_action_space) == 1
        batch, self._masked = env.num_envs, env.layout.options > 0
        specs = {"observation": _spec(env.single_observation_space, batch, self.device)}
        if self._masked:
            specs[MASK] = Binary(shape=(batch, env.layout.options), dtype=torch.bool, device=self.device)
        self.observation_spec = Composite(specs, shape=(batch,), device=self.device)
        self.action_spec = _spec(env.single_action_space, batch, self.device)
        self.reward_spec = Unbounded(shape=(batch, 1), device=self.device)
        done = {name: Binary(shape=(batch, 1), dtype=torch.bool, device=self.device) for name in _ENDS}
        self.done_spec = Composite(done, shape=(batch,), device=self.device)

    def _set_seed(self, seed: int | None) -> None:
        self._next_seed = seed

    def _reset(self, tensordict: TensorDictBase | None, **_: Any) -> TensorDictBase:
        which = None if tensordict is None else tensordict.get("_reset", None)
        options = {} if which is None else {"reset_mask": which.reshape(-1).cpu().numpy()}
        seed, self._next_seed = self._next_seed, None
        observation, infos = self.env.reset(seed=seed, options=options)
        flags = {name: torch.zeros((self.env.num_envs, 1), dtype=torch.bool, device=self.device) for name in _ENDS}
        if which is not None and tensordict is not None:  # those that are not begun anew stand where they stood
            flags = {name: tensordict.get(name, flag) & ~which.view(-1, 1) for name, flag in flags.items()}
        return self._told({**self._seen(observation, infos), **flags})

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        action = tensordict["action"].detach().cpu().numpy()
        observation, rewards, ended, cut, infos = self.env.step(action[:, None] if self._single else action)
        flags = {"terminated": ended, "truncated": cut, "done": ended | cut}
        told = {name: self._column(flag) for name, flag in flags.items()}
        return self._told({**self._seen(observation, infos), "reward": self._column(rewards), **told})

    def _seen(self, observation: Any, infos: dict[str, Any]) -> dict[str, Tensor]:
        seen = {"observation": torch.from_numpy(observation).to(self.device)}
        if self._masked:
            seen[MASK] = torch.from_numpy(infos[MASK]).to(self.device, torch.bool)
        return seen

    def _column(self, values: Any) -> Tensor:
        return torch.from_numpy(values).to(self.device).unsqueeze(-1)

    def _told(self, parts: dict[str, Tensor]) -> TensorDictBase:
        return TensorDict(parts, batch_size=self.batch_size, device=self.device)


def _spec(space: spaces.Space[Any], batch: int, device: torch.device) -> TensorSpec:
    """The spec of `batch` values of a Gymnasium space."""
    if isinstance(space, spaces.Discrete):
        return Categorical(int(space.n), shape=(batch,), device=device, dtype=torch.int64)
    if isinstance(space, spaces.MultiDiscrete):
        counts = torch.as_tensor(space.nvec, device=device)
        if len(counts) == 1:
            return Categorical(int(counts[0]), shape=(batch,), device=device, dtype=torch.int64)
        return MultiCategorical(counts, shape=(batch, len(counts)), device=device, dtype=torch.int64)
    if not isinstance(space, spaces.Box):
        raise PopulaceError(f"TorchRL has no spec for {space}")
    low, high = (torch.as_tensor(bound, device=device).expand(batch, *space.shape) for bound in (space.low, space.high))
    return Bounded(low, high, shape=(batch, *space.shape), device=device, dtype=torch.float32)


def env(world: WorldName, num_envs: int = 1, **arguments: Any) -> TorchRL:
    """Environments of one seat.

    Args:
        world: As for `populace.envs.views.vector_env`.
        num_envs: How many.
        arguments: The other arguments of `vector_env`, but `flat`, `flat_actions` and `autoreset`.

    Raises:
        PopulaceError: An argument does not fit; the text says why.
    """
    own = {"flat": True, "flat_actions": True, "autoreset": "disabled"}
    return TorchRL(views.vector_env(world, num_envs=num_envs, **{**arguments, **own}))
