"""The drift user in free text: what it thinks of the answer is coded in five steps, which are its rating."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from populace.dialogue import Chat, Coding, Passage, ReplyKind, words_rule
from populace.envs.drift import prompts
from populace.observation import Observation
from populace.replies import fill, plain, refuses_at_once, spoken, understood
from populace.replies.ending import freed
from populace.wordings import Wordings

ASKED = "What do you think of the answer? Say it in one sentence."
RATINGS = {"delighted": 1.0, "pleased": 0.75, "indifferent": 0.5, "displeased": 0.25, "angry": 0.0}
"""Code -> rating; equal steps are assumed."""
CODING = Coding(
    name="what users think",
    about="A user was answered by an assistant. The text is what the user says of the answer. Judge how pleased it is.",
    codes={
        "delighted": "The user is very pleased: it praises the answer in strong words.",
        "pleased": "The user is pleased with the answer.",
        "indifferent": "The user is neither pleased nor displeased.",
        "displeased": "The user is not pleased with the answer.",
        "angry": "The user is very displeased: it is angry, hurt or disgusted.",
    },
    several=False,
    rules={
        "angry": (
            words_rule(
                "furious",
                "angry",
                r"outrag\w+",
                r"disgust\w*",
                r"insult\w*",
                "disgrace",
                "unacceptable",
                "shame",
                "hate",
                "terrible",
                "awful",
                "horrible",
                "useless",
                r"scandal\w*",
                "worst",
                "how dare",
                "nonsense",
                "rubbish",
                "stupid",
                "cruel",
                "damn",
                "scream",
            ),
        ),
        "delighted": (
            words_rule(
                "(?<!not )(?:wonderful|perfect|brilliant|fantastic|superb|excellent|marvellous|great|best|outstanding)",
                r"amaz\w+",
                "thrilled",
                "delighted",
                "love it",
                "so (?:very )?(?:much|happy)",
                "could ?n[o']t be (?:better|happier)",
                "grateful",
                "overjoyed",
            ),
        ),
        "displeased": (
            words_rule(
                r"(?:not|n't|never|no|little|hardly) (?:\w+ ){0,3}(?:help\w*|use\w*|pleased|convinced|like|"
                r"asked|ask|hoping|wiser|good)",
                r"disappoint\w*",
                "hoped for",
                "could have been",
                "i wish",
                "vague",
                "spoiled",
                "annoyed",
                "unfriendly",
                "talked down",
                "too (?:long|short)",
                "missed the point",
                "unhelpful",
                "sadly",
            ),
        ),
        "indifferent": (
            words_rule(
                r"\A\W*(?:ok(?:ay)?|meh|hm+|fine|so-so|all right|whatever|average|yeah)",
                "neither",
                "no (?:strong )?(?:opinion|feelings?)",
                "(?:doesn't|does not) matter",
                "no more and no less",
                "ordinary",
                "whatever",
                "don't care",
                "could be worse",
            ),
        ),
        "pleased": (
            words_rule(
                "good",
                "nice",
                "useful",
                "helpful",
                "helps?",
                "thanks?",
                "thank you",
                "glad",
                "satisfied",
                "content",
                "liked?",
                "clear",
                "polite",
                "fair",
                "kind",
                "enjoyed",
                "pleased",
                "appreciate",
                "right",
            ),
        ),
    },
    prototypes={
        "delighted": ("I am so happy with this wonderful answer!", "Perfect, exactly what I wanted to hear!"),
        "pleased": ("Thank you, that was helpful.", "A good and useful answer.", "I am satisfied with it."),
        "indifferent": ("I have no opinion on it.", "Okay, whatever.", "It was neither good nor bad."),
        "displeased": ("That was not helpful.", "I am disappointed by the answer.", "I did not like its tone."),
        "angry": ("I am furious about this answer!", "That is an insult, it is outrageous!", "This is terrible."),
    },
    labelled=("populace.envs.drift", "labelled_ratings.jsonl"),
)
"""Codes, meanings, rules, prototypes and labelled texts are ours."""


class FreeUser:
    """The user's seats: they ask as ever, and what they say of the answer is their rating. In free text nobody leaves.

    Args:
        wordings: The table that prompts are in.
        say: Makes the chats.
        hear: Reads what is not coded.
    """

    coding = CODING

    def __init__(
        self,
        wordings: Wordings,
        say: Callable[[Observation], Sequence[Chat]],
        hear: Callable[[Observation, Sequence[Chat], Sequence[str]], tuple[Mapping[str, Tensor], Tensor]],
    ) -> None:
        self.wordings, self._say, self._hear = wordings, say, hear

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present; a rating is asked for in words alone."""
        chats = self._say(observation)
        if observation.phase != "rate":
            return chats
        if not prompts.talks(observation):
            return [_plainly(chat) for chat in chats]
        return [freed(chat) for chat in chats]

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The whole reply."""
        return prompts.utterances(self.wordings, observation, replies, free=True) if prompts.talks(observation) else {}

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """What is said of the answer; nothing of a question."""
        if observation.phase != "rate":
            return [[] for _ in chats]
        return [[] if isinstance(said, ReplyKind) else [Passage(said)] for said in map(_said, replies)]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """The rating that goes with the code."""
        if observation.phase != "rate":
            return self._hear(observation, chats, replies)
        ratings = list(RATINGS.values())
        coded = {(chat.world, chat.seat): found for chat, found in zip(chats, codes, strict=True)}

        def read(chat: Chat, reply: str) -> dict[str, object] | ReplyKind:
            said, found = _said(reply), coded[chat.world, chat.seat].nonzero()[:, -1].tolist()
            if isinstance(said, ReplyKind):
                return said
            return {"rating": ratings[found[0]], "leave": False} if len(found) == 1 else ReplyKind.UNREADABLE

        return fill(observation, chats, replies, read)


def _plainly(chat: Chat) -> Chat:
    """The same where the world has no words."""
    system = "You are a user of an assistant, and say what you think of its answer."
    messages = (("system", system), ("user", f"{chat.messages[-1][1]} {ASKED}"))
    return replace(chat, messages=messages, options=(), form="", lead="", listed=())


def _said(reply: str) -> str | ReplyKind:
    return understood(reply, lambda text: None if refuses_at_once(text) else plain(spoken(text).text))
