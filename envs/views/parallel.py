"""One world as a PettingZoo Parallel environment: agents `user_0`, `assistant_0`, ... in dicts that are made lazily."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv
from torch import Tensor

from populace import tree
from populace.envs.views import actions as acts
from populace.envs.views import arguments, render
from populace.envs.views.layout import Layout
from populace.envs.views.lazy import Array, Chain, Column, Later, LazyDict, Numbers, Rows, Same, Table
from populace.envs.views.seats import Seats
from populace.envs.views.stage import LazyObservation, Stage
from populace.errors import ActionError, PopulaceError, UnknownName
from populace.fields import Role
from populace.run import Run

RenderMode = Literal["human", "ansi", "rgb_array"]


class ParallelView(ParallelEnv):  # type: ignore[misc]
    """A world in which the caller plays the focal roles and policies play the rest.

    A step plays the current phase, then runs forward to the next phase in which a focal role acts. With one focal role
    that acts once a tick, a step is a tick; with several, those whose turn it is not see their fields at rest, find
    `acts` 0 in their info, and what they do is ignored.

    An agent whose seat empties is terminated and leaves `agents`. It never returns before the next reset, as PettingZoo
    demands: should its seat be taken again, the seat forfeits. Where seats come and go, `absent="wait"` keeps every
    agent alive instead and says in its info whether it is `present`.

    Args:
        stage: The world, its people, the focal roles and the policies of the others.
        max_cycles: Steps until the episode is truncated; None for no limit.
        flat: Observations as one vector instead of a dict of fields.
        acts: Role -> names of the action fields the caller chooses; the others are forfeits. All where not named.
        absent: What becomes of an agent whose seat is empty: `leave` or `wait`.
        seed: The seed of a first reset that names none.
        render_mode: `human` prints `ansi`'s lines; `rgb_array` plots the world's measures.

    Raises:
        PopulaceError: An argument does not fit; the text says why.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["human", "ansi", "rgb_array"], "is_parallelizable": True}

    def __init__(
        self,
        stage: Stage,
        *,
        max_cycles: int | None = 100,
        flat: bool = False,
        acts: Mapping[str, Sequence[str]] | None = None,
        absent: Literal["leave", "wait"] = "leave",
        seed: int = 0,
        render_mode: RenderMode | None = None,
    ) -> None:
        world = stage.world
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise PopulaceError(f"render_mode {render_mode!r}; expected None or {self.metadata['render_modes']}")
        arguments.one_of("value of absent", absent, ("leave", "wait"))
        for role_name in acts or ():
            arguments.one_of("focal role in acts", role_name, stage.focal)
        self.stage, self.absent, self.render_mode = stage, absent, render_mode
        self.max_cycles = arguments.cycles(max_cycles)
        name = world.id.split("/")[-1].replace("-v", "_v")
        self.metadata = {**type(self).metadata, "name": name}  # type: ignore[misc]
        self._phases = tuple(world.phases[i] for i in stage.stops)
        self._roles = tuple(world.role(role) for role in stage.focal)
        self._layouts = {
            role.name: Layout(role, self._phases, (acts or {}).get(role.name), flat) for role in self._roles
        }
        self._seats = Seats({role.name: role.seats for role in self._roles}, wait=absent == "wait")
        self.possible_agents = list(self._seats.all)
        self.agents: list[str] = []
        self._seed, self._cycle = arguments.whole("seed", seed), 0
        self._run: Run | None = None
        self._seen_by_role: dict[str, LazyObservation] = {}
        self._zeros = {role.name: Numbers(np.zeros(role.seats, np.float32)) for role in self._roles}
        self.measures: dict[str, Tensor] = {}
        self.history = render.History()

    # ------------------------------------------------------------------ spaces

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The same object each time."""
        return self._layouts[self._role(agent)].observation_space

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The same object each time."""
        return self._layouts[self._role(agent)].action_space

    def _role(self, agent: str) -> str:
        role = self._seats.role_of.get(agent)
        if role is None:
            raise UnknownName("agent", agent, self.possible_agents)
        return role

    # ------------------------------------------------------------------ the run

    @property
    def run(self) -> Run:
        """Where things stand: a value to save, or to go on from by assigning it (which counts cycles from 0 again).

        Raises:
            PopulaceError: Before the first reset.
        """
        if self._run is None:
            raise PopulaceError("the environment has no run before reset(): call reset() first")
        return self._run

    @run.setter
    def run(self, run: Run) -> None:
        self._run, self._cycle, self.measures = run, 0, {}
        self.agents = list(self._seats.begin(self._present()))
        self._look()

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: The world's seed. Without one, the next episode of the same world begins: the same people, new luck.
            options: `world` is the world's id (0); other keys are ignored, but for slips such as `wrld`.

        Returns:
            Observations and infos by agent.

        Raises:
            PopulaceError: The seed or the id is no whole number from 0 up, or a key looks like a slip.
        """
        stage, number = self.stage, arguments.world_of(options)
        if self._run is None or seed is not None or number is not None:
            self._seed = self._seed if seed is None else arguments.whole("seed", seed)
            self.run = stage.start(self._seed, torch.tensor([number or 0]))
        else:
            self.run = stage.next_episode(self._run)
        self.history = render.History()
        index = self._seats.index
        return self._dict(index, self._observed()), self._dict(index, self._told({}))

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Play one turn.

        Args:
            actions: Agent -> action; or role -> array or tensor [seats, *shape] (role -> field -> array where the role
                does several things), which spares the loop over agents. Agents whose turn it is not may be absent.

        Returns:
            Observations, rewards, terminations, truncations and infos by agent. They are the caller's own: they stay
            valid, and changing them changes nothing here.

        Raises:
            ActionError: An action is missing or outside its space. A choice that a mask forbids is no error: the seat
                forfeits, and its info says `invalid`.
        """
        stage, run = self.stage, self.run
        if not self.agents:
            return {}, {}, {}, {}, {}
        if not isinstance(actions, Mapping):
            raise ActionError(f"actions are {actions!r}; expected a dict by agent ({self.agents[0]!r}) or by role")
        phase = stage.world.phases[run.phase]
        given = {
            role.name: acts.complete(
                role, phase, self._chosen(role, phase, actions), self._seen_by_role[role.name], 1, stage.device
            )
            for role in stage.world.acting[phase]
            if role.name in self._layouts
        }
        outcome = stage.settle(stage.act(run, given))
        self._run, self.measures = outcome.run, outcome.measures
        self._cycle += 1
        if self.render_mode == "rgb_array":
            self.history.note(stage.world, outcome)
        return self._results(outcome.rewards, given)

    def _results(self, rewards: Mapping[str, Tensor], given: Mapping[str, Mapping[str, Tensor]]) -> Any:
        over = self.stage.world.ends and bool(self.run.done[0])
        cut = not over and self.max_cycles is not None and self._cycle >= self.max_cycles
        index, left = self._seats.update(self._present())
        self.agents = [] if over or cut else list(self._seats.index)
        self._look()
        paid: dict[str, Rows] = {
            role.name: Numbers(rewards[role.name][0].cpu().numpy()) if role.name in rewards else self._zeros[role.name]
            for role in self._roles
        }
        count = len(self.possible_agents)
        ends: Rows = Same(over, count)
        cuts: Rows = Same(cut, count)
        if left is not None and not over:
            ends, cuts = Numbers(left), Numbers(~left & cut)
        return (
            self._dict(index, self._observed()),
            self._dict(index, paid),
            LazyDict(index, ends, len(index) == count),
            LazyDict(index, cuts, len(index) == count),
            self._dict(index, self._told(given)),
        )

    # ------------------------------------------------------------------ what agents see and are told

    def _present(self) -> Array | None:
        """Which agents' seats are taken, [agents] bool; None for all."""
        present = {role.name: self.stage.world.present(self.run.state, role.name) for role in self._roles}
        if all(taken is None for taken in present.values()):
            return None
        return np.concatenate(
            [
                np.ones(role.seats, np.bool_) if (taken := present[role.name]) is None else taken[0].cpu().numpy()
                for role in self._roles
            ]
        )

    def _look(self) -> None:
        self._seen_by_role = {role.name: LazyObservation(self.stage, self.run, role) for role in self._roles}

    def _observed(self) -> dict[str, Rows]:
        """Each role's observations, made when the first is read."""
        return {
            role.name: Later(partial(_rows, self._layouts[role.name], self._seen_by_role[role.name]))
            for role in self._roles
        }

    def _told(self, given: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Rows]:
        """Infos: numbers of fixed shape, the same keys at every step."""
        present = self._seats.present
        rows: dict[str, Rows] = {}
        first = 0
        for role in self._roles:
            kind = given.get(role.name, {}).get("kind")
            invalid: Rows = Same(0, role.seats) if kind is None else Numbers(kind[0].cpu().numpy())
            here: Rows = Same(1, role.seats)
            if present is not None:
                here = Numbers(present[first : first + role.seats].astype(np.int8))
            acts_now = Same(int(self._seen_by_role[role.name].acts), role.seats)
            rows[role.name] = Table({"acts": acts_now, "invalid": invalid, "present": here})
            first += role.seats
        return rows

    def _dict(self, index: Mapping[str, int], rows: Mapping[str, Rows]) -> LazyDict:
        parts = [(role.seats, rows[role.name]) for role in self._roles]
        joined = parts[0][1] if len(parts) == 1 else Chain(parts)
        return LazyDict(index, joined, len(index) == len(self.possible_agents))

    # ------------------------------------------------------------------ actions

    def _chosen(self, role: Role, phase: str, actions: Mapping[str, Any]) -> dict[str, Tensor]:
        """What the caller does with the role's seats in this phase: field -> [1, seats, *shape]."""
        fields = [f for f in self._layouts[role.name].does if f.in_phase(phase)]
        single = len(self._layouts[role.name].does) == 1
        names = self._seats.names[role.name]
        if role.name in actions:
            given = actions[role.name]
            columns = {
                f.name: acts.from_array(f, given if single else _field(given, f.name, role.name), names) for f in fields
            }
            rows = None
        else:
            names, rows, values = self._seats.gather(role.name, actions, phase)
            columns = {}
            for f in fields:
                own = values if single else [_field(v, f.name, n) for n, v in zip(names, values, strict=True)]
                columns[f.name] = acts.column(f, own, names)
        chosen = {}
        for f in fields:
            array = columns[f.name]
            acts.in_range(f, array, names)
            if rows is not None:
                full = np.full((role.seats, *f.shape), f.forfeit, array.dtype)
                full[rows] = array
                array = full
            chosen[f.name] = torch.from_numpy(array).unsqueeze(0).to(self.stage.device)
        return chosen

    # ------------------------------------------------------------------ the rest of the interface

    @cached_property
    def state_space(self) -> spaces.Space[Any]:
        """The space of `state`."""
        run = self.stage.start(0, torch.zeros(1, dtype=torch.int64)) if self._run is None else self._run
        return spaces.Box(-np.inf, np.inf, _flattened(run).shape, np.float32)

    def state(self) -> Array:
        """All numbers of the world's state in one vector, ground truth included, for training with a central critic."""
        return _flattened(self.run)

    def render(self) -> Any:
        """A few lines (`ansi`), a picture (`rgb_array`, uint8 [height, width, 3]), or None."""
        if self.render_mode is None:
            return None
        if self.render_mode == "rgb_array":
            return render.picture(self.stage, self.run, self.history)
        text = render.lines(self.stage, self.run, {**self.measures})
        if self.render_mode == "ansi":
            return text
        print(text)
        return None

    def close(self) -> None:
        """Nothing is held open."""


def _rows(layout: Layout, sight: LazyObservation) -> Rows:
    arrays = layout.arrays(sight.seen, sight.phase, layout.role.seats)
    if layout.flat and layout.masked is None:
        return Column(arrays["observation"])
    return Table({name: Column(array) for name, array in arrays.items()})


def _flattened(run: Run) -> Array:
    parts = [t.reshape(-1).float().cpu() for t in tree.tensors(run.state, shared=False)]
    return torch.cat(parts).numpy() if parts else np.zeros(0, np.float32)


def _field(given: Any, field: str, whose: str) -> Any:
    if not isinstance(given, Mapping):
        raise ActionError(f"{whose} does several things: its action must be a dict of fields, got {given!r}")
    if field not in given:
        raise ActionError(f"{whose}'s action lacks {field!r}; given were {sorted(given)}")
    return given[field]
