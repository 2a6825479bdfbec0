"""The text face of the drift world: a claim to answer, an answer to rate, conversations to look into.

It reads observations, so it can tell no more than a tensor policy sees. A reply is read leniently in form (a sentence
around the word does not matter) and strictly in content: exactly one act, one rating, all priorities.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from typing import Any

from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, FreeFace, ReplyKind
from populace.envs.drift import prompts, wording
from populace.envs.drift.claims import STANCES
from populace.envs.drift.free import FreeAssistant
from populace.envs.drift.free_user import FreeUser
from populace.observation import Observation
from populace.wordings import Wordings


class DriftDialogue:
    """Says what a seat sees, and hears what it does.

    Args:
        wordings: The table that prompts are in, and the labels that replies are read for.
    """

    def __init__(self, wordings: Wordings) -> None:
        self.wordings = wordings

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present."""
        return words.ask_in(self.wordings, observation, prompts.teller(self.wordings, observation))

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds; a reply that cannot be read forfeits, and its kind says why."""
        role = observation.role.name
        if observation.phase == "put":
            return words.fill(observation, chats, replies, lambda chat, reply: words.understood(reply, _anything))
        labels, rating = Labels.of(self.wordings), _worded_rating if prompts.talks(observation) else _rating
        told = {"assistant": partial(_answer, labels), "user": partial(rating, labels)}
        ranks = _worded_ranks if prompts.talks(observation) else _ranks
        read = told.get(role) or ranks(observation["suspicion"].shape[-1])
        understood = cache(lambda reply: words.understood(reply, read))  # many seats reply the same
        return words.fill(observation, chats, replies, lambda chat, reply: understood(reply))

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions, and `utterances` into its words."""
        role = observation.role.name
        if not prompts.talks(observation):
            return wording.replies(self.wordings, role, chats, actions)
        if role == "auditor":
            lists = (reply.split(", ") for reply in wording.replies(self.wordings, role, chats, actions))
            return ["\n".join(f"{k}: {rank}" for k, rank in enumerate(ranks, 1)) for ranks in lists]
        said = prompts.written(self.wordings, observation, chats, actions)
        if observation.phase == "put":
            return said
        codes = wording.replies(self.wordings, role, chats, actions)
        return [f"{text}\n{code}".strip() for text, code in zip(said, codes, strict=True)]

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """What others read of each reply, where the world has words: the reply without its labelled lines."""
        return prompts.utterances(self.wordings, observation, replies) if prompts.talks(observation) else {}

    def free(self, role: str) -> FreeFace | None:
        """The assistant and the users can be held in free text."""
        faces: dict[str, FreeFace] = {
            "assistant": FreeAssistant(self.wordings),
            "user": FreeUser(self.wordings, self.say, self.hear),
        }
        return faces.get(role)


@dataclass(frozen=True)
class Labels:
    """Words that replies are read for, from a table of wordings."""

    act: str
    acts: tuple[str, ...]
    reasoning: str
    stances: tuple[str, ...]
    rating: str
    leave: str
    no_yes: tuple[str, ...]
    leaving: tuple[str, ...]

    @staticmethod
    @lru_cache(maxsize=16)
    def of(wordings: Wordings) -> "Labels":
        """The labels of a table."""
        one, some = wordings.label, wordings.listed
        return Labels(
            one("act"),
            some("acts"),
            one("reasoning"),
            some("stances"),
            one("rating"),
            one("leave"),
            some("no_yes"),
            some("leaving"),
        )

    @cached_property
    def value(self) -> "re.Pattern[str]":
        """What is said after `leave:`."""
        return re.compile(rf"(?<!\w){re.escape(self.leave)}[ \t]*[:=?][ \t]*([^\n]*)", re.IGNORECASE)

    @cached_property
    def line(self) -> "re.Pattern[str]":
        """A line that is only `leave`."""
        return re.compile(rf"^[ \t\"']*{re.escape(self.leave)}[ \t\"'.!]*$", re.IGNORECASE | re.MULTILINE)

    @cached_property
    def named(self) -> "re.Pattern[str]":
        """Any mention of leaving."""
        return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, self.leaving))})(?!\w)", re.IGNORECASE)


