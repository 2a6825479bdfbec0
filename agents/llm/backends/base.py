"""What a language model is to us: it is asked many things at once, and replies come back as they are ready."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from populace.budget import Budget
from populace.dialogue import ReplyKind
from populace.draw import uniform_from
from populace.errors import PopulaceError, Stopped

Messages = tuple[tuple[str, str], ...]
"""(`system` | `user` | `assistant`, text) in order."""

BYTES_PER_TOKEN = 4
"""Bytes of UTF-8 to a token where a backend does not count (assumed; common tokenisers have 3 to 5)."""


class BudgetSpent(Stopped):
    """A budget of tokens or money is used up; the run can be resumed with a larger one."""


class ServerGone(Stopped):
    """A server is not there, or refuses the key or the model; the run can be resumed once that is mended."""


@dataclass(frozen=True)
class Ask:
    """One thing asked of a model.

    Attributes:
        messages: The conversation, up to what is to be answered.
        options: The labels among which the reply must choose, or ().
        seed: 64 bits that depend on world, tick and seat, and on nothing else: the reply's random numbers come from it.
        schema: JSON Schema (as text) of the reply, or "". Neither options nor schema: free text.
        form: A regular expression that a reply may be held to, or "".
        lead: What the reply should begin with, or "". A backend that can put it there returns it with the reply; others
            leave it to the model, which is asked for it in the messages.
        said: What the model has said already of this reply, or "": it goes on from there, held to `form`, and what it
            adds is the reply. Only backends that `close` are asked so.
    """

    messages: Messages
    options: tuple[str, ...] = ()
    seed: int = 0
    schema: str = ""
    form: str = ""
    lead: str = ""
    said: str = ""


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        text: The reply; empty where there is none.
        kind: OK, or why there is none or only a part: CUT_OFF, REFUSED, TIMED_OUT, FAILED.
        tokens_in: Tokens read, as the backend counts them.
        tokens_out: Tokens written.
        faults: What went wrong on the way, each time it did: names that the backend declares.
        mass: Where options were scored, the probability that the model writes any of them, after the lead; else NaN.
        written: The tokens that a local model wrote, the end included; () where a reply was scored, or tokens are not
            known.
    """

    text: str
    kind: ReplyKind = ReplyKind.OK
    tokens_in: int = 0
    tokens_out: int = 0
    faults: tuple[str, ...] = ()
    mass: float = math.nan
    written: tuple[int, ...] = ()

    @classmethod
    def of(cls, ask: Ask, text: str, kind: ReplyKind = ReplyKind.OK) -> "Reply":
        """The reply `text` to `ask`, its tokens estimated from lengths: for backends that do not count any."""
        return cls(text, kind, sum(tokens(part) for _, part in ask.messages), tokens(text))


class Backend(ABC):
    """A language model, wherever it runs. One method is needed.

    Attributes:
        voice: Who speaks: model and sampling settings, never a secret. Recorded replies are found by it.
        greedy: The same messages always get the same reply, so that identical ones are asked once.
        faults: All that can go wrong with a try, in words joined by dashes; each is a measure `fault/<word>/<role>`.
        closes: It can go on with what was `said`, and score there what a form allows.
    """

    voice: str = "unnamed"
    greedy: bool = False
    faults: tuple[str, ...] = ()
    closes: bool = False

    def spend_from(self, budget: Budget) -> None:  # noqa: B027  # a hook that most need not have
        """Count what it spends there, and ask before spending; backends that cost nothing need not."""

    @property
    def in_doubt(self) -> bool:
        """Whether the server may be gone, so that its last failures say nothing about single prompts."""
        return False

    def settle(self) -> None:  # noqa: B027  # a hook that most need not have
        """Find out whether it is gone, and raise ServerGone if so."""

    def describe(self) -> Mapping[str, object]:
        """What a run folder keeps about it beside its voice, as plain constants."""
        return {}

    @abstractmethod
    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """Answer all, in any order: (position in `asks`, reply) as soon as each is ready."""


def tokens(text: str) -> int:
    """Tokens of a text, estimated from its bytes; at least 1 where there is any."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def uniform(seed: int, lane: int = 0) -> float:
    """A uniform number in [0, 1) of an ask's seed."""
    return float(uniform_from(torch.tensor([seed]), torch.tensor([lane], dtype=torch.int32)))


def ask_all(backend: Backend, asks: Sequence[Ask]) -> list[Reply]:
    """Ask everything in one go and return the replies in order; identical greedy asks are made once.

    That changes no distribution: a greedy backend would have said the same again.

    Raises:
        PopulaceError: The backend left something unanswered, or met a fault that it does not declare.
    """
    places: dict[tuple[object, ...], int] = {}
    unique: list[Ask] = []
    where: list[int] = []
    for ask in asks:
        key = (ask.messages, ask.options, ask.schema, ask.form, ask.lead, ask.said) if backend.greedy else (len(where),)
        if key not in places:
            places[key] = len(unique)
            unique.append(ask)
        where.append(places[key])
    replies = dict(backend.complete(unique)) if unique else {}
    missing = len(unique) - len(replies)
    if missing:
        raise PopulaceError(
            f"{type(backend).__name__} left {missing} of {len(unique)} asks unanswered: complete(asks) must yield "
            "(position, Reply) for every one; where there is no text, a Reply whose kind says why"
        )
    for fault in {fault for reply in replies.values() for fault in reply.faults} - set(backend.faults):
        raise PopulaceError(
            f"{type(backend).__name__} met {fault!r}, which it does not declare: add it to its `faults`, so that it is "
            "counted at every tick"
        )
    return [replies[place] for place in where]
