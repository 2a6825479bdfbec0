"""What each seat remembers of its conversation: text kept as bytes in a tensor.

Memories are mixed, picked and reset world by world, which only tensors can be (strings are constants of a whole batch).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from populace.agents.llm.backends.base import BYTES_PER_TOKEN, Messages
from populace.dialogue import Chat

_REPLY, _END = "\x1f", "\x1e"
"""Between what was asked and what was replied, and after an exchange."""
_MARKS = str.maketrans("", "", "\x00\x1e\x1f")


@dataclass(frozen=True)
class Conversations:
    """What was asked and replied, oldest first.

    Attributes:
        text: [worlds, seats, bytes] uint8, UTF-8 padded with zeros.
    """

    text: Tensor

    @staticmethod
    def empty(worlds: int, seats: int, budget: int, device: torch.device) -> "Conversations":
        """Nothing said yet; `budget` is in tokens of `BYTES_PER_TOKEN` bytes."""
        return Conversations(torch.zeros((worlds, seats, budget * BYTES_PER_TOKEN), dtype=torch.uint8, device=device))

    def recall(self, chats: Sequence[Chat]) -> list[Messages]:
        """The remembered exchanges of each chat's seat, as `user` and `assistant` messages."""
        text = self.text.cpu().numpy()
        return [_messages(_stored(text[chat.world, chat.seat])) for chat in chats]

    def extend(self, chats: Sequence[Chat], replies: Sequence[str]) -> "Conversations":
        """With one exchange more for every chat that got a reply.

        Where there is no room, whole exchanges are forgotten, the oldest first; one that is longer than the budget
        alone is not remembered at all.
        """
        text = self.text.cpu().numpy().copy()
        room = text.shape[-1]
        for chat, reply in zip(chats, replies, strict=True):
            if not reply:
                continue
            asked = "\n".join(said for who, said in chat.messages if who != "system")
            new = f"{asked.translate(_MARKS)}{_REPLY}{reply.translate(_MARKS)}{_END}".encode()
            kept = _stored(text[chat.world, chat.seat]) + new
            while len(kept) > room:
                kept = kept[kept.index(_END.encode()) + 1 :]
            row = text[chat.world, chat.seat]
            row[:] = 0
            row[: len(kept)] = np.frombuffer(kept, dtype=np.uint8)
        return Conversations(torch.from_numpy(text).to(self.text.device))


def _stored(row: "np.ndarray[tuple[int], np.dtype[np.uint8]]") -> bytes:
    return row.tobytes().rstrip(b"\x00")


def _messages(stored: bytes) -> Messages:
    found: list[tuple[str, str]] = []
    for exchange in stored.decode().split(_END)[:-1]:
        asked, _, reply = exchange.partition(_REPLY)
        found += [("user", asked), ("assistant", reply)]
    return tuple(found)
