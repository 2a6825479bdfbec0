"""Conversations in which a script's acts are put into words: what a model can be trained on to play a seat.

Any script of any world that has a text face can be the teacher. A seat is shown exactly what a language model on it
would be shown, and the reply is the one that the world's dialogue reads back into the script's act.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from populace.agents.llm.backends.base import Messages
from populace.agents.llm.seats.field_face import FieldsDialogue
from populace.agents.llm.seats.spent import option
from populace.dialogue import Chat, Dialogue, Writes
from populace.errors import PopulaceError, UnknownName
from populace.files import whole
from populace.observation import Observation
from populace.policy import Actions
from populace.population import Population
from populace.run import Policies, advance, blame, see, start
from populace.world import AnyWorld


@dataclass(frozen=True)
class Demonstration:
    """One seat that was asked once, and what the script on it would have written.

    Attributes:
        world_id: Id of the kind of world.
        role: Role of the seat.
        phase: Phase of the tick.
        messages: (`system` | `user`, text) in order, as a language model would be asked.
        options: Labels among which the reply must choose, or ().
        schema: JSON Schema (as text) of the reply, or "".
        reply: The script's act in words.
        form: Regular expression that matches readable replies, or "".
        lead: What a reply begins with where it chooses one of the options (`act: `).
        chosen: The option that the act is, where there are options; else "".
    """

    world_id: str
    role: str
    phase: str
    messages: Messages
    options: tuple[str, ...]
    schema: str
    reply: str
    form: str = ""
    lead: str = ""
    chosen: str = ""

    def played(self, lead: bool = True) -> str:
        """The reply exactly as a model in this process gives it: what is scored where there are options, else written.

        Args:
            lead: Whether what is scored begins with the lead; `pocket` is scored without (`LocalOptions.lead`).
        """
        return f"{self.lead if lead else ''}{self.chosen}" if self.chosen else self.reply


def demonstrate(
    world: AnyWorld,
    policies: Policies,
    population: Population,
    *,
    seed: int,
    worlds: int | Tensor,
    ticks: int,
    roles: Collection[str] | None = None,
    face: Literal["world", "fields"] = "world",
) -> Iterator[Demonstration]:
    """Play, and yield for every seat that acts its prompt and the reply that states its act.

    Acts that are invalid by their `kind` are left out, as no words stand for them. Learners play, but learn nothing.

    Args:
        world: The mechanism; its own text face, if it has one, must be able to write.
        policies: Role -> policy, one for every role.
        population: Whom to sample.
        seed: One seed for all worlds.
        worlds: How many worlds, or their ids [worlds].
        ticks: Ticks of the one episode that is played; worlds that end earlier stay as they are.
        roles: Roles to tell of; None for all.
        face: Whether seats are asked in the world's own words (those of its fields where it has none), or field by
            field, as `SeatOptions.face`.

    Raises:
        PopulaceError: The world cannot put acts into words.
        UnknownName: The world has no such role, or nobody plays it.
    """
    told = {world.role(name).name for name in (world.cast if roles is None else roles)}
    run = start(world, policies, population, seed=seed, worlds=worlds)
    for _ in range(ticks * len(world.phases)):
        phase, draw = world.phases[run.phase], run.draw()
        memory, given = dict(run.memory), {}
        for role in world.acting[phase]:
            if role.name not in policies:
                raise UnknownName("player of role", role.name, policies)
            policy = policies[role.name]
            observation = see(world, run, role, policy.privileged)
            if world.ends:
                observation = observation.only(~run.done.unsqueeze(-1).expand(-1, role.seats))
            with blame(policy, role.name, phase):
                actions, memory[role.name] = policy.act(observation, memory[role.name], draw.scope(f"act/{role.name}"))
            given[role.name] = actions
            if role.name in told:
                yield from _tell(world, observation, actions, face)
        run, _ = advance(world, policies, replace(run, memory=memory), given)


def _tell(world: AnyWorld, observation: Observation, actions: Actions, face: str) -> Iterator[Demonstration]:
    own, role = observation.dialogue() if face == "world" else None, observation.role.name
    dialogue: Dialogue = FieldsDialogue() if own is None else own
    if not isinstance(dialogue, Writes):
        raise PopulaceError(
            f"{world.id} cannot put the acts of {role!r} into words: its dialogue() needs write(observation, chats, "
            "actions) (populace.dialogue.Writes) in addition to say and hear"
        )
    shown, kind = observation.present, actions.get("kind")
    chats = [
        chat
        for chat in dialogue.say(observation)
        if (shown is None or shown[chat.world, chat.seat]) and (kind is None or kind[chat.world, chat.seat] == 0)
    ]
    for chat, reply in zip(chats, dialogue.write(observation, chats, actions), strict=True):
        k = chosen(chat, reply)
        yield Demonstration(
            world.id,
            role,
            observation.phase,
            tuple(chat.messages),
            chat.options,
            chat.schema,
            reply,
            chat.form,
            chat.lead,
            "" if k is None else chat.options[k],
        )


def chosen(chat: Chat, reply: str) -> int | None:
    """Which option a script's reply chooses, on a line of its own; None where there are no options."""
    found = (option(chat, line) for line in reply.splitlines())
    return next((k for k in found if k is not None), None)


def save(path: Path, demonstrations: Iterable[Demonstration], lead: bool = True) -> int:
    """Write JSON lines in the usual form of chats, and return how many; the file is whole or absent.

    Each line holds `messages` (`role`, `content`; the last one is the assistant's reply, as `Demonstration.played`),
    and `world`, `role`, `phase`.

    Args:
        path: Where.
        demonstrations: What is written.
        lead: See `Demonstration.played`.
    """
    count = 0
    with whole(path) as beside, beside.open("w", encoding="utf-8") as file:
        for told in demonstrations:
            chat = [*told.messages, ("assistant", told.played(lead))]
            line = {
                "world": told.world_id,
                "role": told.role,
                "phase": told.phase,
                "messages": [{"role": who, "content": text} for who, text in chat],
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            count += 1
    return count
