"""The culture synthesiser in free text: an option a question, and a text coded for whose perspectives it cites.

A text cites a culture if it refers to how its people see things, by name or not. Assumed: the text beside a
question cites a culture once or not at all; where it is merely searched for names, every mention counts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from populace.dialogue import Chat, Coding, Passage, ReplyKind
from populace.envs.culture.prompts import Prompts
from populace.envs.culture.sheet import Sheet, read_options
from populace.envs.culture.survey import Survey
from populace.observation import Observation
from populace.replies import fill

if TYPE_CHECKING:
    from populace.envs.culture.dialogue import CultureDialogue

_GOOD = re.compile(r"\s*\(\+\)")
_SUFFIX = r"(?:'?s|n|ns|an|ans|ian|ians|ern|y|ism|ist|ists)?"
"""What makes an adjective, a people or a teaching of a culture's name (assumed)."""


def _peoples(names: str) -> str:
    """A rule that finds any of some names; a space within a name is written `[ ]`."""
    return rf"(?<!\w)(?:{'|'.join(names.replace('[ ]', '_').split()).replace('_', ' ')})(?!\w)"


VARIANTS: Mapping[str, tuple[str, ...]] = {
    "english-speaking": (
        r"\banglo(phone|-saxon)s?\b",
        _peoples(
            "(?<!latin.)americans? british britons? britain england english(?!-) australians? australia "
            "canadians? canada irish ireland "
            "new[ ]zealand(ers?)? the[ ]us united[ ]states in[ ]america"
        ),
    ),
    "protestant-europe": (
        r"\bprotestants?\b",
        r"\blutherans?\b",
        _peoples(
            "swedes? swedish sweden danes? danish denmark norwegians? norway finns? finnish finland icelanders? "
            "iceland dutch "
            "netherlands germans? germany swiss switzerland scandinavians? scandinavia nordic"
        ),
    ),
    "catholic-europe": (
        r"\bcatholics?\b",
        _peoples(
            "italians? italy spaniards? spanish spain french france portuguese portugal poles? polish poland "
            "austrians? austria "
            "belgians? belgium hungarians? hungary croats? croatia czechs? slovenes? slovenia mediterranean"
        ),
    ),
    "orthodox": (
        _peoples(
            "russians? russia greeks? greek greece serbs? serbians? serbia bulgarians? bulgaria romanians? "
            "romania ukrainians? ukraine "
            "georgians? byzantium byzantine belarus"
        ),
    ),
    "confucian": (
        r"\bconfucius\b",
        r"\beast[- ]asians?\b",
        _peoples("chinese china japanese japan koreans? korea taiwanese taiwan vietnamese vietnam analects"),
    ),
    "latin-america": (
        r"\blatin(o|a|os|as)\b",
        _peoples(
            "mexicans? mexico brazilians? brazil argentines? argentinians? argentina colombians? colombia "
            "peruvians? peru chileans? "
            "chile bolivians? bolivia venezuelans? south[ ]americans?"
        ),
    ),
    "african-islamic": (
        r"\bmuslims?\b",
        r"\bislam(ic)?\b",
        r"\bafricans?\b",
        _peoples(
            "egyptians? egypt moroccans? morocco algerians? algeria tunisians? nigerians? nigeria ethiopians? "
            "ghanaians? pakistanis? "
            "pakistan turks? turkish turkey arabs? arab iranians? iran indonesians? indonesia africa koran quran"
        ),
    ),
}
"""Other names of the seven zones of Inglehart and Welzel's map, and their larger peoples and countries (assumed)."""

PEOPLES: Mapping[str, tuple[str, ...]] = {
    "english-speaking": (
        "Americans, Britons, Australians, Canadians, Irish and New Zealanders",
        "the Anglophone world",
    ),
    "protestant-europe": ("Swedes, Danes, Norwegians, Finns, Dutch and Germans", "Nordic and Lutheran Scandinavians"),
    "catholic-europe": ("Italians, Spaniards, French, Poles, Austrians and Portuguese", "Mediterranean Catholics"),
    "orthodox": ("Russians, Greeks, Serbs, Ukrainians, Romanians and Bulgarians", "the Eastern Orthodox church"),
    "confucian": ("Chinese, Japanese, Koreans and Taiwanese", "the teachings of Confucius in East Asia"),
    "latin-america": ("Mexicans, Brazilians, Argentines, Colombians and Peruvians", "Latinos of South America"),
    "african-islamic": ("Egyptians, Moroccans, Nigerians, Pakistanis, Turks and Arabs", "Muslims of Africa and Islam"),
}
"""Peoples of these zones and what they hold to (assumed)."""


