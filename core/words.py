"""Texts in tensors: a text is an id on the device, and its words are in a store of the run.

A field of kind `text` holds int64 ids. The id of a text is a 64-bit hash of its words, so that it is the same in every
world, arm and run. Worlds move ids as they move any action, without a copy to the host. Codes lead and words follow:
numbers decide what happens, and words are drawn to fit them, so that a world's measures are the same with words or
without.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeVar

import torch
from torch import Tensor

from populace.errors import PopulaceError

UNWORDED = 0
"""Id of what was not put into words: the code beside it says what was meant."""


def text_id(text: str) -> int:
    """The id of a text: 64 bits of BLAKE2b of its UTF-8 bytes as a signed integer, never `UNWORDED`."""
    found = int.from_bytes(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little", signed=True
    )
    return found or 1


ASKED = ("prompt", "reply", "tokens_in", "tokens_out", "reader")
"""What is recorded with the words of a language model, each [worlds, seats] int64: the ids of what it was asked and of
its whole reply, tokens read and written for it (those of a second try included), and the place in `READERS` of what
read it."""
READERS = ("", "form", "rules", "prototypes", "judge")
"""What reads replies: nothing (a script's words follow from its code), the form that was asked for, an interpreter."""
SILENCE = text_id("")
"""Id of the empty text: nothing was said."""


@dataclass(frozen=True)
class Words:
    """The texts of a run by their ids. The store only grows, and an id never changes its text.

    So runs that branch off may share it, and two stores are joined by their union.

    Attributes:
        texts: Id -> text.
    """

    texts: dict[int, str] = field(default_factory=dict)

    def put(self, texts: Iterable[str]) -> list[int]:
        """Keep texts; returns the id of each."""
        ids = []
        for text in texts:
            found = text_id(text)
            self.texts.setdefault(found, text)
            ids.append(found)
        return ids

    def get(self, found: int) -> str | None:
        """The text of an id; None where the store has none."""
        return "" if found == SILENCE else self.texts.get(found)

    def kept(self, *values: object) -> "Words":
        """A new store of those texts only that an int64 tensor in one of `values` names."""
        from populace import tree  # which treats stores as constants

        named: set[int] = set()
        for value in values:
            for tensor in tree.tensors(value):
                if tensor.dtype == torch.int64:
                    named.update(tensor.unique().tolist())
        return Words({found: text for found, text in self.texts.items() if found in named})

    def merged(self, other: "Words") -> "Words":
        """A new store of the texts of both."""
        return Words({**self.texts, **other.texts})


@dataclass(frozen=True)
class Reader:
    """Reads ids: the texts that a run keeps, and the phrases that its world can say.

    Attributes:
        words: The run's store.
        lexicon: Makes the world's phrases, id -> text; asked only when an id is not in the store.
        ground: The role's private fields in this phase, [worlds, seats, ...]. Only what reads replies may look there,
            to tell what words mean or whether they are right; nothing of it may be shown to a seat.
        prompts: What language models are asked and reply in this phase. It is not part of the run: a recorder takes
            what it needs.
    """

    words: Words
    lexicon: Callable[[], Mapping[int, str]]
    ground: Mapping[str, Tensor] = field(default_factory=dict)
    prompts: Words = field(default_factory=Words)

    def read(self, found: int) -> str:
        """The text of an id; empty for silence and for what was not put into words.

        Raises:
            PopulaceError: Neither the run nor the world knows the id.
        """
        if found == UNWORDED:
            return ""
        text = self.words.get(found)
        text = self.lexicon().get(found) if text is None else text
        if text is None:
            raise PopulaceError(
                f"the text {found} is neither in the run nor among its world's phrases: put texts into the run's store "
                "(`Words.put`), and let the world's `lexicon` list all its phrases"
            )
        return text


@dataclass(frozen=True)
class Utterance:
    """What the seats of a role said in a phase.

    Attributes:
        text: [worlds, seats] int64 ids of texts, or [worlds, seats, audiences] where several may be told different
            words; `UNWORDED` where a seat said nothing in words.
        codes: Name -> [worlds, seats], what the text says as numbers: the fields that it carries; or, of each audience,
            [worlds, seats, audiences].
        labels: Name -> labels of a code that is a choice.
        to: Role that hears it, or "" for all; a name for each audience where there are several.
        turn: [worlds, seats] int64, its turn in a conversation that lasts several ticks, from 0; None where each is
            over within its tick.
        kind: [worlds, seats] int8, how the reply was read (`ReplyKind`); None where all acts were valid. This and what
            follows is filled in by the run.
        present: [worlds, seats] bool, seats that are taken; None for all.
        players: Player -> [worlds, seats] bool, where several share the role.
        asked: Names of `ASKED` -> [worlds, seats] int64, of seats that language models play; 0 for others.
        prompts: The texts of the ids in `asked`.
    """

    text: Tensor
    codes: Mapping[str, Tensor] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    to: str | tuple[str, ...] = ""
    turn: Tensor | None = None
    kind: Tensor | None = None
    present: Tensor | None = None
    players: Mapping[str, Tensor] = field(default_factory=dict)
    asked: Mapping[str, Tensor] = field(default_factory=dict)
    prompts: Words = field(default_factory=Words)


Code = TypeVar("Code", bound=tuple[int, ...])


class Phrases:
    """Wordings of codes, looked up on the device: several per code, of which a uniform number picks one.

    Args:
        table: Code (an index, or one per dimension of `shape`) -> its wordings; at least one each.
        shape: How many codes there are, by dimension.

    Raises:
        PopulaceError: A code has no wording.
    """

    def __init__(self, table: Mapping[Code, Sequence[str]], shape: tuple[int, ...]) -> None:
        most = max(map(len, table.values()), default=0)
        ids = torch.zeros((*shape, max(most, 1)), dtype=torch.int64)
        counts = torch.zeros(shape, dtype=torch.int64)
        texts: dict[int, str] = {}
        for code, wordings in table.items():
            counts[code] = len(wordings)
            for k, text in enumerate(wordings):
                ids[(*code, k)] = text_id(text)
                texts[text_id(text)] = text
        if not bool((counts > 0).all()):
            lacking = tuple(int(i) for i in torch.nonzero(counts == 0)[0])
            raise PopulaceError(f"the code {lacking} has no wording: every code of {shape} needs at least one")
        self.lexicon: Mapping[int, str] = texts
        self._tables = {torch.device("cpu"): (ids, counts)}

    def say(self, codes: Sequence[Tensor], uniform: Tensor) -> Tensor:
        """Ids of wordings.

        Args:
            codes: One int64 tensor [...] per dimension of the table.
            uniform: [...] numbers in [0, 1) that pick among a code's wordings.

        Returns:
            [...] int64 ids.
        """
        device = uniform.device
        if device not in self._tables:
            ids, counts = self._tables[torch.device("cpu")]
            self._tables[device] = ids.to(device), counts.to(device)
        ids, counts = self._tables[device]
        count = counts[tuple(codes)]
        pick = torch.minimum((uniform * count).to(torch.int64), count - 1)
        return ids[(*codes, pick)]
