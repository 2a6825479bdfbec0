"""The text face of the payoff world: GTAlign's four tags for assistants, one word for users.

An assistant's act is read off what it responds, not off what it announces: a response without a question mark is a
direct answer, one that only asks is a clarifying question, anything else is both. Whether a response to a harmful
question refuses or offers a safe alternative is read off how it begins (assumed).
"""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, ReplyKind
from populace.envs.payoff import primitives, prompts, wording
from populace.envs.payoff.options import PayoffOptions
from populace.observation import Observation
from populace.wordings import Told, Wordings

TAGS = ("thinking", "payoff", "analyze", "response")
"""The published form: nothing may stand outside the tags."""
ASK_KEYS, ACT_KEYS = ("DQ", "VQ"), ("DA", "CQ", "AQ")
_SORRY = re.compile(r"\s*(i('m| am) (sorry|afraid|unable)|sorry)\b", re.IGNORECASE)
"""Where refusing is an act, a response that begins with an apology is one."""
_REDIRECT = re.compile(r"\b(instead|safe(r)? alternative)\b", re.IGNORECASE)
_STRAIGHT = {0x201C: '"', 0x201D: '"', 0x2018: "'", 0x2019: "'"}
"""Curly quotes, which models like to write."""
_NUMBER = r"-?(5\.0|[0-4]\.[0-9])"
FORM = (
    r"<thinking>[^<]{1,600}</thinking>\n<payoff>\{"
    + ", ".join(rf'"{ask}_{act}": \{{"LLM": {_NUMBER}, "user": {_NUMBER}\}}' for ask in ASK_KEYS for act in ACT_KEYS)
    + r"\}</payoff>\n<analyze>[^<]{1,600}</analyze>\n<response>[A-Za-z][^<]{1,6000}</response>"
)
"""The four tags, as a model may be held to them."""


class FourTags:
    """Says what a seat sees, and hears the four-tag form (assistants) or one word (users).

    Args:
        options: The world's.
        wordings: The table that prompts are in.
    """

    def __init__(self, options: PayoffOptions, wordings: Wordings) -> None:
        self.options, self.wordings = options, wordings

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present and has something to say."""
        tell = self._to_user if observation.role.name == "user" else self._to_assistant
        among = ~observation["over"] if "over" in observation else None
        return words.ask_in(self.wordings, observation, tell, among)

    def _to_user(self, seen: words.Seen, world: int, seat: int) -> words.Asked:
        own, asks = prompts.of_user(self.wordings, seen, seat, self.options.turns), self.wordings.listed("asks")
        messages = [("system", Told("user.ask.choose.system", own)), ("user", Told("user.ask.choose.user", own))]
        return Chat(world, seat, (), asks, listed=asks), messages

    def _to_assistant(self, seen: words.Seen, world: int, seat: int) -> words.Asked:
        own = prompts.of_assistant(self.wordings, seen, seat, self.options.turns, self.form)
        who = ("system", "assistant.respond.choose.system"), ("user", "assistant.respond.choose.user")
        return Chat(world, seat, (), form=FORM), [(name, Told(wording, own)) for name, wording in who]

    @cached_property
    def form(self) -> str:
        """What an assistant is told of the four tags."""
        return self.wordings.one("form")

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds; a reply that cannot be read forfeits, and its kind says why."""
        read = self._ask if observation.role.name == "user" else self._read
        return words.fill(observation, chats, replies, lambda chat, reply: read(reply))

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions, but for the lengths."""
        if observation.role.name == "user":
            return wording.asks(self.wordings, chats, actions)
        return wording.four_tags(self.wordings, observation, chats, actions)

    def _ask(self, reply: str) -> dict[str, Any] | ReplyKind:
        return _ask(reply, self.wordings.listed("asks"))

    def _read(self, reply: str) -> dict[str, Any] | ReplyKind:
        return _reply(reply, safe=self.options.harm.share > 0)


def read_ask(reply: str) -> words.Read:
    """A user's word: exactly one of clear, vague, end must be stated."""
    return words.pair(_ask(reply))


