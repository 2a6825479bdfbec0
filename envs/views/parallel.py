"""One world as a PettingZoo Parallel environment: agents `user_0`, `assistant_0`, ... in dicts by agent."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv
from torch import Tensor

from populace.envs.views import actions as acts
from populace.envs.views import arguments, columnwise, critic, render
from populace.envs.views.layout import MASK, Layout
from populace.envs.views.lazy import Array, Chain, Later, LazyDict, Numbers, Rows, Same, Table
from populace.envs.views.seats import Seats
from populace.envs.views.stage import LazyObservation, Stage
from populace.errors import ActionError, PopulaceError, UnknownName
from populace.run import Run

RenderMode = Literal["human", "ansi", "rgb_array"]
Turns = Literal["all", "acting"]


class ParallelView(ParallelEnv):  # type: ignore[misc]  # PettingZoo has no types
    """A world in which the caller plays the focal roles and policies play the rest.

    A step plays the current phase, then runs forward to the next phase in which a focal role acts. With one focal role
    that acts once a tick, a step is a tick; with several, those whose turn it is not see their fields at rest, find
    `acts` 0 in their info, and what they do is ignored. With `turns="acting"` only agents whose turn it is are in the
    dicts, with what they were paid since they were last there; at an episode's end, all are.

    An agent whose seat empties is terminated and leaves `agents`. It never returns before the next reset, as PettingZoo
    demands: should its seat be taken again, the seat forfeits. Where seats come and go, `absent="wait"` keeps every
    agent alive instead and says in its info whether it is `present`.

    Args:
        stage: The world, its people, the focal roles and the policies of the others.
        max_cycles: Steps until the episode is truncated; None for no limit.
        flat: Observations as one vector instead of a dict of fields.
        flat_actions: Actions as one array instead of a dict of fields; see `ActionSpace`.
        acts: Role -> names of the action fields the caller chooses; the others are at their defaults. All where not
            named.
        absent: What becomes of an agent whose seat is empty: `leave` or `wait`.
        turns: Which agents are in the dicts: `all` that live, as PettingZoo demands, or those `acting`.
        lazy: Dicts that make a value when it is first read. Faster where few of thousands of agents are read; not for
            code in C that looks into a dict without its methods (`json`, `orjson`, `tree`), which finds it empty.
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
        flat_actions: bool = False,
        acts: Mapping[str, Sequence[str]] | None = None,
        absent: Literal["leave", "wait"] = "leave",
        turns: Turns = "all",
        lazy: bool = False,
        seed: int = 0,
        render_mode: RenderMode | None = None,
    ) -> None:
        world = stage.world
        render.check(render_mode)
        arguments.one_of("value of absent", absent, ("leave", "wait"))
        arguments.one_of("value of turns", turns, ("all", "acting"))
        for role_name in acts or ():
            arguments.one_of("focal role in acts", role_name, stage.focal)
        self.stage, self.absent, self.turns, self.lazy, self.render_mode = stage, absent, turns, lazy, render_mode
        self.max_cycles = arguments.cycles(max_cycles)
        name = world.id.split("/")[-1].replace("-v", "_v")
        self.metadata = {**type(self).metadata, "name": name}  # type: ignore[misc]  # of the class in PettingZoo
        phases = tuple(world.phases[i] for i in stage.stops)
        self._roles = tuple(world.role(role) for role in stage.focal)
        self._layouts = {
            role.name: Layout(role, phases, (acts or {}).get(role.name), flat, flat_actions) for role in self._roles
        }
        self._seats = Seats({role.name: role.seats for role in self._roles}, wait=absent == "wait")
        self.possible_agents = list(self._seats.all)
        self.agents: list[str] = []
        self._seed, self._cycle = arguments.whole("seed", seed), 0
        self._run: Run | None = None
        self._seen_by_role: dict[str, LazyObservation] = {}
        self._rewarded = np.concatenate([columnwise.rewarded(role) for role in self._roles])
        self._clear()
        self.measures: dict[str, Tensor] = {}
        self.history = render.History()

    # ------------------------------------------------------------------ spaces

    def observation_space(self, agent: str) -> spaces.Space[object]:
        """The same object each time."""
        return self._layouts[self._role(agent)].observation_space

    def action_space(self, agent: str) -> spaces.Space[object]:
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
        self._clear()
        self._look()

    def _clear(self) -> None:
        """Nobody is owed anything, and nobody did anything invalid: [agents]."""
        self._owed = np.zeros(len(self.possible_agents))
        self._invalid = np.zeros(len(self.possible_agents), np.int8)

    def reset(
        self, seed: int | None = None, options: Mapping[str, object] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: The world's seed. Without one, the next episode of the same world begins: the same people, new
                random numbers.
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
        self._skip()
        index = self._turn() if self.turns == "acting" else self._seats.index
        return self._dict(index, self._observed()), self._dict(index, self._told())

    def step(
        self, actions: Mapping[str, object]
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
        index, left = self._advance(
            {role: self._chosen(self._layouts[role], phase, actions) for role in self._on_turn(phase)}
        )
        if self.turns == "acting":
            left = self._skip(left)
            if self.agents:
                turn = self._turn()
                index = {n: i for n, i in self._seats.all.items() if n in turn or (left is not None and left[i])}
        count, over, paid = len(self.possible_agents), self._over, self._owed
        cut = self._cut and not over
        ends: Rows = Same(over, count)
        cuts: Rows = Same(cut, count)
        if left is not None and not over:
            ends, cuts = Numbers(left), Numbers(~left & cut)
        self._owed = np.zeros(count)
        if self.turns == "acting":
            self._owed += paid
            self._owed[list(index.values())] = 0
        return (
            self._dict(index, self._observed()),
            self._whole(index, Numbers(paid)),
            self._whole(index, ends),
            self._whole(index, cuts),
            self._dict(index, self._told()),
        )

    def _advance(self, chosen: Mapping[str, Mapping[str, Tensor]]) -> tuple[Mapping[str, int], Array | None]:
        """Play to the next turn; who is to be told, and who left [agents] bool (None: nobody)."""
        stage, run = self.stage, self.run
        phase = stage.world.phases[run.phase]
        given = {
            role: acts.complete(
                stage.world.cast[role], phase, chosen.get(role, {}), self._seen_by_role[role], 1, stage.device
            )
            for role in self._on_turn(phase)
        }
        outcome = stage.settle(stage.act(run, given))
        self._run, self.measures = outcome.run, outcome.measures
        self._cycle += 1
        if self.render_mode == "rgb_array":
            self.history.note(stage.world, outcome.run, outcome.measures)
        if self.turns == "all":
            self._invalid[:] = 0
        first = 0
        for role in self._roles:
            mine = slice(first, first + role.seats)
            first += role.seats
            if role.name in outcome.rewards:
                self._owed[mine] += outcome.rewards[role.name][0].cpu().numpy()
            if role.name in given:
                kind = given[role.name].get("kind")
                self._invalid[mine] = 0 if kind is None else kind[0].cpu().numpy()
        self._over = stage.world.ends and bool(outcome.run.done[0])
        self._cut = self.max_cycles is not None and self._cycle >= self.max_cycles
        index, left = self._seats.update(self._present())
        self.agents = [] if self._over or self._cut else list(self._seats.index)
        self._look()
        return index, left

    # ------------------------------------------------------------------ whose turn it is

    @property
    def acting(self) -> list[str]:
        """The agents whose turn it is."""
        return list(self._turn()) if self.agents else []

    def _on_turn(self, phase: str) -> list[str]:
        return [role.name for role in self.stage.world.acting[phase] if role.name in self._layouts]

    def _turn(self) -> dict[str, int]:
        return self._seats.on_turn(self._on_turn(self.stage.world.phases[self.run.phase]))

    def _skip(self, left: Array | None = None) -> Array | None:
        """With `turns="acting"`, play on while nobody is there whose turn it is; who left meanwhile and before."""
        while self.turns == "acting" and self.agents and not self._turn():
            _, more = self._advance({})
            left = more if left is None else left if more is None else left | more
        return left

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
            role.name: Later(partial(columnwise.observed, self._layouts[role.name], self._seen_by_role[role.name]))
            for role in self._roles
        }

    def _told(self) -> dict[str, Rows]:
        """Infos: numbers of fixed shape, the same keys at every step."""
        here = self._seats.present
        rows: dict[str, Rows] = {}
        first = 0
        for role in self._roles:
            mine, seats = slice(first, first + role.seats), role.seats
            first += seats
            columns: dict[str, Rows] = {
                "acts": Same(int(self._seen_by_role[role.name].acts), seats),
                "invalid": columnwise.flags(self._invalid[mine]),
                "present": Same(1, seats) if here is None else columnwise.flags(here[mine].astype(np.int8)),
                "rewarded": columnwise.flags(self._rewarded[mine]),
            }
            layout = self._layouts[role.name]
            if layout.actions.flat and layout.options:
                columns[MASK] = Later(partial(columnwise.legal, layout, self._seen_by_role[role.name]))
            rows[role.name] = Table(columns)
        return rows

    def _dict(self, index: Mapping[str, int], rows: Mapping[str, Rows]) -> dict[str, Any]:
        parts = [(role.seats, rows[role.name]) for role in self._roles]
        return self._whole(index, parts[0][1] if len(parts) == 1 else Chain(parts))

    def _whole(self, index: Mapping[str, int], rows: Rows) -> dict[str, Any]:
        whole = len(index) == len(self.possible_agents)
        if self.lazy:
            return LazyDict(index, rows, whole)
        if whole and isinstance(rows, Same):
            return dict.fromkeys(index, rows.value)
        if 2 * len(index) < len(self.possible_agents):
            return {name: rows.row(position) for name, position in index.items()}
        values = rows.all()
        return dict(zip(index, values if whole else [values[i] for i in index.values()], strict=True))

    def action_masks(self) -> dict[str, Array]:
        """Legal options of every agent in turn whose actions are discrete: bool [options], all entries side by side.

        Raises:
            PopulaceError: No agent's actions are discrete.
        """
        discrete = {name: layout for name, layout in self._layouts.items() if layout.actions.options}
        if not discrete:
            raise PopulaceError(
                "no agent's actions are one discrete space: make the environment with flat_actions=True"
            )
        phase = self.stage.world.phases[self.run.phase]
        out: dict[str, Array] = {}
        for role in self._on_turn(phase):
            if role not in discrete:
                continue
            masks = (
                discrete[role].legal(self._seen_by_role[role].seen, self.stage.world.cast[role].seats).astype(np.bool_)
            )
            out |= {n: masks[i] for i, n in enumerate(self._seats.names[role]) if n in self._seats.index}
        return out

    # ------------------------------------------------------------------ actions

    def check(self, agent: str, action: object) -> None:
        """Raise ActionError where the agent's action lies outside its space in this phase."""
        phase = self.stage.world.phases[self.run.phase]
        self._layouts[self._role(agent)].actions.of_agents([action], [agent], phase)

    def _chosen(self, layout: Layout, phase: str, actions: Mapping[str, Any]) -> dict[str, Tensor]:
        """What the caller does with the role's seats in this phase: field -> [1, seats, *shape]."""
        role = layout.role
        names, rows = self._seats.names[role.name], None
        if role.name in actions:
            chosen = layout.actions.of_arrays(actions[role.name], names, phase, role.name)
        else:
            turn = self._turn() if self.turns == "acting" else None
            names, rows, values = self._seats.gather(role.name, actions, phase, turn)
            chosen = layout.actions.of_agents(values, names, phase)
        if rows is not None:
            forfeits = {f.name: f.forfeit for f in layout.actions.fields}
            for name, array in chosen.items():
                full = np.full((role.seats, *array.shape[1:]), forfeits[name], array.dtype)
                full[rows] = array
                chosen[name] = full
        return {name: torch.from_numpy(array).unsqueeze(0).to(self.stage.device) for name, array in chosen.items()}

    # ------------------------------------------------------------------ the rest of the interface

    @cached_property
    def state_space(self) -> spaces.Space[object]:
        """The space of `state`."""
        run = self.stage.start(0, torch.zeros(1, dtype=torch.int64)) if self._run is None else self._run
        return critic.space(run)

    def state(self) -> Array:
        """All numbers of the world's state in one vector, ground truth included, for training with a central critic."""
        return critic.vector(self.run)

    def render(self) -> str | Array | None:
        """A few lines (`ansi`), a picture (`rgb_array`, uint8 [height, width, 3]), or None."""
        if self.render_mode is None:
            return None
        return render.show(self.render_mode, self.stage, self.run, self.measures, self.history)

    def close(self) -> None:
        """Nothing is held open."""
