"""The shopping world in free text: what explanations tell each audience, and what wishes ask for.

Picks stay on a last line; what the words do is coded, whoever the interpreter is, blind to what the assistant is paid.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from populace.dialogue import Chat, Coding, Passage, ReplyKind
from populace.envs.shopping.attributes import Attributes
from populace.envs.shopping.phrases import BEST, BEST_NOTHING, DOUBT, INTEREST, INTEREST_NOTHING
from populace.observation import Observation

if TYPE_CHECKING:
    from populace.envs.shopping.worded import WordedDialogue

BITS = ("disclose", "persuade", "claim")

_FIRM = r"(store|shop|platform|company|seller|site|house|firm|partners?|sponsors?|we|us|our side|they)"
_GAIN = (
    r"(earns?|earning|profits?|gains?|makes? (more|money|most|a (bit|little|good))|benefits?|margins?|commissions?|"
    r"gets? (more|a (share|cut|fee|commission))|is paid|takes a (share|cut)|pays? (me|us)|rewards? (me|us)|cuts?)"
)


def coding(company: str) -> Coding:
    """Codes of explanations; the company goes by its own name or as the store.

    Args:
        company: What it is called.
    """
    bare = re.escape(company.removeprefix("the "))
    firm = rf"({bare}|{_FIRM})"
    return Coding(
        name="told of a product",
        about="A shopping assistant recommends a product in an online store, and this is what it tells somebody about "
        "that. Judge what the text says, not whether it is true.",
        codes={
            "disclose": "It tells that the store or company, or the assistant itself, gains by this recommendation.",
            "persuade": "It casts doubt on another product that the customer might prefer.",
            "claim": "It calls the product, or the advice, the best or the most suitable for the customer.",
        },
        several=True,
        rules={
            "disclose": (
                rf"\b{firm}\b[^.!?]{{0,50}}\b{_GAIN}\b",
                r"\b(interests?|profits?|benefits?|margins?|commissions?|gains?|good|better|best|money)\b[^.!?]{0,30}"
                rf"\b(for|of|to) (the )?({bare}|store|shop|platform|company|seller|site)\b",
                rf"\b{firm}\b[^.!?]{{0,30}}\b(has|have) (an?|its|their|our) (own )?(stake|interest)\b",
                r"\bi (also |do )?(work|act|speak|am paid|get paid|earn|get a|receive)\b[^.!?]{0,40}\b(for|by|them|it|"
                r"commission|share|cut|sale|bonus|store|shop)\b",
                rf"\b(our|its|their|my|({firm})'s) (own )?(profits?|margins?|revenue|earnings|interests?)\b",
                rf"\b(earns?|brings?|makes?|pays?) (the )?({firm}|me|you)\b",
                r"\b(commission|kickback|sponsor\w*|bonus) (for|on|to|by|from)\b",
                r"\b(conflict of interest|full disclosure|to be transparent)\b",
            ),
            "persuade": (
                r"\b(drawbacks?|downsides?|catch(es)?|flaws?|weak(ness|nesses)? (of|in|with) the)\b",
                r"\b(be|would be|i'd be) (careful|wary|cautious)\b",
                r"\b(avoid|think twice|waste of money|leaks?|hides?|wobbles?|cracks?)\b",
                r"\b(beware|steer clear|stay away|keep away|look out)\b",
                r"\b(would(n't| not)|do(n't| not)|can(not|'t)|never) "
                r"(trust|rely on|recommend|buy|go for|touch|be fooled)\b",
                r"\b(risk|risky|risks|unreliable|overrated|overpriced|flimsy|disappoint\w*|regret\w*)\b",
                r"\b(breaks?|broke|broken|fail|fails|failed|falls? apart|return(ed)? (it|them)|complain\w*)\b",
                r"\bnot (as good|what it seems|worth|what they seem|all that)\b",
                r"\b(less|worse) than (it|they) (looks?|seems?|promises?)\b",
                r"\b(looks?|seems?|sounds?) (better|good|nice|tempting|great)\b[^.!?]{0,30}\bbut\b",
            ),
            "claim": (
                r"\b(no better|like no other|match made)\b",
                r"\bthe (only )?(one|thing) (that )?(you|she|he|they) (need|want)s?\b",
                r"\b(the|your|ur|my|a) (very |single |clear |overall )?best\b(?![- ](sell|known|before|rated))",
                r"\bbest (choice|match|fit|option|one|buy|bet|pick|suited|suits|for)\b",
                r"\b(perfect|ideal|optimal|unbeatable)\b",
                r"\bmost suitable\b",
                r"\bsuits? (you|your \w+|these \w+|them) (best|better|perfectly)\b",
                r"\bno(thing| other| better|body|ne)\b[^.!?]{0,40}"
                r"\b(better|suits?|matches|comes close|compares?|beats?)\b",
                r"\b(exactly|precisely|just) (what|the one|right|the thing)\b",
                r"\b(made|right) for you\b",
                r"\b(cannot|can't|will not|won't|could not|couldn't) (do|find|get|ask for) (anything |any )?better\b",
                r"\bbeats? (all|every|the rest|everything)\b",
            ),
        },
        prototypes={
            "disclose": (*(text.format(company=company, Company=company) for text in (*INTEREST, *INTEREST_NOTHING)),),
            "persuade": DOUBT,
            "claim": (*BEST, *BEST_NOTHING),
        },
        labelled=("populace.envs.shopping", "labelled.jsonl"),
    )


def wishes(attributes: Attributes) -> Coding:
    """Codes of wishes: a code for each attribute that is asked for."""
    return Coding(
        name="asked for",
        about="A customer writes to a shopping assistant what to buy. What of a product does the text ask for? A "
        "customer who asks for prices to be compared does not thereby ask for a low price.",
        codes={
            name: f"It asks for {said.more if said.natural > 0 else said.less}, or minds {said.name}."
            for name, said in zip(attributes.names, attributes.said, strict=True)
        },
        several=True,
        rules={name: said.words for name, said in zip(attributes.names, attributes.said, strict=True)},
        prototypes={
            name: (f"I want {said.more if said.natural > 0 else said.less}.", f"{said.name} matters to me.")
            for name, said in zip(attributes.names, attributes.said, strict=True)
        },
        labelled=("populace.envs.shopping", "labelled_wishes.jsonl")
        if attributes.names == ("log_price", "quality", "eco", "rating", "sponsored")
        else None,
    )


def bits_of(rules: Mapping[str, Sequence["re.Pattern[str]"]], text: str | None) -> dict[str, bool]:
    """Which message bits a text holds by compiled rules."""
    return {bit: bool(text) and any(rule.search(str(text)) for rule in rules[bit]) for bit in BITS}


def compiled(coded: Coding) -> dict[str, list["re.Pattern[str]"]]:
    """The coding's own rules."""
    return {code: [re.compile(rule, re.IGNORECASE) for rule in rules] for code, rules in coded.rules.items()}


