"""Which of a view's agents are alive, and whose action stands where."""

from collections.abc import Mapping, Sequence

import numpy as np

from populace.envs.views.lazy import Array
from populace.errors import ActionError


class Seats:
    """The agents of the focal roles, in order: `<role>_<seat>`.

    Args:
        roles: Role -> seats.
        wait: Whether agents of empty seats stay alive.
    """

    def __init__(self, roles: Mapping[str, int], wait: bool = False) -> None:
        self.names = {role: [f"{role}_{i}" for i in range(count)] for role, count in roles.items()}
        self.role_of = {name: role for role, names in self.names.items() for name in names}
        self.all = {name: position for position, name in enumerate(self.role_of)}
        self.index: Mapping[str, int] = self.all
        self.wait = wait
        self.present: Array | None = None
        self._alive = self._dead = np.zeros(0, np.bool_)

    def begin(self, present: Array | None) -> Mapping[str, int]:
        """The agents alive at the start, by position; `present` [agents] bool or None for all."""
        self.present = present
        if present is None or self.wait:
            self.index = self.all
        else:
            self._alive, self._dead = present.copy(), np.zeros_like(present)
            self.index = self._listed(self._alive)
        return self.index

    def update(self, present: Array | None) -> tuple[Mapping[str, int], Array | None]:
        """The agents to report on after a step, and which of them left [agents] bool (None: nobody).

        Whoever left never returns; whoever arrives for the first time joins.
        """
        self.present = present
        if present is None or self.wait:
            return self.index, None
        left = self._alive & ~present
        joined = present & ~self._alive & ~self._dead & ~left
        if not left.any() and not joined.any():
            return self.index, None
        reported = self._alive | joined
        self._dead = self._dead | left
        self._alive = reported & ~left
        self.index = self._listed(self._alive)
        return self._listed(reported), left

    def _listed(self, which: Array) -> dict[str, int]:
        return {name: position for name, position in self.all.items() if which[position]}

    def on_turn(self, roles: Sequence[str]) -> dict[str, int]:
        """The living agents of `roles` whose seats are taken, by position."""
        here = self.present
        return {
            name: position
            for role in roles
            for name in self.names[role]
            if (position := self.index.get(name)) is not None and (here is None or here[position])
        }

    def gather(
        self, role: str, actions: Mapping[str, object], phase: str, turn: Mapping[str, int] | None = None
    ) -> tuple[list[str], Array | None, Sequence[object]]:
        """The living agents of a role, their rows (None: all, in order), and their actions.

        Args:
            role: The role.
            actions: Agent -> action.
            phase: The phase, for messages.
            turn: Who must act; None for all who live, whom an empty seat excuses.

        Raises:
            ActionError: A living agent gave none, or somebody acts who is no agent.
        """
        names, rows = self.names[role], None
        must = self.index if turn is None else turn
        if must is not self.all:
            names = [name for name in names if name in must]
            first = self.all[self.names[role][0]]
            rows = np.array([self.all[name] - first for name in names], np.int64)
        if len(actions) == len(names) and list(actions) == names:
            return names, rows, list(actions.values())
        try:
            return names, rows, [actions[name] for name in names]
        except KeyError:
            here = self.present
            missing = next((n for n in names if n not in actions and (here is None or here[self.all[n]])), None)
            if missing is None:
                return self.gather(role, actions, phase, {n: self.all[n] for n in names if n in actions})
            strangers = [name for name in actions if name not in self.all and name not in self.names]
            hint = f"; {strangers[0]!r} is no agent" if strangers else ""
            raise ActionError(
                f"no action for {missing}: every living {role} must act in phase {phase!r}{hint}"
            ) from None
