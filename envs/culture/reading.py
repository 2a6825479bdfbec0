"""How replies in the culture world with matter are read: words first, and labelled lines last."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, ReplyKind
from populace.envs.culture.free import coding
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.prompts import place_of
from populace.envs.culture.survey import Survey
from populace.envs.culture.talking import PARTS, WARMLY, Talking
from populace.observation import Observation
from populace.wordings import Wordings


class Replies:
    """Reads replies to the prompts of a world with matter, and writes what scripts would reply.

    Args:
        wordings: The table of labels; `tones` are how a response speaks of the cultures that it names: 0, 1/2 and 1
            as a share of positive references.
        survey: The survey.
        options: The world's.
        talking: What the world says in words.
    """

    def __init__(self, wordings: Wordings, survey: Survey, options: CultureOptions, talking: Talking) -> None:
        self.wordings, self.survey, self.options, self.talking = wordings, survey, options, talking
        self.about, self.meet, self.answer, self.tone = map(wordings.label, ("about", "meet", "answer", "tone"))
        self.tones = wordings.listed("tones")
        rules = coding(survey.cultures).rules
        self._named = [
            re.compile("|".join((re.escape(place_of(wordings, name).removeprefix("the ")), *rules[name])), re.I)
            for name in survey.cultures
        ]

    def heard(self, observation: Observation, chat: Chat, reply: str) -> Mapping[str, object] | ReplyKind:
        """What a reply does."""
        role = observation.role.name
        if role == "person":
            return words.understood(reply, self._meeting)
        place = (chat.world, chat.seat)
        read = observation.reader.read
        options = [[read(found) for found in row if found] for row in observation["options"][place].tolist()]

        def answered(said: str) -> Mapping[str, object] | ReplyKind | None:
            text = words.plain(said)
            found = _answers(text, options, self.answer, self.tone)
            if found is None or isinstance(found, ReplyKind):
                return found
            if role == "agent":
                return {"answers": torch.tensor(found)}
            tone = words.agreed(text, self.tone, lambda value: words.choice(value, self.tones), (self.answer,))
            if tone is None:
                return None if words.has(text, self.tone) else ReplyKind.CUT_OFF
            own = words_of(reply, self.wordings) or ""
            counts = [min(len(rule.findall(own)), self.options.references) for rule in self._named]
            references = torch.tensor([counts] * len(options))
            return {"answers": torch.tensor(found), "references": references, "positive": tone / 2.0}

        return words.understood(reply, answered)

    def _meeting(self, said: str) -> Mapping[str, object] | None:
        text, layers = words.plain(said), [layer.name for layer in self.options.layers]
        question = words.agreed(
            text, self.about, lambda value: words.choice(value, self.survey.questions), (self.meet,)
        )
        layer: int | None = 0
        if len(layers) > 1:
            layer = words.agreed(text, self.meet, lambda value: words.choice(value, layers), (self.about,))
        return None if question is None or layer is None else {"layer": layer, "question": question}

    def utterances(
        self, observation: Observation, replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """What others read of each reply: its words, all of them beside the first question."""
        said = [words_of(reply, self.wordings) for reply in replies]
        if observation.role.name == "person":
            return {"words": said}
        size = observation["asked"].shape[-1] * (PARTS if observation.role.name == "synthesiser" else 1)
        return {"words": [[text, *["" if text is not None else None] * (size - 1)] for text in said]}

    def written(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """What a script would reply: its words, or those that the world gives them, and its lines."""
        read, role, found = observation.reader.read, observation.role.name, []
        ids = actions.get("words")
        if ids is None:
            ids = self._phrases(observation, role, actions)
        for chat in chats:
            w, s = chat.world, chat.seat
            said = " ".join(text for text in map(read, ids[w, s].flatten().tolist()) if text)
            if role == "person":
                lines = [f"{self.about}: {self.survey.questions[int(actions['question'][w, s])]}"]
                if len(self.options.layers) > 1:
                    lines.append(f"{self.meet}: {self.options.layers[int(actions['layer'][w, s])].name}")
            else:
                chosen = actions["answers"][w, s].tolist()
                options = [[read(found) for found in row if found] for row in observation["options"][w, s].tolist()]
                several = len(chosen) > 1
                lines = [
                    f"{k + 1 if several else self.answer}: {labels[min(o, len(labels) - 1)]}"
                    for k, (o, labels) in enumerate(zip(chosen, options, strict=True))
                ]
            if role == "synthesiser":
                positive = float(actions["positive"][w, s].mean())
                lines.append(f"{self.tone}: {self.tones[(positive >= 1.0 - WARMLY) + (positive > WARMLY)]}")
            found.append("\n".join([said, *lines]))
        return found

    def _phrases(self, observation: Observation, role: str, actions: Mapping[str, Tensor]) -> Tensor:
        """Ids of a script's words, the first of each wording."""
        said = self.talking.said
        if role == "person":
            wanted = actions["question"]
            return said.asks.say((wanted,), torch.zeros(wanted.shape, device=wanted.device))
        answers, asked = actions["answers"], observation["asked"]
        if role == "agent":
            sizes = observation["sizes"]
            shown = torch.minimum(answers, sizes - 1)
            option = torch.where(observation["descending"].unsqueeze(-1), sizes - 1 - shown, shown)
            return said.says.say((asked, option), torch.zeros(asked.shape, device=asked.device))
        luck = torch.zeros((*asked.shape[::2], PARTS), device=asked.device)
        merged = torch.minimum(answers, observation["sizes"] - 1)[:, 0]
        found = self.talking.responses(
            asked[:, 0], merged, actions["references"][:, 0].float(), actions["positive"][:, 0], luck
        )
        return found.unsqueeze(1)


def _answers(text: str, options: Sequence[Sequence[str]], answer: str, tone: str) -> list[int] | ReplyKind | None:
    """The option of each question."""
    if len(options) == 1:
        found = words.agreed(text, answer, lambda value: words.choice(value, options[0]), (tone,))
        return None if found is None else [found]
    given: list[int | None] = [None] * len(options)
    for item in words.numbered(text, dots=False):
        k = item.number - 1
        place = words.choice(item.value, options[k]) if item.group is None and 0 <= k < len(options) else None
        if place is None:
            continue
        if given[k] not in (None, place):
            return None
        given[k] = place
    answers = [place for place in given if place is not None]
    if len(answers) < len(options):
        return ReplyKind.CUT_OFF if words.begun_in_order([place is not None for place in given]) else None
    return answers


@lru_cache(maxsize=16)
def _line(labels: tuple[str, ...]) -> "re.Pattern[str]":
    """A labelled line."""
    named = "|".join(map(re.escape, labels))
    return re.compile(rf"(?im)^[ \t*_#>`(\[-]*(?:{named}|[0-9]+[)\]]?)[*_` \t]{{0,4}}[:=][^\n]*$")


def words_of(reply: str, wordings: Wordings) -> str | None:
    """The words of a reply without its labelled lines; None where it has such lines only, "" where it says nothing."""
    said, labels = words.spoken(reply).text, tuple(map(wordings.label, ("about", "meet", "answer", "tone")))
    found = "\n".join(line.rstrip() for line in _line(labels).sub("", said).splitlines() if line.strip()).strip()
    return found or (None if said.strip() else "")