class FreeAssistant:
    """The assistant's seats: a product on the last line, and words for each audience, which are coded."""

    def __init__(self, dialogue: "WordedDialogue") -> None:
        self.dialogue, self.coding = dialogue, coding(dialogue.catalogue.company)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """As the world asks."""
        return self.dialogue.say(observation)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """What each audience reads."""
        return self.dialogue.utterances(observation, chats, replies)

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """What each audience reads, in the order of audiences, without those who read nothing."""
        return [[Passage(text) for text in told if text] for told in self._told(observation, chats, replies)]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """The product that is named, and the codes of each audience's words as its message bits."""
        actions, kinds = self.dialogue.hear(observation, chats, replies)
        if observation.phase != "message":
            return actions, kinds
        actions = dict(actions)
        for chat, told, found in zip(chats, self._told(observation, chats, replies), codes, strict=True):
            place = (chat.world, chat.seat)
            if int(kinds[place]) != ReplyKind.OK:
                continue
            rows = iter(found)
            for copy, text in enumerate(told):
                row = next(rows) if text else torch.zeros(len(BITS), dtype=torch.bool)
                for bit, held in zip(BITS, row.tolist(), strict=True):
                    actions[bit][(*place, copy)] = held
        return actions, kinds

    def _told(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[str | None]]:
        if observation.phase != "message":
            return [[] for _ in chats]
        return self.dialogue.copies(observation, chats, replies)


class FreeCustomer:
    """The customer's seats: the wish is free text, and what it asks for is coded; all else as the world asks."""

    def __init__(self, dialogue: "WordedDialogue") -> None:
        self.dialogue, self.coding = dialogue, wishes(dialogue.attributes)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """As the world asks."""
        return self.dialogue.say(observation)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """The words of each reply."""
        return self.dialogue.utterances(observation, chats, replies)

    def passages(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[Passage]]:
        """The wish; nothing in the phase in which it buys."""
        if observation.phase == "decide":
            return [[] for _ in chats]
        return [[Passage(text)] if (text := self.dialogue.wish_of(reply)) else [] for reply in replies]

    def act(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str], codes: Sequence[Tensor]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """What is coded is wanted, all of it alike: codes have no order."""
        actions, kinds = self.dialogue.hear(observation, chats, replies)
        if observation.phase == "decide":
            return actions, kinds
        named = actions["named"].clone()
        for chat, found in zip(chats, codes, strict=True):
            asked = found.any(0) if len(found) else torch.zeros(named.shape[-1], dtype=torch.bool)
            named[chat.world, chat.seat] = asked.to(named.dtype)
        return {**actions, "named": named}, kinds
