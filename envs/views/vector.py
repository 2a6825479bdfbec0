"""One seat in B worlds as a Gymnasium vector environment: one learner, and a society as its surroundings."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from populace.envs.views import actions as acting
from populace.envs.views import arguments
from populace.envs.views.layout import MASK, Layout, space_of
from populace.envs.views.lazy import Array
from populace.envs.views.stage import Outcome, SeatMemory, Shared, Stage
from populace.errors import ActionError, PopulaceError
from populace.fields import Field
from populace.observation import Observation
from populace.run import Run

_MODES = {"same_step": AutoresetMode.SAME_STEP, "next_step": AutoresetMode.NEXT_STEP}


class VectorView(VectorEnv[Any, Any, Any]):
    """One seat in each of B worlds; policies play everybody else.

    A step plays the seat's phase, then runs forward to its next turn. All worlds are in the same phase, so an episode
    begins only between two ticks: a world that ends by itself in mid-tick plays dead, with reward 0, and its
    `termination` is reported by the step that closes the tick. Environment i is world i: it is bit-identical whatever
    `num_envs` is, and the same as a `ParallelView` reset with the same seed and the option `world=i`.

    Autoreset, as `metadata["autoreset_mode"]` says:
        `same_step`: The step that ends an episode returns the first observation of the next one; the last one of the
            old is in `infos["final_obs"]`, its infos in `infos["final_info"]`.
        `next_step`: The step that ends an episode returns its last observation; the next step ignores the action and
            returns the first observation of the next episode with reward 0. Only where the seat acts once a tick.

    The next episode has the same people and new luck.

    Args:
        stage: The world, its people, the seat and the policies of the others.
        num_envs: B.
        max_cycles: Steps until an episode is truncated, a multiple of the seat's turns a tick; None for no limit.
            Learners among the policies learn at that rhythm.
        acts: Names of the action fields the caller chooses; the others are forfeits. All if None.
        flat: Observations as one vector [B, width] float32 instead of a dict of fields.
        autoreset: `same_step` or `next_step`.
        seed: The seed of a first reset that names none.

    Raises:
        PopulaceError: The arguments do not fit the world; the text says why.
    """

    def __init__(
        self,
        stage: Stage,
        num_envs: int = 1,
        *,
        max_cycles: int | None = 100,
        acts: Sequence[str] | None = None,
        flat: bool = True,
        autoreset: Literal["same_step", "next_step"] = "same_step",
        seed: int = 0,
    ) -> None:
        if stage.seat is None:
            raise PopulaceError("a vector environment is one seat's: build the stage with seat=(role, number)")
        arguments.one_of("autoreset", autoreset, tuple(_MODES))
        world, turns = stage.world, len(stage.stops)
        if autoreset == "next_step" and turns > 1:
            raise PopulaceError(f"{stage.seat[0]} acts {turns} times a tick: use autoreset='same_step'")
        self.num_envs = num_envs = arguments.whole("num_envs", num_envs, 1)
        self.stage, self.max_cycles, self.flat = stage, arguments.cycles(max_cycles, turns), flat
        self.role, self.number = world.role(stage.seat[0]), stage.seat[1]
        self.layout = Layout(self.role, tuple(world.phases[i] for i in stage.stops), acts, flat)
        self.metadata = {"autoreset_mode": _MODES[autoreset], "render_modes": [], "name": world.id}
        self.single_observation_space = self.layout.observation_space
        if flat and self.layout.masked is not None:  # the mask is in the infos, so that a vector stays a vector
            assert isinstance(self.single_observation_space, spaces.Dict)
            self.single_observation_space = self.single_observation_space["observation"]
        self.single_action_space, self._slices = _merged(self.layout)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._same = autoreset == "same_step"
        self._seed = arguments.whole("seed", seed)
        self._run: Run | None = None
        self._cycles = torch.zeros(num_envs, dtype=torch.int64, device=stage.device)
        self._clock = 0
        self._over = torch.zeros(num_envs, dtype=torch.bool, device=stage.device)

    @property
    def run(self) -> Run:
        """Where things stand.

        Raises:
            PopulaceError: Before the first reset.
        """
        if self._run is None:
            raise PopulaceError("the environment has no run before reset(): call reset() first")
        return self._run

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode everywhere.

        Args:
            seed: An int seeds the batch, and environment i is its world i; a sequence gives each environment a world
                id of its own instead (equal numbers make equal environments). None: everybody's next episode.
            options: `reset_mask` is refused, since episodes begin together or by autoreset, and so is `world`, since
                environment i is world i; other keys are ignored.

        Raises:
            PopulaceError: An option is refused, or a seed is no whole number from 0 up.
        """
        if "reset_mask" in (options or {}):
            raise PopulaceError("reset_mask: worlds share their phases, so single ones begin anew by autoreset only")
        if arguments.world_of(options) is not None:
            raise PopulaceError("the option 'world': environment i is world i; name others by seed=[3, 4, ...]")
        if self._run is None or seed is not None:
            ids = torch.arange(self.num_envs)
            if isinstance(seed, Sequence | np.ndarray):
                ids = torch.tensor(arguments.wholes("seeds", seed, self.num_envs), dtype=torch.int64)
            elif seed is not None:
                self._seed = arguments.whole("seed", seed)
            self._run = self.stage.start(self._seed, ids)
        else:
            self._run = self.stage.next_episode(self._run)
        self._cycles = torch.zeros_like(self._cycles)
        self._over = torch.zeros_like(self._over)
        self._clock = 0
        seen = self._look(self._run)
        return self._shown(seen), self._mask_info(seen)

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Play one turn of the seat in every world; see the class for what happens at an episode's end.

        Raises:
            ActionError: An action lies outside its space. A choice that the mask forbids is forfeited and counted in
                `infos["invalid"]`.
        """
        run = self.run
        chosen = self._chosen(actions, run)
        kind = chosen.pop("kind", torch.zeros_like(self._over, dtype=torch.int8))
        outcome = self.stage.settle(self._act(run, chosen, kind), to_tick=True)
        closed = outcome.run.phase == 0
        self._cycles = self._cycles + 1
        self._clock += 1
        fresh = torch.zeros_like(self._over)
        if closed:
            run = outcome.run
            if self.max_cycles is not None and self._clock % self.max_cycles == 0:
                run = self.stage.learned(run)
            if not self._same:
                # What this step answers in a world that is over is its next episode's beginning.
                fresh = self._over
                run = self._begin(run, fresh)
            boundary = replace(outcome, run=run)
            outcome = self.stage.settle(boundary)
        rewards = outcome.rewards.get(self.role.name)
        paid = torch.zeros_like(self._over, dtype=torch.float32) if rewards is None else rewards[:, self.number]
        paid = torch.where(fresh, torch.zeros_like(paid), paid)
        ended = outcome.run.done & ~fresh if closed else torch.zeros_like(fresh)
        cut = torch.zeros_like(fresh)
        if closed and self.max_cycles is not None:
            cut = (self._cycles >= self.max_cycles) & ~ended & ~fresh
        infos = {**outcome.measures, "invalid": kind != 0}
        over = ended | cut
        if self._same and closed and bool(over.any()):
            return self._turned(boundary, outcome, over, (paid, ended, cut), infos)
        self._run, self._over = outcome.run, over
        seen = self._look(outcome.run)
        told = _masked(infos, torch.ones_like(over))
        return self._shown(seen), _host(paid), _host(ended), _host(cut), {**told, **self._mask_info(seen)}

    def _turned(
        self, boundary: Outcome, old: Outcome, over: Tensor, ends: tuple[Tensor, Tensor, Tensor], infos: dict[str, Any]
    ) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Same-step autoreset: play the tick's beginning again, with the next episode where one is over."""
        run = self._begin(boundary.run, over)
        self._run = self.stage.settle(Outcome(run)).run
        last, seen = self._look(old.run), self._look(self._run)
        final = _rows(self._shown(last), _host(over))
        told = {**_masked(infos, ~over), **self._mask_info(seen)}
        told["final_obs"], told["_final_obs"] = final, _host(over)
        told["final_info"], told["_final_info"] = _masked(infos, over), _host(over)
        paid, ended, cut = ends
        return self._shown(seen), _host(paid), _host(ended), _host(cut), told

    def _begin(self, run: Run, which: Tensor) -> Run:
        if not bool(which.any()):
            return run
        self._cycles = torch.where(which, torch.zeros_like(self._cycles), self._cycles)
        return self.stage.again(run, which)

    # ------------------------------------------------------------------ the seat

    def _act(self, run: Run, chosen: dict[str, Tensor], kind: Tensor) -> Outcome:
        role = self.role
        if isinstance(self.stage.policies.get(role.name), Shared):
            memory: SeatMemory = run.memory[role.name]
            held = replace(memory, chosen={**memory.chosen, **chosen}, kind=kind)
            return self.stage.act(replace(run, memory={**run.memory, role.name: held}), {})
        given = {f.name: f.empty(self.num_envs, 1, self.stage.device) for f in role.done_in(self._phase(run))}
        given.update({name: value.unsqueeze(1) for name, value in chosen.items()})
        return self.stage.act(run, {role.name: {**given, "kind": kind.unsqueeze(1)}})

    def _phase(self, run: Run) -> str:
        return self.stage.world.phases[run.phase]

    def _look(self, run: Run) -> Observation:
        """What the seat sees: field -> [worlds, 1, *shape]."""
        seen = self.stage.see(run, self.role.name)
        one = slice(self.number, self.number + 1)
        fields = {name: value[:, one] for name, value in seen.items()}
        return Observation(fields, seen.role, seen.phase, None if seen.present is None else seen.present[:, one])

    def _shown(self, seen: Observation) -> Any:
        if self.flat:
            return _host(self.layout.vector(seen)[:, 0])
        turned = {name: value.transpose(0, 1) for name, value in seen.items()}  # the worlds take the seats' place
        return self.layout.arrays(Observation(turned, seen.role, seen.phase), seen.phase, self.num_envs)

    def _mask_info(self, seen: Observation) -> dict[str, Any]:
        f = self.layout.masked
        mask = None if f is None else seen.get(f"{f.name}_mask")
        if mask is None:
            return {}
        return {MASK: _host_mask(mask), f"_{MASK}": np.ones(self.num_envs, np.bool_)}

    def _chosen(self, actions: Any, run: Run) -> dict[str, Tensor]:
        """The caller's actions as tensors field -> [worlds, *shape], with `kind` where a mask forbids one."""
        phase, names = self._phase(run), [f"environment {i}" for i in range(self.num_envs)]
        seen = self._look(run) if any(f.masked for f in self.layout.does) else None
        chosen: dict[str, Tensor] = {}
        kind = torch.zeros_like(self._over)
        for f in self.layout.does:
            if not f.in_phase(phase):
                continue
            array = acting.from_array(f, self._part(f, actions), names)
            acting.in_range(f, array, names)
            chosen[f.name] = torch.from_numpy(array).to(self.stage.device)
            mask = None if seen is None else seen.get(f"{f.name}_mask")
            wrong = acting.forbidden(f, chosen[f.name].unsqueeze(1), mask)
            kind = kind if wrong is None else kind | wrong[:, 0]
        chosen["kind"] = kind.to(torch.int8) * acting.INVALID
        return chosen

    def _part(self, f: Field, actions: Any) -> Any:
        if self._slices is None:
            if len(self.layout.does) == 1:
                return actions
            if not (isinstance(actions, dict) and f.name in actions):
                raise ActionError(f"the action must be a dict with {f.name!r}; got {type(actions).__name__}")
            return actions[f.name]
        array = actions.detach().cpu().numpy() if isinstance(actions, Tensor) else np.asarray(actions)
        width = self.single_action_space.shape
        if array.shape != (self.num_envs, *(width or ())):
            raise ActionError(f"actions have shape {array.shape}; expected {(self.num_envs, *(width or ()))}")
        return array[:, self._slices[f.name]].reshape(self.num_envs, *f.shape)


