"""The batch of worlds as tensors on its device, for your own training loop: no copies, no dicts of agents."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from populace.envs.views import arguments
from populace.envs.views.stage import Outcome, Stage
from populace.errors import ActionError, PopulaceError
from populace.fields import Role
from populace.observation import Observation
from populace.policy import Actions
from populace.rollout import AtEnd
from populace.run import Run


@dataclass(frozen=True)
class Turn:
    """What the caller gets back.

    Attributes:
        observations: Role -> what it sees: field -> [worlds, seats, *shape]; the focal roles that act now.
        rewards: Role -> [worlds, seats] float32, summed since the last turn; roles with nothing at stake are absent.
        ended: [worlds] bool, worlds that ended by themselves and wait.
        measures: Name -> [worlds] float32.
    """

    observations: dict[str, Observation]
    rewards: dict[str, Tensor]
    ended: Tensor
    measures: dict[str, Tensor]


class TensorWorld:
    """B worlds in which the caller plays the focal roles with tensors.

    Args:
        stage: The world, its people, the focal roles and the policies of the others.
        worlds: How many.
        at_end: Worlds that ended wait (`mask`) or begin their next episode at the next tick (`autoreset`).
        learn_every: Turns between two calls of the learners among the policies; None for once an episode.
    """

    def __init__(
        self, stage: Stage, worlds: int = 1, *, at_end: AtEnd = "mask", learn_every: int | None = None
    ) -> None:
        arguments.one_of("at_end", at_end, ("mask", "autoreset"))
        if learn_every is not None:
            learn_every = arguments.whole("learn_every", learn_every, 1)
        self.stage, self.at_end, self.learn_every = stage, at_end, learn_every
        self.worlds = arguments.whole("worlds", worlds, 1)
        self._run: Run | None = None
        self._turns = 0

    @property
    def run(self) -> Run:
        """Where things stand: save it with `run.save(path)`; go on from one by assigning it.

        Raises:
            PopulaceError: Before the first reset.
        """
        if self._run is None:
            raise PopulaceError("there is no run before reset(): call reset() first")
        return self._run

    @run.setter
    def run(self, run: Run) -> None:
        self._run = run

    @property
    def phase(self) -> str:
        """The phase in which the caller has the turn."""
        return self.stage.world.phases[self.run.phase]

    def reset(self, seed: int | None = None, ids: Tensor | None = None) -> dict[str, Observation]:
        """Begin: with a seed a new batch (of the worlds `ids` [worlds]), without one everybody's next episode.

        Raises:
            PopulaceError: The seed or an id is no whole number from 0 up, or there are not as many ids as worlds.
        """
        if self._run is None or seed is not None or ids is not None:
            numbers = torch.arange(self.worlds)
            if ids is not None:
                numbers = torch.tensor(arguments.wholes("ids", ids, self.worlds), dtype=torch.int64)
            self._run = self.stage.start(0 if seed is None else arguments.whole("seed", seed), numbers)
        else:
            self._run = self.stage.next_episode(self._run)
        self._turns = 0
        return self.observe()

    def observe(self) -> dict[str, Observation]:
        """What the focal roles see that act now."""
        return {role.name: self.stage.see(self.run, role.name) for role in self._turn()}

    def step(self, actions: Mapping[str, Actions]) -> Turn:
        """Play one turn: role -> field -> [worlds, seats, *shape], for every focal role that acts now.

        Raises:
            ActionError: A role is missing, or fields, shapes or dtypes are not those it declares.
            UnknownName: A role is not focal.
        """
        if not isinstance(actions, Mapping):
            raise ActionError(f"actions are {actions!r}; expected role -> field -> tensor [worlds, seats, ...]")
        for name in actions:
            arguments.one_of("focal role", name, self.stage.focal)
        given = {role.name: self._given(role, actions) for role in self._turn()}
        outcome = self.stage.settle(self.stage.act(self.run, given), to_tick=True)
        if outcome.run.phase == 0:
            outcome = self._tick(outcome)
        self._run = outcome.run
        return Turn(self.observe(), outcome.rewards, outcome.run.done, outcome.measures)

    def _given(self, role: Role, actions: Mapping[str, Actions]) -> Actions:
        fields = ", ".join(f.name for f in role.done_in(self.phase))
        if role.name not in actions:
            raise ActionError(f"no actions for {role.name!r}, whose turn it is in phase {self.phase!r}: give {fields}")
        if not isinstance(actions[role.name], Mapping):
            raise ActionError(f"the actions of {role.name!r} are {actions[role.name]!r}; expected a dict of {fields}")
        return actions[role.name]

    def _tick(self, outcome: Outcome) -> Outcome:
        run = outcome.run
        self._turns += 1
        if self.learn_every is not None and self._turns % self.learn_every == 0:
            run = self.stage.learned(run)
        if self.stage.world.ends and self.at_end == "autoreset":
            run = self.stage.again(run, run.done)
        return self.stage.settle(Outcome(run, outcome.rewards, outcome.flows))

    def _turn(self) -> tuple[Role, ...]:
        return tuple(role for role in self.stage.world.acting[self.phase] if role.name in self.stage.focal)
