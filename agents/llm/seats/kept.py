"""What is kept of a conversation: prompts as text, and for a learner the ids of what it was asked and replied."""

import json
from collections.abc import Sequence

import torch
from torch import Tensor

from populace.agents.llm.backends.base import Ask, Messages, Reply
from populace.dialogue import Chat
from populace.observation import Observation
from populace.policy import WORDS
from populace.words import UNWORDED

SHOWN = 12
"""Seats of a world whose replies are recorded where a learner is asked in a world without words (chosen here)."""


def sample(chats: Sequence[Chat]) -> list[int]:
    """Places of `SHOWN` chats of each world, spread over its seats so that seats of every kind are among them."""
    by_world: dict[int, list[int]] = {}
    for i, chat in enumerate(chats):
        by_world.setdefault(chat.world, []).append(i)
    return [
        mine[k * (len(mine) - 1) // max(SHOWN - 1, 1)] if len(mine) > SHOWN else mine[k]
        for mine in by_world.values()
        for k in range(min(SHOWN, len(mine)))
    ]


def as_json(messages: Messages) -> str:
    """Messages as a text: JSON, as chat templates and servers take them."""
    return json.dumps([{"role": who, "content": text} for who, text in messages], ensure_ascii=False)


def kept(
    observation: Observation, chats: Sequence[Chat], asks: Sequence[Ask], replies: Sequence[Reply]
) -> dict[str, Tensor]:
    """Ids [worlds, seats] of what was asked at last, and of what was replied to that."""
    worlds = len(next(iter(observation.values())))
    found = {
        f"{WORDS}{name}": torch.full((worlds, observation.role.seats), UNWORDED, dtype=torch.int64)
        for name in ("prompt", "reply")
    }
    if not chats:
        return found
    known: dict[tuple[object, ...], int] = {}
    put, places = observation.reader.words.put, ([chat.world for chat in chats], [chat.seat for chat in chats])

    def id_of(told: tuple[object, ...]) -> int:
        if told not in known:
            (known[told],) = put([json.dumps(told, ensure_ascii=False)])
        return known[told]

    for name, said in (
        ("prompt", [(ask.messages, ask.options, ask.lead, ask.form, ask.schema) for ask in asks]),
        ("reply", [(reply.text, reply.written) for reply in replies]),
    ):
        found[f"{WORDS}{name}"][places] = torch.tensor([id_of(one) for one in said])
    return found


def told_ids(observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> Tensor:
    """Ids [worlds, seats] of these replies, where the world has no words of its own in which they are kept."""
    found = torch.full((len(next(iter(observation.values()))), observation.role.seats), UNWORDED, dtype=torch.int64)
    for chat, reply in zip(chats, replies, strict=True):
        (found[chat.world, chat.seat],) = observation.reader.words.put([reply])
    return found
