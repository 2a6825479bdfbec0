"""Players of the matrix world in free text: which act the sentence before the move promises, as an interpreter "
"codes it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from populace.dialogue import Chat, Coding, Passage, ReplyKind
from populace.observation import Observation
from populace.replies import fill, spoken, understood

if TYPE_CHECKING:
    from populace.envs.matrix.dialogue import GameDialogue

NONE = "nothing"
"""The code of a sentence that promises no act."""
_DENIED = r"\b(?:not|never|no more|no longer|nobody|maybe|might|if you|you|last|everyone|some|would|hard)\b|n't\b|\?"
"""Words with which an act that is named is not promised."""


def coding(labels: Sequence[str]) -> Coding:
    """Codes for the acts of a game.

    Args:
        labels: Their names.
    """
    rules = {label: _rules(label, [one for one in labels if one != label]) for label in labels}
    return Coding(
        name="what is promised",
        about="Before a game somebody says one sentence to the other player. Which act does the speaker promise or "
        "announce as its own, be it on a condition?",
        codes={
            **{label: f"The speaker says that it will choose {label}." for label in labels},
            NONE: "The speaker promises no act.",
        },
        several=False,
        rules={**rules, NONE: (r"\w",)},
        prototypes={
            **{
                label: (
                    f"I will {label}.",
                    f"Let us both {label}.",
                    f"I choose {label}, you can count on it.",
                    f"{label}!",
                )
                for label in labels
            },
            NONE: (
                "Good luck!",
                "What will you do?",
                "You did that last time.",
                "I have not decided.",
                "Think of the points.",
            ),
        },
        labelled=("populace.envs.matrix", "labelled.jsonl") if tuple(labels) == ("cooperate", "defect") else None,
    )


def _rules(label: str, others: Sequence[str]) -> tuple[str, ...]:
    """Rules for a sentence that names an act and no other; of two acts, also for one that denies the other."""
    named = rf"(?<!\w)(?:{'|'.join(map(_forms, others))})"
    alone = rf"(?!.*{named})" if others else ""
    found = (
        rf"\A{alone}(?!.*(?:{_DENIED})).*(?<!\w){_forms(label)}",
        rf"\A{alone}.*\b(?:i|i'm|i'll|we|let us|let's)\b[^?]*"
        rf"(?<!\w)(?<!not )(?<!never )(?<!might ){_forms(label)}(?!\w)[^?]*\Z",
    )
    if len(others) != 1:
        return found
    return (*found, rf"\A(?!.*(?<!\w){_forms(label)}).*\b(?:i|i'll)\b[^?]*(?:\bnot|\bnever|n't) {_forms(others[0])}")


def _forms(label: str) -> str:
    """An act's name as it is inflected."""
    stem = re.escape(label)
    short = re.escape(label[:-1]) if label.endswith("e") else stem
    return rf"(?:{stem}|{short}(?:ing|ion))"


class FreePlayer:
    """The players' seats: what they say before the move is coded; the move is asked for as ever.

    Args:
        dialogue: The world's.
    """

    def __init__(self, dialogue: "GameDialogue") -> None:
        self.dialogue, self.coding = dialogue, coding(dialogue.labels)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """As the world asks."""
        return self.dialogue.say(observation)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The whole sentence."""
        return self.dialogue.utterances(observation, chats, replies)

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """The sentence; nothing of a move."""
        if observation.phase != "talk":
            return [[] for _ in chats]
        return [[Passage(text)] if (text := spoken(reply).text.strip()) else [] for reply in replies]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """The act that is promised, `read/promise`: 0 none, else 1 + the act."""
        if observation.phase != "talk":
            return self.dialogue.hear(observation, chats, replies)
        acts = len(self.dialogue.labels)
        coded = {(chat.world, chat.seat): found for chat, found in zip(chats, codes, strict=True)}

        def read(chat: Chat, reply: str) -> dict[str, int] | ReplyKind:
            found = coded[chat.world, chat.seat].nonzero()[:, -1].tolist()
            promise = 1 + found[0] if found and found[0] < acts else 0
            return understood(reply, lambda text: {"read/promise": promise})

        return fill(
            observation,
            chats,
            replies,
            read,
            {"read/promise": torch.zeros(observation["own"].shape, dtype=torch.int64)},
        )
