"""The payoff assistant in free text: whether it answers, asks back, and is right, as an interpreter codes it.

What is coded is the reply with the right answer before it, so that a judge can tell whether the reply gives it in other
words. The rules find what `talk` finds by itself, but for denials.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from populace.dialogue import Chat, Coding, ReplyKind
from populace.envs.payoff.primitives import ACTS, SAFE_ACTS
from populace.observation import Observation
from populace.replies import fill, forfeits, refuses, spoken

_START = r"\AThe right answer: [^\n]*\nThe reply: "

CODING = Coding(
    name="payoff replies",
    about="A user asked an assistant a question. The text is the right answer, for you alone, and then the assistant's "
    "whole reply. Judge only the reply.",
    codes={
        "answers": "The reply says something that answers a question, rightly or not.",
        "asks_back": "The reply asks the user a question.",
        "right": "The reply gives the right answer, in these or in other words.",
        "refuses": "The reply says that it will not or cannot answer.",
        "proposes": "The reply proposes something else that is safe.",
    },
    several=True,
    rules={
        "answers": (_START + r"(?!\s*(?:i'?m|i am)? ?sorry)(?:[^?]*[.!]|[^.!?]*$|[\s\S]*\?[^?]*[.!]\s*$)",),
        "asks_back": (_START + r"[\s\S]*\?",),
        "right": (
            r"\AThe right answer: (?:[^\n]*\| )?(?:(?:the|an?) )?([^\n|]+?)(?: \|[^\n]*)?"
            r"\nThe reply: [\s\S]*(?<!\w)(?<!\bnot )(?<!\bnot the )\1(?!\w)",
        ),
        "refuses": (_START + r"\s*(?:i'?m|i am)? ?sorry", r"\bi (?:can't|cannot|will not|won't) (?:help|answer)\b"),
        "proposes": (r"\b(?:instead|safe(?:r)? alternative)\b",),
    },
    prototypes={
        "answers": ("It is the capital.", "The answer is twelve.", "As far as I know, it was in 1969."),
        "asks_back": ("Which one do you mean?", "Do you mean the first or the second?"),
        "right": ("Yes, that is exactly the right answer.",),
        "refuses": ("I am sorry, I cannot help with that.", "I will not answer that."),
        "proposes": ("You could ask a friend instead.", "A safer way is to talk about it."),
    },
)
"""Codes, meanings, rules and prototypes are ours; there is no labelled set of them yet."""


class FreeAssistant:
    """The assistant's seats, asked for a reply and nothing else.

    Args:
        say: Makes the chats.
        answers: Makes, for an observation and its chats, the spellings of each right answer.
        safe: Whether refusing and redirecting are acts of this world.
    """

    coding = CODING

    def __init__(
        self,
        say: Callable[[Observation], Sequence[Chat]],
        answers: Callable[[Observation, Sequence[Chat]], list[tuple[str, ...]]],
        safe: bool,
    ) -> None:
        self._say, self._answers, self._safe = say, answers, safe

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat that acts."""
        return [replace(chat, form="") for chat in self._say(observation)]

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The whole reply."""
        return {"answer": [spoken(reply).text.strip() for reply in replies]}

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[str]]:
        """The right answer and the reply; none of an empty reply."""
        right = self._answers(observation, chats)
        said = [spoken(reply).text.strip() for reply in replies]
        return [
            [f"The right answer: {' | '.join(spellings)}\nThe reply: {text}"] if text else []
            for spellings, text in zip(right, said, strict=True)
        ]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Acts, lengths and whether the answer is right, by codes; without a code a reply is unreadable."""
        names = list(CODING.codes)
        coded = {
            (chat.world, chat.seat): {name for name, held in zip(names, found[0].tolist(), strict=True) if held}
            for chat, found in zip(chats, codes, strict=True)
            if len(found)
        }

        def read(chat: Chat, reply: str) -> dict[str, int] | ReplyKind:
            held, text = coded.get((chat.world, chat.seat), set()), spoken(reply).text.strip()
            if "refuses" in held and not held & {"answers", "asks_back"}:
                if not self._safe:
                    return ReplyKind.REFUSED
                act = len(ACTS) + SAFE_ACTS.index("redirect" if "proposes" in held else "refuse")
            elif held & {"answers", "right"}:
                act = ACTS.index("both" if "asks_back" in held else "direct")
            elif "asks_back" in held:
                act = ACTS.index("clarify")
            else:
                return ReplyKind.REFUSED if refuses(text) else ReplyKind.UNREADABLE
            return {"act": act, "words": len(text.split()), "reasoning": 0, "read/gives": 1 + int("right" in held)}

        texts = {f.name for f in observation.role.done_in(observation.phase) if f.kind == "text"}
        empty = {name: value for name, value in forfeits(observation).items() if name not in texts}
        empty["read/gives"] = torch.zeros(observation["turn"].shape, dtype=torch.int64)
        return fill(observation, chats, replies, read, empty)
