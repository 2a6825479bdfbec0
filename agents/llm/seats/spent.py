"""What the asking of a role's seats took, and what their choices say of the model."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from populace.agents.llm.backends.base import Reply
from populace.dialogue import Chat
from populace.measures import LISTED, SCORED


class Spent:
    """What each seat's asking took, as if it had asked alone: so a world's figures do not depend on its batch.

    Args:
        worlds: How many worlds.
        seats: Seats of the role.
        faults: All that can go wrong with a try.
    """

    def __init__(self, worlds: int, seats: int, faults: Sequence[str]) -> None:
        self.read = torch.zeros((worlds, seats), dtype=torch.int64)
        self.written, self.asked = torch.zeros_like(self.read), torch.zeros_like(self.read)
        self.faults = {fault: torch.zeros_like(self.read) for fault in faults}
        names = ("first option", LISTED, "mass", SCORED)
        self.scores = {name: torch.zeros((worlds, seats), dtype=torch.float64) for name in names}

    def add(self, chats: Sequence[Chat], replies: Sequence[Reply]) -> None:
        """Count prompts, tokens and failed tries."""
        # As arrays over the same memory: a single entry of a tensor takes microseconds.
        asked, read, written = self.asked.numpy(), self.read.numpy(), self.written.numpy()
        for chat, reply in zip(chats, replies, strict=True):
            place = chat.world, chat.seat
            asked[place] += 1
            read[place] += reply.tokens_in
            written[place] += reply.tokens_out
            for fault in reply.faults:
                self.faults[fault][place] += 1

    def score(self, chats: Sequence[Chat], replies: Sequence[Reply], orders: Sequence[Sequence[int]]) -> None:
        """What choices say of the model: its mass on what was scored, and whether it took the option shown first."""
        scores = {name: value.numpy() for name, value in self.scores.items()}
        for chat, reply, order in zip(chats, replies, orders, strict=True):
            place = chat.world, chat.seat
            if not math.isnan(reply.mass):
                scores["mass"][place] += reply.mass
                scores[SCORED][place] += 1
            if len(chat.listed) > 1 and (took := option(chat, reply.text)) is not None:
                scores["first option"][place] += took == (order[0] if order else 0)
                scores[LISTED][place] += 1

    def counts(self) -> dict[str, Tensor]:
        """Tokens, prompts and failed tries by kind, each [worlds, seats]; every kind at every tick."""
        faults = {f"fault/{fault}": count for fault, count in self.faults.items()}
        return {"tokens": self.read + self.written, "asked": self.asked, **self.scores, **faults}


def option(chat: Chat, reply: str) -> int | None:
    """Which option a reply is, by itself or after the lead; None where it is none of them as it stands."""
    said = reply.strip()
    said = said.removeprefix(chat.lead.strip()).strip() if chat.lead else said
    said = said.split("\n", 1)[0].strip()
    return chat.options.index(said) if said in chat.options else None
