"""The text face of a world: the same mechanism, read and played in words.

A dialogue reads observations, never state, so that text can never tell more than the tensors do. A reply that cannot be
read is data: the seat forfeits and the kind of failure is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable

from torch import Tensor

from populace.policy import Observation


class ReplyKind(IntEnum):
    """How a reply was read."""

    OK = 0
    UNREADABLE = 1
    REFUSED = 2
    CUT_OFF = 3
    TIMED_OUT = 4
    FAILED = 5
    """The model could not be asked: its server was down or refused to serve."""


@dataclass(frozen=True)
class Chat:
    """What one seat is asked.

    Attributes:
        world: Position of the world in the batch.
        seat: Position of the seat in its role.
        messages: (`system` | `user` | `assistant`, text) in order.
        options: The labels among which the reply must choose, or (). A reply that is one of them, and nothing else, is
            always readable: so a model can be made to choose by scoring the labels.
        schema: JSON Schema (as text) of the reply, or "". A number is JSON too. A reply that is valid by it, and
            nothing else, is always readable: so a server can be made to keep to it. Neither: free text.
    """

    world: int
    seat: int
    messages: tuple[tuple[str, str], ...]
    options: tuple[str, ...] = ()
    schema: str = ""


class Dialogue(Protocol):
    """One file a world: `say` asks every seat that acts, `hear` reads the replies of some of them back into actions."""

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that acts in the observation's phase."""
        ...

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions field -> [worlds, seats, *shape] (forfeits where unread) and kinds [worlds, seats] int8."""
        ...


@runtime_checkable
class Writes(Protocol):
    """A dialogue that can also put acts into words: what a script does, as if it had written it."""

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat; `hear` reads it back into these actions, up to what words can say."""
        ...
