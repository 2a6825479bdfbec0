"""One seat in B worlds as a Gymnasium vector environment: one learner, and a society as its surroundings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from populace.envs.views import actions as acting
from populace.envs.views import arguments, render
from populace.envs.views.lanes import Lane, joined, split
from populace.envs.views.layout import MASK, Layout
from populace.envs.views.lazy import Array
from populace.envs.views.parallel import RenderMode
from populace.envs.views.stage import Outcome, SeatMemory, Shared, Stage
from populace.errors import PopulaceError
from populace.observation import Observation
from populace.run import Run

MODES = {
    "same_step": AutoresetMode.SAME_STEP,
    "next_step": AutoresetMode.NEXT_STEP,
    "disabled": AutoresetMode.DISABLED,
}
Autoreset = Literal["same_step", "next_step", "disabled"] | AutoresetMode


class VectorView(VectorEnv[Any, Any, Any]):
    """One seat in each of B worlds; policies play everybody else.

    A step plays the seat's phase, then runs forward to its next turn. Environment i is world i: it is bit-identical
    whatever `num_envs` is, and the same as a `ParallelView` reset with the same seed and the option `world=i`.

    Autoreset, as `metadata["autoreset_mode"]` says:
        `same_step`: The step that ends an episode returns the first observation of the next one; the last one of the
            old is in `infos["final_obs"]`, its infos in `infos["final_info"]`.
        `next_step`: The step that ends an episode returns its last observation; the next step ignores the action and
            returns the first observation of the next episode with reward 0.
        `disabled`: Whoever steps resets, all environments or those of `options={"reset_mask": mask}`.

    The next episode has the same people and new random numbers. Learners among the policies learn when their world's
    episode ends, as in a `ParallelView`.

    Args:
        stage: The world, its people, the seat and the policies of the others.
        num_envs: B.
        max_cycles: Steps until an episode is truncated; None for no limit.
        acts: Names of the action fields the caller chooses; the others are at their defaults. All if None.
        flat: Observations as one vector [B, width] float32 instead of a dict of fields.
        flat_actions: Actions as one array instead of a dict of fields; see `ActionSpace`.
        autoreset: `same_step`, `next_step` or `disabled`, or Gymnasium's `AutoresetMode`.
        seed: The seed of a first reset that names none.
        render_mode: `ansi`, `rgb_array` or `human`; `render` gives one for each environment.

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
        flat_actions: bool = False,
        autoreset: Autoreset = "same_step",
        seed: int = 0,
        render_mode: RenderMode | None = None,
    ) -> None:
        if stage.seat is None:
            raise PopulaceError("a vector environment is one seat's: build the stage with seat=(role, number)")
        if not isinstance(autoreset, AutoresetMode):
            arguments.one_of("autoreset", autoreset, tuple(MODES))
            autoreset = MODES[autoreset]
        render.check(render_mode)
        world = stage.world
        self.num_envs = num_envs = arguments.whole("num_envs", num_envs, 1)
        self.stage, self.max_cycles, self.flat = stage, arguments.cycles(max_cycles), flat
        self.role, self.number, self.render_mode = world.role(stage.seat[0]), stage.seat[1], render_mode
        phases = tuple(world.phases[i] for i in stage.stops)
        self.layout = Layout(self.role, phases, acts, flat, flat_actions, merge=True, beside=False)
        self.metadata = {"autoreset_mode": autoreset, "render_modes": list(render.MODES), "name": world.id}
        self.single_observation_space = self.layout.observation_space
        self.single_action_space = self.layout.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._mode = autoreset
        self._seed = arguments.whole("seed", seed)
        self._names = np.array([f"environment {i}" for i in range(num_envs)])
        self._lanes: list[Lane] = []
        self._cycles = np.zeros(num_envs, np.int64)
        self._over = np.zeros(num_envs, np.bool_)
        self._measures: dict[str, Array] = {}
        self._histories = [render.History() for _ in range(num_envs)]

    @property
    def run(self) -> Run:
        """Where all environments stand.

        Raises:
            PopulaceError: Before the first reset, or while some stand in another phase than the others.
        """
        if not self._lanes:
            raise PopulaceError("the environment has no run before reset(): call reset() first")
        if len(self._lanes) > 1:
            raise PopulaceError(f"the environments stand in {len(self._lanes)} runs, since some began in mid-tick")
        return self._lanes[0].run

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode everywhere, or where `reset_mask` says.

        Args:
            seed: An int seeds the batch, and environment i is its world i; a sequence gives each environment a world
                id of its own instead (equal numbers make equal environments). None: the next episode.
            options: `reset_mask` [B] bool says which environments begin anew; `world` is refused, since environment i
                is world i; other keys are ignored.

        Raises:
            PopulaceError: An option is refused, or a seed is no whole number from 0 up.
        """
        if arguments.world_of(options) is not None:
            raise PopulaceError("the option 'world': environment i is world i; name others by seed=[3, 4, ...]")
        which = np.ones(self.num_envs, np.bool_)
        if (options or {}).get("reset_mask") is not None:
            which = arguments.mask("reset_mask", (options or {})["reset_mask"], self.num_envs)
        if not self._lanes and not which.all():
            raise PopulaceError("reset_mask before the first reset: reset every environment first")
        begin = self.stage.next_episode
        if not self._lanes or seed is not None:
            ids = np.arange(self.num_envs)
            if isinstance(seed, Sequence | np.ndarray):
                ids = np.array(arguments.wholes("seeds", seed, self.num_envs), np.int64)
            elif seed is not None:
                self._seed = arguments.whole("seed", seed)
            kept = [lane.take(~which[lane.envs]) for lane in self._lanes if not which[lane.envs].all()]
            begun = [Lane(self.stage.start(self._seed, torch.from_numpy(ids[which])), np.flatnonzero(which))]
        else:
            kept, begun = split(self._lanes, which, begin)
        self._lanes = joined([*kept, *begun])
        self._cycles[which], self._over[which] = 0, False
        self._measures = {}
        for i in np.flatnonzero(which):
            self._histories[i] = render.History()
        seen = [self._look(lane.run) for lane in self._lanes]
        return self._shown(seen), self._standing(seen, which)

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Play one turn of the seat in every world; see the class for what happens at an episode's end.

        Raises:
            ActionError: An action lies outside its space. A choice that the mask forbids is forfeited and counted in
                `infos["invalid"]`.
            PopulaceError: An episode is over and autoreset is disabled.
        """
        if not self._lanes:
            raise PopulaceError("the environment has no run before reset(): call reset() first")
        n = self.num_envs
        if self._mode == AutoresetMode.DISABLED and self._over.any():
            raise PopulaceError(
                f"the episode of {self._names[int(self._over.argmax())]} is over and autoreset is disabled: call "
                "reset(), with options={'reset_mask': mask} where only some begin anew"
            )
        due = self._over
        given = [(lane, self._chosen(actions, lane, ~due[lane.envs])) for lane in self._lanes]
        lanes, begun = split(self._lanes, due, self.stage.next_episode)
        paid, ended = np.zeros(n, np.float32), np.zeros(n, np.bool_)
        infos: dict[str, tuple[Array, Array]] = {"invalid": (np.zeros(n, np.bool_), np.ones(n, np.bool_))}
        chosen = [acts for lane, acts in given if not due[lane.envs].all()]
        played = []
        for lane, (acts, kind) in zip(lanes, chosen, strict=True):
            outcome = self._act(lane.run, acts, kind)
            played.append(Lane(outcome.run, lane.envs))
            ended[lane.envs] = outcome.run.done.cpu().numpy()
            if self.role.name in outcome.rewards:
                paid[lane.envs] = outcome.rewards[self.role.name][:, self.number].cpu().numpy()
            infos["invalid"][0][lane.envs] = (kind != 0).cpu().numpy()
            for name, value in outcome.measures.items():
                _note(infos, name, lane.envs, value.detach().cpu().numpy(), n)
        self._cycles = np.where(due, 0, self._cycles + 1)
        cut = np.zeros(n, np.bool_)
        if self.max_cycles is not None:
            cut = (self._cycles >= self.max_cycles) & ~ended
        self._over = ended | cut
        self._lanes = joined([*played, *begun])
        told = self._finish(infos, self._over)
        seen = [self._look(lane.run) for lane in self._lanes]
        return self._shown(seen), paid, ended, cut, {**told, **self._standing(seen, np.ones(n, np.bool_))}

    def _finish(self, infos: dict[str, tuple[Array, Array]], over: Array) -> dict[str, Any]:
        """Infos in Gymnasium's form; where episodes begin anew in the same step, what was last seen goes there too."""
        self._measures = {name: np.where(known, value, np.nan) for name, (value, known) in infos.items()}
        if self.render_mode == "rgb_array":
            self._picture()
        if self._mode != AutoresetMode.SAME_STEP or not over.any():
            return _masked(infos)
        last = self._shown([self._look(lane.run) for lane in self._lanes])
        kept, begun = split(self._lanes, over, self.stage.next_episode)
        self._lanes = joined([*kept, *begun])
        self._cycles[over], self._over = 0, np.zeros_like(over)
        told = _masked({name: (value, known & ~over) for name, (value, known) in infos.items()})
        told["final_obs"], told["_final_obs"] = _each(last, over), over.copy()
        told["final_info"] = _masked({name: (value, known & over) for name, (value, known) in infos.items()})
        told["_final_info"] = over.copy()
        return told

    # ------------------------------------------------------------------ the seat

    def _act(self, run: Run, chosen: dict[str, Tensor], kind: Tensor) -> Outcome:
        role, phase = self.role, self.stage.world.phases[run.phase]
        left = [f for f in role.done_in(phase) if f.name not in chosen]
        seen = self._look(run) if any(acting.needs_look(f) for f in left) else None
        omitted = {f.name: f.omitted(len(kind), 1, self.stage.device, seen)[:, 0] for f in left}
        chosen = {**omitted, **chosen}
        if isinstance(self.stage.policies.get(role.name), Shared):
            memory: SeatMemory = run.memory[role.name]
            held = replace(memory, chosen={**memory.chosen, **chosen}, kind=kind)
            return self.stage.settle(self.stage.act(replace(run, memory={**run.memory, role.name: held}), {}))
        given = {name: value.unsqueeze(1) for name, value in chosen.items()}
        return self.stage.settle(self.stage.act(run, {role.name: {**given, "kind": kind.unsqueeze(1)}}))

    def _chosen(self, actions: Any, lane: Lane, live: Array) -> tuple[dict[str, Tensor], Tensor]:
        """What the caller does in the lane's worlds `live` [worlds] bool: field -> [live, *shape], and kinds [live]."""
        if not live.any():
            return {}, torch.zeros(0, dtype=torch.int8)
        run, envs = lane.run, lane.envs[live]
        phase = self.stage.world.phases[run.phase]
        space = self.layout.actions
        part = _rows(actions, envs, self.num_envs)
        arrays = space.of_arrays(part, list(self._names[envs]), phase, "the batch")
        chosen = {name: torch.from_numpy(array).to(self.stage.device) for name, array in arrays.items()}
        kind = torch.zeros(len(envs), dtype=torch.bool, device=self.stage.device)
        if any(f.masked and f.name in chosen for f in space.fields):
            seen, rows = self._look(run), torch.from_numpy(np.flatnonzero(live)).to(self.stage.device)
            for f in space.fields:
                mask = seen.get(f"{f.name}_mask") if f.masked and f.name in chosen else None
                wrong = acting.forbidden(f, chosen[f.name].unsqueeze(1), None if mask is None else mask[rows])
                kind = kind if wrong is None else kind | wrong[:, 0]
        return chosen, kind.to(torch.int8) * acting.INVALID

    def _look(self, run: Run) -> Observation:
        """What the seat sees: field -> [worlds, 1, *shape]."""
        seen = self.stage.see(run, self.role.name)
        one = slice(self.number, self.number + 1)
        fields = {name: value[:, one] for name, value in seen.items()}
        return Observation(fields, seen.role, seen.phase, None if seen.present is None else seen.present[:, one])

    def _shown(self, seen: Sequence[Observation]) -> Any:
        """Observations of all environments, from what is seen in each lane."""
        parts = []
        for one in seen:
            turned = {name: value.transpose(0, 1) for name, value in one.items()}  # worlds take the seats' place
            worlds = next(iter(turned.values())).shape[1]
            parts.append(self.layout.arrays(Observation(turned, one.role, one.phase), one.phase, worlds))
        whole = {name: self._ordered([part[name] for part in parts]) for name in parts[0]}
        return whole["observation"] if self.flat else whole

    def _ordered(self, parts: Sequence[Array]) -> Array:
        """Rows of the lanes [worlds, ...] in the environments' order [B, ...]."""
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts)[np.argsort(np.concatenate([lane.envs for lane in self._lanes]))]

    def _standing(self, seen: Sequence[Observation], which: Array) -> dict[str, Any]:
        """Infos of the environments `which`: is the seat taken, can it be rewarded, what are its options."""
        present = [
            np.ones(len(lane.envs), np.bool_) if one.present is None else one.present[:, 0].cpu().numpy()
            for lane, one in zip(self._lanes, seen, strict=True)
        ]
        rewarded = self.role.rewarded is None or self.number < self.role.rewarded
        found = {"present": self._ordered(present), "rewarded": np.full(self.num_envs, rewarded)}
        if self.layout.options:
            found[MASK] = self._options(seen)
        return _masked({name: (value, which) for name, value in found.items()})

    def _options(self, seen: Sequence[Observation]) -> Array:
        masks = []
        for lane, one in zip(self._lanes, seen, strict=True):
            found = {name: value[:, 0] for name, value in one.items() if name.endswith("_mask")}
            masks.append(self.layout.actions.mask(found, len(lane.envs)))
        return self._ordered(masks)

    def action_masks(self) -> Array:
        """Legal options of the seat in every world, all entries of its action side by side: bool [B, options].

        Raises:
            PopulaceError: Before the first reset, or the actions are not one discrete space.
        """
        if not self.layout.actions.options:
            several = isinstance(self.single_action_space, spaces.Dict)
            how = "make the environment with flat_actions=True" if several else "numbers have no masks"
            raise PopulaceError(f"the actions are {self.single_action_space}, not one discrete space: {how}")
        if not self._lanes:
            raise PopulaceError("the environment has no run before reset(): call reset() first")
        return self._options([self._look(lane.run) for lane in self._lanes]).astype(np.bool_)

    # ------------------------------------------------------------------ pictures

    def render(self) -> tuple[Any, ...] | None:
        """A few lines (`ansi`), a picture (`rgb_array`) or None (`human`, which prints) for each environment."""
        if self.render_mode is None:
            return None
        out: dict[int, str | Array | None] = {}
        for lane in self._lanes:
            for row, i in enumerate(lane.envs):
                run = lane.take(np.arange(len(lane.envs)) == row).run
                measures = {
                    k: torch.tensor([float(v[i])], dtype=torch.float32)
                    for k, v in self._measures.items()
                    if np.isfinite(v[i])
                }
                out[i] = render.show(self.render_mode, self.stage, run, measures, self._histories[i])
        return tuple(out[i] for i in range(len(out)))

    def _picture(self) -> None:
        for lane in self._lanes:
            for row, i in enumerate(lane.envs):
                run = lane.take(np.arange(len(lane.envs)) == row).run
                measures = {k: torch.tensor([float(v[i])], dtype=torch.float32) for k, v in self._measures.items()}
                self._histories[i].note(self.stage.world, run, measures)


