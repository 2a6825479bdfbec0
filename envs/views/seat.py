"""One seat in one world as a `gymnasium.Env`: the society is its surroundings."""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from torch import Tensor

from populace.envs.views.layout import MASK
from populace.envs.views.lazy import Array
from populace.envs.views.parallel import RenderMode
from populace.envs.views.stage import Stage
from populace.envs.views.vector import VectorView
from populace.run import Run


class SeatEnv(gymnasium.Env[Any, Any]):
    """One seat; policies play everybody else. World 0 of the seed, as environment 0 of a `VectorView` is, to the bit.

    `reset()` without a seed begins the next episode: the same people, new random numbers. Infos hold numbers:
    `invalid`, `present`, `rewarded`, the measures that are defined, and `action_mask` where options can be forbidden.

    Args:
        stage: The world, its people, the seat and the policies of the others.
        max_cycles: Steps until the episode is truncated; None for no limit.
        acts: Names of the action fields the caller chooses; the others are at their defaults. All if None.
        flat: Observations as one vector instead of a dict of fields.
        flat_actions: Actions as one array instead of a dict of fields; see `ActionSpace`.
        seed: The seed of a first reset that names none.
        render_mode: `ansi`, `rgb_array` or `human`.

    Raises:
        PopulaceError: The arguments do not fit the world; the text says why.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - an instance variable in gymnasium.Env
        "render_modes": ["human", "ansi", "rgb_array"],
        "render_fps": 4,
    }

    def __init__(
        self,
        stage: Stage,
        *,
        max_cycles: int | None = 100,
        acts: Sequence[str] | None = None,
        flat: bool = True,
        flat_actions: bool = False,
        seed: int = 0,
        render_mode: RenderMode | None = None,
    ) -> None:
        self.batch = VectorView(
            stage,
            1,
            max_cycles=max_cycles,
            acts=acts,
            flat=flat,
            flat_actions=flat_actions,
            autoreset="disabled",
            seed=seed,
            render_mode=render_mode,
        )
        self.render_mode = render_mode
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space

    @property
    def run(self) -> Run:
        """Where things stand."""
        return self.batch.run

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: The world's seed; None for the next episode of the same world.
            options: Ignored, but for slips.

        Raises:
            PopulaceError: The seed is no whole number from 0 up.
        """
        super().reset(seed=seed)
        observation, infos = self.batch.reset(seed=seed, options=options)
        return _first(observation), _plain(infos)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one turn of the seat.

        Raises:
            ActionError: The action lies outside its space. A choice that the mask forbids is forfeited: the info says
                `invalid`.
            PopulaceError: The episode is over.
        """
        observation, rewards, ended, cut, infos = self.batch.step(_batched(action))
        return _first(observation), float(rewards[0]), bool(ended[0]), bool(cut[0]), _plain(infos)

    def action_masks(self) -> Array:
        """Legal options of all entries of the action side by side, bool [options].

        Raises:
            PopulaceError: The actions are not one discrete space.
        """
        return self.batch.action_masks()[0]

    def render(self) -> str | Array | None:
        """A few lines (`ansi`), a picture (`rgb_array`), or None."""
        shown = self.batch.render()
        return None if shown is None else shown[0]


def _batched(action: Any) -> Any:
    if isinstance(action, Mapping):
        return {name: _batched(value) for name, value in action.items()}
    return (action.detach().cpu().numpy() if isinstance(action, Tensor) else np.asarray(action))[None]


def _first(batch: Any) -> Any:
    return {name: column[0] for name, column in batch.items()} if isinstance(batch, dict) else batch[0]


def _plain(infos: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the one environment: numbers, and the mask as an array."""
    known = {name: value[0] for name, value in infos.items() if not name.startswith("_") and infos[f"_{name}"][0]}
    return {name: value if name == MASK else value.item() for name, value in known.items()}
