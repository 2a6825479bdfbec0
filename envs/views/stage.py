"""A batch of worlds in which a caller plays some roles and policies play the rest: what every view is a loop over.

Nothing here is kept in `self`: a stage takes a run and gives back the next, so that a view can look ahead on a copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from populace.draw import Draw
from populace.errors import PopulaceError
from populace.fields import Role
from populace.measures import Key, label, recorded
from populace.observation import Observation
from populace.policy import READ, Actions, Learner, Lesson, Memory, Policy
from populace.population import People, Population
from populace.rollout import learn
from populace.run import Run, advance, restart, see, start
from populace.world import AnyWorld


@dataclass(frozen=True)
class Outcome:
    """What happened between two moments at which the caller has the turn.

    Attributes:
        run: Where things stand now.
        rewards: Role -> [worlds, seats] float32, summed over the phases played.
        flows: Key -> [worlds] float32, what was measured since the caller's last turn.
    """

    run: Run
    rewards: dict[str, Tensor] = field(default_factory=dict)
    flows: dict[Key, Tensor] = field(default_factory=dict)

    @property
    def measures(self) -> dict[str, Tensor]:
        """Name -> [worlds] float32: what was measured and counted since the caller's last turn."""
        return {label(key): value for key, value in {**self.flows, **recorded(self.run.counts)}.items()}


@dataclass(frozen=True)
class Stage:
    """A world, the people it samples, the roles a caller plays (focal) and the policies that play the others.

    Attributes:
        world: The mechanism.
        population: Whom to sample.
        policies: Role -> policy, for all roles that are not focal.
        focal: Roles the caller plays.
        seat: The one seat of the focal role the caller plays; None for all its seats.
        device: Where the tensors live.
        words: Whether the caller speaks: then phases in which a focal role only says something are its turns too.
    """

    world: AnyWorld
    population: Population
    policies: Mapping[str, Policy]
    focal: tuple[str, ...]
    seat: tuple[str, int] | None = None
    device: str = "cpu"
    words: bool = False

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """Indices of the phases in which a focal role acts: there the caller has the turn."""
        world = self.world
        return tuple(
            i
            for i, phase in enumerate(world.phases)
            if any(role.name in self.focal and self.turns(role, phase) for role in world.acting[phase])
        )

    def phases_of(self, role: Role) -> tuple[str, ...]:
        """The phases in which the role acts, in the order of the tick."""
        acting = (phase for phase in self.world.phases if phase in role.phases)
        return tuple(phase for phase in acting if self.turns(role, phase))

    def turns(self, role: Role, phase: str) -> bool:
        """Whether a focal role that acts in this phase has the turn there."""
        return self.words or not role.only_speaks(phase)

    def start(self, seed: int, ids: Tensor) -> Run:
        """Sample worlds `ids` [worlds], begin episode 0 and run forward to the caller's first turn."""
        run = start(self.world, self.policies, self.population, seed=seed, worlds=ids, device=self.device)
        return self.settle(Outcome(run)).run

    def next_episode(self, run: Run) -> Run:
        """Drop the rest of the tick and begin the next episode in all worlds: the same people, new random numbers."""
        run = self.learned(run)
        fresh = restart(self.world, self.policies, run, torch.ones_like(run.done))
        return self.settle(Outcome(fresh)).run

    def again(self, run: Run, which: Tensor) -> Run:
        """Begin the next episode in worlds `which` [worlds] bool; the run must stand between two ticks."""
        assert run.phase == 0
        return restart(self.world, self.policies, run, which)

    def learned(self, run: Run) -> Run:
        """Let the learners among the policies learn from what they gathered."""
        return learn(self.world, self.policies, run)[0] if run.trajectory else run

    def see(self, run: Run, role: str) -> Observation:
        """What a focal role sees on its turn."""
        return see(self.world, run, self.world.cast[role])

    def act(self, run: Run, given: Mapping[str, Actions]) -> Outcome:
        """Play the phase in which the caller has the turn."""
        return self._play(Outcome(replace(run, counts={})), given)

    def settle(self, outcome: Outcome, *, to_tick: bool = False) -> Outcome:
        """Play the phases in which only policies act, up to the caller's next turn (`to_tick`: or the tick's end)."""
        while outcome.run.phase not in self.stops and not (to_tick and outcome.run.phase == 0):
            outcome = self._play(outcome, None)
        return outcome

    def _play(self, so_far: Outcome, given: Mapping[str, Actions] | None) -> Outcome:
        before = so_far.run
        run, step = advance(self.world, self.policies, before, given)
        rewards = dict(so_far.rewards)
        for role, reward in step.rewards.items():
            if self.world.ends:
                reward = torch.where(before.done.unsqueeze(-1), torch.zeros_like(reward), reward)
            rewards[role] = rewards[role] + reward if role in rewards else reward
        found: Mapping[Any, Tensor] = step.measures
        return Outcome(run, rewards, {**so_far.flows, **found})