def _rows(actions: Any, envs: Array, count: int) -> Any:
    """The actions of some environments, of an array, a tensor, or a dict of them."""
    if len(envs) == count or actions is None:
        return actions
    if isinstance(actions, Mapping):
        return {name: _rows(value, envs, count) for name, value in actions.items()}
    array = actions.detach().cpu().numpy() if isinstance(actions, Tensor) else np.asarray(actions)
    return array[envs] if array.shape[:1] == (count,) else array


def _note(infos: dict[str, tuple[Array, Array]], name: str, envs: Array, value: Array, count: int) -> None:
    """A measure of some environments; where it is undefined it is not known, as Gymnasium's masks say."""
    known = np.isfinite(value)
    if name not in infos:
        infos[name] = np.zeros(count, value.dtype), np.zeros(count, np.bool_)
    infos[name][0][envs], infos[name][1][envs] = np.where(known, value, 0), known


def _masked(infos: Mapping[str, tuple[Array, Array]]) -> dict[str, Any]:
    """Gymnasium's form of infos: an array [B] a name, and `_name` saying for which environments it holds."""
    out: dict[str, Any] = {}
    for name, (value, known) in infos.items():
        out[name], out[f"_{name}"] = value.copy(), known.copy()
    return out


def _each(batch: Any, which: Array) -> Array:
    """An object array [B] with each environment's observation where `which`, else None."""
    out = np.full(len(which), None, dtype=object)
    for i in np.flatnonzero(which):
        out[i] = {name: column[i] for name, column in batch.items()} if isinstance(batch, dict) else batch[i]
    return out