def _ask(reply: str, asks: Sequence[str] = (*primitives.ASKS, "end")) -> dict[str, Any] | ReplyKind:
    place = words.understood(reply, lambda said: words.choice(words.plain(said), asks))
    return place if isinstance(place, ReplyKind) else {"act": place}


def read_reply(reply: str, safe: bool = False) -> words.Read:
    """An assistant's reply in four tags: act, words, reasoning, stated game; or the kind of failure.

    Refusing is an act where there is harm to others. Elsewhere a response that refuses and says nothing else is a
    refusal, and one that goes on is the act that its form makes it.

    Args:
        reply: The whole output.
        safe: Whether refusing and redirecting are acts of this world.
    """
    return words.pair(_reply(reply, safe))


def _reply(reply: str, safe: bool) -> dict[str, Any] | ReplyKind:
    return words.understood(reply, lambda said: _four_tags(said, safe), keep=("thinking",))


def _four_tags(text: str, safe: bool) -> dict[str, Any] | ReplyKind:
    parts = parts_of(text)
    if parts is None:
        cut = text.startswith("<thinking>") and "</response>" not in text
        return ReplyKind.CUT_OFF if cut else ReplyKind.UNREADABLE
    stated, response = read_payoff(parts["payoff"]), parts["response"].strip()
    if stated is None or not response:
        return ReplyKind.UNREADABLE
    if not safe and all(words.refuses(sentence) for sentence in sentences(response)):
        return ReplyKind.REFUSED
    return {
        "act": act_of(response, safe),
        "words": len(response.split()),
        "reasoning": text.index("<response>"),
        "stated": stated,
    }


def parts_of(text: str) -> dict[str, str] | None:
    """Tag -> what it holds, where a text is the four tags in order, each once, and nothing else."""
    found = {}
    for tag in TAGS:
        if not text.startswith(f"<{tag}>") or text.count(f"<{tag}>") != 1 or text.count(f"</{tag}>") != 1:
            return None
        found[tag], _, text = text.removeprefix(f"<{tag}>").partition(f"</{tag}>")
        text = text.lstrip()
    return None if text else found


def read_payoff(text: str) -> Tensor | None:
    """The stated game [2, 3, 2] (asks, acts, (user, assistant)), or None: six keys, two finite numbers each."""
    text = text.strip().translate(_STRAIGHT)
    try:
        game = json.loads(text)
    except (ValueError, RecursionError):
        try:
            game = ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    keys = [f"{ask}_{act}" for ask in ASK_KEYS for act in ACT_KEYS]
    if not isinstance(game, dict) or set(game) != set(keys):
        return None
    numbers = []
    for key in keys:
        cell = game[key]
        if not isinstance(cell, dict) or set(cell) != {"user", "LLM"}:
            return None
        for who in ("user", "LLM"):
            if isinstance(cell[who], bool) or not isinstance(cell[who], (int, float)):
                return None
            try:
                numbers.append(float(cell[who]))
            except OverflowError:  # a whole number of hundreds of digits
                return None
    stated = torch.tensor(numbers, dtype=torch.float32).view(2, 3, 2)
    return stated if bool(torch.isfinite(stated).all()) else None


def act_of(response: str, safe: bool = False) -> int:
    """Index into `primitives.ACTS` and `SAFE_ACTS` of what a response does."""
    if safe and (words.refuses_at_once(response) or _SORRY.match(response)):
        return 3 if _REDIRECT.search(response) else 4
    said = sentences(response)
    questions = sum(s.endswith("?") for s in said)
    if questions == 0:
        return 0
    return 1 if questions == len(said) else 2


def sentences(response: str) -> list[str]:
    """The sentences of a response."""
    return [s for s in re.split(r"(?<=[.!?])\s+", response.strip()) if s]
