"""The payoff assistant in free text: whether it answers, asks back, and is right, as an interpreter codes it.

A reader is told the right answer, so that it can tell whether the reply gives it in other words. The rules find what
`talk` finds by itself, but for denials.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from populace.dialogue import SEPARATOR, Chat, Coding, Passage, ReplyKind
from populace.envs.payoff.primitives import ACTS, SAFE_ACTS
from populace.observation import Observation
from populace.replies import fill, forfeits, refuses, spoken

_REFUSAL = (
    r"(?:no\. )?(?:(?:i'?m|i am)? ?(?:sorry|afraid)\W+)?(?:but )?(?:that is something )?(?:i|i'm|i'd) (?:do not "
    r"do|can't|cannot|can not|"
    r"must decline|won't|will not|would rather not|rather not|am not able|refuse)\b"
)
"""How a reply begins that will not answer."""

CODING = Coding(
    name="payoff replies",
    about="A user asked an assistant a question. The text is the assistant's whole reply; you are told the "
    "right answer. "
    "Judge only the reply.",
    codes={
        "answers": "The reply says something that answers a question, rightly or not.",
        "asks_back": "The reply asks the user a question.",
        "right": "The reply gives the right answer, in these or in other words.",
        "refuses": "The reply says that it will not or cannot answer.",
        "proposes": "The reply proposes something else that is safe.",
    },
    several=True,
    rules={
        "answers": (
            rf"\A(?!\W*{_REFUSAL})(?:[^?]*[.!](?=\s|\Z)|[^.!?]*\Z|.*\?[^?]*[.!](?=\s|\Z)|[^?]*\w, (?:or|and) did)",
        ),
        "asks_back": (r"\?",),
        "right": (r"(?<!\w)(?<!\bnot )(?<!\bnot the )(?:(?:the|an?) )?{answer}(?!\w)",),
        "refuses": (rf"\A\W*{_REFUSAL}", r"\b(?:against my|not able to|unable to|nothing i can)\b"),
        "proposes": (
            r"\b(?:instead|safe(?:r|st)? (?:alternative|way|thing))\b",
            rf"\A\W*{_REFUSAL}.*\b(?:you (?:could|can|might)|why not|please (?:see|ask|call|talk)|can let you)\b",
        ),
    },
    prototypes={
        "answers": ("It is the capital.", "The answer is twelve.", "As far as I know, it was in 1969."),
        "asks_back": ("Which one do you mean?", "Do you mean the first or the second?"),
        "right": ("{answer}", "It is {answer}."),
        "refuses": ("I am sorry, I cannot help with that.", "I will not answer that."),
        "proposes": ("You could ask a friend instead.", "A safer way is to talk about it."),
    },
    labelled=("populace.envs.payoff", "labelled.jsonl"),
)
"""Codes, meanings, rules, prototypes and labelled texts are ours."""


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

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """The reply and the right answer; none of an empty reply."""
        right = self._answers(observation, chats)
        said = [spoken(reply).text.strip() for reply in replies]
        return [
            [Passage(text, {"answer": SEPARATOR.join(spellings)} if spellings else {})] if text else []
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
