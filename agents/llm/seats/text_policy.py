"""The text policy: all seats of a role in all worlds are asked in words, once per tick.

It says what the world's Dialogue says, asks its backend for all seats together, and hands the replies back to the
Dialogue, which reads them into ordinary actions. A reply that cannot be read is asked for once more; then the seat
forfeits, and the kind of failure goes out with the actions.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, cast

import torch
from torch import Tensor

from populace import replies as words
from populace import tree
from populace.agents.llm.backends.base import Ask, Messages, Reply, ask_all
from populace.agents.llm.backends.model import ModelPolicy
from populace.agents.llm.decoding import grammar
from populace.agents.llm.interpret.interpreted import Interpreted, described
from populace.agents.llm.interpret.interpreter import Rules
from populace.agents.llm.seats import checks, profiles
from populace.agents.llm.seats.closing import closing, stopped
from populace.agents.llm.seats.field_face import FieldsDialogue, asked_schema
from populace.agents.llm.seats.kept import as_json, kept, sample, told_ids
from populace.agents.llm.seats.memory import Conversations
from populace.agents.llm.seats.options import SeatOptions, SeatOptionsT
from populace.agents.llm.seats.spent import Spent
from populace.budget import Budget
from populace.dialogue import Chat, Coding, Dialogue, ReplyKind, Speaks, dealt, uttered
from populace.draw import Draw, uniform_from
from populace.errors import PopulaceError
from populace.fields import Role
from populace.observation import Observation
from populace.policy import HOW, TOLD, WORDS, Actions, Memory
from populace.population import People
from populace.wordings import Worded, Wordings, table_of
from populace.words import READERS

AGAIN = "That could not be read. Reply again, in exactly the form that was asked for and with nothing else."
"""What a seat is told whose reply was not readable, where the world's table does not say (`again`)."""
Asking = Callable[[list[Ask], list[int]], list[Reply]]
"""Replies to asks, given the world of each."""
_REPAIRED = (ReplyKind.UNREADABLE, ReplyKind.CUT_OFF)
"""Failures that are asked about once more. A refusal is an answer, and is not pressed."""


@dataclass(frozen=True)
class UserMemory:
    """What is remembered of seats that are users.

    Attributes:
        people: Who they are; no network.
        past: Their conversations, if any are remembered.
    """

    people: People
    past: Conversations | None = None


