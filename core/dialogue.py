"""The text face of a world: the same mechanism, read and played in words.

A dialogue reads observations, never state, so that text can never tell more than the tensors do. A reply that cannot be
read is data: the seat forfeits and the kind of failure is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable

from torch import Tensor

from populace.observation import Observation


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
        form: A regular expression, or "". A reply that matches it as a whole is always readable, so that a local model
            can be held to it; it may allow less than `hear` reads.
    """

    world: int
    seat: int
    messages: tuple[tuple[str, str], ...]
    options: tuple[str, ...] = ()
    schema: str = ""
    form: str = ""


class Dialogue(Protocol):
    """One per world: `say` asks every seat that acts, `hear` reads the replies of some of them back into actions."""

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat that acts in the observation's phase."""
        ...

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions field -> [worlds, seats, *shape] (forfeits where unread) and kinds [worlds, seats] int8."""
        ...


@runtime_checkable
class Writes(Dialogue, Protocol):
    """A dialogue that can also put acts into words: what a script does, as if it had written it."""

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat; `hear` reads it back into these actions, up to what words can say."""
        ...


@dataclass(frozen=True)
class Coding:
    """What free text is read for: codes, each with what it means.

    Attributes:
        name: What is read, in two words: `drift statements`.
        about: What was asked and what is to be judged, in a sentence or two: a judge is told it.
        codes: Code -> what it means, in a sentence: a judge is told it too.
        several: Whether any number of codes may hold at once; else exactly one does.
        rules: Code -> regular expressions, found whatever their case. Where one code holds, it is the first that fits.
        prototypes: Code -> sentences that are likely to stand for it.
        labelled: Package and name of a file of labelled texts (see `agreement`), or None.
    """

    name: str
    about: str
    codes: Mapping[str, str]
    several: bool
    rules: Mapping[str, tuple[str, ...]]
    prototypes: Mapping[str, tuple[str, ...]]
    labelled: tuple[str, str] | None = None


class FreeFace(Protocol):
    """A role held in free text: what is asked, what of a reply is to be coded, and what its codes come to.

    Attributes:
        coding: What replies are read for.
    """

    coding: Coding

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat that acts, without options or schema."""
        ...

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[str]]:
        """What of each reply is coded, each passage alone; none of a reply that holds nothing to code."""
        ...

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds as `Dialogue.hear` gives them, from the codes [passages, codes] bool of each reply."""
        ...


@runtime_checkable
class Speaks(Protocol):
    """A dialogue some of whose roles can be held in free text: an interpreter codes what is said, codes are acts."""

    def free(self, role: str) -> FreeFace | None:
        """The face of a role, or None where it has none."""
        ...
