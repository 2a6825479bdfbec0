"""Worlds for verifiers (`verifiers.v1`): one seat as a taskset, whose rows are worlds, and the Env that plays it.

eval populace-verifiers --env.taskset.world populace/drift-v0 --env.taskset.max-turns 5 -m my-model
"""

from collections.abc import Iterator
from typing import Any

from populace.envs.bridges.seats import Episode, seat_of
from populace.envs.views.text import TextEnv
from populace.errors import MissingExtra

try:
    import verifiers.v1 as vf
except ImportError:
    raise MissingExtra("populace.envs.bridges.verifiers", "verifiers", "verifiers") from None

ID = "populace-verifiers"
"""The taskset's id."""


class SeatConfig(vf.TasksetConfig):
    """Which seat, and in which worlds."""

    id: str = ID
    world: str = ""
    """A registered world's id."""
    scenario: str = ""
    """Or a scenario's name or file."""
    role: str | None = None
    """Whose seat; the assistant's if not given."""
    seat: int = 0
    """Its number."""
    users: int = 10
    """How many, in a world without a scenario."""
    options: dict[str, Any] | None = None
    """The world's options, without a scenario."""
    max_turns: int | None = 20
    """Turns after which an episode is truncated."""
    worlds: int = 100
    """Rows: worlds, each with people of its own."""
    first: int = 0
    """The id of the first."""
    world_seed: int = 0
    """The seed of all worlds."""

    def made(self) -> TextEnv:
        """The environment, of one world."""
        return seat_of(
            self.world,
            self.scenario,
            self.role,
            self.seat,
            users=self.users,
            options=self.options,
            max_turns=self.max_turns,
        )


class SeatData(vf.TaskData):
    """A row: a world by its id. Rollouts of one row have the same people and the same random numbers."""

    world: int


class SeatTask(vf.Task[SeatData, vf.State, vf.TaskConfig]):
    """An episode of a seat."""


class SeatTaskset(vf.Taskset[SeatTask, SeatConfig]):
    """One row for each world; its prompt is what the seat is asked first."""

    def load(self) -> Iterator[SeatTask]:
        """The rows."""
        env = self.config.made()
        for i in range(self.config.first, self.config.first + self.config.worlds):
            told = Episode(env, i, self.config.world_seed).told
            system = "".join(message["content"] for message in told if message["role"] == "system")
            asked = "\n\n".join(message["content"] for message in told if message["role"] != "system")
            data = SeatData(name=f"world {i}", prompt=asked, system_prompt=system or None, world=i)
            yield SeatTask(data, self.config.task)


class SeatEnvConfig(vf.EnvConfig):
    """Who plays: a model without tools, in a process of this machine, not in verifiers' own sandbox."""

    player: vf.AgentConfig = vf.AgentConfig(harness={"id": "null"}, runtime=vf.SubprocessConfig())


class SeatEnv(vf.Env[SeatEnvConfig]):
    """An episode: the world asks, the model replies, until the world has nothing more to ask.

    The trace has the reward `paid` (none if the model failed), and as metrics `turns`, `unread` (share of replies that
    could not be read) and the world's measures.
    """

    async def run(self, task: SeatTask, agents: vf.Agents) -> None:
        """Play one episode."""
        config = self.taskset.config
        played = Episode(config.made(), task.data.world, config.world_seed)
        async with agents.player.interaction(task) as talk:
            segment = await talk.turn()
            while not segment.terminated:
                played.reply(segment.last_reply)
                if played.over:
                    break
                segment = await talk.turn("\n\n".join(message["content"] for message in played.told))
        if talk.trace.has_error:  # no reply came: that is no reward of 0
            return
        talk.trace.record_reward("paid", played.reward, 1.0)
        talk.trace.record_metric("turns", float(played.turns))
        talk.trace.record_metric("unread", played.unread / max(1, played.turns))
        for name, value in played.measures.items():
            if value == value:  # a measure that is undefined is left out
                talk.trace.record_metric(name, value)
