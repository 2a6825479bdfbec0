"""The text face: culture prompts and questions, a prompt that asks to merge, and a rule scorer of the replies."""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, FreeFace, ReplyKind
from populace.envs.culture import sheet, wording
from populace.envs.culture.free import FreeSynthesiser, WordedSynthesiser
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.prompts import Prompts
from populace.envs.culture.reading import Replies
from populace.envs.culture.survey import Survey
from populace.envs.culture.talking import Talking
from populace.observation import Observation
from populace.wordings import Wordings


class CultureDialogue:
    """Asks in words and reads option numbers and names of cultures.

    A reply answers each question on a line of its own, `1: 3` (question 1, option 3); the synthesiser's further text is
    searched for names of cultures, each a reference, positive where marked `(+)` right after the name.

    Args:
        wordings: The table that prompts are in.
        survey: The survey.
        options: The world's.
        talking: What is said in words; None without `matter`.
    """

    def __init__(
        self, wordings: Wordings, survey: Survey, options: CultureOptions, talking: Talking | None = None
    ) -> None:
        self.wordings, self.survey, self.options, self.talking = wordings, survey, options, talking
        self._places = {name.lower(): c for c, name in enumerate(survey.cultures)}
        longest = "|".join(re.escape(n) for n in sorted(survey.cultures, key=len, reverse=True))
        self._names = re.compile(rf"(?<!\w)({longest})(?!\w)(\s*\(\+\))?", re.I)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat."""
        return self.prompts.say(observation)

    @property
    def replies(self) -> Replies | None:
        """How replies are read where the world has words."""
        return None if self.talking is None else Replies(self.wordings, self.survey, self.options, self.talking)

    @property
    def prompts(self) -> Prompts:
        """What seats are told."""
        return Prompts(self.wordings, self.survey, self.options, self.talking is not None)

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Options, references and their sentiment; a reply without a legal option for every question is unreadable."""
        if (reader := self.replies) is not None:
            return words.fill(observation, chats, replies, lambda chat, reply: reader.heard(observation, chat, reply))
        person = observation.role.name == "person"

        def heard(chat: Chat, reply: str) -> Mapping[str, Tensor | int] | ReplyKind:
            return words.understood(reply, self._meeting) if person else self._read(observation, chat, reply)

        return words.fill(observation, chats, replies, heard)

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions, but for partners and long lists of names."""
        if (reader := self.replies) is not None:
            return reader.written(observation, chats, actions)
        if observation.role.name == "person":
            return wording.meetings([layer.name for layer in self.options.layers], chats, actions)
        return wording.answers(self.survey.cultures, chats, actions)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """What others read of each reply, where the world has words: the reply without its labelled lines."""
        reader = self.replies
        return {} if reader is None else reader.utterances(observation, replies)

    def free(self, role: str) -> FreeFace | None:
        """The synthesiser can be held in free text beyond the options it merges to."""
        if role != "synthesiser":
            return None
        return FreeSynthesiser(self.survey, self.prompts) if self.talking is None else WordedSynthesiser(self)

    # ------------------------------------------------------------------ what is heard

    def _meeting(self, said: str) -> Mapping[str, int] | None:
        """Where a person meets someone (the first of its list) and what it asks."""
        text = words.plain(said).strip("\"'()[]`. ")
        layers = [layer.name for layer in self.options.layers]
        fits = [k for k, name in enumerate(layers) if text.casefold().startswith(f"{name.casefold()},")]
        if not fits:
            return None
        layer = max(fits, key=lambda k: len(layers[k]))
        number = text[len(layers[layer]) + 1 :]
        question = words.choice(number, [str(k + 1) for k in range(len(self.survey.questions))])
        return None if question is None else {"layer": layer, "question": question}

    def _read(self, observation: Observation, chat: Chat, reply: str) -> Mapping[str, Tensor] | ReplyKind:
        sizes, free = observation["sizes"][chat.world, chat.seat].tolist(), observation.role.name == "synthesiser"
        found = sheet.read_options(reply, sizes, free)
        if isinstance(found, ReplyKind) or not free:
            return found if isinstance(found, ReplyKind) else {"answers": found.answers}
        return {"answers": found.answers, **self._cited(found.beside)}

    def _cited(self, beside: Sequence[str]) -> dict[str, Tensor]:
        """References to each culture beside each question, and the share of them marked positive."""
        references = torch.zeros((len(beside), len(self._places)), dtype=torch.int64)
        good = torch.zeros(len(beside), dtype=torch.float32)
        for k, text in enumerate(beside):
            for hit in self._names.finditer(text):
                references[k, self._places[hit[1].lower()]] += 1
                good[k] += hit[2] is not None
        positive = good / references.sum(-1).clamp(min=1)
        return {"references": references.clamp(max=self.options.references), "positive": positive}