def _merged(layout: Layout) -> tuple[spaces.Space[Any], dict[str, slice] | None]:
    """Several real fields become one Box, so that most learners can act; anything else stays as it is."""
    if len(layout.does) == 1 or any(f.kind != "real" for f in layout.does):
        return layout.action_space, None
    low, high, places, first = [], [], {}, 0
    for f in layout.does:
        space = space_of(f)
        assert isinstance(space, spaces.Box)
        low.append(space.low.reshape(-1))
        high.append(space.high.reshape(-1))
        places[f.name] = slice(first, first + low[-1].size)
        first += low[-1].size
    return spaces.Box(np.concatenate(low), np.concatenate(high), dtype=np.float32), places


def _host_mask(mask: Tensor) -> Array:
    """Legal options of one seat, [worlds, 1, options] -> int8 [worlds, options]."""
    return mask[:, 0].to("cpu", torch.int8, copy=True).numpy()


def _host(value: Tensor) -> Array:
    return value.detach().cpu().numpy()


def _masked(infos: dict[str, Tensor], which: Tensor) -> dict[str, Any]:
    """Gymnasium's form of infos: an array [worlds] a name, and `_name` saying for which worlds it holds."""
    out: dict[str, Any] = {}
    for name, value in infos.items():
        out[name], out[f"_{name}"] = _host(value), _host(which)
    return out


def _rows(batch: Any, which: Array) -> Array:
    """An object array [worlds] with each world's observation where `which`, else None."""
    out = np.full(len(which), None, dtype=object)
    for i in np.flatnonzero(which):
        out[i] = {name: column[i] for name, column in batch.items()} if isinstance(batch, dict) else batch[i]
    return out
