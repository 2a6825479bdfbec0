"""One seat in N worlds as an environment of chat messages: what stacks that train language models play in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias, TypedDict

import torch
from torch import Tensor

from populace.dialogue import Chat, Dialogue, ReplyKind, uttered
from populace.envs.views import arguments
from populace.envs.views.stage import Outcome, SeatMemory, Shared, Stage
from populace.errors import PopulaceError
from populace.observation import Observation
from populace.run import Run

Nested: TypeAlias = float | list["Nested"]
"""A number, or lists of them, as `Tensor.tolist` gives."""

Message = dict[str, str]
"""`role` (`system`, `user` or `assistant`) and `content`, as chat templates take them."""


@dataclass(frozen=True)
class Prompt:
    """What the seat is asked in one world.

    Attributes:
        messages: System and user messages, in order.
        options: The labels among which the reply must choose, or ().
        schema: JSON Schema of the reply, as text, or "".
        form: A regular expression that any legal reply may be held to, or "".
        lead: What the reply begins with before a label, or "".
    """

    messages: list[Message]
    options: tuple[str, ...] = ()
    schema: str = ""
    form: str = ""
    lead: str = ""


class Info(TypedDict):
    """What became of one environment's last reply."""

    kind: str
    """How it was read: `ok`, `unreadable`, `refused`; "" where the seat was not asked."""
    codes: dict[str, Nested]
    """Field -> what it was read as, a number or lists of numbers."""
    measures: dict[str, float]
    """Measure -> what this world has come to since the last turn."""


@dataclass(frozen=True)
class TextStep:
    """What a step comes to, for N environments.

    Attributes:
        prompts: What the seat is asked next; None where the episode is over or the seat is not asked.
        rewards: The seat's reward since its last turn.
        done: Whether the episode has ended by itself.
        truncated: Whether it was cut off after `max_turns`.
        infos: How the last reply was read, and the world's measures.
    """

    prompts: list[Prompt | None]
    rewards: list[float]
    done: list[bool]
    truncated: list[bool]
    infos: list[Info]


