"""One world as a PettingZoo AEC environment in which agents act in turn, when their role has something to do."""

from collections.abc import Mapping
from typing import Any

from gymnasium import spaces
from pettingzoo import AECEnv

from populace.envs.views import arguments
from populace.envs.views.lazy import Array
from populace.envs.views.parallel import ParallelView


class AECView(AECEnv):  # type: ignore[misc]  # PettingZoo has no types
    """The turns of a `ParallelView`, one agent after the other.

    `agent_selection` goes through the agents whose turn it is, in order; the world moves when the last of them has
    acted, so that none sees what another did in the same phase. A cycle is a tick: every role has had all its turns.

    Args:
        parallel: The world; its own limit of cycles is not used.
        max_cycles: Ticks until the episode is truncated; None for no limit.
    """

    def __init__(self, parallel: ParallelView, max_cycles: int | None = 100) -> None:
        super().__init__()
        self.parallel, self.metadata, self.render_mode = parallel, parallel.metadata, parallel.render_mode
        self.max_cycles = arguments.cycles(max_cycles)
        self.possible_agents = list(parallel.possible_agents)
        self.agents: list[str] = []
        self._waiting: list[str] = []
        self._actions: dict[str, Any] = {}
        self._seen: Mapping[str, Any] = {}

    def observation_space(self, agent: str) -> spaces.Space[object]:
        """The same object each time."""
        return self.parallel.observation_space(agent)

    def action_space(self, agent: str) -> spaces.Space[object]:
        """The same object each time."""
        return self.parallel.action_space(agent)

    def reset(self, seed: int | None = None, options: Mapping[str, object] | None = None) -> None:
        """Begin an episode; see `ParallelView.reset`."""
        if self.max_cycles is not None:
            self.parallel.max_cycles = self.max_cycles * len(self.parallel.stage.stops)
        else:
            self.parallel.max_cycles = None
        self._seen, infos = self.parallel.reset(seed, options)
        self.agents = list(self.parallel.agents)
        self.infos = {agent: infos[agent] for agent in self.agents}
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self._skip_agent_selection = None
        self._actions = {}
        self._turn()
        self._accumulate_rewards()

    def _turn(self) -> None:
        """The agents whose turn it is; play on while there are none."""
        while self.parallel.agents and not self.parallel.acting:
            self._move()
        self._waiting = list(self.parallel.acting)
        if self._waiting:
            self.agent_selection = self._waiting.pop(0)
        elif self.agents:
            self.agent_selection = self.agents[0]

    def _move(self) -> None:
        """Let the world take what the agents did."""
        self._seen, rewards, ended, cut, infos = self.parallel.step(self._actions)
        self._actions = {}
        for agent in self._seen:
            if agent not in self.rewards:  # somebody new
                self.agents.append(agent)
                self.rewards[agent] = self._cumulative_rewards[agent] = 0.0
            self.rewards[agent] += rewards[agent]
            self.terminations[agent], self.truncations[agent] = ended[agent], cut[agent]
            self.infos[agent] = infos[agent]

    def step(self, action: object) -> None:
        """The selected agent acts; None from who is out.

        Raises:
            ActionError: The action lies outside its space.
        """
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self.parallel.check(agent, action)
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self._actions[agent] = action
        if self._waiting:
            self.agent_selection = self._waiting.pop(0)
            return
        self._move()
        self._turn()
        self._accumulate_rewards()
        self._deads_step_first()

    def observe(self, agent: str) -> Any:
        """What the agent sees now; at rest where it is not its turn."""
        return self._seen[agent]

    def action_masks(self) -> dict[str, Array]:
        """Legal options of the agents in turn; see `ParallelView.action_masks`."""
        return self.parallel.action_masks()

    @property
    def state_space(self) -> spaces.Space[object]:
        """The space of `state`."""
        return self.parallel.state_space

    def state(self) -> Array:
        """All numbers of the world's state; see `ParallelView.state`."""
        return self.parallel.state()

    def render(self) -> str | Array | None:
        """See `ParallelView.render`."""
        return self.parallel.render()

    def close(self) -> None:
        """Nothing is held open."""