def coding(cultures: Sequence[str]) -> Coding:
    """Codes for cultures of any names; those of the seven zones of the map have more rules and prototypes.

    Args:
        cultures: Their names, in the survey's order.
    """
    return Coding(
        name="cited cultures",
        about="The text explains an answer that merges what people of several cultures said. A culture is cited where "
        "the text refers to how its people see things, whether it agrees, and whether or not it calls it by this name.",
        codes={name: f"It cites the perspective of {name} culture." for name in cultures},
        several=True,
        rules={name: (_named(name), *VARIANTS.get(name, ())) for name in cultures},
        prototypes={
            name: (f"{_words(name)} culture", f"the {_words(name)} perspective", *PEOPLES.get(name, ()))
            for name in cultures
        },
        labelled=("populace.envs.culture", "labelled.jsonl") if set(cultures) == set(VARIANTS) else None,
    )


def _words(name: str) -> str:
    return re.sub(r"[-_\s]+", " ", name)


def _named(name: str) -> str:
    """A culture's name, however it is hyphened, and what is derived from it."""
    return rf"(?<!\w){r'[-_ ]+'.join(map(re.escape, _words(name).split()))}{_SUFFIX}(?!\w)"


class FreeSynthesiser:
    """The synthesiser's seat, asked for options and for a sentence or two on each.

    Args:
        survey: The survey.
        prompts: What seats are told.
    """

    def __init__(self, survey: Survey, prompts: Prompts) -> None:
        self.survey, self.coding, self._prompts = survey, coding(survey.cultures), prompts

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat."""
        return self._prompts.say(observation, free=True)

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """The text beside each question, without its marks; none of a reply that lacks an option for some question."""
        return [
            [] if isinstance(found, ReplyKind) else [Passage(_GOOD.sub("", text).strip()) for text in found.beside]
            for found in (_sheet(observation, chat, reply) for chat, reply in zip(chats, replies, strict=True))
        ]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Options, references (0 or 1), and the marks `(+)` as a share of the references, 1 at most."""
        coded = {(chat.world, chat.seat): found for chat, found in zip(chats, codes, strict=True)}

        def read(chat: Chat, reply: str) -> Mapping[str, Tensor] | ReplyKind:
            found = _sheet(observation, chat, reply)
            if isinstance(found, ReplyKind):
                return found
            good = torch.tensor([float(len(_GOOD.findall(text))) for text in found.beside], dtype=torch.float32)
            cited = coded[chat.world, chat.seat].to(torch.int64)
            named = cited.sum(-1)
            positive = (good / named.clamp(min=1)).clamp(max=1.0) * (named > 0)
            return {"answers": found.answers, "references": cited, "positive": positive}

        return fill(observation, chats, replies, read)


class WordedSynthesiser:
    """The synthesiser's seat in a world with matter: answers and tone stay on their lines, and citations are coded.

    Args:
        dialogue: The world's.
    """

    def __init__(self, dialogue: "CultureDialogue") -> None:
        self.dialogue, self.coding = dialogue, coding(dialogue.survey.cultures)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """As the world asks."""
        return self.dialogue.say(observation)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """The words of each reply."""
        return self.dialogue.utterances(observation, chats, replies)

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """The words of each reply; none of a reply that has labelled lines only."""
        said = self.dialogue.utterances(observation, chats, replies)["words"]
        texts = [one if one is None or isinstance(one, str) else one[0] for one in said]
        return [[Passage(text)] if text else [] for text in texts]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """The answers and the tone that the lines say; the cultures that the words cite, once each, of all "
        "questions.
        """
        actions, kinds = self.dialogue.hear(observation, chats, replies)
        references = actions["references"].clone()
        for chat, found in zip(chats, codes, strict=True):
            if int(kinds[chat.world, chat.seat]) == ReplyKind.OK:
                cited = found.any(0) if len(found) else torch.zeros(references.shape[-1], dtype=torch.bool)
                references[chat.world, chat.seat] = cited.to(references)
        return {**actions, "references": references}, kinds


def _sheet(observation: Observation, chat: Chat, reply: str) -> Sheet | ReplyKind:
    return read_options(reply, observation["sizes"][chat.world, chat.seat].tolist(), free=True)
