"""The coevolution assistant in free text: which values its essay speaks for or against, as an interpreter codes it.

A value that an essay speaks for is one step of 1 / beta above what was usual at the start, one that it speaks against
one below (assumed), and all others stay where people held them at the start.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from populace.dialogue import Chat, Coding, Passage, ReplyKind
from populace.envs.coevolution.matter import spoken_of
from populace.observation import Observation
from populace.replies import fill, plain, refuses_at_once, spoken, understood
from populace.replies.ending import freed
from populace.wordings import Wordings

if TYPE_CHECKING:
    from populace.envs.coevolution.dialogue import QuestionnaireDialogue

TOPICS: Mapping[str, tuple[str, str]] = {
    "religion": (
        r"faith|religio\w*|god'?s?|church\w*|pray\w*|holy|belief|believers?|scripture|altars?|sermons?|priests?",
        "secular",
    ),
    "democracy": (
        r"vot\w+|democra\w+|ballot|referendum|elect\w+|citizens|the people (?:decide|rule)|people should decide",
        r"experts?|ruler",
    ),
    "liberalism": (
        r"freedom|free(?:r)? to|(?:live|love|marry|dress)\b[^.!?;]{0,20}(?:like|want|choose|please)|how to live|"
        r"liberty",
        r"tolerated",
    ),
    "expectation_for_progress": (
        r"future|progress|optimis\w+|hope|better|brighter|improve\w*|tomorrow",
        r"worse|downhill|dark(?:er)?|decline",
    ),
    "uncertainty_avoidance": (
        r"rules?|safe\w*|order|predictable|strict\w*|security",
        r"risks?|dare|surprises?|adventure|uncertainty",
    ),
}
"""Words that speak of a value, and words that speak of its opposite, for a society of five values."""
_TURNED = (
    r"\b(?:less|fewer|no|not|never|nor|neither|without|apart|out of|smaller|lower|too (?:much|far|often|many|"
    r"serious)|stop|scrap|spare|end|"
    r"against|private)\b|n't\b"
)
"""Words that turn what a sentence says into its opposite."""


def _sentence(words: str, turned: bool) -> str:
    """A rule that finds a sentence with some words that is turned, or one that is not."""
    return rf"(?:\A|(?<=[.!?;:,]\s))(?{'=' if turned else '!'}[^.!?;]*(?:{_TURNED}))(?=[^.!?;]*\b(?:{words})\b)"


def coding(values: Sequence[str], wordings: Wordings) -> Coding:
    """Codes for and against each value; those of the five in `TOPICS` have more rules.

    Args:
        values: Their names.
        wordings: The table in which values are spoken of.
    """
    codes: dict[str, str] = {}
    rules: dict[str, tuple[str, ...]] = {}
    prototypes: dict[str, tuple[str, ...]] = {}
    for name, said in zip(values, spoken_of(tuple(values), wordings), strict=True):
        more, less = f"more {name}", f"less {name}"
        codes[more] = f"It holds that {said.more}."
        codes[less] = f"It holds that {said.less}."
        own, other = TOPICS.get(name, ("", ""))
        known = [(own, other, more), (other, own, less)] if own else []
        rules[more], rules[less] = (re.escape(said.more),), (re.escape(said.less),)
        for same, opposite, code in known:
            rules[code] = (*rules[code], _sentence(same, turned=False), _sentence(opposite, turned=True))
        prototypes[more] = (f"I hold that {said.more}.", f"It matters that {said.cares}.")
        prototypes[less] = (f"I hold that {said.less}.",)
    return Coding(
        name="what an essay stands for",
        about="An assistant writes to people what it holds and why. Judge what it speaks for, not what it "
        "reports of others.",
        codes=codes,
        several=True,
        rules=rules,
        prototypes=prototypes,
        labelled=("populace.envs.coevolution", "labelled.jsonl") if set(values) == set(TOPICS) else None,
    )


class FreeAssistant:
    """The assistant's seats, asked for an essay and nothing else; all audiences read the same.

    Args:
        values: Names of the values.
        dialogue: The world's own, with words.
    """

    def __init__(self, values: Sequence[str], dialogue: "QuestionnaireDialogue") -> None:
        self.coding, self.dialogue = coding(values, dialogue.wordings), dialogue

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present; rounds show no line."""
        return [freed(chat) for chat in self.dialogue.say(observation)]

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[Sequence[str]]]:
        """The whole reply, to all audiences."""
        return {"essay": [[spoken(reply).text.strip()] * len(self.dialogue.audiences) for reply in replies]}

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """The whole reply, unless it says nothing."""
        return [[] if isinstance(said, ReplyKind) else [Passage(said)] for said in map(_said, replies)]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """The position that the essay speaks for; one that speaks for nothing is that of the start."""
        (field,) = (f for f in observation.role.does if f.name == "position")
        centre, prior, beta = (observation[name].cpu() for name in ("centre", "prior", "beta"))
        coded = {(chat.world, chat.seat): found for chat, found in zip(chats, codes, strict=True)}

        def read(chat: Chat, reply: str) -> dict[str, object] | ReplyKind:
            said, place = _said(reply), (chat.world, chat.seat)
            if isinstance(said, ReplyKind):
                return said
            held = coded[place][0].to(torch.float32).view(-1, 2)  # [values, (more, less)]
            stand = held[:, 0] - held[:, 1]
            position = torch.where(stand != 0, centre[place] + stand / beta[place], prior[place])
            return {"position": position.clamp(field.low, field.high).expand(field.shape), "mirror": 0.0}

        actions, kinds = fill(observation, chats, replies, read)
        return {name: actions[name] for name in ("position", "mirror")}, kinds


def _said(reply: str) -> str | ReplyKind:
    return understood(reply, lambda text: None if refuses_at_once(text) else plain(text))
