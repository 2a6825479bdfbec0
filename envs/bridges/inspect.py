"""Worlds for Inspect: an evaluation in which the model plays a seat, in many worlds.

inspect eval populace/seat -T world=populace/drift-v0 -T worlds=50 --model openai/gpt-...
"""

from typing import Any

from populace.envs.bridges.seats import Episode, seat_of
from populace.envs.views.text import TextEnv
from populace.errors import MissingExtra

try:
    from inspect_ai import Task, task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser
    from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
    from inspect_ai.solver import Generate, Solver, TaskState, solver
except ImportError:
    raise MissingExtra("populace.envs.bridges.inspect", "inspect_ai", "inspect") from None

_SCORE = "populace"
"""Where a sample's metadata hold what its episode came to."""


@solver
def episode(seed: int = 0, **arguments: Any) -> Solver:
    """Play an episode of the world that a sample names, the model replying to what its seat is asked.

    Args:
        seed: The seed of all worlds.
        arguments: Those of `populace.envs.bridges.seats.seat_of`, but the seat's number, which the sample names.
    """
    idle: dict[int, list[TextEnv]] = {}  # seat -> environments in which nobody plays

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        number = state.metadata["seat"]
        waiting = idle.setdefault(number, [])
        env = waiting.pop() if waiting else seat_of(**arguments, seat=number)
        played = Episode(env, state.metadata["world"], seed)
        state.messages = []
        while not played.over:
            state.messages += [_message(one["role"], one["content"]) for one in played.told]
            state = await generate(state)
            played.reply(state.output.completion)
            if state.completed:
                break
        waiting.append(env)
        unread = played.unread / max(1, played.turns)
        state.metadata[_SCORE] = {"reward": played.reward, "unread": unread, **played.measures}
        return state

    return solve


@scorer(metrics={"*": [mean(), stderr(cluster="world")]})
def paid() -> Scorer:
    """The seat's reward in its episode, the share of replies that could not be read, and the world's measures.

    Standard errors are clustered by world: seats of one world share its people and its random numbers.
    """

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=state.metadata[_SCORE], explanation=f"world {state.metadata['world']}")

    return score


@task
def seat(
    world: str = "",
    scenario: str = "",
    role: str | None = None,
    worlds: int = 20,
    first: int = 0,
    seats: int = 1,
    users: int = 10,
    options: dict[str, Any] | None = None,
    max_turns: int | None = 20,
    seed: int = 0,
) -> Task:
    """A model on a seat of a world.

    Args:
        world: A registered world's id.
        scenario: Or a scenario's name or file.
        role: Whose seat; None for the assistant's.
        worlds: Worlds, each with people of its own.
        first: The id of the first.
        seats: How many of the role's seats the model plays in each world, one after the other.
        users: How many, in a world without a scenario.
        options: The world's options, without a scenario.
        max_turns: Turns after which an episode is truncated.
        seed: The seed of all worlds.
    """
    arguments: dict[str, Any] = {"world": world, "scenario": scenario, "role": role}
    arguments |= {"users": users, "options": options, "max_turns": max_turns}
    seat_of(**arguments)  # a mistake is told before anything is played
    samples = [
        Sample(input=f"seat {k} of world {i}", id=f"{i}-{k}", metadata={"world": i, "seat": k})
        for i in range(first, first + worlds)
        for k in range(seats)
    ]
    return Task(dataset=MemoryDataset(samples), solver=episode(seed=seed, **arguments), scorer=paid())


def _message(role: str, content: str) -> ChatMessage:
    return ChatMessageSystem(content=content) if role == "system" else ChatMessageUser(content=content)
