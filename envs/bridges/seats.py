"""What bridges to stacks of one conversation at a time share: naming a seat in words, and playing an episode on it."""

import math
from typing import Any

import populace
from populace.envs import views
from populace.envs.views.text import Message, Prompt, TextEnv
from populace.errors import PopulaceError


def seat_of(
    world: str = "",
    scenario: str = "",
    role: str | None = None,
    seat: int = 0,
    *,
    users: int = 10,
    options: dict[str, Any] | None = None,
    max_turns: int | None = 20,
) -> TextEnv:
    """A seat asked in words, of a world or of a scenario, from plain values such as a command line gives.

    Args:
        world: A registered world's id; its other seats are played by the world's defaults.
        scenario: Or a scenario's name or file, whose policies play the other seats.
        role: Whose seat; None for the assistant's.
        seat: Its number.
        users: How many, in a world without a scenario.
        options: The world's options, without a scenario.
        max_turns: Turns of the seat after which an episode is truncated; None for no limit.

    Raises:
        PopulaceError: Both a world and a scenario are named, or neither.
    """
    if bool(world) == bool(scenario):
        raise PopulaceError("name a world (world='populace/drift-v0') or a scenario (scenario='talk-drift'), not both")
    if scenario:
        return populace.text_env(scenario, role, seat, max_turns=max_turns)
    return views.text_env(world, role, seat, users=users, options=options, max_turns=max_turns)


class Episode:
    """An episode of one seat in one world.

    Attributes:
        prompt: What the seat is asked; None once the episode is over.
        told: The messages that are new since the seat's last reply; a system message is not said again.
        reward: Sum over the turns.
        turns: Replies.
        unread: Replies that could not be read.
        truncated: Whether the episode was cut off.

    Args:
        env: The environment, of one world; nothing else may play in it until the episode is over.
        world: The world's id.
        seed: The seed; None for the environment's.

    Raises:
        PopulaceError: The seat is not asked at the beginning of an episode.
    """

    def __init__(self, env: TextEnv, world: int, seed: int | None = None) -> None:
        self.env, self.world = env, world
        self.reward, self.turns, self.unread, self.truncated = 0.0, 0, 0, False
        self.kind, self.prompt = "", env.reset(seed, [world])[0]
        if self.prompt is None:
            raise PopulaceError("the seat is not asked at the beginning of an episode: choose another seat or world")
        self.told: list[Message] = self.prompt.messages
        self._system = _system(self.prompt)
        self._sums: dict[str, tuple[float, int]] = {}

    @property
    def over(self) -> bool:
        """Whether nothing is asked any more."""
        return self.prompt is None

    @property
    def measures(self) -> dict[str, float]:
        """What was measured of the world: means over the turns in which it was defined, NaN where it never was."""
        return {name: total / count if count else math.nan for name, (total, count) in self._sums.items()}

    def reply(self, text: str) -> float:
        """Answer; returns the reward of the turn.

        Raises:
            PopulaceError: The episode is over.
        """
        if self.prompt is None:
            raise PopulaceError("the episode is over: begin another")
        step = self.env.step([text])
        info, self.prompt = step.infos[0], step.prompts[0]
        self.reward, self.turns, self.truncated = self.reward + step.rewards[0], self.turns + 1, step.truncated[0]
        self.kind = str(info["kind"])
        self.unread += self.kind == "unreadable"
        for name, value in info["measures"].items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total, count) if math.isnan(value) else (total + value, count + 1)
        self.told = []
        if self.prompt is not None:
            self.told = [message for message in self.prompt.messages if message["role"] != "system"]
            if (system := _system(self.prompt)) != self._system:  # other instructions than before
                self._system = system
                self.told[0] = {**self.told[0], "content": f"{system}\n\n{self.told[0]['content']}"}
        return step.rewards[0]


def _system(prompt: Prompt) -> str:
    return "".join(message["content"] for message in prompt.messages if message["role"] == "system")
