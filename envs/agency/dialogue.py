"""The text face of the agency world: each game's terms in words, a number or a yes on one line, and words beside it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, ReplyKind
from populace.envs.agency.options import AgencyOptions
from populace.envs.agency.terms import ACT, ANSWER, OFFER, PRINCIPAL, WHO, Ask, called, facts, offered
from populace.observation import Observation

Seen = Mapping[str, Tensor]
_LINE = re.compile(r"(?im)^[ \t*_#>`-]*\b(offer|number|choice)\b[*_` \t]{0,4}[:=][^\n]*")
PROSE = r"[A-Za-z0-9 ,.'-]{1,200}\n"


class TermsDialogue:
    """Tells the game and its terms; hears an offer, a move or an answer, and with `talk` a sentence before it.

    Args:
        options: The world's.
    """

    def __init__(self, options: AgencyOptions) -> None:
        self.options = options

    def _ask(self, observation: Observation) -> Ask | None:
        """What is asked in a phase; None where the game leaves nothing to decide there."""
        table = {"offer": OFFER, "act": ACT, "respond": ANSWER}[observation.phase]
        return table.get(self.options.game)

    def _talks(self, observation: Observation) -> bool:
        return any(f.kind == "text" for f in observation.role.done_in(observation.phase))

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present and has something to decide."""
        ask = self._ask(observation)
        if ask is None:
            return []
        read, talks = observation.reader.read, self._talks(observation)
        return words.ask(
            observation, lambda seen, world, seat: self._chat(observation, ask, talks, read, seen, world, seat)
        )

    def _chat(
        self,
        observation: Observation,
        ask: Ask,
        talks: bool,
        read: Callable[[int], str],
        seen: Seen,
        world: int,
        seat: int,
    ) -> Chat:
        o, place = self.options, (world, seat)
        role = PRINCIPAL if observation.role.name == "customer" else "agent"
        system = f"{WHO[o.game, role]} {facts(o)}"
        own = {name: value[place].tolist() for name, value in seen.items() if name not in ("words", "explanation")}
        told = [ask.told(o, own)] if ask.told else []
        if observation.phase != "offer" and (terms := offered(o, own["terms"])):
            told.insert(0, terms)
        principal, agent = called(o.game)
        for name, who in (("explanation", principal), ("words", agent)):
            if name in seen and (line := read(int(seen[name][place]))):
                told.append(f'The {who} says: "{line}"')
        other = agent if role == PRINCIPAL else principal
        say = f"Say one sentence to the {other}. Then end with" if talks else "Reply with"
        form = f'a line that begins with "{ask.label}:" and holds {ask.holds(o)}.'
        text = " ".join(filter(None, (*told, ask.question, say, form)))
        messages = (("system", system), ("user", text))
        if ask.options and not talks:
            return Chat(world, seat, messages, ask.options, lead=f"{ask.label}: ")
        value = f"({'|'.join(map(re.escape, ask.options))})" if ask.options else ask.form
        return Chat(world, seat, messages, form=f"{PROSE if talks else ''}{ask.label}: {value}")

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

        def read(chat: Chat, reply: str) -> dict[str, Any] | ReplyKind:
            return words.understood(reply, lambda text: ask.read(words.plain(text)))

        return words.fill(observation, chats, replies, read, empty)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The words before the line; None where there is such a line only."""
        names = [f.name for f in observation.role.done_in(observation.phase) if f.kind == "text"]
        found: list[str | None] = []
        for reply in replies:
            said = words.spoken(reply).text
            left = _LINE.sub("", said).strip()
            found.append(left or (None if said.strip() else ""))
        return {names[0]: found} if names else {}

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions, to four digits."""
        ask = self._ask(observation)
        if ask is None:
            return []
        done = actions[ask.field].cpu()
        lines = [f"{ask.label}: {ask.said(done[chat.world, chat.seat].flatten().tolist())}" for chat in chats]
        return [f"This is my word.\n{line}" for line in lines] if self._talks(observation) else lines
