"""Turns replies into actions; a seat whose reply cannot be read forfeits, and the kind says why."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from populace.dialogue import Chat, ReplyKind
from populace.observation import Observation
from populace.replies.refusals import refuses
from populace.replies.thinking import spoken

T = TypeVar("T")
Read = tuple[dict[str, object], ReplyKind]
"""Field -> value, empty where nothing was read; and the kind."""


def understood(reply: str, read: Callable[[str], T | ReplyKind | None], keep: tuple[str, ...] = ()) -> T | ReplyKind:
    """What a reader makes of what a reply says, or why it is nothing.

    The one place where thinking is taken out and refusals are looked for: the latter only where nothing was read, so
    that `I cannot see the price. Choice: 2` is a choice.

    Args:
        reply: The whole reply.
        read: What is said -> what it states, None where that is unclear, or UNREADABLE or CUT_OFF.
        keep: Tags of thinking that are part of the form (see `spoken`).
    """
    said = spoken(reply, keep)
    if said.unfinished:
        return ReplyKind.CUT_OFF
    found = read(said.text) if said.text else None
    if found is None or isinstance(found, ReplyKind):
        if refuses(spoken(reply).text):
            return ReplyKind.REFUSED
        return ReplyKind.UNREADABLE if found is None else found
    return found


def pair(found: dict[str, object] | ReplyKind) -> Read:
    """What was understood, as fields and kind."""
    return ({}, found) if isinstance(found, ReplyKind) else (found, ReplyKind.OK)


def forfeits(observation: Observation) -> dict[str, Tensor]:
    """What is done by seats that do nothing, field -> [worlds, seats, *shape], on the host."""
    worlds, seats = next(iter(observation.values())).shape[:2]
    return {f.name: f.empty(worlds, seats) for f in observation.role.done_in(observation.phase)}


def fill(
    observation: Observation,
    chats: Sequence[Chat],
    replies: Sequence[str],
    read: Callable[[Chat, str], Mapping[str, object] | ReplyKind],
    empty: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Tensor]:
    """Actions and kinds of seats that replied, on the device of the observation.

    Args:
        observation: What the seats see.
        chats: What they were asked.
        replies: What they replied, one for each chat.
        read: Chat and reply -> field -> value, or why there is none. Fields that are not filled here are left out.
        empty: What is filled, name -> [worlds, seats, ...] on the host; None for the forfeits.

    Returns:
        Field -> [worlds, seats, *shape], and kinds [worlds, seats] int8.
    """
    some = next(iter(observation.values()))
    actions = forfeits(observation) if empty is None else dict(empty)
    kinds = torch.full(some.shape[:2], int(ReplyKind.OK), dtype=torch.int8)
    for chat, reply in zip(chats, replies, strict=True):
        found, place = read(chat, reply), (chat.world, chat.seat)
        if isinstance(found, ReplyKind):
            kinds[place] = int(found)
            continue
        for name, value in found.items():
            if name in actions:
                actions[name][place] = torch.as_tensor(value, dtype=actions[name].dtype)
    return {name: value.to(some.device) for name, value in actions.items()}, kinds.to(some.device)
