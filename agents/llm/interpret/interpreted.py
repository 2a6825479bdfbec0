"""A dialogue held in free text: a world's free face, and the interpreter that codes what is said."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from populace.agents.llm.interpret.agreement import Agreement, agreement_of, halves, labelled_of
from populace.agents.llm.interpret.interpreter import Interpreter
from populace.agents.llm.interpret.options import InterpreterOptions
from populace.dialogue import Chat, FreeFace, Speaks
from populace.errors import PopulaceError
from populace.observation import Observation


def agreement(interpreter: Interpreter, labelled: Sequence[tuple[str, frozenset[str]]]) -> Agreement:
    """How far an interpreter agrees with labelled texts."""
    read = interpreter.read([text for text, _ in labelled]).codes
    return agreement_of(interpreter.coding, [codes for _, codes in labelled], read)


class Interpreted:
    """A dialogue held in free text: a world's free face, and the interpreter that codes it.

    Args:
        face: What is asked, and what codes come to.
        interpreter: Of the face's coding.
        labelled: One's own labelled set, or None for the world's.
    """

    def __init__(self, face: FreeFace, interpreter: Interpreter, labelled: Path | None = None) -> None:
        self.face, self.interpreter, self.labelled = face, interpreter, labelled

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
        return cls(face, options.made(face.coding), options.labelled)

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
        """Actions and kinds by what was coded; where a judge was asked, what that came to."""
        passages = self.face.passages(observation, chats, replies)
        reading = self.interpreter.read([text for texts in passages for text in texts])
        lengths = [len(texts) for texts in passages]
        actions, kinds = self.face.act(observation, chats, replies, reading.codes.split(lengths))
        if self.interpreter.policy is None:
            return actions, kinds
        told = {"judged": reading.asked, "judged unread": reading.unread, "judge tokens": reading.tokens}
        tallies = {name: torch.zeros(kinds.shape, dtype=torch.int64) for name in told}
        for name, counts in told.items():
            for chat, part in zip(chats, counts.split(lengths), strict=True):
                tallies[name][chat.world, chat.seat] += int(part.sum())
        return {**actions, **{f"tally/{name}": n.to(kinds.device) for name, n in tallies.items()}}, kinds

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """What the free face says is heard; nothing where it does not say."""
        utter = getattr(self.face, "utterances", None)
        return {} if utter is None else utter(observation, chats, replies)

    def describe(self) -> dict[str, object]:
        """How free text was read, and how far that agrees with labels, as plain constants.

        Of a set that comes with the library, only the half that no rule or threshold was tuned on counts.
        """
        coding = self.interpreter.coding
        told = {"interpreter": self.interpreter.name, "coding": coding.name}
        if self.labelled is None and coding.labelled is None:
            return {**told, "agreement": None, "why": "there is no labelled set of these codes"}
        try:
            labelled = labelled_of(coding, self.labelled)
            found = agreement(self.interpreter, labelled if self.labelled else halves(labelled)[1])
        except (
            PopulaceError
        ) as error:  # a budget that is spent, a server that is gone: the run itself is over, and good
            return {**told, "agreement": None, "why": str(error)}
        return {**told, "agreement": asdict(found)}
