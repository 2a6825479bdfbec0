"""The text face of a world: the same mechanism, read and played in words.

A dialogue reads observations, never state, so that text can never tell more than the tensors do. A reply that cannot be
read is data: the seat forfeits and the kind of failure is counted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from populace.errors import PopulaceError
from populace.observation import Observation
from populace.words import UNWORDED


class ReplyKind(IntEnum):
    """How a reply was read."""

    OK = 0
    UNREADABLE = 1
    REFUSED = 2
    CUT_OFF = 3
    TIMED_OUT = 4
    FAILED = 5
    """The model could not be asked: its server was down or refused to serve."""
    CLOSED = 6
    """An act: the reply lacked a labelled line, which was put behind its words, and the allowed values scored there."""


def usable(kind: Tensor) -> Tensor:
    """Which replies gave an act, bool like `kind`: those that were read as they stand, and those that were closed."""
    return (kind == ReplyKind.OK) | (kind == ReplyKind.CLOSED)


@dataclass(frozen=True)
class Chat:
    """What one seat is asked.

    Attributes:
        world: Position of the world in the batch.
        seat: Position of the seat in its role.
        messages: (`system` | `user` | `assistant`, text) in order.
        options: The labels among which the reply must choose, or (). A reply that is one of them, and nothing else, is
            always readable: so a model can be made to choose by scoring the labels.
        lead: What the reply begins with, `act: ` or `Choice: `, as the messages ask for it, or "". A model that is
            scored has it before its label, as a bare label would be judged by how likely a reply begins with it. The
            lead and a label, and nothing else, are always readable too; a `form` begins with the lead.
        listed: How the messages list the options, in their order: the labels themselves, or a line each, with nothing
            but punctuation, spaces and a short word such as `or` between them; () where they are not listed. The last
            options may be left out, such as one for none of them. So they can be shown in another order (see `dealt`),
            and a preference for a place be told from one for an option.
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
    lead: str = ""
    listed: tuple[str, ...] = ()


_BETWEEN = r"(\W{1,6}(?:\w{1,6}\W{1,2})?)"
"""What stands between two options in a list."""


def dealt(chat: Chat, order: Sequence[int]) -> Chat:
    """The chat with its options listed in another order; `options` and what `hear` makes of them stay as they are.

    Args:
        chat: A chat whose options are `listed`.
        order: Which option stands first, second, ...; a permutation of the positions in `listed`.

    Raises:
        PopulaceError: No message lists them as `listed` says.
    """
    pattern = re.compile(r"(?<!\w)" + _BETWEEN.join(map(re.escape, chat.listed)) + r"(?!\w)")
    for k, (who, text) in reversed(list(enumerate(chat.messages))):
        places = list(pattern.finditer(text))
        if places:
            found = places[-1]
            parts = [chat.listed[order[0]]]
            for between, which in zip(found.groups(), order[1:], strict=True):
                parts += [between, chat.listed[which]]
            said = text[: found.start()] + "".join(parts) + text[found.end() :]
            messages = (*chat.messages[:k], (who, said), *chat.messages[k + 1 :])
            dealt_too = tuple((who, _lines_dealt(text, chat.listed, order)) for who, text in messages)
            return replace(chat, messages=dealt_too)
    raise PopulaceError(
        f"a chat declares that it lists {', '.join(chat.listed)!r} in this order, and none of its messages does: list "
        "the options with only punctuation or a short word such as `or` between them, or leave `listed` empty"
    )


def _lines_dealt(text: str, listed: Sequence[str], order: Sequence[int]) -> str:
    """A text with its lines `- <option>: ...`, one for each option in turn, in another order."""
    lines = text.split("\n")
    for first in range(len(lines) - len(listed) + 1):
        own = lines[first : first + len(listed)]
        if all(line.startswith(f"- {option}:") for line, option in zip(own, listed, strict=True)):
            return "\n".join([*lines[:first], *(own[k] for k in order), *lines[first + len(listed) :]])
    return text


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


@runtime_checkable
class Utters(Dialogue, Protocol):
    """A dialogue whose replies also hold words that others read: texts for the text fields of the phase."""

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """Text field -> what each reply says in it, however it was read; a sequence where the field has a shape.

        "" where it says nothing; None where it holds codes only, which the world then puts into words.
        """
        ...


def uttered(
    dialogue: Dialogue, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
) -> dict[str, Tensor]:
    """Ids [worlds, seats, *shape] of what was said, by text field: unreadable replies were said all the same."""
    role = observation.role
    shapes = {f.name: f.shape for f in role.done_in(observation.phase) if f.kind == "text"}
    if not shapes or not isinstance(dialogue, Utters):
        return {}
    worlds, found = len(next(iter(observation.values()))), {}
    for name, texts in dialogue.utterances(observation, chats, replies).items():
        found[name] = torch.full((worlds, role.seats, *shapes[name]), UNWORDED, dtype=torch.int64)
        for chat, text in zip(chats, texts, strict=True):
            copies = [text] if text is None or isinstance(text, str) else list(text)
            ids = [UNWORDED if copy is None else observation.reader.words.put([copy])[0] for copy in copies]
            found[name][chat.world, chat.seat] = torch.tensor(ids).view(shapes[name])
    return found


SEPARATOR = " | "
About = Mapping[str, str]
"""What a text is about, by name: `claim`, `answer`, `unit`; `SEPARATOR` stands between several that mean the same. Only
readers are told it, so that it may hold ground truth."""


class Passage(NamedTuple):
    """What is coded.

    Attributes:
        text: What was said.
        about: What it is about, as far as a reader needs to know.
    """

    text: str
    about: About = {}  # noqa: RUF012  # nobody changes it


@dataclass(frozen=True)
class Coding:
    """What free text is read for: codes, each with what it means.

    Attributes:
        name: What is read, in two words: `drift statements`.
        about: What was asked and what is to be judged, in a sentence or two: a judge is told it.
        codes: Code -> what it means, in a sentence: a judge is told it too.
        several: Whether any number of codes may hold at once; else exactly one does.
        rules: Code -> regular expressions, found whatever their case. Where one code holds, it is the first that fits.
            `{name}` stands for what the text is about under that name (see `About`), any of several.
        prototypes: Code -> sentences that are likely to stand for it; `{name}` as in rules, the first of several.
        labelled: Package and name of a file of labelled texts (see `agreement`), or None.
    """

    name: str
    about: str
    codes: Mapping[str, str]
    several: bool
    rules: Mapping[str, tuple[str, ...]]
    prototypes: Mapping[str, tuple[str, ...]]
    labelled: tuple[str, str] | None = None


def words_rule(*words: str) -> str:
    """A rule that finds any of some expressions as words of their own."""
    return rf"(?<!\w)(?:{'|'.join(words)})(?!\w)"


class FreeFace(Protocol):
    """A role held in free text: what is asked, what of a reply is to be coded, and what its codes come to.

    Attributes:
        coding: What replies are read for.
    """

    coding: Coding

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat that acts, without options or schema."""
        ...

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """What of each reply is coded, each passage alone; none of a reply that holds nothing to code."""
        ...

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds as `Dialogue.hear` gives them, from the codes [passages, codes] bool of each reply."""
        ...


@runtime_checkable
class Speaks(Protocol):
    """A dialogue some of whose roles can be held in free text: an interpreter codes what is said, codes are acts.

    Where the world's own face reads the words of some roles by the rules of these codings, too, it names the roles in
    `ruled`, so that reports tell how far the rules agree with people.
    """

    def free(self, role: str) -> FreeFace | None:
        """The face of a role, or None where it has none."""
        ...