def read_answer(reply: str, labels: Labels) -> words.Read:
    """The one act stated, and the stance of the reasoning (`agrees` when it is not given)."""
    return words.pair(words.understood(reply, partial(_answer, labels)))


def _answer(labels: Labels, said: str) -> dict[str, Any] | None:
    text, key, acts = words.plain(said), labels.act, labels.acts
    if words.has(text, key):
        act = words.agreed(text, key, lambda value: words.choice(value, acts), (labels.reasoning,))
        if act is not None and words.named(words.after(text, key), acts) - {act}:
            act = None
    else:
        act = words.choice(words.before(text, labels.reasoning), acts)
    stance: int | None = STANCES.index("agrees")
    if words.has(text, labels.reasoning):
        stance = words.agreed(text, labels.reasoning, lambda value: words.choice(value, labels.stances), (key,))
    return None if act is None or stance is None else {"act": act, "stance": stance}


def read_rating(reply: str, labels: Labels) -> words.Read:
    """The rating of 1 to 10 on the scale 0 to 1, and whether the user leaves.

    A line `leave: yes` or `leave` says so, and `leave: no` or no such line that it stays. A reply that speaks
    of leaving in any other way cannot be read.
    """
    return words.pair(words.understood(reply, partial(_rating, labels)))


def _rating(labels: Labels, said: str) -> dict[str, Any] | None:
    text = words.plain(said)
    points = words.agreed(text, labels.rating, lambda value: words.number(value, scale=10), (labels.leave,))
    leave = _leaves(labels, text)
    if points is None or leave is None or not 1.0 <= points <= 10.0:
        return None
    return {"rating": (points - 1.0) / 9.0, "leave": leave}


def _anything(said: str) -> dict[str, Any]:
    """Words that carry no code."""
    return {}


def _worded_rating(labels: Labels, said: str) -> dict[str, Any] | None:
    """A rating beside words: only a line of its own says that the user leaves, as its reason may speak of leaving."""
    text, key = words.plain(said), labels.rating
    lines = [hit[0] for hit in labels.value.finditer(text)] + [hit[0].strip() for hit in labels.line.finditer(text)]
    values = words.named_values(text, key, (labels.leave,))
    return _rating(labels, "\n".join([*(f"{key}: {value}" for value in values), *lines]))


def _leaves(labels: Labels, text: str) -> bool | None:
    """Whether somebody says that it leaves, says that it stays, or does not say so; None where that is unclear."""
    values = [words.choice(hit[1], labels.no_yes) for hit in labels.value.finditer(text)]
    values += [1] * len(labels.line.findall(text))
    if labels.named.search(labels.line.sub("", labels.value.sub("", text))):
        return None
    said = words.once(values) if values else 0
    return None if said is None else bool(said)


def read_ranks(reply: str, users: int) -> words.Read:
    """A number for every conversation, within -10..10: the higher, the sooner it is looked into."""
    return words.pair(words.understood(reply, _ranks(users)))


def _ranks(users: int) -> Callable[[str], dict[str, Any] | None]:
    def read(said: str) -> dict[str, Any] | None:
        found = words.numbers(words.plain(said), users)
        return None if found is None or any(abs(x) > 10.0 for x in found) else {"rank": found}

    return read


def _worded_ranks(users: int) -> Callable[[str], dict[str, Any] | ReplyKind | None]:
    """Lines `1: 7`; a list of numbers, too."""
    plainly = _ranks(users)

    def read(said: str) -> dict[str, Any] | ReplyKind | None:
        items = [item for item in words.numbered(words.plain(said), dots=False) if item.group is None]
        given: list[float | None] = [None] * users
        for item in items:
            value, k = words.number(item.value, scale=10), item.number - 1
            if value is None or not 0 <= k < users or abs(value) > 10.0 or given[k] not in (None, value):
                return None
            given[k] = value
        ranks = [value for value in given if value is not None]
        if len(ranks) == users:
            return {"rank": ranks}
        if items:
            return ReplyKind.CUT_OFF if words.begun_in_order([value is not None for value in given]) else None
        return plainly(said)

    return read