class LazyObservation:
    """What a focal role sees at one moment, looked at when somebody wants to know: states never change, so it keeps."""

    def __init__(self, stage: Stage, run: Run, role: Role) -> None:
        self.phase = stage.world.phases[run.phase]
        self.acts = self.phase in role.phases
        # Kept as values, not as a closure, so that an environment can be pickled at any time.
        self._at: tuple[Stage, Run, str] | None = (stage, run, role.name)
        self._seen: Observation | None = None

    @property
    def seen(self) -> Observation | None:
        """The observation; None when the role does not act in this phase."""
        if self.acts and self._at is not None:
            stage, run, role = self._at
            self._seen, self._at = stage.see(run, role), None
        return self._seen


@dataclass(frozen=True)
class SeatMemory:
    """What a policy remembers that shares its role with a caller.

    Attributes:
        inner: The policy's own memory.
        chosen: Field -> [worlds, *shape], what the caller does with its seat at its next turn.
        kind: [worlds] int8, 0 where that act is valid.
    """

    inner: Memory = None
    chosen: dict[str, Tensor] = field(default_factory=dict)
    kind: Tensor | None = None


class Shared(Policy):
    """Plays all seats of a role but one, which a caller plays.

    Args:
        policy: Who plays the other seats.
        seat: The caller's seat.
    """

    def __init__(self, policy: Policy, seat: int) -> None:
        self.options, self.policy, self.seat = policy.options, policy, seat
        self.privileged = policy.privileged

    def begin(self, role: Role, people: People, draw: Draw) -> Memory:
        """The policy's memory, and defaults for the caller's seat."""
        worlds, device = people.values.shape[0], people.values.device
        chosen = {f.name: f.omitted(worlds, 1, device)[:, 0] for f in role.does}
        kind = torch.zeros(worlds, dtype=torch.int8, device=device)
        return SeatMemory(self.policy.begin(role, people, draw), chosen, kind)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The policy's actions, with the caller's put in its seat."""
        role, phase = observation.role, observation.phase
        actions: Actions = {}
        inner = memory.inner
        if self.policy.speaks or not role.only_speaks(phase):
            actions, inner = self.policy.act(observation, memory.inner, draw)
        some = next(iter(memory.chosen.values()))
        left = {f.name: f.omitted(len(some), role.seats, some.device) for f in role.done_in(phase)}
        mixed = {}
        for name, tensor in {**left, **actions}.items():
            mixed[name] = tensor.clone()
            own = memory.kind if name == "kind" else memory.chosen.get(name, torch.zeros_like(tensor[:, 0]))
            mixed[name][:, self.seat] = own
        for name in memory.chosen:
            if name.startswith(READ) and name not in mixed:  # what was read off the caller's words
                own = memory.chosen[name]
                mixed[name] = torch.zeros((len(own), role.seats, *own.shape[1:]), dtype=own.dtype, device=own.device)
                mixed[name][:, self.seat] = own
        if "kind" not in mixed:
            mixed["kind"] = torch.zeros((len(some), role.seats), dtype=torch.int8, device=some.device)
            mixed["kind"][:, self.seat] = memory.kind
        return mixed, replace(memory, inner=inner)


class SharedLearner(Shared, Learner):
    """As `Shared`, for a policy that learns."""

    def learn(self, memory: Memory, lesson: Lesson, draw: Draw) -> tuple[Memory, Mapping[str, Tensor]]:
        """What the policy learns; the caller's seat is among its experience."""
        assert isinstance(self.policy, Learner)
        inner, measures = self.policy.learn(memory.inner, lesson, draw)
        return replace(memory, inner=inner), measures


def share(policy: Policy, seat: int) -> Policy:
    """`policy` on all seats of its role but `seat`."""
    return (SharedLearner if isinstance(policy, Learner) else Shared)(policy, seat)


def check_focal(world: AnyWorld, focal: tuple[str, ...]) -> tuple[str, ...]:
    """The focal roles, each known and acting in some phase.

    Raises:
        UnknownName: The world has no such role.
        PopulaceError: No role is focal, or one never acts.
    """
    acting = [role.name for role in world.cast.values() if role.phases and role.does]
    if not focal:
        raise PopulaceError(f"no focal role: name at least one of {', '.join(acting)}")
    for name in focal:
        if world.role(name).name not in acting:
            raise PopulaceError(f"the role {name!r} never acts, so a caller cannot play it; these do: {acting}")
    return tuple(name for name in world.cast if name in focal)
