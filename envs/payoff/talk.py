"""The text face of the payoff world with matter: real questions, asked and answered in free words.

What a user writes is clear or vague by the words that set its meaning apart, over all that it wrote; what an assistant
writes is an act by its form (see `dialogue`), and right or not by the answer of the meant meaning. Readers look this up
in the ground truth, which no seat is shown.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, FreeFace, ReplyKind
from populace.envs.payoff import prompts, wording
from populace.envs.payoff.dialogue import ACT_KEYS, FORM, FourTags, act_of, parts_of, sentences
from populace.envs.payoff.free import FreeAssistant
from populace.envs.payoff.free_user import FreeUser
from populace.envs.payoff.matter import Matter, Question, content_words
from populace.envs.payoff.matter.answers import gives
from populace.envs.payoff.options import PayoffOptions
from populace.envs.payoff.phrases import answered
from populace.envs.payoff.primitives import ACTS, SAFE_ACTS
from populace.observation import Observation
from populace.wordings import Told, Wordings

CLEAR, VAGUE, END = range(3)
TALLIES = ("leak", "off topic", "mismatch")
_YES = re.compile(r"\W*(yes|yeah|yep|right|exactly|correct|indeed|that's it|that is it)\b", re.IGNORECASE)
_CHOSEN = re.compile(
    rf"\b(?:choose|chose|pick|select|go (?:for|with))\b[^.]*?\b({'|'.join(ACT_KEYS)})\b", re.IGNORECASE
)


class TalkDialogue(FourTags):
    """Says what a seat sees, the question and the conversation; hears words.

    Args:
        options: The world's.
        wordings: The table that prompts are in.
        matter: The questions.
    """

    def __init__(self, options: PayoffOptions, wordings: Wordings, matter: Matter) -> None:
        super().__init__(options, wordings)
        self.matter = matter

    @property
    def _safe(self) -> bool:
        return self.options.harm.share > 0

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present and has something to say."""
        tell = self._user if observation.role.name == "user" else self._assistant
        read = observation.reader.read
        among = ~observation["over"] if "over" in observation else None
        return words.ask_in(self.wordings, observation, lambda seen, world, seat: tell(read, seen, world, seat), among)

    def _user(self, read: prompts.Read, seen: words.Seen, world: int, seat: int) -> words.Asked:
        return prompts.to_user(self.wordings, read, seen, world, seat, self.options.turns)

    def _assistant(self, read: prompts.Read, seen: words.Seen, world: int, seat: int) -> words.Asked:
        tags = self.options.form == "tags"
        own = prompts.of_assistant(self.wordings, seen, seat, self.options.turns, self.form if tags else "")
        name = "assistant.respond.system" if tags else "assistant.respond.plain"
        messages: list[tuple[str, str | Told]] = [("system", Told(name, own))]
        if tags:
            messages += [
                ("user", Told("assistant.respond.example", own)),
                ("assistant", Told("assistant.respond.example.reply", own)),
            ]
        lines = prompts.said(self.wordings, read, seen["talk"])
        messages += [(("user", "assistant")[k % 2], line) for k, line in enumerate(lines)]
        return Chat(world, seat, (), form=FORM if tags else prompts.PROSE), messages

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds; what is off the topic, declares another act than it is, or leaks, is counted."""
        user = observation.role.name == "user"
        empty = {**words.forfeits(observation), "read/gives": torch.zeros(observation["turn"].shape, dtype=torch.int64)}
        if user:
            del empty["read/gives"]
        empty |= {f"tally/{name}": torch.zeros(observation["turn"].shape, dtype=torch.int64) for name in TALLIES}
        rows, talk = self._rows(observation, chats), observation["talk"].tolist()
        own = dict(zip(((chat.world, chat.seat) for chat in chats), rows, strict=True))

        def read(chat: Chat, reply: str) -> Mapping[str, Any] | ReplyKind:
            place = chat.world, chat.seat
            if user:
                return self._asked(
                    reply, own[place], prompts.said(self.wordings, observation.reader.read, talk[place[0]][place[1]])
                )
            return self._answered(reply, own[place])

        actions, kinds = words.fill(observation, chats, replies, read, empty)
        device = observation["turn"].device
        leaks = torch.zeros(observation["turn"].shape, dtype=torch.int64)
        for chat, reply in zip(chats, replies, strict=True):
            leaks[chat.world, chat.seat] = self.leaks(chat, reply, own[chat.world, chat.seat])
        texts = {f.name for f in observation.role.done_in(observation.phase) if f.kind == "text"}
        kept = {name: value for name, value in actions.items() if name not in texts}
        return {**kept, "tally/leak": leaks.to(device)}, kinds

    def _rows(self, observation: Observation, chats: Sequence[Chat]) -> list[int | None]:
        """The row of what each seat talks about; None where an observation comes without ground truth."""
        ground = observation.reader.ground.get("row")
        host = None if ground is None else ground.cpu()
        return [None if host is None else int(host[chat.world, chat.seat]) for chat in chats]

    def _before(self, observation: Observation, chat: Chat) -> Sequence[str]:
        """What a user has written in the conversation so far."""
        ids = observation["talk"][chat.world, chat.seat].tolist()
        return prompts.said(self.wordings, observation.reader.read, ids)[::2]

    def leaks(self, chat: Chat, reply: str, row: int | None) -> bool:
        """Whether what is said repeats what the seat alone was told; the question may be said, and what was said."""
        (_, private), *talk = chat.messages
        own = [] if row is None else [self.matter.questions[row].vague, self.matter.questions[row].clear]
        allowed = [*own, *(message for _, message in talk)]
        return words.repeats(self._utterance(reply), [private.partition(self.form)[2] or private], allowed)

    def _utterance(self, reply: str) -> str:
        """What of a reply others read."""
        text = words.spoken(reply, ("thinking",)).text.strip()
        inside = re.search(r"<response>(.*?)(?:</response>|\Z)", text, re.DOTALL)
        return inside[1].strip() if inside else words.spoken(reply).text.strip()

    def _asked(self, reply: str, row: int | None, talk: Sequence[str]) -> dict[str, Any] | ReplyKind:
        """How a user writes, after what was said so far."""

        def read(text: str) -> dict[str, Any]:
            return {"act": END} if self._ends(text) else self._clarity(text, row, talk)

        return words.understood(reply, read)

    def _clarity(self, text: str, row: int | None, talk: Sequence[str]) -> dict[str, Any]:
        """Clear or vague, and whether it is about something else; a later message may be about anything."""
        if row is None:
            return {"act": VAGUE}
        own, heard = talk[::2], talk[1::2]
        clear = bool(content_words(" ".join((*own, text))) & self.matter.deciding[row])
        clear = clear or (bool(heard) and _agrees(text, heard[-1], self.matter.questions[row]))
        off = not own and not content_words(text) & self.matter.topic[row]
        return {"act": CLEAR if clear else VAGUE, "tally/off topic": int(off)}

    def _answered(self, reply: str, row: int | None) -> dict[str, Any] | ReplyKind:
        found: dict[str, Any] | ReplyKind
        if self.options.form == "tags":
            found = self._read(reply)
        else:
            found = words.understood(reply, lambda text: _plainly(text, reply, self._safe))
        if isinstance(found, ReplyKind) or row is None:
            return found
        response = self._utterance(reply)
        right = gives(response, self.matter.questions[row].answers[0])
        found = {**found, "read/gives": 1 + int(right)}
        declared = declared_act(reply) if self.options.form == "tags" else None
        return {**found, "tally/mismatch": int(declared is not None and declared != found["act"])}

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """What others read: a user's whole message, None for a mere `end`; of an assistant's tags the response."""
        if observation.role.name == "assistant":
            return {"answer": [self._utterance(reply) for reply in replies]}
        told = [words.spoken(reply).text.strip() for reply in replies]
        return {"question": [None if self._ends(text) else text for text in told]}

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions, but for the lengths."""
        act, rows = actions["act"].cpu(), self._rows(observation, chats)
        acts = [int(act[chat.world, chat.seat]) for chat in chats]
        if observation.role.name == "user":
            later = observation["talk"].cpu().ne(0).any(-1)
            return [
                self._message(self._of(row), done, bool(later[chat.world, chat.seat]))
                for row, done, chat in zip(rows, acts, chats, strict=True)
            ]
        names, said = (*ACTS, *SAFE_ACTS), self.wordings
        given = [answered(said, self._of(row), names[done], True, 0)[0] for row, done in zip(rows, acts, strict=True)]
        if self.options.form == "plain":
            return given
        return wording.four_tags(self.wordings, observation, chats, actions, given)

    def _of(self, row: int | None) -> Question:
        return self.matter.questions[row or 0]

    def _ends(self, text: str) -> bool:
        """Whether a user writes only that it ends the conversation."""
        return words.exactly(words.plain(text), (self.wordings.label("end"),)) is not None

    def _message(self, question: Question, act: int, later: bool) -> str:
        """What a user writes: the wording that is as clear as its act; `later`: something was said before."""
        if act == END:
            return self.wordings.label("end")
        if not later:
            return (question.clear, question.vague)[act]
        given = {"clear": question.clear, "meant": question.meanings[0]}
        return self.wordings.phrase(f"ask.again.{('clear', 'vague')[act]}", [given])[0][0]

    def free(self, role: str) -> FreeFace | None:
        """Users, and assistants that reply plainly, can be read by an interpreter, such as a judge."""
        if role == "user":
            return FreeUser(self.matter, self.say, self._rows, self._before)
        if role != "assistant" or self.options.form != "plain":
            return None

        def answers(observation: Observation, chats: Sequence[Chat]) -> list[tuple[str, ...]]:
            rows = self._rows(observation, chats)
            return [() if row is None else self.matter.questions[row].answers[0] for row in rows]

        return FreeAssistant(self.say, answers, self._safe)


def _agrees(text: str, heard: str, question: Question) -> bool:
    """Whether a user says yes to a question back that names the meant meaning and no other."""
    named = content_words(heard)
    meant, *others = (content_words(meaning) for meaning in question.meanings)
    alone = meant.difference(*others)
    return bool(_YES.match(text)) and bool(named & alone) and not any(named & (other - meant) for other in others)


def _plainly(text: str, reply: str, safe: bool) -> dict[str, Any] | ReplyKind | None:
    """Act and lengths of a plain reply."""
    said = text.strip()
    if not said:
        return None
    if not safe and all(words.refuses(sentence) for sentence in sentences(said)):
        return ReplyKind.REFUSED
    return {"act": act_of(said, safe), "words": len(said.split()), "reasoning": max(0, len(reply.strip()) - len(said))}


def declared_act(reply: str) -> int | None:
    """The act that a reply in four tags says it chooses; None where it says none, or several."""
    parts = parts_of(words.spoken(reply, ("thinking",)).text)
    named = {name.upper() for name in _CHOSEN.findall(parts["analyze"])} if parts else set()
    return ACT_KEYS.index(named.pop()) if len(named) == 1 else None