class TextEnv:
    """One seat in each of N worlds, asked in words and answering in words; policies play everybody else.

    Environment i is world `ids[i]` of the seed, to the bit, whatever N is. Worlds with one id have the same people and
    the same random numbers: a group of replies to one prompt, as GRPO compares them, differs by the replies alone.
    Learners among the policies do not learn here.

    Args:
        stage: The world, its people, the seat and the policies of the others, with `words=True`.
        num_envs: N.
        max_turns: Turns of the seat after which an episode is truncated; None for no limit.
        seed: The seed of a first reset that names none.
        face: The text face to use; None for the world's own.

    Raises:
        PopulaceError: The arguments do not fit the world, or it has no text face.
    """

    def __init__(
        self,
        stage: Stage,
        num_envs: int = 1,
        *,
        max_turns: int | None = 20,
        seed: int = 0,
        face: Dialogue | None = None,
    ) -> None:
        if stage.seat is None:
            raise PopulaceError("a text environment is one seat's: build the stage with seat=(role, number)")
        found = face or stage.world.dialogue()
        if found is None:
            raise PopulaceError(
                f"{stage.world.id} has no words of its own; `populace.text_env` gives it those of its fields"
            )
        self.stage, self.face = stage, found
        self.num_envs = arguments.whole("num_envs", num_envs, 1)
        self.max_turns = arguments.cycles(max_turns)
        self.role, self.number = stage.world.role(stage.seat[0]), stage.seat[1]
        self._seed = arguments.whole("seed", seed)
        self._run: Run | None = None
        self._chats: list[Chat | None] = []
        self._seen: Observation | None = None
        self._turns = 0

    @property
    def run(self) -> Run:
        """Where all environments stand.

        Raises:
            PopulaceError: Before the first reset.
        """
        if self._run is None:
            raise PopulaceError("the environment has no run before reset(): call reset() first")
        return self._run

    def reset(self, seed: int | None = None, ids: Sequence[int] | None = None) -> list[Prompt | None]:
        """Begin an episode in all environments.

        Args:
            seed: The seed; None for the one of before.
            ids: A world id for each environment, default 0 to N - 1; equal ids make equal environments.

        Returns:
            What the seat is asked; None where it is not asked at its first turn.

        Raises:
            PopulaceError: An id or a seed is no whole number from 0 up, or there are not as many ids as environments.
        """
        if seed is not None:
            self._seed = arguments.whole("seed", seed)
        worlds = list(range(self.num_envs)) if ids is None else arguments.wholes("ids", ids, self.num_envs)
        self._run, self._turns = self.stage.start(self._seed, torch.tensor(list(worlds))), 0
        return self._next(Outcome(self._run))[0]

    def step(self, replies: Sequence[str | None]) -> TextStep:
        """Read a reply in each environment, and play on to the seat's next turn.

        Args:
            replies: N texts; None, or anything, where the seat was not asked.

        Raises:
            PopulaceError: Before the first reset, or there are not as many replies as environments, or all are over.
        """
        run, seen = self.run, self._seen
        if len(replies) != self.num_envs:
            raise PopulaceError(f"{len(replies)} replies for {self.num_envs} environments: give one for each")
        over = self._over(run)
        if seen is None or bool(over.all()):
            raise PopulaceError("the episodes are over: call reset()")
        chats = [chat for chat in self._chats if chat is not None]
        said = [reply or "" for chat, reply in zip(self._chats, replies, strict=True) if chat is not None]
        actions, kinds = self.face.hear(seen, chats, said)
        words = uttered(self.face, seen, chats, said)
        one = {name: value[:, self.number] for name, value in {**actions, **words}.items()}
        asked = [chat is not None for chat in self._chats]
        outcome = self._act(run, one, kinds[:, self.number])
        self._run, self._turns = outcome.run, self._turns + 1
        cut = self.max_turns is not None and self._turns >= self.max_turns
        prompts: list[Prompt | None] = [None] * self.num_envs
        if not cut:
            prompts, outcome = self._next(outcome)
        return self._told(over, asked, one, kinds[:, self.number], outcome, prompts)

    def _next(self, outcome: Outcome) -> tuple[list[Prompt | None], Outcome]:
        """What the seat is asked next; turns at which it is asked nowhere are played with its defaults."""
        prompts = self._ask()
        while not any(prompts) and not bool(outcome.run.done.all()):
            run = outcome.run
            fields = self.role.done_in(self.stage.world.phases[run.phase])
            left = {f.name: f.omitted(self.num_envs, 1, self.stage.device)[:, 0] for f in fields}
            more = self._act(run, left, torch.zeros(self.num_envs, dtype=torch.int8))
            rewards = dict(outcome.rewards)
            for role, reward in more.rewards.items():
                rewards[role] = rewards[role] + reward if role in rewards else reward
            outcome = replace(more, rewards=rewards, flows={**outcome.flows, **more.flows})
            self._run = outcome.run
            prompts = self._ask()
        return prompts, outcome

    def _act(self, run: Run, chosen: Mapping[str, Tensor], kind: Tensor) -> Outcome:
        device = self.stage.device
        mine = {name: value.to(device) for name, value in chosen.items()}
        kind = kind.to(device)
        if isinstance(self.stage.policies.get(self.role.name), Shared):
            memory: SeatMemory = run.memory[self.role.name]
            held = replace(memory, chosen={**memory.chosen, **mine}, kind=kind)
            return self.stage.settle(self.stage.act(replace(run, memory={**run.memory, self.role.name: held}), {}))
        given = {name: value.unsqueeze(1) for name, value in mine.items()}
        return self.stage.settle(self.stage.act(run, {self.role.name: {**given, "kind": kind.unsqueeze(1)}}))

    def _told(
        self,
        over: Tensor,
        asked: Sequence[bool],
        codes: Mapping[str, Tensor],
        kinds: Tensor,
        outcome: Outcome,
        prompts: list[Prompt | None],
    ) -> TextStep:
        rewards = outcome.rewards.get(self.role.name)
        paid = [0.0] * self.num_envs if rewards is None else rewards[:, self.number].tolist()
        done = outcome.run.done.tolist()
        cut = self.max_turns is not None and self._turns >= self.max_turns
        measures = {name: value.tolist() for name, value in outcome.measures.items()}
        read = {name: value.tolist() for name, value in codes.items()}
        texts = {f.name for f in self.role.does if f.kind == "text"}
        infos: list[Info] = [
            {
                "kind": ReplyKind(int(kinds[i])).name.lower() if asked[i] else "",
                "codes": {name: value[i] for name, value in read.items() if name not in texts} if asked[i] else {},
                "measures": {name: value[i] for name, value in measures.items()},
            }
            for i in range(self.num_envs)
        ]
        paid = [0.0 if gone else one for gone, one in zip(over.tolist(), paid, strict=True)]
        return TextStep(prompts, paid, done, [cut and not one for one in done], infos)

    def _over(self, run: Run) -> Tensor:
        cut = self.max_turns is not None and self._turns >= self.max_turns
        return torch.ones_like(run.done) if cut else run.done

    def _ask(self) -> list[Prompt | None]:
        """Word the seat's turn, of the seat alone, in worlds that go on."""
        run = self.run
        seen = self.stage.see(run, self.role.name)
        mine = torch.zeros((len(run.worlds), self.role.seats), dtype=torch.bool, device=run.done.device)
        mine[:, self.number] = ~run.done
        self._seen = seen.only(mine)
        present = self._seen.present
        assert present is not None
        found = {chat.world: chat for chat in self.face.say(self._seen) if chat.seat == self.number}
        taken = present[:, self.number].tolist()
        self._chats = [found.get(i) if taken[i] else None for i in range(self.num_envs)]
        return [None if chat is None else _prompt(chat) for chat in self._chats]


class MakesTextEnv(Protocol):
    """A function that makes text environments, such as `functools.partial(text_env, "populace/drift-v0")`."""

    def __call__(self, *, num_envs: int) -> TextEnv:
        """N environments."""
        ...


def _prompt(chat: Chat) -> Prompt:
    """With one system message, as chat templates want it."""
    system = "\n\n".join(text for who, text in chat.messages if who == "system")
    first = [{"role": "system", "content": system}] if system else []
    rest = [{"role": who, "content": text} for who, text in chat.messages if who != "system"]
    return Prompt([*first, *rest], chat.options, chat.schema, chat.form, chat.lead)