class TextPolicy(ModelPolicy[SeatOptionsT]):
    """Plays any role of any world that has a text face. A language model of your own needs `open` only."""

    Options: ClassVar[type[SeatOptions]] = SeatOptions

    def check_role(self, role: Role, dialogue: Dialogue | None) -> None:
        """An interpreter needs free text, codes and labels; JSON needs room, and a local model a library to hold it.

        Raises:
            PopulaceError: An interpreter cannot be used, or `max_reply` is shorter than any legal reply.
            MissingExtra: A local model is to be held to JSON, and the library for that is not installed.
        """
        dialogue = self._in_words(dialogue, role.name)
        if self.options.interpreter is not None:
            Interpreted.of(self.options.interpreter, dialogue, role.name).check()
            return
        if dialogue is not None and self.options.face == "world":
            return  # what it asks for is known with the first prompts (see `act`)
        for phase in role.phases:
            fields = tuple(f for f in role.done_in(phase) if f.kind != "text" and not f.optional)
            if schema := asked_schema(fields) if fields else "":
                checks.room(self.options, role.name, schema=schema)
                if checks.scores(self.options):
                    grammar.check()

    def begin(self, role: Role, people: People, draw: Draw) -> Memory:
        """Empty conversations, and who the seats are where a persona may tell; or nothing."""
        budget, past = self.options.memory, None
        if budget:
            past = Conversations.empty(len(people.values), role.seats, budget, people.values.device)
        if self.options.persona and role.seats_are_users:
            return UserMemory(replace(people, network=None), past)
        return past

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """What every seat replied, read into actions; text is made and read on the host."""
        return self.talk(observation, memory, draw, lambda asks, worlds: ask_all(self.backend, asks))

    def talk(
        self, observation: Observation, memory: Memory, draw: Draw, ask: "Asking", keep: bool = False
    ) -> tuple[Actions, Memory]:
        """As `act`, with replies from `ask`.

        Args:
            observation: What is seen.
            memory: What the seats remember.
            draw: Random numbers.
            ask: Gets replies: of asks and the world of each.
            keep: Whether to keep prompts and replies for a learner, as actions `words/prompt` and `words/reply`, and in
                worlds without words of their own some to be shown, as `words/told`.
        """
        dialogue, role = self._dialogue(observation), observation.role
        chats = _taken(dialogue.say(observation), observation)
        orders: list[tuple[int, ...]] = [()] * len(chats)
        if self.options.order == "dealt" and any(chat.listed for chat in chats):
            keys = draw.keys_of("order of options", role.seats).cpu()
            orders = [_order(int(keys[chat.world, chat.seat]), len(chat.listed)) for chat in chats]
        asked = [dealt(chat, order) if order else chat for chat, order in zip(chats, orders, strict=True)]
        talks: Conversations | None = memory.past if isinstance(memory, UserMemory) else memory
        past: Sequence[Messages] = [()] * len(chats) if talks is None else talks.recall(asked)
        personas = self._personas(observation, chats, memory)
        seeds = draw.keys_of("reply", role.seats).cpu()
        asks = [
            Ask(
                _messages(persona, chat, before),
                chat.options,
                int(seeds[chat.world, chat.seat]),
                chat.schema,
                chat.form,
                chat.lead,
            )
            for persona, chat, before in zip(personas, asked, past, strict=True)
        ]
        for schema, form in {(ask.schema, ask.form) for ask in asks if not ask.options}:
            checks.room(self.options, role.name, schema, form)
        worlds, first = [chat.world for chat in chats], tuple(asks)
        replies = ask(asks, worlds)
        if not keep:  # a learner learns from what was written
            replies = [stopped(chat, reply) for chat, reply in zip(chats, replies, strict=True)]
        spent = Spent(draw.worlds, role.seats, self.backend.faults)
        spent.add(chats, replies)
        actions, kinds = _hear(dialogue, observation, chats, replies)
        closed: dict[int, Reply] = {}
        if close := self.options.close and self.backend.closes and not keep:
            closed = self._closed(dialogue, observation, chats, asks, replies, kinds, draw.scope("close"), ask, spent)
        unread = [i for i in _unread(chats, kinds) if i not in closed]
        if self.options.reask and unread:
            seeds, told = draw.keys_of("reply again", role.seats).cpu(), self._again(role.name)
            again = [
                replace(_again(asks[i], replies[i].text, told), seed=int(seeds[chats[i].world, chats[i].seat]))
                for i in unread
            ]
            second = ask(again, [worlds[i] for i in unread])
            spent.add([chats[i] for i in unread], second)
            for i, new, reply in zip(unread, again, second, strict=True):
                asks[i], replies[i] = new, reply if keep else stopped(chats[i], reply)
            actions, kinds = _hear(dialogue, observation, chats, replies)
            if close:
                scope = draw.scope("close again")
                closed |= self._closed(dialogue, observation, chats, asks, replies, kinds, scope, ask, spent, unread)
        written = [reply.text for reply in replies]  # what was said stays what was said
        if closed:
            replies = [closed.get(i, reply) for i, reply in enumerate(replies)]
            actions, kinds = _hear(dialogue, observation, chats, replies)
            for i in closed:
                kinds[chats[i].world, chats[i].seat] = int(ReplyKind.CLOSED)
        spent.score(chats, replies, orders)
        said = uttered(dialogue, observation, chats, written)
        some = range(len(chats)) if said else sample(chats) if keep else ()
        texts = [written[i] for i in some]
        how = self._how(observation, [chats[i] for i in some], [first[i] for i in some], texts, spent)
        if talks is not None:
            talks = talks.extend(asked, [reply.text for reply in replies])
            memory = replace(memory, past=talks) if isinstance(memory, UserMemory) else talks
        device, o = draw.device, self.options
        extra = {"kind": kinds.to(device), **{f"tally/{name}": n.to(device) for name, n in spent.counts().items()}}
        if o.price_in or o.price_out:
            extra["tally/cost"] = ((spent.read * o.price_in + spent.written * o.price_out) * 1e-6).float().to(device)
        if keep:
            extra |= {name: ids.to(device) for name, ids in kept(observation, chats, asks, replies).items()}
            if not said:
                some_told = told_ids(observation, [chats[i] for i in some], texts)
                extra[f"{WORDS}{TOLD}"] = some_told.to(device)
        extra |= {name: number.to(device) for name, number in {**said, **how}.items()}
        return {**actions, **extra}, memory

    def _closed(
        self,
        dialogue: Dialogue,
        observation: Observation,
        chats: Sequence[Chat],
        asks: Sequence[Ask],
        replies: Sequence[Reply],
        kinds: Tensor,
        draw: Draw,
        ask: "Asking",
        spent: Spent,
        among: Sequence[int] | None = None,
    ) -> dict[int, Reply]:
        """Place -> the reply with its missing lines, of those that can be read with them (see `closing`)."""
        seeds = draw.keys_of("value", observation.role.seats).cpu()
        tries = {
            i: one
            for i in _unread(chats, kinds)
            if among is None or i in among
            for one in (closing(chats[i], asks[i], replies[i], int(seeds[chats[i].world, chats[i].seat])),)
            if one is not None
        }
        if not tries:
            return {}
        own = [chats[i] for i in tries]
        ends = ask(list(tries.values()), [chat.world for chat in own])
        spent.add(own, ends)
        whole = {i: replace(end, text=one.said + end.text) for (i, one), end in zip(tries.items(), ends, strict=True)}
        # All are heard, so that a judge who has read the others remembers them.
        _, heard = _hear(dialogue, observation, chats, [whole.get(i, reply) for i, reply in enumerate(replies)])
        return {i: one for i, one in whole.items() if int(heard[chats[i].world, chats[i].seat]) == ReplyKind.OK}

    def _how(
        self,
        observation: Observation,
        chats: Sequence[Chat],
        asks: Sequence[Ask],
        replies: Sequence[str],
        spent: Spent,
    ) -> dict[str, Tensor]:
        """What is recorded with the words: what each seat was asked at first, its reply, tokens, and what read it."""
        if not chats:
            return {}
        prompt, reply, reader = (torch.zeros_like(spent.read) for _ in range(3))
        role = observation.role.name
        name = self._readers[role].interpreter.name if role in self._readers else "form"
        put = observation.reader.prompts.put
        asked, given = put(as_json(ask.messages) for ask in asks), put(replies)
        for chat, a, b in zip(chats, asked, given, strict=True):
            place = chat.world, chat.seat
            prompt[place], reply[place], reader[place] = a, b, READERS.index(name)
        how = {"prompt": prompt, "reply": reply, "tokens_in": spent.read, "tokens_out": spent.written, "reader": reader}
        return {f"{HOW}{name}": number for name, number in how.items()}

    def spend_from(self, budget: Budget) -> None:
        """Count what the model and its judges spend there."""
        super().spend_from(budget)
        for face in self._readers.values():
            for reader in face.readers.values():
                reader.spend_from(budget)

    def in_doubt(self) -> bool:
        """Whether the model or a judge may be gone."""
        return super().in_doubt() or any(judge.in_doubt() for judge in self._judges())

    def settle(self) -> None:
        """Find out whether the model or a judge is gone."""
        super().settle()
        for judge in self._judges():
            judge.settle()

    def _judges(self) -> list[ModelPolicy]:
        every = [reader for face in self._readers.values() for reader in face.readers.values()]
        return [reader.policy for reader in every if reader.policy is not None]

    def describe(self) -> Mapping[str, object]:
        """Whose voice it is, once it was heard, and how its free text was read."""
        backend = self.__dict__.get("backend")
        told: dict[str, object] = {} if backend is None else {"voice": backend.voice, **backend.describe()}
        readers = {role: reader.describe() for role, reader in self._readers.items()}
        if self._tables:
            told["wordings"] = next(iter(self._tables.values())).describe()
        for role, coding in self._ruled.items():
            readers.setdefault(role, described(Rules.name, Rules(coding)))
        return {**told, **({"interpreter": next(iter(readers.values()))} if readers else {})}

    @cached_property
    def _readers(self) -> dict[str, Interpreted]:
        """Role -> its free text with its interpreter, once it was needed: a judge's budget and tape live there."""
        return {}

    @cached_property
    def _ruled(self) -> dict[str, Coding]:
        """Role -> what its words are read for by the world's own rules, where no interpreter is named."""
        return {}

    def _dialogue(self, observation: Observation) -> Dialogue:
        """The face that the options name; worlds without words of their own have that of their fields."""
        o, role = self.options, observation.role.name
        dialogue = observation.dialogue() if o.face == "world" else None
        dialogue = self._in_words(dialogue, role)
        if o.interpreter is not None:
            if role not in self._readers:
                self._readers[role] = Interpreted.of(o.interpreter, dialogue, role)
                if self._budget is not None:
                    self.spend_from(self._budget)
            return self._readers[role]
        if role in getattr(dialogue, "ruled", ()):
            face = cast("Speaks", dialogue).free(role)
            assert face is not None
            self._ruled[role] = face.coding
        return FieldsDialogue() if dialogue is None else dialogue

    def _in_words(self, dialogue: Dialogue | None, role: str) -> Dialogue | None:
        """A dialogue in the words that the options name.

        Raises:
            PopulaceError: The world's face has no table of wordings, or they do not fit it.
        """
        o, face = self.options, FieldsDialogue() if dialogue is None or self.options.face == "fields" else dialogue
        if isinstance(face, Worded):
            if role not in self._tables:
                self._tables[role] = table_of(face.wordings, o.language, o.wordings)
            if self._tables[role] is not face.wordings:
                face = copy(face)
                face.wordings = self._tables[role]
        elif o.language is not None or o.wordings is not None:
            raise PopulaceError(
                f"language, wordings: the prompts of {role!r} do not come from a table here, so that they cannot be "
                "replaced; leave these options out"
            )
        return None if dialogue is None else face

    def _again(self, role: str) -> str:
        """What a seat is told whose reply was not readable."""
        table = self._tables.get(role)
        return AGAIN if table is None or "again" not in table.prompts else table.one("again")

    @cached_property
    def _tables(self) -> dict[str, Wordings]:
        """Role -> its table of wordings."""
        return {}

    def _personas(self, observation: Observation, chats: Sequence[Chat], memory: Memory) -> list[str]:
        persona = self.options.persona
        if "{" not in persona and profiles.text_of(persona) == persona:
            return [persona] * len(chats)
        seen = {name: value.cpu() for name, value in observation.items()}
        who = tree.tree_map(lambda tensor: tensor.cpu(), memory.people) if isinstance(memory, UserMemory) else None
        role, phase = observation.role, observation.phase
        return profiles.render(persona, role, phase, seen, who, [(chat.world, chat.seat) for chat in chats])


