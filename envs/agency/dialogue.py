"""The text face of the agency world: each game's terms in words, a number or a choice on one line, words beside it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, FreeFace, ReplyKind
from populace.envs.agency.free import FreeSpeaker
from populace.envs.agency.options import AgencyOptions
from populace.envs.agency.terms import ASKS, Ask, about, told
from populace.observation import Observation
from populace.wordings import Told, Wordings

PROSE = r"[A-Za-z0-9 ,.'-]{1,200}\n"


class TermsDialogue:
    """Tells the game and its terms; hears an offer, a move or an answer, and with `talk` a sentence before it.

    Args:
        options: The world's.
        wordings: The table that prompts are in.
    """

    def __init__(self, options: AgencyOptions, wordings: Wordings) -> None:
        self.options, self.wordings = options, wordings

    def _ask(self, observation: Observation) -> Ask | None:
        """What is asked in a phase; None where the game leaves nothing to decide there."""
        return ASKS[observation.phase].get(self.options.game)

    def _options(self, ask: Ask) -> tuple[str, ...]:
        """What can be chosen; empty where numbers are asked for."""
        return () if ask.count else self.wordings.listed(f"options.{self.options.game}")

    def _talks(self, observation: Observation) -> bool:
        return any(f.kind == "text" for f in observation.role.done_in(observation.phase))

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present and has something to decide."""
        ask = self._ask(observation)
        if ask is None:
            return []
        role, talks, read = observation.role.name, self._talks(observation), observation.reader.read
        system = about(self.wordings, self.options, role)
        user = f"{role}.{observation.phase}.{self.options.game}"
        heard = "words" if role == "customer" else "explanation"
        label, options = self.wordings.label(ask.label), self._options(ask)
        value = f"({'|'.join(map(re.escape, options))})" if options else ask.form
        form = f"{PROSE if talks else ''}{label}: {value}"

        def tell(own: words.Seen, world: int, seat: int) -> words.Asked:
            given = told(self.options, own) | {"said": _sentence(read, own.get(heard)), "talk": talks}
            messages = (("system", system), ("user", Told(user, given)))
            if options and not talks:
                return Chat(world, seat, (), options, lead=f"{label}: "), messages
            return Chat(world, seat, (), form=form), messages

        return words.ask_in(self.wordings, observation, tell)

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Terms, moves and answers; a reply that cannot be read forfeits, and its kind says why."""
        ask = self._ask(observation)
        texts = {f.name for f in observation.role.done_in(observation.phase) if f.kind == "text"}
        empty = {name: value for name, value in words.forfeits(observation).items() if name not in texts}
        if ask is None:
            some = next(iter(observation.values()))
            none = torch.zeros(some.shape[:2], dtype=torch.int8, device=some.device)
            return {name: value.to(some.device) for name, value in empty.items()}, none
        label, options = self.wordings.label(ask.label), self._options(ask)

        def read(chat: Chat, reply: str) -> dict[str, Any] | ReplyKind:
            return words.understood(reply, lambda text: ask.read(words.plain(text), label, options))

        return words.fill(observation, chats, replies, read, empty)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The words before the line; None where there is such a line only."""
        names = [f.name for f in observation.role.done_in(observation.phase) if f.kind == "text"]
        labels = "|".join(re.escape(self.wordings.label(name)) for name in ("offer", "number", "choice"))
        line = re.compile(rf"(?im)^[ \t*_#>`-]*\b({labels})\b[*_` \t]{{0,4}}[:=][^\n]*")
        found: list[str | None] = []
        for reply in replies:
            said = words.spoken(reply).text
            left = line.sub("", said).strip()
            found.append(left or (None if said.strip() else ""))
        return {names[0]: found} if names else {}

    def free(self, role: str) -> FreeFace | None:
        """What is said beside terms and moves can be read by an interpreter."""
        return FreeSpeaker(self) if role in ("customer", "assistant") and self.options.talk else None

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions, to four digits."""
        ask = self._ask(observation)
        if ask is None:
            return []
        done, label, options = actions[ask.field].cpu(), self.wordings.label(ask.label), self._options(ask)
        lines = [f"{label}: {ask.said(done[c.world, c.seat].flatten().tolist(), options)}" for c in chats]
        if not self._talks(observation):
            return lines
        [[before, *_]] = self.wordings.phrase("before", [{}])
        return [f"{before}\n{line}" for line in lines]


def _sentence(read: Callable[[int], str], said: int | None) -> str:
    return "" if said is None else read(said)
