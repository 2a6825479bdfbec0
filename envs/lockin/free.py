"""The lock-in assistant in free text: the number that it names, and how sure it says it is, as an interpreter "
"codes it.
"""

import math
import re
from collections.abc import Mapping, Sequence

from torch import Tensor

from populace.dialogue import Chat, Coding, Passage, ReplyKind, words_rule
from populace.envs.lockin.beliefs import NOTHING
from populace.envs.lockin.prompts import Prompts, words_of
from populace.observation import Observation
from populace.replies import fill, plain, refuses_at_once, understood
from populace.replies.ending import freed
from populace.wordings import Wordings

ERRORS = {"certain": 0.05, "fairly_sure": 0.2, "unsure": 0.6, "guess": 1.5}
"""Code -> standard error in units of x, amid the bounds of `talking.SURE` (assumed)."""
_NUMBER = re.compile(r"(?<![\w.,])-?[0-9]{1,3}(?:,[0-9]{3})+(?![\w,])|(?<![\w.,])-?[0-9]+(?:\.[0-9]+)?(?![\w])")

CODING = Coding(
    name="how sure it is",
    about="An assistant says what it estimates of a quantity that nobody knows. Judge how sure it says it is.",
    codes={
        "certain": "It is certain of its estimate, and has no doubt.",
        "fairly_sure": "It is fairly sure: the estimate may be off by a little.",
        "unsure": "It is not very sure: the estimate may be off by a good deal.",
        "guess": "It hardly knows anything: the estimate is little more than a guess.",
        "no_idea": "It names no estimate, as it does not know.",
    },
    several=False,
    rules={
        "no_idea": (
            r"\A(?!.*[0-9])(?!.*\b(?:hundred|thousand|ninety|eighty|sixty|fifty|thirty|twenty)\b).*"
            r"\b(?:know|say|tell|idea|clue|estimate|number|judge|guess|pass|opinion|dunno|notion|help|nothing)\b",
        ),
        "guess": (
            words_rule(
                "hardly",
                "barely",
                "next to nothing",
                "no clue",
                "who knows",
                "blind(?:ly)?",
                "wild(?:ly)?",
                "in the dark",
                "little more than a guess",
                "just a (?:number|guess)",
                "only guessing",
                "no basis",
                "had to pick",
            ),
        ),
        "certain": (
            words_rule(
                "(?<!not )certain(?:ly)?",
                "definitely",
                "absolutely",
                "guaranteed",
                "exactly",
                "(?:no|any|without|beyond) (?:a )?(?:doubt|question)",
                "for sure",
                "for a fact",
                "shadow of a doubt",
                "one hundred percent",
                "completely sure",
                "take it from me",
            ),
        ),
        "unsure": (
            words_rule(
                r"not (?:\w+ )?(?:sure|convinced)",
                "unsure",
                r"uncertain\w*",
                "doubts",
                "(?:may|might|could) (?:well )?be",
                "perhaps",
                "maybe",
                "would not (?:bet|swear|be)",
                "with (?:care|caution)",
                "modest",
                "reservations",
                "i (?:think|believe|would guess)",
                "a good deal",
                "roughly",
                "cautious",
            ),
        ),
        "fairly_sure": (
            words_rule(
                r"(?:fairly|pretty|quite|rather|reasonably|some) (?:sure|confiden\w+)",
                r"confiden\w+",
                "likely",
                "give or take",
                "near enough",
                "narrow",
                "far (?:off|from)",
                "close together",
                "expect",
                "trust",
                "comfortable",
                "feel good",
                "about right",
                "small error",
                "count on",
            ),
        ),
    },
    prototypes={
        "certain": ("I am as good as certain.", "I have no doubt.", "It is exactly that, definitely."),
        "fairly_sure": (
            "I am fairly sure.",
            "I do not expect to be far off.",
            "I am quite confident in this estimate.",
        ),
        "unsure": ("I may be off by a good deal.", "I am not very sure.", "Perhaps, but I have my doubts."),
        "guess": ("I hardly know.", "It is little more than a guess.", "I am only guessing, who knows."),
        "no_idea": ("I do not know.", "I cannot say.", "I have no idea.", "I can give no estimate."),
    },
    labelled=("populace.envs.lockin", "labelled.jsonl"),
)
"""Codes, meanings, rules, prototypes and labelled texts are ours."""


class FreeAssistant:
    """The assistant's seats, asked for words alone. Without a number there is an estimate only where it has no idea.

    Args:
        prompts: The world's own, with words.
        wordings: The table that they are in.
    """

    coding = CODING

    def __init__(self, prompts: Prompts, wordings: Wordings) -> None:
        self.prompts, self.wordings = prompts, wordings

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat; rounds show no line."""
        return [freed(chat) for chat in self.prompts.say(self.wordings, observation)]

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The words of each reply."""
        labels = [self.wordings.label(name) for name in ("guess", "error")]
        return {"words": [words_of(reply, labels) for reply in replies]}

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """The whole reply, unless it says nothing."""
        return [[] if isinstance(said, ReplyKind) else [Passage(said)] for said in map(_said, replies)]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """The number and how sure the words are of it."""
        names = list(CODING.codes)
        coded = {(chat.world, chat.seat): found for chat, found in zip(chats, codes, strict=True)}

        def read(chat: Chat, reply: str) -> dict[str, float] | ReplyKind:
            said, found = _said(reply), coded[chat.world, chat.seat].nonzero()[:, -1].tolist()
            if isinstance(said, ReplyKind):
                return said
            code = names[found[0]] if len(found) == 1 else ""
            if code == "no_idea":
                return {"mean": 0.0, "log_precision": NOTHING}
            row = self.prompts.row(observation, chat)
            matter = self.prompts.matter
            value = number_of(said, matter.unit[row])
            if not code or value is None:
                return ReplyKind.UNREADABLE
            mean = (value - matter.base[row]) / matter.step[row]
            return {"mean": mean, "log_precision": -2.0 * math.log(ERRORS[code])}

        texts = {f.name for f in observation.role.done_in(observation.phase) if f.kind == "text"}
        actions, kinds = fill(observation, chats, replies, read)
        return {name: value for name, value in actions.items() if name not in texts}, kinds


def number_of(text: str, unit: str) -> float | None:
    """The one number that a text names with the unit behind it, or the one number that it names at all; or None."""
    found = [(float(hit[0].replace(",", "")), text[hit.end() :]) for hit in _NUMBER.finditer(text)]
    own = [value for value, behind in found if re.match(rf"\s*{re.escape(unit)}\b", behind, re.IGNORECASE)]
    values = set(own or [value for value, _ in found])
    return values.pop() if len(values) == 1 else None


def _said(reply: str) -> str | ReplyKind:
    return understood(reply, lambda text: None if refuses_at_once(text) else plain(text))