def _order(key: int, count: int) -> tuple[int, ...]:
    """A permutation of `count` options by random numbers that follow from a key; () where there is nothing to order."""
    numbers = uniform_from(torch.tensor([key]), torch.arange(count, dtype=torch.int32))
    return tuple(numbers.flatten().argsort(stable=True).tolist()) if count > 1 else ()


def _messages(persona: str, chat: Chat, before: Messages) -> Messages:
    """Persona and system first, then what is remembered, then what is asked now."""
    system = [*([persona] if persona else []), *(text for who, text in chat.messages if who == "system")]
    now = tuple(message for message in chat.messages if message[0] != "system")
    return (*((("system", "\n\n".join(system)),) if system else ()), *before, *now)


def _taken(chats: Sequence[Chat], observation: Observation) -> list[Chat]:
    """The chats of seats that somebody sits on."""
    taken = set(words.seats(observation))
    return [chat for chat in chats if (chat.world, chat.seat) in taken]


def _unread(chats: Sequence[Chat], kinds: Tensor) -> list[int]:
    """Places of the replies that could not be read."""
    return [i for i, chat in enumerate(chats) if int(kinds[chat.world, chat.seat]) in _REPAIRED]


def _hear(
    dialogue: Dialogue, observation: Observation, chats: Sequence[Chat], replies: Sequence[Reply]
) -> tuple[dict[str, Tensor], Tensor]:
    """Actions, and kinds [worlds, seats] int8 on the host; what the backend knows of a failure comes first."""
    actions, heard = dialogue.hear(observation, chats, [reply.text for reply in replies])
    kinds = heard.cpu().clone()
    for chat, reply in zip(chats, replies, strict=True):
        kind = int(kinds[chat.world, chat.seat])
        if reply.kind == ReplyKind.CUT_OFF:
            # What was said may hold all that is needed, but a number at its end may go on. A refusal stays one.
            whole = kind == ReplyKind.REFUSED or (kind == ReplyKind.OK and not reply.text.rstrip()[-1:].isdigit())
            kinds[chat.world, chat.seat] = kind if whole else int(ReplyKind.CUT_OFF)
        elif reply.kind != ReplyKind.OK:
            kinds[chat.world, chat.seat] = int(reply.kind)
    return dict(actions), kinds


def _again(ask: Ask, reply: str, told: str) -> Ask:
    said = (("assistant", reply),) if reply.strip() else ()
    if said:
        return replace(ask, messages=(*ask.messages, *said, ("user", told)))
    who, last = ask.messages[-1]
    return replace(ask, messages=(*ask.messages[:-1], (who, f"{last}\n\n{told}")))
