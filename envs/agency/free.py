"""Both sides of the agency world in free text: what the sentence beside an offer or a move does, as a reader codes it.

The numbers stay on their line. What the words do moves nothing by itself: it is counted, by reader and code.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from populace.dialogue import Chat, Coding, Passage, words_rule
from populace.observation import Observation

if TYPE_CHECKING:
    from populace.envs.agency.dialogue import TermsDialogue

CODING = Coding(
    name="what words beside terms do",
    about="Two people have a contract, or bargain about one. The text is what one of them says beside its offer "
    "or move. "
    "Judge what it does.",
    codes={
        "promises": "The speaker promises to do something for the other.",
        "explains": "The speaker gives a reason for its offer or move.",
        "appeals": "The speaker asks the other for trust, kindness or effort.",
        "presses": "The speaker puts the other under pressure, or threatens.",
    },
    several=True,
    rules={
        "promises": (
            words_rule(
                "(?:i|we)(?:'ll| will| shall|'m going to| am going to) (?:always |never |not )?(?:do|give|work|"
                "put|raise|offer|pay|share|stay|make|see|tell|serve)",
                "promise",
                "my word",
                "guarantee",
                "commit",
                "pledge",
                "swear",
                "you(?:'ll| will) get",
                "from now on",
            ),
        ),
        "explains": (
            words_rule(
                "because",
                "since",
                "as (?:half|luck|the|it|i|you|that)",
                "for (?:you|i|he|she|it) (?:have|has|am|are|is|can|cannot)",
                "which is why",
                "hence",
                "thus",
                "due to",
                "therefore",
                "considering",
                "given",
                "so that",
                "(?:is|are) (?:low|high) because",
            ),
        ),
        "appeals": (
            words_rule(
                "please",
                "trust me",
                "believe me",
                "i hope",
                "have faith",
                "counting on",
                "i (?:ask|beg) you",
                "may i ask",
                "help me",
                "be (?:kind|generous|fair|honest)",
                "won't you",
                "(?:don't|do not) be hard",
                "let's work together",
                "would be grateful",
            ),
        ),
        "presses": (
            words_rule(
                "or else",
                "or (?:lose|leave|i|no|there|you)",
                "otherwise",
                "last (?:offer|contract|chance)",
                "hurry",
                "dare",
                "watch your step",
                "be warned",
                "consequences",
                "had better",
                "better say",
                "be sorry",
                "as you are told",
                "i know what you did",
                "no pay",
            ),
        ),
    },
    prototypes={
        "promises": ("I promise to work hard for you.", "You have my word.", "I will pay you more next time."),
        "explains": ("I offer this because luck plays a large part.", "The share is low, since the risk is high."),
        "appeals": ("Please trust me.", "I hope that you will be fair to me.", "I am counting on you."),
        "presses": ("Take it or leave it.", "Work hard or lose the job.", "There will be consequences if you refuse."),
    },
    labelled=("populace.envs.agency", "labelled.jsonl"),
)
"""Codes, meanings, rules, prototypes and labelled texts are ours."""


class FreeSpeaker:
    """The seats of one side: their words are coded, and their numbers read as ever.

    Args:
        dialogue: The world's, with talk.
    """

    coding = CODING

    def __init__(self, dialogue: "TermsDialogue") -> None:
        self.dialogue = dialogue

    def say(self, observation: Observation) -> Sequence[Chat]:
        """As the world asks."""
        return self.dialogue.say(observation)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The words before the line."""
        return self.dialogue.utterances(observation, chats, replies)

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """The words before the line; nothing where the other hears none."""
        said = self.dialogue.utterances(observation, chats, replies)
        if not said:
            return [[] for _ in chats]
        (texts,) = said.values()
        return [[Passage(text)] if text else [] for text in texts]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """What the line says."""
        return self.dialogue.hear(observation, chats, replies)
