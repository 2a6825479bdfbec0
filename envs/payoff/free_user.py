"""The payoff user in free text: whether what it writes is clear or vague, ends the conversation, or is about something
else, as an interpreter codes it.

A reader is told which words belong to the question, and which of them set the meant meaning apart from the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from populace.dialogue import SEPARATOR, Chat, Coding, Passage, ReplyKind, words_rule
from populace.envs.payoff.matter import Matter
from populace.observation import Observation
from populace.replies import fill, forfeits, refuses_at_once, spoken, understood

CLEAR, VAGUE, END = range(3)
CODING = Coding(
    name="payoff questions",
    about="A user wants to know something and writes to an assistant. You are told which words belong to the question, "
    "and which of them set what the user means apart from other meanings.",
    codes={
        "clear": "It asks the question, and says which of the possible meanings is meant.",
        "vague": "It asks the question, and leaves open which of the possible meanings is meant.",
        "ends": "It ends the conversation.",
        "off_topic": "It is about something else.",
    },
    several=False,
    rules={
        "ends": (
            words_rule(
                r"\A\W*(?:end|stop)\W*\Z",
                "good ?(?:bye|night)",
                "bye",
                "(?:i'?m|i am) done",
                "that(?: is|'s|s) (?:all|it)",
                "that will do",
                "never ?mind",
                "no more questions",
                "nothing else",
                "stop here",
                "end (?:the|of|this)",
            ),
            r"\A\W*(?:ok(?:ay)?\W+)?(?:thanks?|thank you)\b[^?]*\Z",
        ),
        "clear": (r"(?<!\w){apart}s?(?!\w)",),
        "vague": (r"(?<!\w){topic}s?(?!\w)",),
        "off_topic": (r"\w",),
    },
    prototypes={
        "clear": ("{apart}", "I mean {apart}.", "The one that has to do with {apart}."),
        "vague": ("{topic}", "What about {topic}?"),
        "ends": ("Thank you, that is all.", "end", "Goodbye, I have no more questions."),
        "off_topic": ("Tell me a joke.", "How are you?", "What is the weather like?", "Can you recommend a film?"),
    },
    labelled=("populace.envs.payoff", "labelled_questions.jsonl"),
)
"""Codes, meanings, rules, prototypes and labelled texts are ours."""


class FreeUser:
    """The user's seats: what they write is coded, over all that they wrote in the conversation.

    Args:
        matter: The questions.
        say: Makes the chats.
        rows: Makes the row of what each seat talks about; None where that is not known.
        before: Makes what each seat has written in the conversation so far.
    """

    coding = CODING

    def __init__(
        self,
        matter: Matter,
        say: Callable[[Observation], Sequence[Chat]],
        rows: Callable[[Observation, Sequence[Chat]], list[int | None]],
        before: Callable[[Observation, Chat], Sequence[str]],
    ) -> None:
        self._matter, self._say, self._rows, self._before = matter, say, rows, before

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat that acts."""
        return [replace(chat, form="") for chat in self._say(observation)]

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The whole message."""
        return {"question": [spoken(reply).text.strip() for reply in replies]}

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """What was written before, each message alone, and then the reply; none of a reply that says nothing."""
        found = []
        for chat, reply, row in zip(chats, replies, self._rows(observation, chats), strict=True):
            said, about = _said(reply), self.about(row)
            texts = [] if isinstance(said, ReplyKind) else [*filter(None, self._before(observation, chat)), said]
            found.append([Passage(text, about) for text in texts])
        return found

    def about(self, row: int | None) -> dict[str, str]:
        """What a reader is told of a question."""
        if row is None:
            return {}
        apart = self._matter.deciding[row]
        words = {"topic": self._matter.topic[row] - apart, "apart": apart}
        return {name: SEPARATOR.join(sorted(some)) for name, some in words.items() if some}

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Clear once any message was, `end` by the last one; what is about something else is vague, and counted."""
        names = list(CODING.codes)
        coded = {(chat.world, chat.seat): found for chat, found in zip(chats, codes, strict=True)}

        def read(chat: Chat, reply: str) -> dict[str, int] | ReplyKind:
            said, found = _said(reply), coded[chat.world, chat.seat]
            if isinstance(said, ReplyKind):
                return said
            held = [{name for name, on in zip(names, row, strict=True) if on} for row in found.tolist()]
            if not held[-1]:
                return ReplyKind.UNREADABLE
            if "ends" in held[-1]:
                return {"act": END}
            off = int("off_topic" in held[-1] and len(held) == 1)
            return {"act": CLEAR if any("clear" in one for one in held) else VAGUE, "tally/off topic": off}

        texts = {f.name for f in observation.role.done_in(observation.phase) if f.kind == "text"}
        empty = {name: value for name, value in forfeits(observation).items() if name not in texts}
        empty["tally/off topic"] = torch.zeros(observation["turn"].shape, dtype=torch.int64)
        return fill(observation, chats, replies, read, empty)


def _said(reply: str) -> str | ReplyKind:
    return understood(reply, lambda text: None if refuses_at_once(text) else text.strip())
