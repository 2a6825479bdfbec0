"""A dialogue held in free text: a world's free face, and the interpreter that codes what is said."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from populace.agents.llm.interpret.agreement import Agreement, Labelled, agreement_of, halves, labelled_of
from populace.agents.llm.interpret.interpreter import Interpreter
from populace.agents.llm.interpret.options import InterpreterOptions
from populace.dialogue import Chat, FreeFace, Speaks
from populace.errors import PopulaceError
from populace.observation import Observation

SAID = "said"
"""Begins the names of counts of texts by reader and code."""


def agreement(interpreter: Interpreter, labelled: Labelled) -> Agreement:
    """How far an interpreter agrees with labelled texts."""
    read = interpreter.read([one.text for one in labelled], [one.about for one in labelled]).codes
    return agreement_of(interpreter.coding, [one.codes for one in labelled], read)


class Interpreted:
    """A dialogue held in free text: a world's free face, and the interpreter that codes it.

    Args:
        face: What is asked, and what codes come to.
        interpreter: Of the face's coding.
        labelled: One's own labelled set, or None for the world's.
        also: Other readers of the same texts, whose findings are counted and move nothing.
    """

    def __init__(
        self,
        face: FreeFace,
        interpreter: Interpreter,
        labelled: Path | None = None,
        also: Sequence[Interpreter] = (),
    ) -> None:
        self.face, self.interpreter, self.labelled = face, interpreter, labelled
        self.readers = _named((interpreter, *also))

    @classmethod
    def of(cls, options: InterpreterOptions, dialogue: object, role: str) -> "Interpreted":
        """The free text of a role, read as the options say. Keep it: a judge's budget and tape live in it.

        Raises:
            PopulaceError: The role has no free text, or the options name codes that it has not.
        """
        face = dialogue.free(role) if isinstance(dialogue, Speaks) else None
        if face is None:
            raise PopulaceError(
                f"interpreter: {role!r} cannot be held in free text in this world: leave the interpreter out, or give "
                "the world's dialogue a free(role) that returns a populace.dialogue.FreeFace"
            )
        also = [one.made(face.coding) for one in options.also]
        return cls(face, options.made(face.coding), options.labelled, also)

    def check(self) -> None:
        """Raise PopulaceError where one's own labelled set cannot be read."""
        if self.labelled is not None:
            labelled_of(self.face.coding, self.labelled)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat that acts, for free text."""
        return self.face.say(observation)

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds by what was coded, how many texts each reader gave each code, and what judges took."""
        passages = self.face.passages(observation, chats, replies)
        flat = [passage for some in passages for passage in some]
        texts, about = [passage.text for passage in flat], [passage.about for passage in flat]
        lengths = [len(some) for some in passages]
        readings = {name: reader.read(texts, about) for name, reader in self.readers.items()}
        main = next(iter(readings.values()))
        actions, kinds = self.face.act(observation, chats, replies, main.codes.split(lengths))
        tallies: dict[str, Tensor] = {}

        def tally(name: str, counts: Tensor) -> None:
            """Add up counts [passages] for each seat."""
            found = tallies.setdefault(name, torch.zeros(kinds.shape, dtype=torch.int64))
            for chat, part in zip(chats, counts.split(lengths), strict=True):
                found[chat.world, chat.seat] += int(part.sum())

        for name, reading in readings.items():
            tally(f"{SAID}/{name}", torch.ones(len(flat), dtype=torch.int64))
            for code, held in zip(self.face.coding.codes, reading.codes.unbind(-1), strict=True):
                tally(f"{SAID}/{name}/{code}", held.to(torch.int64))
            if self.readers[name].policy is not None:
                tally("judged", reading.asked)
                tally("judged unread", reading.unread)
                tally("judge tokens", reading.tokens)
        return {**actions, **{f"tally/{name}": n.to(kinds.device) for name, n in tallies.items()}}, kinds

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """What the free face says is heard; nothing where it does not say."""
        utter = getattr(self.face, "utterances", None)
        return {} if utter is None else utter(observation, chats, replies)

    def describe(self) -> dict[str, object]:
        """How free text was read, and how far that agrees with labels, as plain constants; other readers in `also`."""
        first, *others = (described(name, reader, self.labelled) for name, reader in self.readers.items())
        return {**first, **({"also": others} if others else {})}


def described(name: str, reader: Interpreter, own: Path | None = None) -> dict[str, object]:
    """A reader and how far it agrees with labels, as plain constants.

    Args:
        name: What the reader is called.
        reader: The reader.
        own: One's own labelled set; None for the half of the library's to which nothing was fitted.
    """
    coding = reader.coding
    told = {"interpreter": name, "coding": coding.name}
    if own is None and coding.labelled is None:
        return {**told, "agreement": None, "why": "there is no labelled set of these codes"}
    try:
        labelled = labelled_of(coding, own)
        found = agreement(reader, labelled if own else halves(labelled)[1])
    except PopulaceError as error:  # a budget that is spent, a server that is gone: the run itself is over, and good
        return {**told, "agreement": None, "why": str(error)}
    return {**told, "agreement": asdict(found)}


def _named(readers: Sequence[Interpreter]) -> dict[str, Interpreter]:
    """Readers by name; a second one of a kind is called `rules 2`."""
    found: dict[str, Interpreter] = {}
    for reader in readers:
        same = sum(type(reader) is type(one) for one in found.values())
        found[f"{reader.name} {same + 1}" if same else reader.name] = reader
    return found
